/* RV32/64IMC: loads and stores of all widths, misaligned too, multiplication and division with their corner cases,
 * every compressed form, links in other registers than ra. */
#include "harness.h"

START
    la      s0, cells
    /* widths and signs */
    li      t0, -2
    sb      t0, 0(s0)
    sh      t0, 2(s0)
    sw      t0, 4(s0)
    lb      a1, 0(s0)
    CHECK(a1, -2)
    lbu     a1, 0(s0)
    CHECK(a1, 254)
    lh      a1, 2(s0)
    CHECK(a1, -2)
    lhu     a1, 2(s0)
    CHECK(a1, 65534)
    lw      a1, 4(s0)
    CHECK(a1, -2)
    /* misaligned, across a cache line and across a page */
    la      s1, page_end
    li      t0, 0x12345678
    sw      t0, -1(s1)
    lw      a1, -1(s1)
    CHECK(a1, 0x12345678)
    sh      t0, -1(s1)
    lhu     a1, -1(s1)
    CHECK(a1, 0x5678)
    lbu     a1, 0(s1)
    CHECK(a1, 0x56)
    sw      t0, 61(s0)
    lw      a1, 61(s0)
    CHECK(a1, 0x12345678)
#if __riscv_xlen == 64
    li      t0, 0x123456789abcdef0
    sd      t0, -3(s1)
    ld      a1, -3(s1)
    CHECK(a1, 0x123456789abcdef0)
    lwu     a1, 1(s1)
    CHECK(a1, 0x12345678)
    lwu     a1, -3(s1)
    CHECK(a1, 0x9abcdef0)
#endif
    /* a load whose destination is its base, and one that is dropped */
    STORE   s0, 8(s0)
    mv      a2, s0
    LOAD    a2, 8(a2)
    beq     a2, s0, 2f
    li      a0, 1
    j       fail
2:  lw      zero, 4(s0)
    lui     zero, 1
    /* multiply and divide */
    li      a1, -7
    li      a2, 3
    mul     a3, a1, a2
    CHECK(a3, -21)
    mulh    a3, a1, a2
    CHECK(a3, -1)
    mulhsu  a3, a1, a2
    CHECK(a3, -1)
    mulhu   a3, a2, a2
    CHECK(a3, 0)
    div     a3, a1, a2
    CHECK(a3, -2)
    rem     a3, a1, a2
    CHECK(a3, -1)
    divu    a3, a2, a1
    CHECK(a3, 0)
    remu    a3, a2, a1
    CHECK(a3, 3)
    div     a3, a1, zero
    CHECK(a3, -1)
    rem     a3, a1, zero
    CHECK(a3, -7)
    li      a4, -1
    li      a5, 1
    slli    a5, a5, __riscv_xlen - 1
    div     a3, a5, a4
    sub     a3, a3, a5
    CHECK(a3, 0)
    rem     a3, a5, a4
    CHECK(a3, 0)
#if __riscv_xlen == 64
    mulw    a3, a1, a2
    CHECK(a3, -21)
    divw    a3, a1, a2
    CHECK(a3, -2)
    remw    a3, a1, a2
    CHECK(a3, -1)
    divuw   a3, a1, a2
    CHECK(a3, 1431655763)
    remuw   a3, a1, a2
    CHECK(a3, 0)
    addiw   a3, a1, -1
    CHECK(a3, -8)
    sllw    a3, a1, a2
    CHECK(a3, -56)
    srlw    a3, a1, a2
    CHECK(a3, 0x1fffffff)
    sraw    a3, a1, a2
    CHECK(a3, -1)
    subw    a3, a1, a2
    CHECK(a3, -10)
    addw    a3, a1, a2
    CHECK(a3, -4)
    slliw   a3, a1, 4
    CHECK(a3, -112)
    srliw   a3, a1, 4
    CHECK(a3, 0x0fffffff)
    sraiw   a3, a1, 1
    CHECK(a3, -4)
#endif
    /* compares, shifts and logic, also where the result is the old value */
    slt     a3, a1, a2
    CHECK(a3, 1)
    sltu    a3, a1, a2
    CHECK(a3, 0)
    slti    a3, a1, -8
    CHECK(a3, 0)
    sltiu   a3, a2, -1
    CHECK(a3, 1)
    or      a3, a3, a3
    CHECK(a3, 1)
    xori    a3, a1, -1
    CHECK(a3, 6)
    andi    a3, a1, 15
    CHECK(a3, 9)
    ori     a3, a2, 8
    CHECK(a3, 11)
    sra     a3, a1, a2
    CHECK(a3, -1)
    /* branches, taken and not */
    li      a0, 2
    beq     a1, a2, fail
    bne     a1, a1, fail
    blt     a2, a1, fail
    bge     a1, a2, fail
    bltu    a1, a2, fail
    bgeu    a2, a1, fail
    blt     a1, a2, 3f
    j       fail
3:  bgeu    a1, a2, 4f
    j       fail
    /* links: in another register, in none, through the register that is written */
4:  jal     t0, 5f
    j       6f
5:  jr      t0
6:  la      t1, 7f
    jalr    t1, 0(t1)
    j       fail
7:  la      t2, 8f
    jalr    zero, 4(t2)
8:  .option push
    .option norvc
    j       fail
    .option pop
    auipc   a3, 0
    sub     a3, a3, t2
    CHECK(a3, 4)
    /* compressed */
    li      a0, 3
    la      sp, stack
    c.addi4spn a3, sp, 16
    c.addi16sp sp, -64
    c.addi16sp sp, 64
    c.li    a1, -5
    c.swsp  a1, 12(sp)
    c.lwsp  a2, 12(sp)
    c.sub   a2, a1
    c.bnez  a2, fail
    c.sw    a1, 4(a3)
    c.lw    a2, 4(a3)
    c.xor   a2, a1
    c.bnez  a2, fail
    c.mv    a4, a1
    c.add   a4, a1
    CHECK(a4, -10)
    c.and   a4, a1
    c.or    a4, a1
    c.srli  a4, 1
    c.srai  a4, 1
    c.slli  a4, 2
    c.andi  a4, 12
    CHECK(a4, 8)
    c.lui   a4, 1
    c.addi  a4, 1
    c.nop
    CHECK(a4, 4097)
#if __riscv_xlen == 64
    c.sdsp  a1, 16(sp)
    c.ldsp  a2, 16(sp)
    c.subw  a2, a1
    c.bnez  a2, fail
    c.sd    a1, 24(a3)
    c.ld    a2, 24(a3)
    c.addw  a2, a1
    CHECK(a2, -10)
    c.addiw a2, 10
    c.beqz  a2, 9f
    j       fail
#else
    c.jal   function
#endif
9:  la      t1, function
    c.jalr  t1
    c.j     10f
    j       fail
function:
    c.jr    ra
10: END

    .bss
    .balign 64
cells:
    .skip   128
    .balign 4096
    .skip   4096
page_end:
    .skip   4096
stack:
    .skip   256
