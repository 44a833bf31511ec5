/* Bit fields in memory: every width from 1 to 32 at offsets before, in and behind the place. */
#include "check.h"
    .data
    .balign 8
    .space  24
cells:
    .long   0x12345678, 0x9abcdef0, 0x0fedcba9, 0x87654321
    .space  24

    .text
    .globl _start
_start:
    lea     cells, %a0
    bfextu  (%a0){#4:#8}, %d0
    check   0x23, %d0
    bfexts  (4,%a0){#0:#4}, %d0
    check   -7, %d0
    bfffo   (%a0){#0:#32}, %d0
    check   3, %d0
    move.l  #32, %d2
    | width in %d2, offset in %d3 from -70 on
1:  move.l  #-70, %d3
2:  bfextu  (%a0){%d3:%d2}, %d4
    bfffo   (4,%a0){%d3:%d2}, %d5
    bfexts  (2,%a0){%d3:#13}, %d6
    bftst   (1,%a0){%d3:%d2}
    bfins   %d4, (%a0){%d3:%d2}
    bfchg   (3,%a0){%d3:%d2}
    bfset   (%a0){%d3:#25}
    bfclr   (%a0){#5:%d2}
    bfextu  %d4{%d3:%d2}, %d5
    addi.l  #23, %d3
    cmpi.l  #70, %d3
    jlt     2b
    subq.l  #5, %d2
    jpl     1b
    move.l  #0x12345678, (%a0)
    moveq   #5, %d3
    bfins   %d3, (%a0){#28:#4}
    check   0x12345675, (%a0)
    bfins   %d3, %d4{#0:#32}
    bfclr   %d4{#29:#3}
    check   0, %d4
    finish  9
