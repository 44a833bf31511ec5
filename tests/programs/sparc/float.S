/* Floating point: singles, doubles and quads in memory and in arithmetic, comparisons, the state register. */
#include "start.h"

    start
    set     numbers, %g4
    set     data, %g5
    mov     8, %g6
    ldd     [%g4], %f0          ! 1.5
    ldd     [%g4 + %g6], %f2    ! 2.25
    ld      [%g4 + 16], %f4     ! 3.5
    ld      [%g4 + %g6], %f5
    std     %f0, [%g5]
    expect_word %g5, 0x3ff80000
    std     %f2, [%g5 + %g6]
    st      %f4, [%g5 + 4]
    expect_word %g5 + 4, 0x40600000
    st      %f4, [%g5 + %g6]

    faddd   %f0, %f2, %f6
    fsubd   %f0, %f2, %f6
    fmuld   %f0, %f2, %f6
    fdivd   %f2, %f0, %f6
    std     %f6, [%g5]
    expect_word %g5, 0x3ff80000
    fsqrtd  %f2, %f6
    std     %f6, [%g5]
    expect_word %g5, 0x3ff80000
    fadds   %f4, %f4, %f8
    fsubs   %f4, %f8, %f8
    fmuls   %f4, %f4, %f8
    fdivs   %f4, %f8, %f8
    fsqrts  %f4, %f9
    fsmuld  %f4, %f8, %f10
    fmovs   %f4, %f12
    fnegs   %f4, %f12
    fabss   %f12, %f12
    fdtoi   %f2, %f13
    fstoi   %f4, %f13
    st      %f13, [%g5]
    expect_word %g5, 3
    fitod   %f13, %f14
    fitos   %f13, %f14
    fstod   %f4, %f14
    fdtos   %f2, %f15
    fcmpd   %f0, %f2
    fcmps   %f4, %f8
    fcmpes  %f4, %f4
    fcmped  %f2, %f0
    st      %fsr, [%g5]
    ld      [%g5], %fsr
    ld      [%g4 + 32], %fsr
    nop
    fdivd   %f2, %f16, %f18
    st      %fsr, [%g5 + 4]
    fcmpd   %f18, %f18

#ifdef __sparc_v9__
    /* Quads, doubles above %f31, moves on conditions. */
    ldd     [%g4], %f32
    ldd     [%g4 + 8], %f62
    faddd   %f32, %f62, %f48
    std     %f48, [%g5]
    expect_word %g5, 0x400e0000
    fmovd   %f48, %f34
    fnegd   %f48, %f34
    fabsd   %f34, %f36
    fdtox   %f2, %f38
    fstox   %f4, %f38
    fxtod   %f38, %f40
    fxtos   %f38, %f3
    fdtoq   %f0, %f20
    fdtoq   %f2, %f52
    faddq   %f20, %f52, %f56
    fsubq   %f20, %f52, %f56
    fmulq   %f20, %f52, %f56
    fdivq   %f20, %f52, %f24
    fsqrtq  %f52, %f24
    fdmulq  %f0, %f62, %f24
    fcmpq   %f20, %f52
    fcmpeq  %fcc1, %f52, %f20
    fqtod   %f24, %f40
    fqtos   %f24, %f3
    fqtoi   %f24, %f3
    fqtox   %f24, %f40
    fitoq   %f13, %f28
    fxtoq   %f38, %f28
    fstoq   %f4, %f28
    fnegq   %f28, %f60
    fabsq   %f60, %f60
    fmovq   %f60, %f28
    stq     %f20, [%g5 + 16]
    ldq     [%g5 + 16], %f56
    stq     %f56, [%g5 + %g0]
    ldq     [%g5 + %g0], %f20
    cmp     %g6, 8
    fmovde  %icc, %f0, %f42
    fmovsne %xcc, %f4, %f5
    fmovqe  %icc, %f20, %f28
    fmovdl  %fcc1, %f0, %f42
    fmovsg  %fcc0, %f4, %f5
    fmovqne %fcc3, %f20, %f28
    fmovrdz %g6, %f0, %f44
    fmovrsnz %g6, %f4, %f6
    fmovrqgz %g6, %f20, %f28
    movg    %fcc1, 5, %o0
    expect  %o0, 5
    stx     %fsr, [%g5]
    ldx     [%g5], %fsr
    stx     %fsr, [%g5 + %g6]
    ldx     [%g5 + %g6], %fsr
    fcmpd   %fcc3, %f32, %f62
    fcmpes  %fcc2, %f4, %f5
#endif
    finish

    .data
    .balign 16
numbers:
    .word   0x3ff80000, 0, 0x40020000, 0, 0x40600000, 0, 0, 0
    .word   0x80000000, 0
    .balign 16
data:
    .space  64
