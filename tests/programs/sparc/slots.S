/* Delay slots: executed, annulled, of all kinds of branches; branches in the slots of branches. */
#include "start.h"

/* A branch, taken and then not taken, each with its slot executed if it should be: %o0 counts. */
    .macro both kind, annulled
    cmp     %o1, 3              ! equal
    \kind\annulled 1f
     add    %o0, 1, %o0
    add     %o0, 16, %o0
1:  cmp     %o1, 4              ! less
    \kind\annulled 1f
     add    %o0, 1, %o0
    add     %o0, 16, %o0
1:
    .endm

    start
    mov     0, %o0
    mov     3, %o1
    .irp    kind, be, bne, bg, ble, bge, bl, bgu, bleu, bcc, bcs, bpos, bneg, bvc, bvs
    both    \kind
    both    \kind, ",a"
    .endr
    expect  %o0, 14 * 3 + 14 * 16 * 2
    mov     0, %o0
    ba      1f
     add    %o0, 1, %o0
    b       failed
     nop
1:  ba,a    1f
     add    %o0, 1, %o0
1:  bn      failed
     add    %o0, 1, %o0
    bn,a    failed
     add    %o0, 1, %o0
    expect  %o0, 2

    /* Floating-point conditions. */
    set     numbers, %g4
    ldd     [%g4], %f0
    ldd     [%g4 + 8], %f2
    ldd     [%g4 + 16], %f4     ! not a number
    mov     0, %o0
    fcmpd   %f0, %f2
    nop
    fbl     1f
     add    %o0, 1, %o0
    b       failed
     nop
1:  fbg,a   failed
     add    %o0, 1, %o0
    fbe     failed
     add    %o0, 1, %o0
    fbne,a  1f
     add    %o0, 1, %o0
    b       failed
     nop
1:  fbue,a  failed
     add    %o0, 1, %o0
    fcmpd   %f0, %f4
    nop
    fbo,a   failed
     add    %o0, 1, %o0
    fbu,a   1f
     add    %o0, 1, %o0
    b       failed
     nop
1:  fba,a   1f
     add    %o0, 1, %o0
1:  fbn,a   failed
     add    %o0, 1, %o0
    fbug    1f
     add    %o0, 1, %o0
    b       failed
     nop
1:  fbuge,a 1f
     add    %o0, 1, %o0
    b       failed
     nop
1:  fble    failed
     add    %o0, 1, %o0
    fblg,a  failed
     add    %o0, 1, %o0
    expect  %o0, 7

#ifdef __sparc_v9__
    /* With prediction, on 64-bit conditions, on registers, on other float conditions. */
    mov     0, %o0
    cmp     %o1, 3
    be,a,pt %icc, 1f
     add    %o0, 1, %o0
    b       failed
     nop
1:  bne,a,pn %xcc, failed
     add    %o0, 1, %o0
    bne,pn  %xcc, failed
     add    %o0, 1, %o0
    ba,a,pt %xcc, 1f
     add    %o0, 1, %o0
1:  bn,a,pt %icc, failed
     add    %o0, 1, %o0
    brz,a,pn %o1, failed
     add    %o0, 1, %o0
    brnz,a,pt %o1, 1f
     add    %o0, 1, %o0
    b       failed
     nop
1:  brlz,pn %o1, failed
     add    %o0, 1, %o0
    brgez   %o1, 1f
     add    %o0, 1, %o0
    b       failed
     nop
1:  brlez,a,pn %g0, 1f
     add    %o0, 1, %o0
    b       failed
     nop
1:  brgz,a,pn %g0, failed
     add    %o0, 1, %o0
    fcmpd   %fcc2, %f2, %f0
    fbg,a,pt %fcc2, 1f
     add    %o0, 1, %o0
    b       failed
     nop
1:  fbl,a,pn %fcc2, failed
     add    %o0, 1, %o0
    fbe,pn  %fcc2, failed
     add    %o0, 1, %o0
    fba,a,pt %fcc3, 1f
     add    %o0, 1, %o0
1:  expect  %o0, 8
#endif

    /* Calls and jumps: a call whose slot changes what it is called with, by register, back with a slot that works. */
    mov     0, %o0
    call    leaf
     add    %o0, 1, %o0
    expect  %o0, 12
    set     leaf, %g4
    call    %g4
     add    %o0, 1, %o0
    jmpl    %g4 + %g0, %o7
     add    %o0, 1, %o0
    jmpl    %g4 + 0, %g4        ! its result is its base
     mov    %g0, %o7
    b       failed
     nop
back:
    expect  %o0, 37

    /* Couples: a branch in the slot of a branch executes one instruction at the first target, and goes on at the
     * second's; a call there has its own address as the return address. */
    mov     0, %o0
    ba      couple_first
    ba      couple_second
    b       failed
     nop
couple_first:
    add     %o0, 1, %o0
    b       failed
     nop
couple_second:
    add     %o0, 2, %o0
    ba      couple_third
    call    leaf
    b       failed
     nop
couple_third:
    nop
    expect  %o0, 3 + 11
    set     couple_fifth, %g4
    set     couple_sixth, %g5
    jmp     %g4
    jmp     %g5
    b       failed
     nop
couple_fifth:
    add     %o0, 1, %o0
    b       failed
     nop
couple_sixth:
    expect  %o0, 15
    cmp     %o1, 3
    be      couple_seventh
    ba,a    couple_eighth
    b       failed
     nop
couple_seventh:
    add     %o0, 1, %o0
    b       failed
     nop
couple_eighth:
    expect  %o0, 15

    /* A store, a load, an untaken trap in a slot. */
    set     numbers, %g4
    ba      1f
     st     %o0, [%g4]
1:  ba,a    1f
     st     %g0, [%g4]
1:  be      1f
     ld     [%g4], %o2
1:  expect  %o2, 15
    cmp     %o1, 4
    be,a    failed
     ld     [%g4 + 4], %o2
    ba      1f
     te     5
1:  tn      5
    tg      %g0 + 5
    finish

leaf:
    add     %o0, 1, %o0
    cmp     %o7, 0
    be      back
     nop
    retl
     add    %o0, 10, %o0

    .data
    .balign 16
numbers:
    .word   0x3ff00000, 0, 0x40000000, 0, 0x7ff80000, 0
