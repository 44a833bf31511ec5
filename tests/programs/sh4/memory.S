! Every load and store of the SH-4, delayed branches with loads and stores in their slots, and FPSCR.SZ.
    .macro  check expected, register
    mov.l   .Lvalue\@, r14
    cmp/eq  r14, \register
    bt      .Lpassed\@
    bra     fail
    nop
    .balign 4
.Lvalue\@:
    .long   \expected
.Lpassed\@:
    .endm

    .bss
    .balign 32
area:
    .space  256
    .data
    .balign 8
cells:
    .long   0x11223344, 0x85667788, 0x99aabbcc, 0xddeeff00
    .long   0x00030002, 0x00050004, 0x00070006, 0x00090008
floats:
    .float  1.5, -2.25, 3.0, 0.5, 8.0, 0.25, 7.0, -1.0
double:
    .double 6.25

    .text
    .globl _start
_start:
    mov.l   a_cells, r1
    mov.l   a_area, r2
    mov.l   a_middle, r3
    ldc     r3, gbr
    ! bytes, words, longs: indirect, increment, decrement, displacement, indexed, from gbr
    mov.b   @r1, r4
    mov.w   @r1, r5
    mov.l   @r1, r6
    check   0x11223344, r6
    mov.b   @r1+, r4
    mov.b   @r1+, r4
    mov.w   @r1+, r5
    mov.l   @r1+, r6
    check   0x85667788, r6
    add     #-8, r1
    mov.b   r6, @r2
    mov.w   r6, @r2
    mov.l   r6, @r2
    mov     r2, r7
    add     #64, r7
    mov.b   r6, @-r7
    mov.b   r6, @-r7
    mov.w   r6, @-r7
    mov.l   r6, @-r7
    mov.l   r7, @-r7                ! the old value, below itself
    mov.l   @r7+, r8
    mov.l   @r7, r7                 ! over its own address
    check   0x85667788, r7
    mov.b   @(5,r1), r0
    mov.b   r0, @(15,r2)
    mov.w   @(30,r1), r0
    mov.w   r0, @(30,r2)
    mov.l   @(60,r2), r5
    mov.l   r6, @(60,r2)
    mov     #6, r0
    mov.b   @(r0,r1), r5
    mov.b   r5, @(r0,r2)
    mov.w   @(r0,r1), r5
    mov.w   r5, @(r0,r2)
    mov     #8, r0
    mov.l   @(r0,r1), r5
    mov.l   r5, @(r0,r2)
    mov.b   r0, @(255,gbr)
    mov.w   r0, @(2,gbr)
    mov.l   r0, @(16,gbr)
    mov.b   @(255,gbr), r0
    mov.w   @(2,gbr), r0
    mov.l   @(16,gbr), r0
    check   8, r0
    tst.b   #1, @(r0,gbr)
    or.b    #0x0f, @(r0,gbr)
    xor.b   #0x55, @(r0,gbr)
    and.b   #0x7f, @(r0,gbr)
    mov.l   near, r5
    check   0x12345678, r5
    mov.w   near_word, r5
    mova    near, r0
    mov.l   @r0, r5
    bra     1f
    mov.l   @(4,r1), r6             ! in a delay slot
    .balign 4
near:
    .long   0x12345678
near_word:
    .word   0x8001
    .balign 4
1:  ! one at a time, and cache operations
    tas.b   @r2
    tas.b   @r2
    movca.l r0, @r2
    ocbp    @r2
    ocbwb   @r2
    pref    @r2
    ! system registers to and from memory
    mov     r2, r7
    add     #96, r7
    sts.l   mach, @-r7
    sts.l   macl, @-r7
    sts.l   pr, @-r7
    sts.l   fpul, @-r7
    sts.l   fpscr, @-r7
    stc.l   gbr, @-r7
    ldc.l   @r7+, gbr
    lds.l   @r7+, fpscr
    lds.l   @r7+, fpul
    lds.l   @r7+, pr
    lds.l   @r7+, macl
    lds.l   @r7+, mach
    ! multiply and accumulate
    clrmac
    mov     r1, r8
    mov     r1, r9
    add     #8, r9
    mac.l   @r8+, @r9+
    mac.l   @r9+, @r8+
    sets
    mac.l   @r8+, @r9+
    clrs
    sts     mach, r5
    sts     macl, r5
    mul.l   r5, r6
    dmuls.l r5, r6
    dmulu.l r5, r6
    mulu.w  r5, r6
    muls.w  r5, r6
    ! division, step by step
    mov     #100, r5
    mov     #7, r6
    mov     #0, r4
    div0u
    .rept   32
    rotcl   r5
    div1    r6, r4
    .endr
    rotcl   r5
    check   14, r5
    div0s   r6, r5
    div1    r6, r5
    ! shifts, extensions, comparisons
    mov     #-5, r4
    shad    r4, r6
    shld    r4, r6
    shll8   r6
    swap.b  r6, r5
    xtrct   r5, r6
    exts.b  r5, r6
    negc    r5, r6
    addv    r5, r6
    subc    r5, r6
    cmp/str r5, r6
    movt    r6
    ! delayed branches: taken, not taken, calls with loads and stores in the slot
    sett
    bt/s    2f
    mov.l   r5, @r2
2:  bf/s    3f
    mov.l   @r2, r5
3:  bf      3b
    mov     #3, r4
4:  dt      r4
    bf/s    4b
    mov.b   @r1+, r5
    bsr     function
    mov.l   r1, @(8,r2)
    mov.l   a_function, r0
    jsr     @r0
    mov.w   @r2, r5
    mov.l   offset, r0
    bsrf    r0
    nop
from:
    mov.l   far, r0
    braf    r0
    mov.l   r0, @r2
after:
    nop
5:  mov.l   a_last, r0
    jmp     @r0
    mov.l   @(8,r2), r1
    .balign 4
a_cells:
    .long   cells
a_area:
    .long   area
a_middle:
    .long   area + 128
a_function:
    .long   function
offset:
    .long   function - from
far:
    .long   5b - after
a_last:
    .long   last
function:
    sts.l   pr, @-r7
    lds.l   @r7+, pr
    rts
    mov.l   r5, @(4,r2)
last:
    ! float registers: one at a time, then in pairs; the kernel starts with double precision
    mov.l   a_floats, r1
    mov.l   single_mode, r0
    lds     r0, fpscr
    fmov.s  @r1+, fr0
    fmov.s  @r1+, fr1
    fmov.s  @r1, fr2
    mov     #4, r0
    fmov.s  @(r0,r1), fr3
    fmov.s  fr3, @(r0,r2)
    fmov.s  fr3, @r2
    fmov.s  fr1, @-r7
    fmov.s  fr2, @-r7
    fadd    fr0, fr1
    fsub    fr0, fr2
    fmul    fr0, fr1
    fdiv    fr0, fr2
    fmac    fr0, fr1, fr2
    fsqrt   fr3
    fneg    fr3
    fabs    fr3
    fldi0   fr4
    fldi1   fr5
    fcmp/eq fr4, fr5
    fcmp/gt fr4, fr5
    flds    fr5, fpul
    fsts    fpul, fr6
    ftrc    fr6, fpul
    sts     fpul, r5
    check   1, r5
    float   fpul, fr7
    mov.l   a_floats, r1
    fschg
    fmov    @r1+, dr8
    fmov    @r1+, dr10
    fmov    @r1, dr12
    mov     #8, r0
    fmov    @(r0,r1), dr14
    fmov    dr8, @r2
    fmov    dr8, @-r7
    fmov    dr10, @(r0,r2)
    fmov    dr8, xd0
    fmov    xd0, dr4
    fmov    @r1, xd2
    fmov    xd2, @r2
    fmov    @r1+, xd4
    fmov    xd4, @-r7
    fschg
    frchg
    fadd    fr1, fr2
    frchg
    ! double precision
    mov.l   double_mode, r0
    lds     r0, fpscr
    mov.l   a_double, r1
    mov     #4, r0
    fmov.s  @r1, fr1
    fmov.s  @(r0,r1), fr0
    fadd    dr0, dr0
    fmul    dr0, dr2
    fsqrt   dr0
    fcnvds  dr0, fpul
    fcnvsd  fpul, dr2
    ftrc    dr0, fpul
    sts     fpul, r5
    check   3, r5
    fipr    fv8, fv4                ! QEMU has these two in this mode alone
    ftrv    xmtrx, fv4
    float   fpul, dr4
    fcmp/gt dr0, dr4
    mov     #9, r4
leave:
    mov     #1, r3                  ! exit
    trapa   #0x11
    sleep
fail:
    bra     leave
    mov     #1, r4
    .balign 4
a_floats:
    .long   floats
a_double:
    .long   double
single_mode:
    .long   0
double_mode:
    .long   0x80000
