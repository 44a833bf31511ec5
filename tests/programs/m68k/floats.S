/* The floating-point unit: all formats but packed decimal, which QEMU's 68040 does not have, and lists of registers. */
#include "check.h"
    .bss
    .balign 16
area:
    .space  256
    .data
    .balign 4
single:
    .float  1.5, -2.25
double:
    .double 3.125, -0.5
extended:
    .long   0x40010000, 0xc0000000, 0x00000000      | 6.0
    .long   0xbfff0000, 0x80000000, 0x00000000      | -1.0
integers:
    .long   100000
    .word   -300
    .byte   7, 0
controls:
    .long   0x00000000, 0x00000000, 0x12345678

    .text
    .globl _start
_start:
    lea     area + 0x80, %a1
    fmove.s single, %fp0
    fmove.d double, %fp1
    fmove.x extended, %fp2
    fmove.l integers, %fp3
    fmove.w integers + 4, %fp4
    fmove.b integers + 6, %fp5
    fmovecr #0, %fp6
    fmove.x %fp6, %fp7
    fmove.s #0f2.5, %fp6
    fmove.d #0f-7.0, %fp7
    fmove.x #0x400100008000000000000000, %fp7
    fmove.l #3, %fp7
    fmove.w #4, %fp7
    fmove.b #5, %fp7
    moveq   #9, %d0
    fmove.l %d0, %fp7
    fmove.w %d0, %fp7
    fmove.b %d0, %fp7
    move.l  single, %d0
    fmove.s %d0, %fp7
    fmove.l %fp7, %d1
    check   2, %d1
    fmove.s %fp7, %d1
    check   0x3fc00000, %d1
    fmove.w %fp3, %d2
    fmove.b %fp5, %d2
    | arithmetic with memory of each format
    fadd.s  single, %fp0
    fadd.d  (double,%pc), %fp0
    fmul.x  (extended,%pc), %fp1
    fsub.l  integers, %fp3
    fadd.x  %fp0, %fp1
    fdiv.x  %fp2, %fp3
    fsqrt.x %fp2, %fp4
    fabs.d  double + 8, %fp4
    fneg.x  %fp4
    fint.x  %fp1, %fp5
    fintrz.x %fp1
    fsmul.x %fp1, %fp0
    fdadd.d double, %fp0
    fsglmul.x %fp2, %fp0
    fsgldiv.x %fp2, %fp0
    fmod.x  %fp2, %fp0
    frem.x  %fp2, %fp0
    fscale.w #3, %fp0
    fgetexp.x %fp2, %fp6
    fgetman.x %fp2, %fp6
    fsin.x  %fp4, %fp5
    fsincos.x %fp4, %fp5:%fp6
    fatan.x %fp5
    fetox.x %fp5
    flog2.x %fp2, %fp5
    fcmp.x  %fp2, %fp3
    fcmp.d  double, %fp3
    ftst.x  %fp3
    ftst.s  single
    | stores of each format, in each addressing mode
    fmove.x %fp2, (%a1)+
    fmove.x %fp2, -(%a1)
    fmove.x (%a1)+, %fp0
    fmove.x -(%a1), %fp0
    fmove.d %fp2, (16,%a1)
    fmove.d %fp2, -(%a1)
    fmove.d (%a1)+, %fp0
    fmove.s %fp2, (%a1)+
    fmove.s -(%a1), %fp0
    fmove.l %fp2, (2,%a1)
    fmove.w %fp2, (%a1)+
    fmove.b %fp2, (%a1)+
    fmove.b %fp2, -(%sp)
    fmove.b (%sp), %fp0
    addq.l  #2, %sp                 | QEMU's (%sp)+ would leave it odd here
    fmove.b -(%a1), %fp0
    fmove.w -(%a1), %fp0
    fmove.x %fp2, area
    fmove.l %fp2, %d3
    check   6, %d3
    | lists of registers
    fmovem.x %fp0-%fp7, -(%sp)
    fmovem.x (%sp)+, %fp0-%fp7
    fmovem.x %fp1/%fp3/%fp6, (%a1)
    fmovem.x (%a1), %fp2/%fp4/%fp6
    fmovem.x %fp2, -(%a1)
    fmovem.x (%a1)+, %fp2
    moveq   #0x51, %d4
    fmovem.x %d4, -(%sp)
    fmovem.x (%sp)+, %d4
    fmovem.x %d4, (%a1)
    fmovem.x (0,%a1), %d4
    | control registers
    fmovem.l %fpcr/%fpsr/%fpiar, -(%sp)
    fmovem.l (%sp)+, %fpcr/%fpsr/%fpiar
    fmovem.l %fpcr/%fpiar, (%a1)
    fmovem.l controls, %fpcr/%fpsr
    fmove.l controls + 8, %fpiar
    fmove.l %fpiar, %d5
    fmove.l %fpiar, %a5
    fmove.l %a5, %fpiar
    fmove.l %fpsr, (%a1)+
    fmove.l -(%a1), %fpsr
    fmove.l #0x10, %fpcr
    | conditions (QEMU has no fdbcc)
    fmove.x extended, %fp2
    ftst.x  %fp2
    fbngt   bad
    fbgt.l  1f
bad:
    moveq   #1, %d1
    jra     leave
1:  fseq    (%a1)
    fsgt    %d6
    fsgt    -(%a1)
    fslt    (%a1)+
    ftrapeq
    ftrapeq.w #1
    ftrapeq.l #2
    fnop
    finish  9
