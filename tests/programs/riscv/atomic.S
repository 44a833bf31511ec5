/* RV32/64A: lr/sc that succeeds, fails, and is never finished, and every AMO in each ordering. */
#include "harness.h"

START
    la      s0, cell
    /* a loop, with work between the halves */
    li      a3, 5
1:  lr.w    a1, (s0)
    addi    a1, a1, 3
    nop
    sc.w    a2, a1, (s0)
    bnez    a2, 1b
    addi    a3, a3, -1
    bnez    a3, 1b
    lw      a1, 0(s0)
    CHECK(a1, 15)
    /* without a reservation; after one of another place; a second store */
    sc.w    a2, a1, (s0)
    sltu    a2, zero, a2
    CHECK(a2, 1)
    addi    s1, s0, 64
    lr.w.aq a1, (s1)
    sc.w.rl a2, a3, (s0)
    sltu    a2, zero, a2
    CHECK(a2, 1)
    lr.w.aqrl a1, (s0)
    sc.w.aqrl a2, a1, (s0)
    sc.w    a4, a3, (s0)
    CHECK(a2, 0)
    sltu    a4, zero, a4
    CHECK(a4, 1)
    /* compare and swap whose compare fails: the reservation stays open */
    lr.w    a1, (s0)
    li      a2, 16
    bne     a1, a2, 2f
    sc.w    a2, a3, (s0)
2:  lr.w    zero, (s0)
    sc.w    a2, a1, (s0)
    CHECK(a2, 0)
    /* the data that sc stores and the register it writes are the same */
    lr.w    a1, (s0)
    sc.w    a1, a1, (s0)
    CHECK(a1, 0)

    .macro  all width
    .irp    order, , .aq, .rl, .aqrl
    li      a1, -4
    amoswap.\width\order a2, a1, (s0)
    amoadd.\width\order a2, a1, (s0)
    amoxor.\width\order a2, a1, (s0)
    amoand.\width\order a2, a1, (s0)
    amoor.\width\order a2, a1, (s0)
    amomin.\width\order a2, a1, (s0)
    amomax.\width\order a2, a1, (s0)
    amominu.\width\order a2, a1, (s0)
    amomaxu.\width\order a2, a1, (s0)
    amoadd.\width\order zero, a1, (s0)
    amoswap.\width\order a1, a1, (s0)
    .endr
    .endm

    all     w
    CHECK(a1, -8)
#if __riscv_xlen == 64
    li      a3, 3
3:  lr.d    a1, (s0)
    slli    a1, a1, 3
    sc.d    a2, a1, (s0)
    bnez    a2, 3b
    addi    a3, a3, -1
    bnez    a3, 3b
    lr.d.aq a1, (s0)
    sc.d.rl a2, zero, (s0)
    sc.d    a2, a1, (s0)
    sltu    a2, zero, a2
    CHECK(a2, 1)
    all     d
    CHECK(a1, -8)
    /* words are sign-extended, and leave the other half alone */
    li      a1, 0x7fffffffffffffff
    sd      a1, 0(s0)
    amoadd.w a2, a1, (s0)
    CHECK(a2, -1)
    ld      a1, 0(s0)
    CHECK(a1, 0x7ffffffffffffffe)
#endif
    fence   rw, w
    fence   iorw, iorw
    fence.tso
    END

    .bss
    .balign 64
cell:
    .skip   128
