/* The vector extension: every kind of load and store, masked, with a start, of segments and whole registers, groups of
 * all sizes, and operations that write vectors, masks, scalars and float registers. */
#include "harness.h"

START
    la      s0, source
    la      s1, target
    la      sp, index
    li      a0, 0
    /* unit stride, each width, each group */
    li      t0, 13
    vsetvli t1, t0, e8, m1, ta, ma
    CHECK(t1, 13)
    vle8.v  v1, (s0)
    vadd.vi v2, v1, 1
    vse8.v  v2, (s1)
    lbu     a1, 12(s1)
    CHECK(a1, 14)
    vsetvli t1, t0, e16, m2, ta, ma
    vle16.v v2, (s0)
    vadd.vv v4, v2, v2
    vse16.v v4, (s1)
    vsetvli t1, t0, e32, m4, ta, ma
    CHECK(t1, 13)
    vle32.v v4, (s0)
    vmul.vv v8, v4, v4
    vse32.v v8, (s1)
    vsetvli t1, t0, e64, m8, ta, ma
    CHECK(t1, 13)
    vle64.v v8, (s0)
    vxor.vv v16, v8, v8
    vse64.v v16, (s1)
    ld      a1, 96(s1)
    CHECK(a1, 0)
    vsetvli t1, t0, e8, mf2, ta, mu
    CHECK(t1, 8)
    vle8.v  v3, (s0)
    vse8.v  v3, (s1)
    /* masks: every other element */
    vsetivli t1, 8, e32, m2, tu, mu
    li      a1, 0x55
    vmv.s.x v0, a1
    vle32.v v2, (s0), v0.t
    vse32.v v2, (s1), v0.t
    vlm.v   v5, (s0)
    vsm.v   v0, (s1)
    lbu     a1, 0(s1)
    CHECK(a1, 0x55)
    /* none at all */
    vmv.s.x v1, zero
    vmand.mm v0, v0, v1
    vle32.v v2, (s0), v0.t
    vse32.v v2, (s1), v0.t
    vsetivli t1, 0, e32, m1, ta, ma
    vle32.v v2, (s0)
    vse32.v v2, (s1)
    vlm.v   v2, (s0)
    /* strides: apart, backwards, zero */
    vsetivli t1, 4, e16, m1, ta, ma
    li      a2, 6
    vlse16.v v2, (s0), a2
    vsse16.v v2, (s1), a2
    li      a2, -2
    addi    a3, s0, 32
    vlse16.v v2, (a3), a2
    vlse16.v v3, (s0), zero
    li      a1, 0b1010
    vmv.s.x v0, a1
    vsse16.v v3, (s1), a2, v0.t
    /* indices of each width, ordered and not, data of another width */
    vsetivli t1, 4, e32, m1, ta, ma
    vle32.v v6, (sp)
    vluxei32.v v8, (s0), v6
    vsuxei32.v v8, (s1), v6
    vloxei32.v v8, (s0), v6, v0.t
    vsoxei32.v v8, (s1), v6, v0.t
    vsetivli t1, 4, e8, mf4, ta, ma
    vluxei32.v v8, (s0), v6
    vsetivli t1, 4, e64, m2, ta, ma
    vluxei32.v v8, (s0), v6
    vsoxei32.v v8, (s1), v6
    vsetivli t1, 4, e16, m1, ta, ma
    addi    a3, sp, 32
    vle64.v v12, (a3)
    vluxei64.v v8, (s0), v12
    vle8.v  v12, (sp)
    vluxei8.v v8, (s0), v12
    /* segments */
    vsetivli t1, 3, e32, m1, ta, ma
    vlseg2e32.v v4, (s0)
    vsseg2e32.v v4, (s1)
    vlseg3e32.v v4, (s0), v0.t
    vsseg8e32.v v8, (s1)
    li      a2, 20
    vlsseg2e32.v v4, (s0), a2
    vssseg4e32.v v4, (s1), a2
    vle32.v v6, (sp)
    vloxseg2ei32.v v4, (s0), v6
    vsuxseg2ei32.v v8, (s1), v6
    vsetivli t1, 5, e16, m2, ta, ma
    vlseg4e16.v v8, (s0)
    vsseg4e16.v v8, (s1), v0.t
    /* whole registers, whatever vl is */
    vl1re8.v v1, (s0)
    vl2re16.v v2, (s0)
    vl4re32.v v4, (s0)
    vl8re64.v v8, (s0)
    vs1r.v  v1, (s1)
    vs2r.v  v2, (s1)
    vs4r.v  v4, (s1)
    vs8r.v  v8, (s1)
    vmv1r.v v3, v1
    vmv8r.v v16, v8
    /* a start, which the instruction resets */
    vsetivli t1, 6, e16, m1, ta, ma
    csrwi   vstart, 2
    vle16.v v2, (s0)
    csrr    a1, vstart
    CHECK(a1, 0)
    csrwi   vstart, 1
    vse16.v v2, (s1)
    csrwi   vstart, 3
    vlse16.v v2, (s0), a2
    /* a fault-only-first load that reaches all of it */
    vle16ff.v v2, (s0)
    csrr    a1, vl
    CHECK(a1, 6)
    vle16ff.v v2, (s0), v0.t
    /* two that stop early, before the end of mapped memory */
    li      a0, 0
    li      a1, 8192
    li      a2, 3 /* read, write */
    li      a3, 0x22 /* private, anonymous */
    li      a4, -1
    li      a5, 0
    li      a7, 222 /* mmap */
    ecall
    li      a1, 4096
    add     s2, a0, a1
    mv      a0, s2
    li      a7, 215 /* munmap */
    ecall
    addi    a1, s2, -10
    vsetivli t1, 8, e16, m1, ta, ma
    vle16ff.v v2, (a1)
    csrr    a2, vl
    CHECK(a2, 5)
    vsetivli t1, 8, e32, m2, ta, ma
    vlseg2e32ff.v v2, (a1)
    csrr    a2, vl
    CHECK(a2, 1)
    li      a2, 0xf3
    vsetivli t1, 8, e16, m1, ta, mu
    vmv.s.x v0, a2
    vle16ff.v v2, (a1), v0.t
    csrr    a2, vl
    CHECK(a2, 5)
    /* operations with results of other kinds and widths */
    vsetivli t1, 4, e16, m1, ta, ma
    vle16.v v2, (s0)
    vwadd.vv v4, v2, v2
    vnsrl.wi v6, v4, 1
    vzext.vf2 v8, v1
    vmseq.vx v0, v2, zero
    vcpop.m a1, v0
    vfirst.m a2, v0
    vredsum.vs v7, v2, v2
    vmv.x.s a1, v7
    viota.m v9, v0
    vid.v   v9, v0.t
    vmerge.vim v9, v9, 3, v0
    vmv.v.x v10, a1
    vmv.v.i v10, 5
    vmv.v.v v11, v10
    vslideup.vi v12, v10, 1
    vslide1down.vx v13, v10, a1
    vrgather.vv v14, v10, v9
    vcompress.vm v15, v10, v0
    vadc.vvm v9, v10, v11, v0
    vmadc.vvm v1, v10, v11, v0
    csrwi   vxrm, 2
    csrwi   vxsat, 0
    vsadd.vx v9, v10, t0
    vsaddu.vi v9, v10, -1
    csrr    a1, vcsr
    CHECK(a1, 5)
    vaadd.vv v9, v10, v11
    vnclip.wi v9, v10, 1
    vssra.vi v9, v10, 1
    /* floating point */
    vsetivli t1, 2, e64, m1, ta, ma
    fcvt.d.w fa0, t0
    vfmv.v.f v2, fa0
    vfadd.vv v3, v2, v2
    vfmacc.vf v3, fa0, v2
    vfmv.s.f v4, fa0
    vfredusum.vs v5, v3, v4
    vfmv.f.s fa1, v5
    vmflt.vf v0, v3, fa0
    vfcvt.x.f.v v6, v3
    vsetivli t1, 2, e32, mf2, ta, ma
    vfncvt.f.f.w v8, v6
    vsetivli t1, 2, e64, m1, ta, ma
    vfsqrt.v v9, v3
    vfclass.v v10, v3
    vfdiv.vf v3, v3, fa1, v0.t
    vfslide1up.vf v11, v3, fa0
    li      a1, -1
    vsetvl  t1, zero, a1
    csrr    a1, vtype
    srli    a1, a1, 63
    CHECK(a1, 1)
    END

    .data
    .balign 64
source:
    .set    value, 1
    .rept   256
    .byte   value & 255
    .set    value, value + 1
    .endr
index:
    .word   16, 4, 0, 40, 8, 12, 20, 24
    .dword  64, 8, 2, 30

    .bss
    .balign 64
target:
    .skip   1024
