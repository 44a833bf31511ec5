/* RV32/64FD: each operation in both formats, compressed loads and stores, rounding modes, flags, boxed values. */
#include "harness.h"

    .macro  operate format
    fadd.\format fa0, fs0, fs1
    fsub.\format fa1, fs0, fs1
    fmul.\format fa2, fa0, fa1
    fdiv.\format fa3, fa0, fs1
    fsqrt.\format fa4, fs0
    fmadd.\format fa5, fs0, fs1, fa0
    fmsub.\format fa5, fs0, fs1, fa5
    fnmadd.\format fa5, fs0, fs1, fa5
    fnmsub.\format fa5, fa5, fs1, fs0
    fsgnj.\format ft0, fs0, fa1
    fsgnjn.\format ft1, fs0, fs0
    fsgnjx.\format ft2, fs0, fs1
    fmin.\format ft3, fs0, fs1
    fmax.\format ft3, ft3, ft1
    feq.\format a1, fs0, fs0
    flt.\format a2, fs1, fs0
    fle.\format a3, fs1, fs1
    fclass.\format a4, fs0
    add     a1, a1, a2
    add     a1, a1, a3
    add     a1, a1, a4
    CHECK(a1, 3 + 64)
    fcvt.w.\format a1, fs0, rtz
    CHECK(a1, 2)
    fcvt.wu.\format a1, fs0, rup
    CHECK(a1, 3)
    fcvt.w.\format a1, ft1, rdn
    CHECK(a1, -3)
    fcvt.\format\().w fa0, a1
    fcvt.\format\().wu fa1, a2
    feq.\format a1, fa1, fs1
    CHECK(a1, 0)
    .endm

START
    la      s0, doubles
    la      sp, area
    mv      a0, sp
    li      t0, 3
    fscsr   t0
    frcsr   a1
    CHECK(a1, 3)
    fsrm    t0, zero
    CHECK(t0, 0)
    fsflags zero
    fld     fs0, 0(s0)
    fld     fs1, 8(s0)
    operate d
    flw     fs0, 16(s0)
    flw     fs1, 20(s0)
    operate s
    frflags a1
    CHECK(a1, 1)
    /* every rounding mode by name and by fcsr */
    fld     fs0, 0(s0)
    fneg.d  fs1, fs0
    .irp    mode, rne, rtz, rdn, rup, rmm
    fcvt.w.d a1, fs0, \mode
    fcvt.w.d a2, fs1, \mode
    .endr
    li      s1, 5
1:  addi    s1, s1, -1
    fsrm    s1
    fcvt.w.d a1, fs0
    fadd.d  fa0, fs0, fs1
    bnez    s1, 1b
    /* flags: divide by zero, invalid, overflow, inexact */
    fsflagsi 0
    fcvt.d.w fa0, zero
    fdiv.d  fa1, fs0, fa0
    frflags a1
    CHECK(a1, 8)
    fdiv.d  fa2, fa0, fa0
    fcvt.w.d a2, fa2
    CHECK(a2, 0x7fffffff)
    csrrsi  a1, fflags, 2
    CHECK(a1, 24)
    csrrci  a1, fflags, 16
    CHECK(a1, 26)
    csrrw   a1, fcsr, zero
    CHECK(a1, 10)
    csrrs   a1, frm, zero
    csrrc   a1, fflags, zero
    csrrwi  a1, frm, 4
    csrrwi  zero, frm, 0
    /* a single in a double's register is boxed; what is not boxed is a NaN */
    flw     fa0, 16(s0)
    fsd     fa0, 0(sp)
    lw      a1, 4(sp)
    CHECK(a1, -1)
    fld     fa0, 0(s0)
    fclass.s a1, fa0
    CHECK(a1, 512)
    fadd.s  fa1, fa0, fa0
    fmv.x.w a1, fa1
    CHECK(a1, 0x7fc00000)
    fmv.w.x fa1, zero
    fmv.s   fa2, fa1
    fabs.s  fa2, fa2
    fsw     fa2, 3(sp)
    flw     fa2, 3(sp)
    fsd     fa2, 9(sp)
    fld     fa2, 9(sp)
    fcvt.s.d fa3, fa0
    fcvt.d.s fa3, fa3
    feq.d   a1, fa3, fa0
    CHECK(a1, 1)
#if __riscv_xlen == 64
    fmv.x.d a1, fa0
    fmv.d.x fa1, a1
    fcvt.l.d a1, fs0, rtz
    CHECK(a1, 2)
    fcvt.lu.d a1, fs0, rup
    fcvt.l.s a1, fa2
    fcvt.lu.s a1, fa2
    fcvt.d.l fa1, a1
    fcvt.d.lu fa1, a1
    fcvt.s.l fa1, a1
    fcvt.s.lu fa1, a1
#endif
    /* compressed */
    mv      a0, sp
    c.fsd   fs0, 8(a0)
    c.fld   fa0, 8(a0)
    c.fsdsp fa0, 16(sp)
    c.fldsp ft11, 16(sp)
    feq.d   a1, ft11, fs0
    CHECK(a1, 1)
#if __riscv_xlen == 32
    flw     fs0, 16(s0)
    c.fsw   fs0, 4(a0)
    c.flw   fa0, 4(a0)
    c.fswsp fa0, 8(sp)
    c.flwsp ft0, 8(sp)
    c.flwsp fa1, 8(sp)
    feq.s   a1, ft0, fs0
    CHECK(a1, 1)
#endif
    END

    .section .rodata
    .balign 8
doubles:
    .double 2.5, 0.3
    .float  2.5, 0.3

    .bss
    .balign 16
area:
    .skip   64
