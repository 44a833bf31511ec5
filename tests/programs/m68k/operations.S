/* Instructions whose memory accesses their effective address alone does not tell. QEMU 7.2 has no cmp2, pack or
 * unpk, and fails at a chk2. */
#include "check.h"
    .bss
    .balign 16
area:
    .space  256
    .data
    .balign 16
cells:
    .long   0x12345678, 0x9abcdef0, 0x0fedcba9, 0x87654321
pointer:
    .long   cells
bounds:
    .byte   10, 20
    .word   10, 2000
    .balign 4
    .long   10, 200000

    .text
    .globl _start
_start:
    lea     cells, %a0
    lea     area + 0x80, %a1
    move.l  #0x01020304, %d0
    move.l  #0x05060708, %d1
    | lists of registers: long and word, each way, with and without update
    movem.l %d0-%d7/%a0-%fp, -(%sp)
    movem.l (%sp)+, %d0-%d7/%a0-%fp
    movem.l %d0-%d1/%a1, (%a1)
    movem.w %d0-%d1/%a1, (12,%a1)
    movem.w %d0-%d1/%a1/%sp, -(%a1)
    movem.w (%a1)+, %d2-%d3/%a2-%a3
    check   0x00000304, %d2
    movem.l (%a1), %d4-%d5
    check   0x05060708, %d5
    movem.w (12,%a1), %d4-%d5/%a4
    movem.l (cells,%pc), %d2-%d4
    movem.l ([pointer]), %d6-%d7
    moveq   #0, %d6
    movem.l %d7, -(%a1)
    movem.l (%a1)+, %d7
    .word   0x4891, 0                   | movem.w with nothing in its list
    movem.l %a1, -(%a1)
    movem.l (%a1)+, %a1
    | every other byte
    movep.l %d0, (1,%a1)
    movep.w %d1, (0,%a1)
    movep.l (1,%a1), %d2
    check   0x01020304, %d2
    movep.w (0,%a1), %d3
    | sixteen bytes at once, aligned
    lea     area + 5, %a2
    move.l  %a0, %a3
    move16  (%a3)+, (%a2)+
    move16  (%a3), cells
    move16  (%a0)+, area + 0x20
    move16  area + 0x21, (%a2)
    move16  area + 0x13, (%a2)+
    lea     cells, %a0
    check   0x87654321, area + 12
    | compare and swap: succeeding and failing, all sizes
    move.l  #0x12345678, %d0
    move.l  %d0, (%a1)
    cas.l   %d0, %d1, (%a1)
    jne     bad
    cas.l   %d0, %d1, (%a1)
    jeq     bad
    check   0x05060708, %d0
    cas.w   %d0, %d2, (2,%a1)
    cas.b   %d0, %d3, (%a1)+
    cas.b   %d0, %d3, -(%a1)
    cas.w   %d4, %d3, (0,%a1,%d6.l)
    lea     area + 0x40, %a4
    move.l  %a4, %d6
    move.l  #0x11111111, (%a4)
    move.l  #0x22222222, (0x10,%a4)
    move.l  (%a4), %d2
    move.l  (0x10,%a4), %d3
    lea     (0x10,%a4), %a5
    cas2.l  %d2:%d3, %d0:%d1, (%d6):(%a5)
    jne     bad
    cas2.l  %d2:%d3, %d0:%d1, (%d6):(%a5)
    jeq     bad
    cas2.w  %d2:%d3, %d4:%d5, (%a4):(%a5)
    move.w  (%a4), %d2
    move.w  (%a5), %d3
    cas2.w  %d2:%d3, %d4:%d5, (%a4):(%a5)
    jne     bad
    moveq   #0, %d6
    tas     (%a1)
    tas     %d2
    tas     (%a1)+
    tas     -(%a1)
    | stack
    link.w  %fp, #-16
    link.l  %a5, #-0x10000
    unlk    %a5
    unlk    %fp
    pea     (8,%a0,%d6.l)
    pea     cells
    addq.l  #8, %sp
    pea     4.w
    bsr.s   1f
    bsr.w   2f
    bsr.l   3f
    jra     4f
1:  rtd     #4
2:  rts
3:  move.w  #31, -(%sp)
    rtr
4:  jsr     (2b,%pc)
    jsr     2b
    lea     2b, %a2
    jsr     (%a2)
    jsr     (2b,%pc,%d6.l)
    | decimal and extended arithmetic, memory to memory
    lea     area + 0x88, %a2
    lea     area + 0x98, %a3
    move.l  #0x09123456, (-4,%a2)
    move.l  #0x87654399, (-4,%a3)
    move.w  #4, %ccr
    abcd    -(%a2), -(%a3)
    abcd    -(%a2), -(%a3)
    sbcd    -(%a2), -(%a3)
    sbcd    -(%a3), -(%a3)
    abcd    %d0, %d1
    sbcd    %d1, %d0
    nbcd    (%a3)+
    nbcd    %d0
    addq.l  #7, %a2
    addq.l  #7, %a3
    addx.l  -(%a2), -(%a3)
    addx.w  -(%a2), -(%a3)
    subx.b  -(%a2), -(%a3)
    subx.b  -(%a3), -(%a3)
    addx.l  %d0, %d1
    subx.l  %d1, %d0
    cmpm.b  (%a2)+, (%a3)+
    cmpm.b  (%a2)+, (%a2)+
    cmpm.w  (%a2)+, (%a3)+
    cmpm.l  (%a2)+, (%a3)+
    | multiplication and division
    move.l  #1000003, %d2
    moveq   #-7, %d3
    muls.l  %d2, %d3
    check   -7000021, %d3
    mulu.l  cells, %d4:%d5
    muls.l  (4,%a0), %d4:%d5
    mulu.w  (%a0)+, %d2
    muls.w  (%a0)+, %d2
    moveq   #0, %d4
    move.l  #1000, %d5
    divu.l  #7, %d4:%d5
    check   142, %d5
    check   6, %d4
    moveq   #-1, %d4
    move.l  #-1000, %d5
    divs.l  #7, %d4:%d5
    check   -142, %d5
    divsl.l #10, %d4:%d5
    check   -2, %d4
    divul.l -(%a0), %d4:%d5
    divu.l  (%a0), %d5
    divs.w  (%a0), %d5
    divu.w  #9, %d5
    | shifts and rotates of memory
    lea     area + 0x60, %a2
    move.w  #0x8421, (%a2)
    asl     (%a2)
    asr     (%a2)+
    lsl     -(%a2)
    lsr     (0,%a2,%d6.l)
    rol     (%a2)
    ror     (%a2)
    roxl    (%a2)
    roxr    (%a2)
    | single bits
    bset    #3, (%a2)
    bclr    %d3, (%a2)+
    bchg    #7, -(%a2)
    btst    %d3, (%a2)
    btst    #2, (cells,%pc)
    btst    %d3, #0x55
    bset    #31, %d2
    bchg    %d4, %d2
    | read, modify, write; and write alone
    add.l   %d2, (%a2)
    sub.w   %d2, (%a2)+
    and.b   %d2, -(%a2)
    or.l    %d2, (4,%a2)
    eor.w   %d2, area + 0x64
    addq.l  #8, (%a2)
    subq.b  #1, (3,%a2)
    neg.l   (%a2)
    negx.w  (%a2)
    not.b   (%a2)
    clr.l   (%a2)+
    clr.b   -(%a2)
    clr.w   (%a2)
    tst.l   (%a2)
    tst.w   (cells,%pc)
    st      (%a2)
    sne     (%a2)+
    scs     -(%a2)
    move.w  %ccr, (%a2)
    move.w  (%a2), %ccr
    chk.w   (%a2), %d6
    chk.l   bounds + 8, %d6
    exg     %d2, %d3
    exg     %a2, %a3
    exg     %d2, %a2
    exg     %d2, %a2
    | loops, and conditions that hold or do not
    moveq   #2, %d2
5:  dbra    %d2, 5b
    moveq   #3, %d2
    moveq   #0, %d3
6:  addq.l  #1, %d3
    cmpi.l  #2, %d3
    dbeq    %d2, 6b
    check   2, %d3
    trapne
    move.w  #4, %ccr
    trapne.w #5
    trapcs.l #6
    nop
    finish  9
bad:
    moveq   #1, %d1
    jra     leave
