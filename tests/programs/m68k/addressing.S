/* Every addressing mode, as source and as destination, in all three sizes; and the order in which they update. */
#include "check.h"
    .bss
    .balign 16
area:
    .space  512
    .data
    .balign 4
table:
    .long   0x11223344, 0x55667788, 0x99aabbcc, 0xddeeff00
    .long   0x01020304, 0x05060708, 0x090a0b0c, 0x0d0e0f10
pointers:
    .long   table, table + 4, area + 0x100, area + 0x110

    .text
    .globl _start
_start:
    lea     table, %a0
    lea     area, %a1
    | register indirect
    move.l  (%a0), %d0
    check   0x11223344, %d0
    move.w  (%a0), %d0
    move.b  (%a0), %d0
    check   0x11221111, %d0
    movea.w (%a0), %a2
    move.l  %d0, (%a1)
    move.w  %d0, (%a1)
    move.b  %d0, (%a1)
    check   0x11111111, (%a1)
    | postincrement and predecrement, also of one register on both sides
    move.l  (%a0)+, (%a1)+
    move.w  (%a0)+, (%a1)+
    move.b  (%a0)+, (%a1)+
    move.b  (%a0)+, (%a1)+
    check   0x11223344, "(-8,%a1)"
    check   0x55667788, "(-4,%a1)"
    move.b  -(%a0), -(%a1)
    move.b  -(%a0), -(%a1)
    move.w  -(%a0), -(%a1)
    move.l  -(%a0), -(%a1)
    lea     area + 0x40, %a2
    move.l  %d0, (%a2)
    move.l  (%a2)+, (%a2)+
    check   0x11221111, area + 0x44
    move.l  -(%a2), -(%a2)
    move.l  (%a2)+, -(%a2)
    move.w  (%a2)+, (4,%a2)         | the destination's address comes after the increment
    check   0x11221122, area + 0x44
    move.l  %a2, (%a2)+
    move.l  %a2, -(%a2)
    move.l  %sp, %d5
    move.b  %d0, -(%sp)             | the stack pointer stays even
    move.b  (%sp)+, %d1
    add.b   %d0, -(%sp)
    tst.b   (%sp)+
    sub.l   %sp, %d5
    check   0, %d5
    | displacement, absolute
    lea     table + 16, %a0
    move.l  (-16,%a0), (0x20,%a1)
    move.b  (0x20,%a1), (0x1f,%a1)
    move.w  table + 2, area + 0x12
    check   0x11223344, "(0x20,%a1)"
    | index, brief
    moveq   #4, %d2
    move.l  #0xffff0008, %d3        | as a word 8
    lea     table, %a0
    move.l  (0,%a0,%d2.l), %d0
    check   0x55667788, %d0
    move.l  (4,%a0,%d3.w), %d0
    check   0xddeeff00, %d0
    move.l  (-4,%a0,%d2.l*2), %d0
    check   0x55667788, %d0
    move.l  (-16,%a0,%d2.w*4), %d0
    check   0x11223344, %d0
    move.l  (-32,%a0,%d2.w*8), %d0
    check   0x11223344, %d0
    movea.l %d2, %a3
    move.b  %d2, (3,%a1,%a3.l)
    move.w  (2,%a0,%a3.w*2), (8,%a1,%d2.l*4)
    | index, full format: displacements of both sizes, base and index suppressed
    move.l  (table,%d2.l), %d0
    check   0x55667788, %d0
    move.l  (table,%a3.w*4), %d0
    check   0x01020304, %d0
    suba.l  #0x10000, %a0
    move.l  (0x10000,%a0,%d2.l*2), %d0
    check   0x99aabbcc, %d0
    move.l  (0x10004,%a0), (0x100,%a1,%d2.l*4)
    adda.l  #0x10000, %a0
    check   0x55667788, area + 0x110
    | memory indirect: preindexed, postindexed, without index, with and without displacements
    lea     pointers, %a4
    move.l  ([%a4]), %d0
    check   0x11223344, %d0
    move.l  ([4,%a4]), %d0
    check   0x55667788, %d0
    move.l  ([4,%a4],8), %d0
    check   0xddeeff00, %d0
    move.l  ([%a4,%d2.l]), %d0
    check   0x55667788, %d0
    move.l  ([%a4,%d2.l],4), %d0
    check   0x99aabbcc, %d0
    move.l  ([%a4],%d2.l*2), %d0
    check   0x99aabbcc, %d0
    move.l  ([4,%a4],%d3.w,4), %d0
    check   0x01020304, %d0
    move.l  ([pointers]), %d0
    check   0x11223344, %d0
    move.l  ([pointers,%d2.l],-4), %d0
    check   0x11223344, %d0
    move.l  ([pointers],%d2.l,0x4), %d0
    check   0x99aabbcc, %d0
    move.w  ([%a4],2), ([8,%a4],6)
    check   0x00003344, area + 0x104
    move.l  ([%a4,%d2.l]), ([4,%a4,%d2.l*2],8)
    check   0x55667788, area + 0x118
    addq.b  #1, ([8,%a4],7)
    check   0x00003345, area + 0x104
    lea     ([8,%a4],%d2.l*2,2), %a5
    move.l  %a5, %d0
    check   area + 0x10a, %d0
    pea     ([4,%a4])
    check   table + 4, (%sp)+
    jsr     ([code,%d2.l])
    check   77, %d6
    | relative to the program counter
    move.l  (near,%pc), %d0
    check   0x12345678, %d0
    move.l  (near-4,%pc,%d2.l), %d0
    check   0x12345678, %d0
    move.l  (near+0x1000-0x1008,%pc,%a3.w*2), %d0
    check   0x12345678, %d0
    move.l  ([near+4,%pc]), %d0
    check   0x11223344, %d0
    move.l  ([near,%pc,%d2.l],4), %d0
    check   0x55667788, %d0
    move.l  ([near+4,%pc],%d2.l*4,-4), %d0
    check   0xddeeff00, %d0
    btst    #4, (near,%pc)
    cmp.w   (near+2,%pc), %d0
    jmp     (1f,%pc)
    .balign 4
near:
    .long   0x12345678, table
code:
    .long   0, function
function:
    moveq   #77, %d6
    rts
1:  | immediate, all sizes
    move.b  #0x80, (%a1)
    move.w  #0x8001, (2,%a1)
    move.l  #0x80000001, ([8,%a4])
    add.l   #0x01010101, ([8,%a4])
    andi.b  #0xf0, (%a1)+
    ori.w   #0x0ff0, (1,%a1)
    eori.l  #-1, -(%sp)
    subi.l  #1, (%sp)+
    cmpi.b  #3, (5,%a1)
    check   0x81010102, area + 0x100
    finish  9
