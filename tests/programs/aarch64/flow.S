/* Where a program goes on: calls and returns, every condition with all flags, compare and test branches, signed pointers,
 * code that ends a page, code that is rewritten, system registers. */
#include "program.h"
    .arch   armv8.5-a

    begin
    let     x8, data
    mov     x10, #0

    bl      count
    adr     x0, count
    blr     x0
    adr     x30, 1f
    br      x0
1:  adr     x30, 2f
    adr     x1, count
    ret     x1
2:  bti     jc
    expect  x10, 4

    /* The flags from x4's top, 16 times. */
    mov     x4, #0
    mov     x5, #0
3:  msr     nzcv, x4
    .irp    condition, eq, ne, cs, cc, mi, pl, vs, vc, hi, ls, ge, lt, gt, le
    cinc    x5, x5, \condition
    b.\condition 4f
    str     x5, [x8]
    ccmp    x5, #3, #9, \condition
    msr     nzcv, x4
4:
    .endr
    mov     x6, #0x10000000
    add     x4, x4, x6
    tbz     x4, #32, 3b
    expect  x5, 112
    cfinv
    axflag
    xaflag
    rmif    x5, #3, #5
    setf8   w5
    setf16  w5
    mrs     x6, nzcv
    str     x6, [x8]

    /* Integer arithmetic. */
    let     x1, 0x8001fffe
    mov     x2, #-5
    adds    x3, x1, w2, sxtb #2
    adcs    x4, x3, x2
    sbcs    w5, w1, w2
    ands    x6, x1, #0xff00ff00ff00ff
    bics    x7, x2, x1, ror #7
    madd    x3, x1, x2, x3
    smsubl  x4, w1, w2, x4
    umulh   x5, x1, x2
    smulh   x6, x1, x2
    sdiv    x7, x2, x1
    udiv    w7, w1, w2
    extr    x3, x1, x2, #13
    bfi     x3, x1, #5, #9
    sbfiz   x4, x1, #3, #20
    ubfx    x5, x2, #11, #30
    cls     x6, x2
    rev16   x7, x1
    rev32   x1, x1
    rbit    x2, x2
    stp     x3, x4, [x8, #16]
    stp     x5, x6, [x8, #32]
    stp     x7, x1, [x8, #48]

    /* Signed pointers: the key differs from run to run, so nothing signed stays. */
    bl      signed_call
    let     x0, data + 64
    mov     x1, #17
    pacia   x0, x1
    autia   x0, x1
    ldr     x2, [x0]
    pacdza  x0
    ldraa   x2, [x0]
    ldraa   x2, [x0, #16]
    ldraa   x2, [x0, #-8]!
    xpacd   x0
    pacdzb  x0
    ldrab   x2, [x0, #8]!
    xpacd   x0
    let     x3, data + 64
    cmp     x0, x3
    b.ne    failed
    pacga   x2, x0, x1
    mov     x2, #0
    mov     x17, x0
    mov     x16, #3
    pacia1716
    autia1716
    mov     x30, x17
    pacibz
    xpaclri
    adr     x0, count
    paciza  x0
    blraaz  x0
    adr     x0, count
    pacib   x0, x1
    blrab   x0, x1

    /* At the end of a page; called, rewritten, made coherent, called. */
    bl      at_page_end
    mov     x4, #3
5:  bl      rewritten
    str     x0, [x8, x4, lsl #3]
    adr     x5, rewritten
    ldr     w1, [x5]                /* mov x0, #n: n is in bits 20:5 */
#ifdef __AARCH64EB__
    rev     w1, w1
#endif
    add     w1, w1, #2 << 5
#ifdef __AARCH64EB__
    rev     w1, w1
#endif
    str     w1, [x5]
    dc      cvau, x5
    dsb     ish
    ic      ivau, x5
    dsb     ish
    isb
    subs    x4, x4, #1
    b.ne    5b
    bl      rewritten
    expect  x0, 11

    /* System registers. */
    mrs     x0, tpidr_el0
    msr     tpidr_el0, x8
    mrs     x0, tpidr_el0
    mrs     x1, ctr_el0
    mrs     x2, fpcr
    mrs     x3, tpidrro_el0
    mrs     x4, midr_el1
    mrs     x5, id_aa64isar0_el1
    wfe
    yield
    sev
    dmb     ish
    sb
    finish  EXPECTED

count:
    add     x10, x10, #1
    ret

signed_call:
    paciasp
    stp     x29, x30, [sp, #-16]!
    bl      signed_leaf
    ldp     x29, x30, [sp], #16
    autiasp
    ret

signed_leaf:
    pacibsp
    sub     sp, sp, #16
    str     x30, [sp]
    ldr     x30, [sp]
    str     xzr, [sp]
    add     sp, sp, #16
    retab

    .section .text.pages, "ax"
    .balign 4096
    .space  4096 - 12
at_page_end:
    str     x10, [x8]
    ldr     x0, [x8]
    ret

    .section .rewritten, "awx"
    .balign 64
rewritten:
    mov     x0, #5
    ret
