/* Integer arithmetic: flags, the Q and GE bits of the status register, long and dual multiplications, bit fields, division. */
#include "program.h"

    begin
    let     r8, data
    let     r1, 0x7fff8001
    let     r2, 0x80007ffe
    mov     r3, #5

    adds    r4, r1, r2
    adcs    r5, r1, r2
    sbcs    r6, r2, r1
    rsbs    r6, r2, #1
    subs    r7, r1, r1
    bics    r7, r1, r2, ror #4
    eors    r0, r1, r2, asr #7
    tst     r1, #0xff0
    mrs     r7, apsr
    stmia   r8!, {r0, r4-r7}
    mov     r0, #0
    msr     apsr_nzcvqg, r0
    teq     r1, r2, lsr #3
    cmn     r1, r2
    movs    r0, r1, rrx
    mvns    r0, r2
    lsls    r0, r1, r3
    asrs    r0, r2, r3
    rors    r0, r2, r3
    qadd    r0, r1, r1
    mrs     r7, apsr
    stmia   r8!, {r0, r4-r7}
    mov     r0, #0
    msr     apsr_nzcvqg, r0
    qdadd   r4, r2, r2
    qsub    r5, r2, r1
    qdsub   r6, r1, r2
    ssat    r0, #9, r1, asr #3
    usat    r4, #7, r2
    ssat16  r5, #4, r1
    usat16  r6, #9, r2
    sadd8   r0, r1, r2
    mrs     r7, apsr
    stmia   r8!, {r0, r4-r7}
    mov     r0, #0
    msr     apsr_nzcvqg, r0
    sel     r4, r1, r2
    uadd16  r5, r1, r2
    sel     r6, r2, r1
    ssax    r0, r1, r2
    sasx    r0, r1, r2
    usub8   r4, r1, r2
    qadd8   r5, r1, r2
    uqsub16 r6, r1, r2
    mrs     r7, apsr
    stmia   r8!, {r0, r4-r7}
    mov     r0, #0
    msr     apsr_nzcvqg, r0
    shadd16 r0, r1, r2
    uhasx   r4, r2, r1
    usad8   r5, r1, r2
    usada8  r6, r1, r2, r3
    sxtb    r0, r1, ror #8
    sxtab16 r4, r1, r2, ror #16
    uxth    r5, r2
    uxtah   r6, r1, r2
    mrs     r7, apsr
    stmia   r8!, {r0, r4-r7}
    mov     r0, #0
    msr     apsr_nzcvqg, r0
    pkhbt   r0, r1, r2, lsl #4
    pkhtb   r4, r1, r2, asr #9
    rev     r5, r1
    rev16   r6, r1
    revsh   r0, r1
    rbit    r4, r2
    clz     r5, r3
    bfi     r5, r1, #5, #9
    mrs     r7, apsr
    stmia   r8!, {r0, r4-r7}
    mov     r0, #0
    msr     apsr_nzcvqg, r0
    bfc     r6, #3, #7
    sbfx    r0, r1, #11, #13
    ubfx    r4, r2, #3, #17
    mul     r5, r1, r2
    mla     r6, r1, r2, r3
    mls     r0, r1, r2, r3
    umull   r4, r5, r1, r2
    smlal   r4, r5, r1, r2
    mrs     r7, apsr
    stmia   r8!, {r0, r4-r7}
    mov     r0, #0
    msr     apsr_nzcvqg, r0
    umlal   r4, r5, r2, r2
    umaal   r4, r5, r1, r2
    smulbt  r0, r1, r2
    smlatb  r6, r1, r2, r1
    smlawb  r0, r1, r2, r1
    smulwt  r4, r1, r2
    smlalbb r4, r5, r1, r2
    smuad   r0, r1, r1
    mrs     r7, apsr
    stmia   r8!, {r0, r4-r7}
    mov     r0, #0
    msr     apsr_nzcvqg, r0
    smladx  r4, r1, r1, r1
    smlsd   r5, r1, r2, r1
    smlald  r4, r5, r1, r2
    smlsldx r4, r5, r2, r1
    smmul   r6, r1, r2
    smmlar  r0, r1, r2, r3
    smmls   r4, r1, r2, r3
    sdiv    r5, r2, r3
    mrs     r7, apsr
    stmia   r8!, {r0, r4-r7}
    mov     r0, #0
    msr     apsr_nzcvqg, r0
    udiv    r6, r2, r3
    stmia   r8!, {r0, r4-r7}
    /* The status register is set from both flags and GE. */
    let     r0, 0xf80f0000
    msr     apsr_nzcvqg, r0
    sel     r4, r1, r2
    mrs     r5, cpsr
    and     r5, r5, r0
    expect  r5, 0xf80f0000
    mrc     p15, 0, r6, c13, c0, 3
    mcr     p15, 0, r1, c13, c0, 2
    mrc     p15, 0, r7, c13, c0, 2
    expect  r7, 0x7fff8001
    stmia   r8!, {r0, r4-r5, r7}
    finish  EXPECTED
