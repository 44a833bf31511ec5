/* Load-and-reserve, store-conditional: the loops of every program, and what is not such a loop. */
#include "start.h"

    start
    address 4, word

    /* Add one, three times. */
    li      5, 3
1:  lwarx   6, 0, 4
    addi    6, 6, 1
    stwcx.  6, 0, 4
    bne-    1b
    addic.  5, 5, -1
    bne     1b
    expect_word "0(4)", 3

    /* Compare and swap as compilers write it, with barriers: a match, then a mismatch, which leaves the sequence. */
    li      5, 3
    li      7, 2
2:  sync
3:  lwarx   6, 0, 4
    cmpw    6, 5
    bne-    4f
    constant 6, 0x12345678
    stwcx.  6, 0, 4
    bne-    3b
    isync
4:  addic.  7, 7, -1
    bne     2b
    expect_word "0(4)", 0x12345678

    /* The mismatch has left a reservation open: a store-conditional far from it has it. */
    li      6, 9
    stwcx.  6, 0, 4
    mfcr    8
    rlwinm  8, 8, 4, 28, 31
    expect  8, 2

    /* Without a reservation, and with one for another place, the store fails. */
    li      6, 10
    stwcx.  6, 0, 4
    mfcr    8
    rlwinm  8, 8, 4, 28, 31
    expect  8, 0
    lwarx   6, 0, 4
    li      9, 64
    stwcx.  6, 9, 4
    mfcr    8
    rlwinm  8, 8, 4, 28, 31
    expect  8, 0
    expect_word "64(4)", 0

    /* Loads and stores of other places, a call and a loop between the two; the second reservation replaces the first. */
    li      9, 64
    lwarx   5, 9, 4
    lwarx   6, 0, 4
    stw     6, 8(4)
    stb     6, 12(4)
    li      7, 3
    mtctr   7
5:  lwz     7, 8(4)
    add     7, 7, 6
    stwu    7, 8(4)             /* r4 moves along, and back */
    addi    4, 4, -8
    bdnz    5b
    bl      increment
    isync
    stwcx.  6, 0, 4
    mfcr    8
    rlwinm  8, 8, 4, 28, 31
    expect  8, 2
    expect_word "0(4)", 10
    expect_word "8(4)", 36

    /* Floating point in between, and the summary overflow bit in cr0. */
    address 10, two
    lfd     1, 0(10)
    lwarx   6, 0, 4
    fadd    1, 1, 1
    stfd    1, 16(4)
    lis     7, 0x7fff
#ifdef __powerpc64__
    sldi    7, 7, 32
#endif
    addo    7, 7, 7
    addi    6, 6, 1
    stwcx.  6, 0, 4
    mfcr    8
    rlwinm  8, 8, 4, 28, 31
    expect  8, 3
    expect_double 16, 0x40100000, 0

#ifdef __powerpc64__
    /* The other widths. */
    address 4, word
6:  ldarx   6, 0, 4
    sldi    6, 6, 4
    stdcx.  6, 0, 4
    bne-    6b
7:  lharx   6, 0, 4
    addi    6, 6, 5
    sthcx.  6, 0, 4
    bne-    7b
8:  lbarx   6, 0, 4
    addi    6, 6, 5
    stbcx.  6, 0, 4
    bne-    8b
    li      9, 32
    lqarx   6, 9, 4             /* QEMU 7.2 fails every quadword store-conditional, so no loop */
    addi    6, 6, 1
    addi    7, 7, 2
    stqcx.  6, 9, 4
    ldarx   6, 0, 4, 1          /* with the hint */
    stdcx.  6, 0, 4
    mfcr    8
    rlwinm  8, 8, 4, 28, 31
    expect  8, 3
#endif
    finish

    .text
increment:
    addi    6, 6, 1
    blr

    .data
    .balign 128
word:
    .space  128
two:
    .double 2.0
