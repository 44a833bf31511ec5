/* Loads and stores of one register and of two: every size, register kind and mode; ordered and unprivileged ones, literals,
 * hints (which touch nothing, also where there is no memory), blocks of zeros. */
#include "program.h"
    .arch   armv8.4-a

    begin
    let     x8, data + 512
    mov     x9, #16
    mov     x10, #-3
    mov     w11, #-5

    /* One register: immediate offsets. */
    .irp    register, w0, x0, b0, h0, s0, d0, q0
    .irp    name, ldr, str
    \name   \register, [x8]
    \name   \register, [x8, #48]
    \name   \register, [x8, #-7]
    \name   \register, [x8, #11]!
    \name   \register, [x8], #-11
    \name   \register, [x8, x9]
    \name   \register, [x8, x10, sxtx]
    \name   \register, [x8, w9, uxtw]
    \name   \register, [x8, w11, sxtw]
    .endr
    .endr
    .irp    name, ldrb, strb, ldrh, strh, ldrsb, ldrsh
    \name   w0, [x8, #6]
    \name   w0, [x8, #-7]
    \name   w0, [x8, #-11]!
    \name   w0, [x8], #11
    \name   w0, [x8, x9]
    \name   w0, [x8, w11, sxtw]
    \name   wzr, [x8, w9, uxtw]
    .endr
    .irp    name, ldrsb, ldrsh, ldrsw
    \name   x0, [x8, #8]
    \name   x0, [x8, #-7]
    \name   x0, [x8, #-11]!
    \name   x0, [x8], #11
    \name   x0, [x8, x9]
    \name   x0, [x8, w11, sxtw]
    .endr

    /* Shifted by the size. */
    ldr     w0, [x8, x9, lsl #2]
    str     x0, [x8, x10, lsl #3]
    ldrsw   x0, [x8, w11, sxtw #2]
    strh    w0, [x8, w9, uxtw #1]
    ldrsh   x0, [x8, x10, sxtx #1]
    ldr     q0, [x8, x9, lsl #4]
    str     q0, [x8, w11, sxtw #4]
    ldr     d1, [x8, w9, uxtw #3]
    str     s1, [x8, x9, lsl #2]
    ldr     h2, [x8, x9, lsl #1]
    str     b2, [x8, x9, lsl #0]

    /* Unprivileged. */
    .irp    name, ldtr, ldtrb, ldtrh, ldtrsb, ldtrsh, sttr, sttrb, sttrh
    \name   w0, [x8, #-7]
    .endr
    ldtr    x0, [x8, #9]
    ldtrsw  x0, [x8, #9]
    ldtrsb  x0, [x8, #9]
    ldtrsh  x0, [x8, #9]
    sttr    x0, [x8, #1]

    /* Two registers. */
    .irp    second, "w0, w1", "x0, x1", "s0, s1", "d0, d1", "q0, q1"
    ldp     \second, [x8]
    ldp     \second, [x8, #64]
    ldp     \second, [x8, #-32]!
    ldp     \second, [x8], #32
    stp     \second, [x8, #16]
    stp     \second, [x8, #-64]!
    stp     \second, [x8], #64
    ldnp    \second, [x8, #-16]
    stnp    \second, [x8, #32]
    .endr
    ldpsw   x0, x1, [x8]
    ldpsw   x0, x1, [x8, #-8]!
    ldpsw   x0, x1, [x8], #8
    ldp     x0, xzr, [x8, #24]
    stp     xzr, xzr, [x8, #24]
    stp     wzr, w0, [x8, #4]
    stp     x29, x30, [sp, #-16]!
    ldp     x29, x30, [sp], #16
    add     x8, x8, #3
    stp     q0, q1, [x8, #-16]
    ldp     x0, x1, [x8, #8]
    sub     x8, x8, #3
    expect  x8, data + 512

    /* Literals. */
    ldr     w0, literal
    ldr     x1, literal
    ldrsw   x2, literal + 4
    ldr     s0, literal
    ldr     d1, literal
    ldr     q2, literal
    stp     x0, x1, [x8]
    str     x2, [x8, #16]
    str     q2, [x8, #32]
    b       1f
    .balign 16
literal:
    .word   0x01020304, 0x85868788, 0x11121314, 0x95969798
1:

    /* Ordered. */
    .irp    name, ldar, stlr, ldlar, stllr
    \name   w0, [x8]
    \name   x0, [x8]
    \name\()b w0, [x8]
    \name\()h w0, [x8]
    .endr
    ldapr   x0, [x8]
    ldapr   w0, [x8]
    ldaprb  w0, [x8]
    ldaprh  w0, [x8]
    ldapur  x0, [x8, #-8]
    ldapur  w0, [x8, #16]
    ldapurb w0, [x8, #3]
    ldapursb x0, [x8, #3]
    ldapurh w0, [x8, #2]
    ldapursh w0, [x8, #2]
    ldapursw x0, [x8, #4]
    stlur   x0, [x8, #8]
    stlur   w0, [x8, #-4]
    stlurb  w0, [x8, #1]
    stlurh  w0, [x8, #6]

    /* Hints. */
    mov     x1, #0
    prfm    pldl1keep, [x8, #8]
    prfm    pstl2strm, [x1]
    prfm    plil1keep, [x1, x9]
    prfum   pldl3keep, [x1, #-3]
    prfm    pldl1keep, literal

    /* An address with a tag, which is not part of it. */
    movk    x8, #0x5a00, lsl #48
    ldr     x0, [x8]
    str     x0, [x8, #8]!
    stp     x0, x1, [x8, #16]
    and     x8, x8, #0x00ffffffffffffff

    /* Zeros: as many bytes as dczid_el0 says. */
    mrs     x2, dczid_el0
    and     w2, w2, #15
    mov     w3, #4
    lsl     w3, w3, w2
    let     x8, data + 1030
    dc      zva, x8
    neg     x4, x3
    and     x4, x4, x8
    ldr     x5, [x4]
    add     x4, x4, x3
    ldr     x6, [x4, #-8]
    orr     x5, x5, x6
    expect  x5, 0
    dc      cvau, x8
    dc      civac, x8
    finish  EXPECTED
