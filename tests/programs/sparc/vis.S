/* VIS 1 and 2. */
#include "start.h"

    start
    set     data, %g4
    set     0x10007, %l0
    mov     3, %l1
    ldd     [%g4], %f0
    ldd     [%g4 + 8], %f2
    ldd     [%g4 + 16], %f4

    alignaddr %g4, %l1, %l2
    faligndata %f0, %f2, %f6
    std     %f6, [%g4 + 32]
    expect_word %g4 + 32, 0x03040506
    alignaddrl %g4, %l1, %l2
    faligndata %f0, %f2, %f6
    fpadd16 %f0, %f2, %f8
    fpadd16s %f0, %f2, %f8
    fpadd32 %f0, %f2, %f8
    fpadd32s %f1, %f2, %f9
    fpsub16 %f0, %f2, %f8
    fpsub32s %f0, %f2, %f8
    fmul8x16 %f0, %f2, %f10
    fmul8x16au %f0, %f3, %f10
    fmul8x16al %f0, %f3, %f10
    fmul8sux16 %f0, %f2, %f10
    fmul8ulx16 %f0, %f2, %f10
    fmuld8sux16 %f0, %f3, %f10
    fmuld8ulx16 %f0, %f3, %f10
    wr      %g0, 5 << 3, %gsr
    fpack16 %f0, %f12
    fpack32 %f0, %f2, %f12
    fpackfix %f0, %f13
    fexpand %f0, %f14
    fpmerge %f0, %f1, %f14
    pdist   %f0, %f2, %f4
    std     %f4, [%g4 + 32]
    expect_word %g4 + 36, 64
    edge8   %g4, %l0, %o0
    edge8l  %g4, %l0, %o0
    edge16  %g4, %l0, %o0
    edge32  %g4, %l0, %o0
    edge8n  %g4, %l0, %o0
    edge32ln %g4, %l0, %o0
    fcmpgt16 %f2, %f0, %o0
    expect  %o0, 15
    fcmple32 %f2, %f0, %o0
    fcmpeq16 %f0, %f0, %o0
    fcmpne32 %f0, %f2, %o0
    fzero   %f16
    fones   %f19
    fone    %f40
    fsrc1   %f0, %f42
    fsrc2s  %f1, %f20
    fnot1   %f0, %f44
    fnot2s  %f1, %f20
    fand    %f0, %f2, %f46
    fands   %f0, %f3, %f20
    for     %f0, %f2, %f46
    fxor    %f0, %f2, %f46
    fnand   %f0, %f2, %f46
    fornot1s %f0, %f3, %f20
    fandnot2 %f0, %f2, %f46
    fxnor   %f0, %f2, %f46
    array8  %l0, %l1, %o0
    array16 %l0, %l1, %o0
    array32 %l0, %l1, %o0
    bmask   %l0, %l1, %o0
    bshuffle %f0, %f2, %f48
    finish

    .data
    .balign 64
data:
    .byte   0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    .space  64
