/* Code that rewrites itself, instructions across a page's end, and one at the end of mapped memory.
 * The program is linked with a writable text segment. */
#include "harness.h"

START
    /* the immediate of an addi, from 0 to 5 */
    la      s0, patched
    lw      s1, 0(s0)
    li      s2, 6
    li      s3, 0
1:  fence.i
patched:
    .option push
    .option norvc
    addi    s3, s3, 0
    .option pop
    li      t0, 1 << 20
    add     s1, s1, t0
    sw      s1, 0(s0)
    addi    s2, s2, -1
    bnez    s2, 1b
    CHECK(s3, 15)
    /* a word becomes two compressed instructions, and the first of them is rewritten alone */
    la      s0, becomes
    la      t1, pair
    lw      t0, 0(t1)
    sw      t0, 0(s0)
    fence.i
    li      a1, 0
    jal     becomes_call
    CHECK(a1, 3)
    lhu     t0, 4(t1)
    sh      t0, 0(s0)
    fence.i
    jal     becomes_call
    CHECK(a1, 10)
    /* four bytes of which two are on the next page */
    li      a1, 0
    jal     crossing
    CHECK(a1, 77)
    la      s0, crossing_word
    lhu     t0, 2(s0)
    xori    t0, t0, 0x10 /* the immediate's bit 0 */
    sh      t0, 2(s0)
    fence.i
    li      a1, 0
    jal     crossing
    CHECK(a1, 76)
    /* two bytes at the end of mapped memory */
    li      a0, 0
    li      a1, 8192
    li      a2, 7 /* read, write, execute */
    li      a3, 0x22 /* private, anonymous */
    li      a4, -1
    li      a5, 0
    li      a7, 222 /* mmap */
    ecall
    mv      s4, a0
    li      t0, 4096
    add     a0, a0, t0
    mv      s5, a0
    mv      a1, t0
    li      a7, 215 /* munmap */
    ecall
    CHECK(a0, 0)
    la      t1, last
    lhu     t0, 0(t1)
    sh      t0, -4(s5)
    lhu     t0, 2(t1)
    sh      t0, -2(s5)
    fence.i
    li      a1, 1
    addi    t0, s5, -4
    jalr    t0
    CHECK(a1, 8)
    addi    t0, s5, -2
    jalr    t0
    CHECK(a1, 8)
    END

becomes_call:
becomes:
    .option push
    .option norvc
    ebreak
    .option pop
    ret

pair:
    c.addi  a1, 1
    c.addi  a1, 2
    c.addi  a1, 5

last:
    c.addi  a1, 7
    c.jr    ra

    .balign 4096
    .skip   4094 - 4
crossing:
    .option push
    .option norvc
    j       crossing_word
crossing_word:
    addi    a1, a1, 77
    .option pop
    ret
