/* Loads and stores of one register: every size, sign and mode, index shifts, unaligned, unprivileged, ordered, literal,
 * hints (which touch nothing, also where there is no memory), conditions that do not hold. */
#include "program.h"

    begin
    let     r8, data + 256
    let     r0, 0x81828384
    mov     r9, #16

    .irp    name, str, strb, strh, ldr, ldrb, ldrh, ldrsb, ldrsh
    \name   r0, [r8]
    \name   r0, [r8, #12]
    \name   r0, [r8, #-13]
    \name   r0, [r8, #5]!
    \name   r0, [r8, #-1]!
    \name   r0, [r8], #-9
    \name   r0, [r8], #5
    \name   r0, [r8, r9]
#ifndef __thumb__
    \name   r0, [r8, -r9]
    \name   r0, [r8, r9]!
    \name   r0, [r8], -r9
    \name   r0, [r8, -r9]!
    \name   r0, [r8], r9
#endif
    .endr
    expect  r8, data + 256

    .irp    name, str, strb, ldr, ldrb
    \name   r0, [r8, #255]
    \name   r0, [r8, r9, lsl #2]
#ifndef __thumb__
    \name   r0, [r8, -r9, lsl #2]
    \name   r0, [r8, r9, lsr #1]!
    \name   r0, [r8], -r9, lsr #1
    \name   r0, [r8, -r9, asr #2]
    \name   r0, [r8, r0, asr #32]
    \name   r0, [r8, r9, lsr #32]
    \name   r0, [r8, r9, ror #3]
    cmp     r9, r9
    \name   r0, [r8, -r9, lsr #1]
    movs    r6, r9, rrx             /* the carry goes into the top and what is left of r9 is even */
    mov     r7, #0
    cmp     r7, #1
    \name   r0, [r8, r9, rrx]
    \name   r0, [r8], r9, lsl #1
    \name   r0, [r8, -r9, lsl #1]!
#endif
    let     r0, 0x81828384
    .endr

    /* As if not privileged; A32 has the forms that write back, T32 those that do not. */
    .irp    name, strt, strbt, strht, ldrt, ldrbt, ldrht, ldrsbt, ldrsht
#ifdef __thumb__
    \name   r0, [r8, #8]
#else
    \name   r0, [r8], #8
    \name   r0, [r8], -r9
    \name   r0, [r8], #8
#endif
    .endr
    expect  r8, data + 256

#ifdef __thumb__
    /* 16-bit forms: low registers, the stack pointer, the literal pool; shifted index and 12-bit offset in 32 bits. */
    let     r1, data + 300
    mov     r2, #8
    .irp    name, str, strb, strh, ldr, ldrb, ldrh
    \name   r0, [r1, #4]
    \name   r0, [r1, r2]
    \name   r0, [r8, r9, lsl #3]
    \name   r0, [r8, #300]
    .endr
    ldrsb   r0, [r1, r2]
    ldrsh   r0, [r1, r2]
    ldrsb   r0, [r8, #300]
    ldrsh   r0, [r8, r9, lsl #1]
    str     r0, [sp, #-8]!
    str     r1, [sp, #4]
    ldr     r3, [sp, #4]
    ldr     r3, [sp], #8
#endif

    b       1f
    .balign 4
literal:
    .word   0x71625344, 0x8f9eadbc
1:
    /* Literals; from an address that is not word-aligned in T32. */
    ldr     r1, literal
    expect  r1, 0x71625344
    ldrh    r2, literal
    ldrb    r3, literal + 1
    ldrsh   r4, literal + 6
    ldrsb   r5, literal + 7
    str     r2, [r8]
    add     r2, r3, r4
    add     r2, r2, r5
    str     r2, [r8, #4]

    /* Ordered. */
    lda     r1, [r8]
    ldab    r2, [r8]
    ldah    r3, [r8]
    stl     r1, [r8]
    stlb    r2, [r8]
    stlh    r3, [r8]

    /* Data of the other byte order. */
#ifdef __ARMEB__
    setend  le
#else
    setend  be
#endif
    ldr     r1, [r8, #20]
    ldrsh   r2, [r8, #18]
    str     r2, [r8, #28]
    ldrd    r4, r5, [r8, #8]
    strd    r4, r5, [r8, #40]
    stmdb   r8, {r1, r2}
#ifdef __ARMEB__
    setend  be
#else
    setend  le
#endif

    /* Hints. */
    mov     r1, #0
    pld     [r8, #3]
    pldw    [r8]
    pli     [r8, #-64]
    pld     [r1]
    pld     [r1, r9, lsl #2]
    pld     literal

    /* Conditions. */
    cmp     r8, r8
#ifdef __thumb__
    itete   ne
    ldrne   r0, [r1]
    ldreq   r0, [r8], #4
    strbne  r0, [r1]
    strheq  r0, [r8, #2]
    itt     ls
    ldrdls  r2, r3, [r8]
    strls   r2, [r8, r9, lsl #1]
    it      hi
    strhi   r2, [r1, r9]
#else
    ldrne   r0, [r1]
    ldreq   r0, [r8], #4
    strbne  r0, [r1]
    strheq  r0, [r8, #2]
    ldrdls  r2, r3, [r8]
    strls   r2, [r8, r9, lsl #1]
    strhi   r2, [r1, r9]
    ldrvs   r2, [r1, r9, rrx]
    ldrshcc r2, [r1, r9]
    ldrbcs  r2, [r8, -r9, lsr #1]
    ldrtmi  r2, [r1], #4
    ldrtpl  r2, [r8], #4
    ldrgt   r2, [r1, #-4]!
    ldrlt   r2, [r1], #4
    ldrge   r2, [r8, #-4]!
    ldrle   r2, [r8]
    ldrvc   r2, [r8]
#endif
    expect  r1, 0
    finish  EXPECTED
