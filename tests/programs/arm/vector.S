/* VFP and Advanced SIMD: loads and stores of one, several and all registers, structures of one to four elements, lanes,
 * replication, each with writeback by size and by register; arithmetic that rounds and saturates. */
#include "program.h"
    .arch   armv8.2-a
    .arch_extension fp16
    .arch_extension crc

    /* A structure access in its three address forms. */
    .macro  forms name, list:vararg
    \name   {\list}, [r8]
    \name   {\list}, [r8]!
    \name   {\list}, [r8], r9
    .endm

    begin
    b       1f
    .balign 8
constants:
    .word   0x3f800000, 0x40000000
1:
    let     r8, data + 256
    mov     r9, #24

    /* Registers, singly and in runs. */
    vldr    s0, [r8, #4]
    vldr    s1, [r8, #-8]
    vldr    d1, [r8, #16]
    vldr    d20, [r8, #-24]
    vldr.16 s5, [r8, #2]
    vldr    d3, constants
    vldr    s8, constants + 4
    vstr    s0, [r8, #12]
    vstr    s31, [r8]
    vstr    d20, [r8, #32]
    vstr.16 s5, [r8, #6]
    vldmia  r8, {s0-s6}
    vldmia  r8!, {d4-d7}
    vldmdb  r8!, {s9}
    vldmdb  r8!, {d16-d31}
    expect  r8, data + 156
    vstmia  r8!, {d8-d9}
    vstmia  r8, {s1-s31}
    vstmdb  r8!, {d0}
    vstmia  r8!, {d0-d10}
    fldmiax r8, {d0-d1}
    fstmiax r8!, {d0-d2}
    fldmdbx r8!, {d3}
    vpush   {d8-d15}
    vpush   {s3}
    vpop    {s4}
    vpop    {d0-d7}

    /* Lists of structures. */
    let     r8, data + 64
    forms   vld1.16, d0
    forms   vld1.32, d0, d1
    forms   vld1.64, d0, d1, d2
    forms   vld1.8, d0, d1, d2, d3
    forms   vst1.16, d0
    forms   vst1.32, d0, d1
    forms   vst1.64, d0, d1, d2
    forms   vst1.8, d0, d1, d2, d3
    let     r8, data + 64
    forms   vld2.32, d0, d1
    forms   vld2.8, d16, d18
    forms   vld2.16, d0, d1, d2, d3
    forms   vst2.32, d0, d1
    forms   vst2.8, d16, d18
    forms   vst2.16, d0, d1, d2, d3
    let     r8, data + 64
    forms   vld3.8, d0, d1, d2
    forms   vld3.16, d16, d18, d20
    forms   vst3.8, d0, d1, d2
    forms   vst3.16, d16, d18, d20
    let     r8, data + 64
    forms   vld4.16, d0, d1, d2, d3
    forms   vld4.32, d1, d3, d5, d7
    forms   vst4.16, d0, d1, d2, d3
    forms   vst4.32, d1, d3, d5, d7
    let     r8, data + 64

    /* One lane. */
    forms   vld1.8, d4[5]
    forms   vld1.16, d4[2]
    forms   vld1.32, d4[1]
    forms   vst1.8, d4[5]
    forms   vst1.16, d4[2]
    forms   vst1.32, d4[1]
    let     r8, data + 64
    forms   vld2.8, d4[5], d5[5]
    forms   vld2.16, d4[2], d6[2]
    forms   vld2.32, d4[1], d5[1]
    forms   vst2.8, d4[5], d5[5]
    forms   vst2.16, d4[2], d6[2]
    forms   vst2.32, d4[1], d5[1]
    let     r8, data + 64
    forms   vld3.8, d4[5], d5[5], d6[5]
    forms   vld3.16, d4[2], d6[2], d8[2]
    forms   vld3.32, d4[1], d5[1], d6[1]
    forms   vst3.8, d4[5], d5[5], d6[5]
    forms   vst3.16, d4[2], d6[2], d8[2]
    forms   vst3.32, d4[1], d5[1], d6[1]
    let     r8, data + 64
    forms   vld4.8, d4[5], d5[5], d6[5], d7[5]
    forms   vld4.16, d4[2], d6[2], d8[2], d10[2]
    forms   vld4.32, d4[1], d5[1], d6[1], d7[1]
    forms   vst4.8, d4[5], d5[5], d6[5], d7[5]
    forms   vst4.16, d4[2], d6[2], d8[2], d10[2]
    forms   vst4.32, d4[1], d5[1], d6[1], d7[1]
    let     r8, data + 64

    /* All lanes. */
    forms   vld1.8, d20[]
    forms   vld1.16, d20[]
    forms   vld1.32, d20[]
    forms   vld2.8, d20[], d21[]
    forms   vld2.16, d20[], d21[]
    forms   vld2.32, d20[], d22[]
    forms   vld3.8, d20[], d21[], d22[]
    forms   vld3.16, d20[], d21[], d22[]
    forms   vld3.32, d20[], d22[], d24[]
    forms   vld4.8, d20[], d21[], d22[], d23[]
    forms   vld4.16, d20[], d21[], d22[], d23[]
    forms   vld4.32, d20[], d22[], d24[], d26[]
    forms   vld1.16, d2[], d3[]
    vstmia  r8, {d0-d7}

    /* With an alignment, and not aligned without one. */
    let     r8, data + 64
    vld1.64 {d0-d3}, [r8:256]
    vst2.32 {d0-d1}, [r8:128]!
    vld4.8  {d4[3], d5[3], d6[3], d7[3]}, [r8:32]
    add     r8, r8, #1
    vld1.64 {d0-d1}, [r8]
    vst1.8  {d0-d1}, [r8]!

    /* Conditions. */
    let     r8, data + 64
    mov     r0, #0
    cmp     r0, r0
#ifdef __thumb__
    itete   ne
#endif
    vldrne  d0, [r0]
    vldreq  d0, [r8, #8]
    vstmiane r0!, {d0-d3}
    vstmdbeq r8!, {d0-d3}

    /* Arithmetic. */
    let     r8, data
    let     r1, 0x40490fdb
    let     r2, 0x3eaaaaab
    vmov    s0, r1
    vmov    s1, s2, r2, r1
    vmov    d4, r1, r2
    vadd.f32 s3, s0, s1
    vdiv.f32 s4, s1, s0
    vsqrt.f32 s5, s0
    vcvt.f64.f32 d5, s0
    vmul.f64 d6, d5, d5
    vfma.f64 d6, d5, d5
    vcvtr.s32.f64 s14, d6
    vcvtb.f16.f32 s15, s0
    vcmp.f32 s0, s1
    vmrs    apsr_nzcv, fpscr
    vmrs    r3, fpscr
    str     r3, [r8]
    vselge.f32 s16, s0, s1
    vmaxnm.f32 s17, s0, s1
    vrinta.f64 d9, d6
    vdup.32 q10, r1
    vqadd.s32 q11, q10, q10
    vqmovn.s32 d24, q11
    vmull.u16 q13, d20, d24
    vtbl.8  d30, {d20-d23}, d24
    vext.8  q14, q13, q11, #5
    vadd.f32 q15, q10, q13
    vmov.u8 r4, d30[3]
    vmov.32 d31[1], r4
    vmrs    r3, fpscr
    str     r3, [r8, #4]
    vstmia  r8, {d0-d15}
    vstmia  r8, {d20-d31}

    /* Cryptography and CRC. */
    aese.8  q10, q11
    aesmc.8 q12, q10
    aesd.8  q13, q12
    aesimc.8 q12, q13
    sha1c.32 q10, q11, q12
    sha256h.32 q10, q11, q12
    sha256su0.32 q13, q10
    vmull.p64 q14, d20, d23
    vstmia  r8!, {d20-d31}
    crc32b  r1, r1, r2
    crc32h  r1, r1, r2
    crc32w  r1, r1, r2
    crc32cw r1, r1, r2
    str     r1, [r8]
    finish  EXPECTED
