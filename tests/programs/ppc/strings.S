/* Load and store multiple and string instructions: big-endian only. */
#include "start.h"

    start
    address 4, data
    li      20, 1
    li      21, 2
    li      22, 3
    li      23, 4
    li      24, 5
    li      25, 6
    li      26, 7
    li      27, 8
    li      28, 9
    li      29, 10
    stmw    20, 0(4)
    lmw     25, 0(4)
    expect  25, 1
    expect  27, 3
    stmw    31, 100(4)
    lmw     29, 1(4)            /* misaligned, and the base stays */
    lwz     29, 36(4)
    expect  29, 10
    lmw     28, 0(4)
    expect  29, 2

    /* A number of bytes in the instruction: 1, 4, 5, 32 (written as 0), and from r31 round to r0 and on. */
    lswi    8, 4, 1
    lswi    8, 4, 4
    lswi    8, 4, 5
    expect  9, 0
    lswi    8, 4, 32
    expect  15, 8
    addi    10, 4, 64
    stswi   8, 10, 5
    stswi   8, 10, 32
    stswi   8, 10, 3
    addi    12, 4, 2
    lswi    31, 12, 11
    stswi   31, 12, 11
    expect_word "4(4)", 2
    lwz     8, 92(4)
    expect  8, 8

    /* A number of bytes in XER: 0, 7, 12, and 20, which ends in r0. */
    li      16, 16
    li      8, 0
    mtxer   8
    li      9, 77
    lswx    9, 4, 16
    stswx   9, 4, 16
    expect  9, 77
    li      8, 7
    mtxer   8
    lswx    9, 4, 16
    expect  10, 0
    stswx   9, 10, 4
    li      8, 12
    mtxer   8
    lswx    9, 4, 16
    stswx   9, 4, 16
    expect  11, 7
    li      8, 20
    mtxer   8
    lswx    28, 4, 16
    stswx   28, 0, 4
    expect_word "4(4)", 6
    li      8, 0
    mtxer   8
    finish

    .data
    .balign 16
data:
    .space  256
