/* Zba, Zbb, Zbc, Zbs: what rv64 and rv32 have beyond the base by default in QEMU. */
#include "harness.h"

START
    li      a0, 1
    li      a1, 0x1234
    li      a2, -3
    sh1add  a3, a1, a2
    CHECK(a3, 0x2465)
    sh2add  a3, a1, a2
    sh3add  a3, a1, a2
    andn    a3, a1, a2
    orn     a3, a1, a2
    xnor    a3, a1, a2
    clz     a3, a1
    CHECK(a3, __riscv_xlen - 13)
    ctz     a3, a1
    CHECK(a3, 2)
    cpop    a3, a1
    CHECK(a3, 5)
    max     a3, a1, a2
    maxu    a3, a1, a2
    min     a3, a1, a2
    minu    a3, a1, a2
    CHECK(a3, 0x1234)
    sext.b  a3, a2
    sext.h  a3, a2
    zext.h  a3, a2
    CHECK(a3, 0xfffd)
    rol     a3, a1, a2
    ror     a3, a1, a2
    rori    a3, a1, 4
    orc.b   a3, a1
    CHECK(a3, 0xffff)
    rev8    a3, a1
    clmul   a3, a1, a2
    clmulh  a3, a1, a2
    clmulr  a3, a1, a2
    bclr    a3, a1, a2
    bclri   a3, a1, 2
    CHECK(a3, 0x1230)
    bext    a3, a1, a2
    bexti   a3, a1, 2
    CHECK(a3, 1)
    binv    a3, a1, a2
    binvi   a3, a1, 2
    bset    a3, a1, a2
    bseti   a3, a1, 2
    CHECK(a3, 0x1234)
#if __riscv_xlen == 64
    add.uw  a3, a2, a1
    sh1add.uw a3, a2, a1
    sh2add.uw a3, a2, a1
    sh3add.uw a3, a2, a1
    slli.uw a3, a2, 4
    clzw    a3, a1
    CHECK(a3, 19)
    ctzw    a3, a1
    cpopw   a3, a2
    CHECK(a3, 31)
    rolw    a3, a1, a2
    rorw    a3, a1, a2
    roriw   a3, a1, 4
#endif
    END
