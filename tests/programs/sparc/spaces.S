/* Address space identifiers: in the instruction and in %asi, little-endian, blocks, short floats, twins. */
#include "start.h"

    start
    set     data, %g4
    mov     64, %g5
    set     0x12345678, %l0
    set     0x9abcdef0, %l1
    rd      %asi, %o5

    sta     %l0, [%g4] 0x80
    sta     %l0, [%g4 + %g5] 0x81
    sta     %l0, [%g4] 0x88
    lduwa   [%g4] 0x80, %o0
    expect  %o0, 0x78563412
    lduwa   [%g4] 0x88, %o0
    expect  %o0, 0x12345678
    lduha   [%g4] 0x8a, %o0     ! little-endian, no fault
    expect  %o0, 0x5678
    lduba   [%g4] 0x82, %o0
    ldsba   [%g4] 0x83, %o0
    ldsha   [%g4] 0x88, %o0
    ldswa   [%g4] 0x80, %o0
    stba    %l1, [%g4 + %g0] 0x80
    stha    %l1, [%g4] 0x88
    stxa    %l0, [%g4] 0x88
    ldxa    [%g4] 0x88, %o0
    expect  %o0, 0x12345678
    stda    %l0, [%g4] 0x80
    ldda    [%g4] 0x88, %o2
    expect  %o2, 0x78563412
    stda    %l0, [%g4] 0x88
    ldda    [%g4] 0x80, %o2
    ldstuba [%g4] 0x80, %o0
    swapa   [%g4] 0x80, %l1
    swapa   [%g4] 0x88, %l1
    casa    [%g4] 0x88, %l0, %l1
    casxa   [%g4] 0x88, %l0, %l1
    ldda    [%g4] 0xe2, %o2     ! a twin: 16 bytes
    ldda    [%g4 + %g5] 0xea, %o2
    stda    %l0, [%g4] 0xe2

    /* Floats. */
    ldda    [%g4] 0x80, %f0
    stda    %f0, [%g4] 0x88
    lda     [%g4] 0x88, %f3
    sta     %f3, [%g4] 0x80
    ldqa    [%g4] 0x80, %f8
    stqa    %f8, [%g4] 0x80
    ldda    [%g4] 0xd0, %f2     ! one byte
    ldda    [%g4] 0xd8, %f2
    ldda    [%g4] 0xd2, %f2     ! two bytes
    ldda    [%g4 + %g0] 0xdb, %f2
    stda    %f2, [%g4] 0xd1
    stda    %f2, [%g4] 0xda
    ldda    [%g4 + %g5] 0xf0, %f0
    ldda    [%g4] 0xf8, %f16
    stda    %f16, [%g4 + %g5] 0xf0
    stda    %f0, [%g4] 0xe0     ! block commit
    ldda    [%g4] 0xf1, %f32
    stda    %f48, [%g4] 0xf9

    /* By the register %asi, of which the 32-bit stub shows nothing. */
    wr      %g0, 0x80, %asi
    lduwa   [%g4 + 4] %asi, %o0
    stwa    %o0, [%g4 - 4] %asi
    ldda    [%g4 + 8] %asi, %o2
    ldda    [%g4 + 8] %asi, %f0
    stda    %f0, [%g4 + 8] %asi
    casa    [%g4] %asi, %l0, %l1
    wr      %g0, 0xf0, %asi
    ldda    [%g4 + 64] %asi, %f0
    stda    %f0, [%g4 + 64] %asi
    wr      %g0, 0xd8, %asi
    ldda    [%g4 + 3] %asi, %f0
    stda    %f0, [%g4 + 3] %asi
    wr      %g0, 0xe2, %asi
    ldda    [%g4 + 16] %asi, %o2
    wr      %g0, 0x88, %asi
    lduha   [%g4 + 2] %asi, %o0
    stxa    %l0, [%g4 + 8] %asi
    ldxa    [%g4 + 8] %asi, %o0
    expect  %o0, 0x12345678
    wr      %o5, 0, %asi
    finish

    .data
    .balign 64
    .space  64
data:
    .space  256
