/* Code that rewrites the instructions after it, behind and before it, as books want it: dcbst, sync, icbi, isync. */
#include "start.h"

    .macro make_visible place
    dcbst   0, \place
    sync
    icbi    0, \place
    isync
    .endm

    start
    address 4, patched
    address 5, patches
    li      6, 4
    li      7, 0
again:
    lwzu    8, 4(5)
    stw     8, 0(4)
    make_visible 4
patched:
    addi    7, 7, 100           /* 1, then 2, 3, 4 */
    addic.  6, 6, -1
    bne     again
    expect  7, 10

    /* The very next instruction, one halfword of it. */
    address 4, 1f
    li      8, 7
#ifdef __LITTLE_ENDIAN__
    sth     8, 0(4)
#else
    sth     8, 2(4)
#endif
    make_visible 4
1:  li      9, 1
    expect  9, 7

    /* A function copied to where there was none, twice, at a cache line's end. */
    address 4, room
    address 5, leaf
    li      10, 2
2:  lwz     8, 0(5)
    lwz     9, 4(5)
    stw     8, 0(4)
    stw     9, 4(4)
    make_visible 4
    mtctr   4
    bctrl
    addi    4, 4, 4
    addic.  10, 10, -1
    bne     2b
    expect  3, 42
    finish
leaf:
    li      3, 42
    blr
    .balign 128
    .space  124
room:
    .space  16
    .balign 4
patches:
    .long   0
    addi    7, 7, 1
    addi    7, 7, 2
    addi    7, 7, 3
    addi    7, 7, 4
