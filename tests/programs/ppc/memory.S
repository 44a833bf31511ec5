/* Integer loads and stores: with update, indexed, byte-reversed, misaligned, across a page's end; cache lines. */
#include "start.h"

    start
    address 4, data
    constant 5, 0x81828384
    constant 6, 0xa5a6a7a8
    li      7, 16
    li      20, 0

    stw     5, 0(4)
    stwx    6, 20, 4
    stw     5, 0(4)
    sthx    6, 4, 7
    lhax    8, 4, 7
    expect  8, 0xffffa7a8
    lha     8, 16(4)
    expect  8, 0xffffa7a8
    lhz     8, 16(4)
    expect  8, 0xa7a8
    stb     6, 1(4)
    lbzx    8, 0, 4
    lbz     9, 1(4)
    expect  9, 0xa8
    stwbrx  5, 0, 4
    lwz     8, 0(4)
    expect  8, 0x84838281
    lwbrx   8, 20, 4
    expect  8, 0x81828384
    sthbrx  5, 4, 7
    lhbrx   8, 4, 7
    expect  8, 0x8384

    /* With update, up and down; r0 is a register as the index and a zero as the base. */
    mr      10, 4
    stwu    5, 4(10)
    stbu    5, 4(10)
    sthu    5, 4(10)
    li      0, 8
    stwux   6, 10, 0
    li      0, -4
    stbux   6, 10, 0
    sthux   6, 10, 0
    lbzu    8, -2(10)
    lhzu    8, -2(10)
    lhau    8, -2(10)
    lwzu    8, -2(10)
    li      0, 2
    lbzux   8, 10, 0
    lhzux   8, 10, 0
    lhaux   8, 10, 0
    lwzux   8, 10, 0
    subf    9, 4, 10
    expect  9, 12
    mr      10, 4
    lwzu    5, 8(10)
    lwz     8, -8(10)
    stwu    10, 8(10)           /* stores the address before the update */
    lwz     8, 0(10)
    subf    8, 8, 10
    expect  8, 8

    /* Misaligned, and across the end of a page. */
    constant 5, 0x81828384
    stw     5, 33(4)
    lwz     8, 33(4)
    expect  8, 0x81828384
    lhz     8, 35(4)
    address 10, page
    stw     5, -2(10)
    lwz     8, -2(10)
    expect  8, 0x81828384
    sth     5, -1(10)
    lhz     8, -1(10)
    stwbrx  5, 7, 10
    lwbrx   8, 7, 10

    /* A whole line of zeros, by an address in the middle of it; then what only looks. */
    address 10, lines
    li      5, -1
    stw     5, 128(10)
    stw     5, 156(10)
    li      11, 140
    dcbz    10, 11
    lwz     8, 128(10)
    lwz     9, 156(10)
    or      8, 8, 9
    expect  8, 0
    dcbst   10, 11
    dcbf    10, 11
    dcbt    10, 11
    dcbtst  10, 11
    icbi    10, 11
    sync
    isync
    eieio

#ifdef __powerpc64__
    address 4, data
    lis     5, 0x8182
    ori     5, 5, 0x8384
    sldi    6, 5, 29
    std     6, 0(4)
    stdx    6, 4, 7
    ldx     8, 4, 7
    cmpd    8, 6
    bne     failed
    lwa     8, 4(4)
    lwax    8, 4, 7
    stdbrx  6, 4, 7
    ldbrx   8, 4, 7
    cmpd    8, 6
    bne     failed
    mr      10, 4
    stdu    6, 24(10)
    stdux   6, 10, 7
    ldu     8, -16(10)
    lwaux   8, 10, 7
    ldux    8, 10, 7
    std     6, 28(10)
    addi    11, 10, 5
    std     6, 0(11)
    ld      8, 0(11)
    cmpd    8, 6
    bne     failed
    address 10, page
    addi    10, 10, -4
    std     6, 0(10)
    ld      8, 0(10)
    cmpd    8, 6
    bne     failed
    address 10, data
    li      8, 1
    li      9, 2
    stq     8, 32(10)
    lq      12, 32(10)
    add     12, 12, 13
    expect  12, 3
    std     6, 32(10)
    li      9, 3
    stq     8, 32(10)
    dcbzl   10, 7
    ld      8, 0(10)
    expect  8, 0
    /* Atomic memory operations: fetch and add, swap, compare and swap not equal, increment bounded. */
    li      9, 5
    li      10, 1
    address 4, data
    ldat    9, 4, 0
    lwat    9, 4, 8
    ldat    9, 4, 7
    stdat   9, 4, 0
    stwat   9, 4, 4
    stw     20, 64(4)
    li      9, 9
    stw     9, 68(4)
    addi    4, 4, 64
    lwat    9, 4, 24
    lwat    9, 4, 25
    lwat    9, 4, 28
    lwat    9, 4, 16
    ldat    9, 4, 24
    stwat   9, 4, 24
    stdat   9, 4, 24
#endif
    finish

    .bss
    .balign 65536
    .space  65536
page:
    .space  128
    .balign 128
data:
    .space  256
lines:
    .space  512
