/* Register windows: saves and restores beyond the eight there are, in both directions, floating point in between. */
#include "start.h"

    start
    set     numbers, %g4
    ldd     [%g4], %f0          ! 1.0
    ldd     [%g4], %f2
    mov     0, %g5
    call    nest
     mov    DEPTH, %o0
    expect  %o0, DEPTH * (DEPTH + 1) / 2 + DEPTH + 1
    expect  %g5, 0              ! nothing was lost
    std     %f0, [%g4 + 8]
    expect_word %g4 + 8, SUM

    /* Down and up in a straight line, twice; the second time all windows are in memory. */
    mov     DEPTH, %l0
    mov     2, %g6
    set     0x1234, %i3
again:
    .rept   DEPTH
    save    %sp, -FRAME, %sp
    faddd   %f0, %f2, %f0
    add     %i6, %g0, %l6
    .endr
    cmp     %g6, 1
    bne     1f
     nop
#ifdef __sparc_v9__
    flushw
#else
    ta      3
#endif
    save    %sp, -FRAME, %sp
    restore %g6, 5, %o3
    expect  %o3, 6
1:
    .rept   DEPTH
    restore
    fsubd   %f0, %f2, %f0
    .endr
    subcc   %g6, 1, %g6
    bne     again
     nop
    expect  %l0, DEPTH
    expect  %i3, 0x1234

    /* In a delay slot: a save that spills, a restore that fills, a tail call. */
    .rept   7
    save    %sp, -FRAME, %sp
    .endr
    call    outer
     mov    3, %o0
    expect  %o0, 6
    ba      2f
     save   %sp, -FRAME, %sp
    b       failed
     nop
2:  call    3f
     save   %sp, -FRAME, %sp
3:  ba,a    4f
    unimp   0
4:  ba      5f
     restore
    b       failed
     nop
5:  restore
    .rept   7
    restore
    .endr
    expect  %l0, DEPTH
#ifdef __sparc_v9__
    flushw
    flushw
#endif
    finish

/* %o0 + %o0 - 1 + ... + 0, plus one for each level; each level looks whether its window was kept. */
nest:
    save    %sp, -FRAME, %sp
    mov     %i0, %l0
    add     %i0, 100, %l7
    add     %i0, 200, %i5
    std     %f0, [%sp + BIAS + 16 * CELL]
    cmp     %i0, 0
    be      1f
     mov    0, %o0
    call    nest
     sub    %i0, 1, %o0
    faddd   %f0, %f2, %f0
1:  add     %l0, %o0, %l1
    sub     %l7, %i5, %l2
    addcc   %l2, 100, %l2
    bne,a   2f
     add    %g5, 1, %g5
2:  sub     %l7, 100, %l2
    subcc   %l2, %l0, %l2
    bne,a   3f
     add    %g5, 1, %g5
3:
#ifdef __sparc_v9__
    mov     %l1, %i0
    return  %i7 + 8
     add    %o0, 1, %o0
#else
    ret
     restore %l1, 1, %o0
#endif

/* A frame that ends before the call: `call; restore`, the call in tail position with the caller's return address. */
outer:
    save    %sp, -FRAME, %sp
    mov     %i7, %g7
    call    inner
     restore %i0, 1, %o0
inner:
    mov     %g7, %o7
    retl
     add    %o0, 2, %o0

    .data
    .balign 16
numbers:
    .word   0x3ff00000, 0, 0, 0
