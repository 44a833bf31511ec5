/* Code that rewrites what is ahead, behind, in a delay slot; each made visible by flush.
 * QEMU takes no notice of flush: in a free run it executes old code up to the next jump by register, so there is one each time. */
#include "start.h"

    start
#ifdef __sparc_v9__
    membar  #Sync               ! or this would be a v8 program
#endif
    set     patches, %g5
    mov     4, %g6
    mov     0, %o0
again:
    ld      [%g5], %g7
    set     patched, %g4
    st      %g7, [%g4]
    flush   %g4
    jmp     %g4
     add    %g5, 4, %g5
patched:
    add     %o0, 100, %o0       ! 1, then 2, 3, 4
    subcc   %g6, 1, %g6
    bne     again
     nop
    expect  %o0, 10

    /* A delay slot, written between the branch's two runs, the second time annulled. */
    mov     2, %g6
    mov     0, %o0
    set     slot, %g4
1:  cmp     %g6, 2
    be,a    2f
slot:
     add    %o0, 1, %o0
    ba,a    3f
2:  ld      [%g5], %g7
    st      %g7, [%g4]
    flush   %g4
    ba      1b
     sub    %g6, 1, %g6
3:  mov     2, %g6
    cmp     %g6, 2
    be,a    4f
     nop
4:  expect  %o0, 1

    /* A leaf copied to where there was none, twice. */
    set     leaf, %g5
    set     room, %g4
    mov     2, %g6
5:  ldd     [%g5], %o2
    std     %o2, [%g4]
    flush   %g4
    call    %g4
     mov    0, %o0
    sub     %g6, 1, %g6
    cmp     %g6, 0
    bne     5b
     add    %g4, 8, %g4
    expect  %o0, 42
    finish

    .balign 8
leaf:
    retl
     mov    42, %o0
    .balign 32
    .space  24
room:
    .space  24
patches:
    add     %o0, 1, %o0
    add     %o0, 2, %o0
    add     %o0, 3, %o0
    add     %o0, 4, %o0
    add     %o0, 50, %o0
