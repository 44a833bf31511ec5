/* Exclusive loads and stores of all sizes and pairs: loops, loads and stores and branches in between, sequences that are
 * given up, stores that fail because nothing was loaded, another address was, or another store changed the place. */
#include "program.h"
    .arch   armv8-a

    /* Three times: load, add, store. */
    .macro  count load, store, base, a
    mov     x5, #3
1:  \load   \a\()1, [\base]
    add     \a\()1, \a\()1, #0x11
    \store  w2, \a\()1, [\base]
    cbnz    w2, 1b
    subs    x5, x5, #1
    b.ne    1b
    .endm

    .macro  count_pair load, store, a
    mov     x5, #2
1:  \load   \a\()2, \a\()3, [x8]
    adds    \a\()2, \a\()2, #0x11
    add     \a\()3, \a\()3, #1
    \store  w1, \a\()2, \a\()3, [x8]
    cbnz    w1, 1b
    subs    x5, x5, #1
    b.ne    1b
    .endm

    begin
    let     x8, data + 512
    stp     xzr, xzr, [x8]
    stp     xzr, xzr, [x8, #16]
    add     x9, x8, #18
    add     x10, x8, #29
    add     x11, x8, #8

    count   ldxr, stxr, x8, x
    count   ldaxr, stlxr, x8, x
    count   ldxr, stxr, x11, w
    count   ldaxr, stlxr, x11, w
    count   ldxrh, stxrh, x9, w
    count   ldaxrh, stlxrh, x9, w
    count   ldxrb, stxrb, x10, w
    count   ldaxrb, stlxrb, x10, w
    ldr     x1, [x8]
    expect  x1, 0x66
    ldr     w1, [x11]
    expect  x1, 0x66
    ldrh    w1, [x9]
    expect  x1, 0x66
    ldrb    w1, [x10]
    expect  x1, 0x66
    stp     xzr, xzr, [x8]
    count_pair ldxp, stxp, x
    count_pair ldaxp, stlxp, x
    ldp     x1, x2, [x8]
    expect  x1, 0x44
    expect  x2, 4
    count_pair ldxp, stxp, w
    count_pair ldaxp, stlxp, w

    /* On the stack, and one that throws the status away. */
    stp     xzr, xzr, [sp, #-16]!
1:  ldaxr   x1, [sp]
    add     x1, x1, #5
    stlxr   w2, x1, [sp]
    cbnz    w2, 1b
    str     xzr, [x8]
    ldxr    x3, [x8]
    add     x3, x3, #5
    stxr    wzr, x3, [x8]
    ldr     x3, [x8]
    expect  x3, 5
    ldp     x1, x2, [sp], #16
    expect  x1, 5

    /* Loads and stores elsewhere in between, a call, a loop, vectors. */
    mov     x5, #4
    movi    v1.2d, #0
1:  ldxr    x1, [x8]
    mov     x3, #3
2:  str     x3, [x8, #64]
    ldr     x4, [x8, #64]
    ldr     d2, [x8, #64]
    add     v1.2d, v1.2d, v2.2d
    fadd    v3.2d, v1.2d, v1.2d
    add     x1, x1, x4
    str     q1, [x8, #80]
    bl      elsewhere
    subs    x3, x3, #1
    b.ne    2b
    stxr    w2, x1, [x8]
    cbnz    w2, 1b
    subs    x5, x5, #1
    b.ne    1b
    /* Six each time, from the sum of the counts. */
    umov    x1, v1.d[0]
    expect  x1, 24

    /* A compare-and-swap that gives up: by a branch, with clrex, and then does not. */
    mov     x5, #0
3:  ldaxr   x1, [x8]
    cmp     x5, #2
    b.eq    4f
    b.hi    5f
    add     x5, x5, #1
    b       3b
4:  clrex
    stxr    w2, x1, [x8]
    expect  x2, 1
    add     x5, x5, #1
    b       3b
5:  stlxr   w2, x5, [x8]
    expect  x2, 0

    /* No load before the store. */
    stxr    w2, x5, [x8]
    expect  x2, 1
    stxp    w2, x4, x5, [x8]
    expect  x2, 1

    /* Another address; the first address afterwards. */
    ldxr    x1, [x8]
    add     x9, x8, #32
    stxr    w2, x1, [x9]
    expect  x2, 1
    stxr    w2, x1, [x8]
    expect  x2, 1

    /* The second of two loads counts. */
    ldxr    x1, [x8]
    ldxr    x1, [x9]
    add     x1, x1, #1
    stxr    w2, x1, [x9]
    expect  x2, 0
    ldxr    x1, [x9]
    ldxr    x3, [x8]
    stxr    w2, x1, [x9]
    expect  x2, 1

    /* A store to the same place in between: of another value, QEMU fails; of the same value, it does not. */
    ldxr    x1, [x8]
    add     x3, x1, #1
    str     x3, [x8]
    stxr    w2, x1, [x8]
    expect  x2, 1
    ldxr    x1, [x8]
    str     x1, [x8]
    stxr    w2, x3, [x8]
    str     x2, [x8, #8]
    /* The same of a pair. */
    ldxp    x1, x3, [x8]
    add     x4, x3, #1
    str     x4, [x8, #8]
    stxp    w2, x4, x1, [x8]
    expect  x2, 1
    /* A store beside it in the same granule. */
    ldxr    w1, [x8]
    str     w1, [x8, #4]
    stxr    w2, w5, [x8]
    expect  x2, 0

    /* A loop that fails once by itself. */
    mov     x6, #0
6:  ldxr    x1, [x8]
    cbnz    x6, 7f
    add     x6, x6, #1
    str     x6, [x8]
7:  add     x1, x1, #9
    stxr    w2, x1, [x8]
    cbnz    w2, 6b

    /* A system call in between clears the monitor in a kernel; in QEMU's user mode it stays. */
    ldxr    x1, [x8]
    mov     w8, #172            /* getpid */
    svc     #0
    let     x8, data + 512
    str     xzr, [x8, #8]
    finish  EXPECTED

elsewhere:
    stp     x3, x30, [sp, #-16]!
    ldp     x3, x30, [sp], #16
    ret
