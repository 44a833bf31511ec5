/* Integer work: y, condition codes, tagged arithmetic, doublewords, atomics, state registers. */
#include "start.h"

    start
    set     0x12345678, %l0
    set     0x9abcdef0, %l1
    mov     7, %l2

    /* Multiply and divide through y; the multiply step. */
    umul    %l0, %l1, %o0
    rd      %y, %o1
    expect  %o1, 0x0b00ea4e
    smulcc  %l0, %l1, %o0
    umulcc  %l0, %l1, %o0
    smul    %l0, -3, %o0
    rd      %y, %o1
    expect  %o1, 0xffffffff
    wr      %g0, 0, %y
    nop
    nop
    nop
    udiv    %l1, %l2, %o0
    expect  %o0, 0x9abcdef0 / 7
    udivcc  %l1, %l2, %o0
    wr      %g0, 1, %y
    nop
    nop
    nop
    udivcc  %l1, 1, %o0         ! overflows
    expect  %o0, 0xffffffff
    wr      %g0, 0, %y
    nop
    nop
    nop
    sdiv    %l0, %l2, %o0
    sdivcc  %l0, -7, %o0
    wr      %l2, 2, %y          ! an exclusive or
    nop
    nop
    nop
    rd      %y, %o1
    expect  %o1, 5
    andcc   %g0, %g0, %o4
    .rept   4
    mulscc  %o4, %l0, %o4
    .endr
    mulscc  %o4, %g0, %o4
    mulscc  %o4, 7, %o4

    /* Every arithmetic and logical one, with the flags. */
    addcc   %l1, %l1, %o0
    addxcc  %l0, %l1, %o0
    addx    %l0, 5, %o0
    subcc   %l0, %l1, %o0
    subxcc  %l0, %l1, %o0
    subx    %l0, 5, %o0
    andncc  %l0, %l1, %o0
    orncc   %l0, 1, %o0
    xnorcc  %l0, %l1, %o0
    xorcc   %l0, %l0, %o0
    orcc    %l1, 0, %o0
    sll     %l0, 31, %o0
    srl     %l0, %l2, %o0
    sra     %l1, 4, %o0
    expect  %o0, 0xf9abcdef
    taddcc  %l0, %l1, %o0
    taddcc  %l2, %l1, %o0       ! a tag: overflow
    tsubcc  %l0, 3, %o0
    taddcctv %l0, 4, %o0
    tsubcctv %l0, 4, %o0
    expect  %o0, 0x12345674

    /* Loads and stores of all sizes; doublewords are pairs. */
    set     data, %g4
    mov     8, %g5
    std     %l0, [%g4]
    std     %l0, [%g4 + %g5]
    ldd     [%g4 + 8], %o2
    expect  %o2, 0x12345678
    expect  %o3, 0x9abcdef0
    ldd     [%g4], %g6
    ldd     [%g4 + %g5], %g0    ! %g1 takes the low word
    ldub    [%g4 + 4], %o0
    ldsb    [%g4 + 4], %o0
    expect  %o0, 0xffffff9a
    lduh    [%g4 + 4], %o0
    ldsh    [%g4 + %g5], %o0
    ld      [%g4 + %g5], %o0
    stb     %l1, [%g4 + 1]
    sth     %l1, [%g4 + 2]
    st      %l1, [%g4 + %g5]
    st      %l1, [%g4 + -4]
    st      %g0, [%g4 + 20]
    std     %g0, [%g4 + 24]     ! %g1 is its low word
    expect_word %g4, 0x12f0def0

    ldstub  [%g4], %o0
    expect  %o0, 0x12
    ldstub  [%g4 + %g5], %g0
    swap    [%g4 + 4], %l1
    expect  %l1, 0x9abcdef0
    swap    [%g4 + %g5], %l1
    swap    [%g4], %g0

#ifdef __sparc_v9__
    set     0x9abcdef0, %l1
    st      %l1, [%g4]
    mov     1, %o1
    cas     [%g4], %g0, %o1     ! no match
    expect  %o1, 0x9abcdef0
    mov     1, %o1
    cas     [%g4], %l1, %o1     ! a match
    expect_word %g4, 1
    sllx    %l0, 33, %o3
    stx     %o3, [%g4]
    stx     %o3, [%g4 + %g5]
    casx    [%g4], %o1, %o2
    casx    [%g4], %o3, %o2
    ldx     [%g4], %o3
    ldsw    [%g4 + 4], %o3
    ldsw    [%g4 + %g5], %o3
    casa    [%g4] 0x80, %o3, %o2
    casxa   [%g4] 0x80, %o3, %o2
    casl    [%g4], %o3, %o2

    /* Conditional moves, 64-bit arithmetic, shifts. */
    cmp     %l0, %l1
    move    %icc, %l0, %o0
    movne   %icc, %l1, %o0
    movg    %xcc, 5, %o0
    movleu  %xcc, %l2, %o0
    movrz   %l0, 5, %o0
    movrnz  %l0, %l2, %o0
    movrgez %l0, -5, %o0
    mulx    %l0, %l1, %o0
    sdivx   %l0, 7, %o0
    udivx   %l0, %l2, %o0
    srlx    %l0, 4, %o0
    srax    %l0, %l2, %o0
    popc    %l0, %o0
    expect  %o0, 13
    addccc  %l0, %l1, %o0

    /* State registers that user code may move. */
    rd      %ccr, %o0
    wr      %g0, 0x5a, %ccr
    rd      %ccr, %o0
    expect  %o0, 0x5a
    rd      %asi, %o5
    wr      %g0, 0x80, %asi
    rd      %asi, %o0
    expect  %o0, 0x80
    wr      %o5, 0, %asi
    rd      %pc, %o0
    rd      %fprs, %o0
    wr      %g0, 4, %fprs
    rd      %fprs, %o0
    rd      %gsr, %o0
    wr      %l2, 0, %gsr
    rd      %gsr, %o0
    expect  %o0, 7
    membar  #StoreLoad | #Sync
    prefetch [%g4], #n_reads
    prefetcha [%g4 + %g5] 0x80, #one_write
#else
    stbar
#endif
    flush   %g4
    flush   %g4 + 8
    finish

    .data
    .balign 64
    .space  64
data:
    .space  64
