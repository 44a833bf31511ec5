/* Advanced SIMD structures: one to four registers, every element size, lanes and replication, each without an offset and
 * with writeback by the size and by a register; arithmetic that rounds and saturates; cryptography. */
#include "program.h"
    .arch   armv8.2-a+fp16+crypto+dotprod

    .macro  forms name, size, list:vararg
    \name   {\list}, [x8]
    \name   {\list}, [x8], #\size
    \name   {\list}, [x8], x9
    .endm

    begin
    let     x8, data + 256
    mov     x9, #-24

    /* Lists. */
    forms   ld1, 8, v30.8b
    forms   ld1, 16, v30.8h
    forms   ld1, 8, v30.1d
    forms   st1, 16, v30.16b
    forms   st1, 8, v30.2s
    forms   st1, 16, v30.2d
    let     x8, data + 256
    forms   ld1, 16, v30.4h, v31.4h
    forms   ld1, 32, v30.4s, v31.4s
    forms   ld1, 16, v30.8b, v31.8b
    forms   st1, 32, v30.8h, v31.8h
    forms   st1, 16, v30.1d, v31.1d
    forms   st1, 32, v30.16b, v31.16b
    let     x8, data + 256
    forms   ld1, 24, v30.2s, v31.2s, v0.2s
    forms   ld1, 48, v30.2d, v31.2d, v0.2d
    forms   ld1, 24, v30.4h, v31.4h, v0.4h
    forms   st1, 48, v30.4s, v31.4s, v0.4s
    forms   st1, 24, v30.8b, v31.8b, v0.8b
    forms   st1, 48, v30.8h, v31.8h, v0.8h
    let     x8, data + 256
    forms   ld1, 32, v30.1d, v31.1d, v0.1d, v1.1d
    forms   ld1, 64, v30.16b, v31.16b, v0.16b, v1.16b
    forms   ld1, 32, v30.2s, v31.2s, v0.2s, v1.2s
    forms   st1, 64, v30.2d, v31.2d, v0.2d, v1.2d
    forms   st1, 32, v30.4h, v31.4h, v0.4h, v1.4h
    forms   st1, 64, v30.4s, v31.4s, v0.4s, v1.4s
    let     x8, data + 256
    forms   ld2, 16, v30.8b, v31.8b
    forms   ld2, 32, v30.8h, v31.8h
    forms   ld2, 32, v30.2d, v31.2d
    forms   st2, 32, v30.16b, v31.16b
    forms   st2, 16, v30.2s, v31.2s
    forms   st2, 32, v30.2d, v31.2d
    let     x8, data + 256
    forms   ld3, 24, v30.4h, v31.4h, v0.4h
    forms   ld3, 48, v30.4s, v31.4s, v0.4s
    forms   ld3, 24, v30.8b, v31.8b, v0.8b
    forms   st3, 48, v30.8h, v31.8h, v0.8h
    forms   st3, 48, v30.2d, v31.2d, v0.2d
    forms   st3, 48, v30.16b, v31.16b, v0.16b
    let     x8, data + 256
    forms   ld4, 32, v30.2s, v31.2s, v0.2s, v1.2s
    forms   ld4, 64, v30.2d, v31.2d, v0.2d, v1.2d
    forms   ld4, 32, v30.4h, v31.4h, v0.4h, v1.4h
    forms   st4, 64, v30.4s, v31.4s, v0.4s, v1.4s
    forms   st4, 32, v30.8b, v31.8b, v0.8b, v1.8b
    forms   st4, 64, v30.8h, v31.8h, v0.8h, v1.8h
    let     x8, data + 256

    /* One lane. */
    .irp    post, "", ", #1", ", x9"
    ld1     {v4.b}[13], [x8]\post
    .endr
    .irp    post, "", ", #2", ", x9"
    ld1     {v4.h}[5], [x8]\post
    .endr
    .irp    post, "", ", #4", ", x9"
    ld1     {v4.s}[3], [x8]\post
    .endr
    .irp    post, "", ", #8", ", x9"
    ld1     {v4.d}[1], [x8]\post
    .endr
    .irp    post, "", ", #1", ", x9"
    st1     {v4.b}[13], [x8]\post
    .endr
    .irp    post, "", ", #2", ", x9"
    st1     {v4.h}[5], [x8]\post
    .endr
    .irp    post, "", ", #4", ", x9"
    st1     {v4.s}[3], [x8]\post
    .endr
    .irp    post, "", ", #8", ", x9"
    st1     {v4.d}[1], [x8]\post
    .endr
    let     x8, data + 256
    .irp    post, "", ", #2", ", x9"
    ld2     {v4.b, v5.b}[13], [x8]\post
    .endr
    .irp    post, "", ", #4", ", x9"
    ld2     {v4.h, v5.h}[5], [x8]\post
    .endr
    .irp    post, "", ", #8", ", x9"
    ld2     {v4.s, v5.s}[3], [x8]\post
    .endr
    .irp    post, "", ", #16", ", x9"
    ld2     {v4.d, v5.d}[1], [x8]\post
    .endr
    .irp    post, "", ", #2", ", x9"
    st2     {v4.b, v5.b}[13], [x8]\post
    .endr
    .irp    post, "", ", #4", ", x9"
    st2     {v4.h, v5.h}[5], [x8]\post
    .endr
    .irp    post, "", ", #8", ", x9"
    st2     {v4.s, v5.s}[3], [x8]\post
    .endr
    .irp    post, "", ", #16", ", x9"
    st2     {v4.d, v5.d}[1], [x8]\post
    .endr
    let     x8, data + 256
    .irp    post, "", ", #3", ", x9"
    ld3     {v4.b, v5.b, v6.b}[13], [x8]\post
    .endr
    .irp    post, "", ", #6", ", x9"
    ld3     {v4.h, v5.h, v6.h}[5], [x8]\post
    .endr
    .irp    post, "", ", #12", ", x9"
    ld3     {v4.s, v5.s, v6.s}[3], [x8]\post
    .endr
    .irp    post, "", ", #24", ", x9"
    ld3     {v4.d, v5.d, v6.d}[1], [x8]\post
    .endr
    .irp    post, "", ", #3", ", x9"
    st3     {v4.b, v5.b, v6.b}[13], [x8]\post
    .endr
    .irp    post, "", ", #6", ", x9"
    st3     {v4.h, v5.h, v6.h}[5], [x8]\post
    .endr
    .irp    post, "", ", #12", ", x9"
    st3     {v4.s, v5.s, v6.s}[3], [x8]\post
    .endr
    .irp    post, "", ", #24", ", x9"
    st3     {v4.d, v5.d, v6.d}[1], [x8]\post
    .endr
    let     x8, data + 256
    .irp    post, "", ", #4", ", x9"
    ld4     {v4.b, v5.b, v6.b, v7.b}[13], [x8]\post
    .endr
    .irp    post, "", ", #8", ", x9"
    ld4     {v4.h, v5.h, v6.h, v7.h}[5], [x8]\post
    .endr
    .irp    post, "", ", #16", ", x9"
    ld4     {v4.s, v5.s, v6.s, v7.s}[3], [x8]\post
    .endr
    .irp    post, "", ", #32", ", x9"
    ld4     {v4.d, v5.d, v6.d, v7.d}[1], [x8]\post
    .endr
    .irp    post, "", ", #4", ", x9"
    st4     {v4.b, v5.b, v6.b, v7.b}[13], [x8]\post
    .endr
    .irp    post, "", ", #8", ", x9"
    st4     {v4.h, v5.h, v6.h, v7.h}[5], [x8]\post
    .endr
    .irp    post, "", ", #16", ", x9"
    st4     {v4.s, v5.s, v6.s, v7.s}[3], [x8]\post
    .endr
    .irp    post, "", ", #32", ", x9"
    st4     {v4.d, v5.d, v6.d, v7.d}[1], [x8]\post
    .endr
    let     x8, data + 256

    /* All lanes. */
    forms   ld1r, 1, v8.16b
    forms   ld1r, 2, v8.4h
    forms   ld1r, 4, v8.4s
    forms   ld1r, 8, v8.2d
    let     x8, data + 256
    forms   ld2r, 2, v8.16b, v9.16b
    forms   ld2r, 4, v8.4h, v9.4h
    forms   ld2r, 8, v8.4s, v9.4s
    forms   ld2r, 16, v8.2d, v9.2d
    let     x8, data + 256
    forms   ld3r, 3, v8.16b, v9.16b, v10.16b
    forms   ld3r, 6, v8.4h, v9.4h, v10.4h
    forms   ld3r, 12, v8.4s, v9.4s, v10.4s
    forms   ld3r, 24, v8.2d, v9.2d, v10.2d
    let     x8, data + 256
    forms   ld4r, 4, v8.16b, v9.16b, v10.16b, v11.16b
    forms   ld4r, 8, v8.4h, v9.4h, v10.4h, v11.4h
    forms   ld4r, 16, v8.4s, v9.4s, v10.4s, v11.4s
    forms   ld4r, 32, v8.2d, v9.2d, v10.2d, v11.2d
    let     x8, data + 256

    /* Not aligned. */
    add     x8, x8, #3
    ld3     {v0.8h, v1.8h, v2.8h}, [x8]
    st4     {v0.4s, v1.4s, v2.4s, v3.4s}, [x8]
    st1     {v8.2d, v9.2d}, [x8]

    /* Arithmetic. */
    let     x8, data
    let     x1, 0x40490fdb
    fmov    s0, w1
    fcvt    d1, s0
    fmov    x2, d1
    fadd    s2, s0, s0
    fdiv    d3, d1, d1
    fsqrt   d4, d1
    fmadd   d5, d1, d3, d4
    fcvtzs  x3, d5
    scvtf   s6, x3
    fcmp    d3, d4
    fccmp   d3, d4, #5, mi
    fcsel   d7, d3, d4, lt
    fcvt    h16, s0
    frinta  d17, d5
    fmov    v18.d[1], x2
    dup     v19.4s, w1
    sqadd   v20.4s, v19.4s, v19.4s
    uqxtn   v21.4h, v20.4s
    uqxtn2  v21.8h, v20.4s
    fadd    v22.4s, v19.4s, v19.4s
    fmla    v22.4s, v19.4s, v19.s[1]
    tbl     v23.16b, {v19.16b-v22.16b}, v16.16b
    ext     v24.16b, v22.16b, v21.16b, #5
    umov    w4, v23.b[3]
    ins     v24.h[2], w4
    addv    s25, v22.4s
    sdot    v26.4s, v23.16b, v24.16b
    mrs     x5, fpsr
    mrs     x6, fpcr
    msr     fpsr, xzr
    mov     x7, #0x00c00000
    msr     fpcr, x7
    fdiv    s27, s0, s2
    msr     fpcr, xzr
    aese    v20.16b, v21.16b
    aesmc   v21.16b, v20.16b
    sha1c   q20, s21, v22.4s
    sha256su0 v23.4s, v20.4s
    pmull2  v24.1q, v20.2d, v21.2d
    crc32x  w10, w1, x2
    crc32cb w11, w10, w1
    stp     x3, x4, [x8]
    stp     x5, x6, [x8, #16]
    stp     x10, x11, [x8, #32]
    add     x8, x8, #64
    .irp    n, 0, 2, 4, 6, 16, 18, 20, 22, 24, 26
    str     q\n, [x8], #16
    .endr
    finish  EXPECTED
