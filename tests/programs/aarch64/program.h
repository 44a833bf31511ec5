/* What the programs of this folder share: no libc, so that a trace is theirs alone.  `begin` opens one, `finish` ends it:
 * exit status 42 if the checksum of `data` is the expected one, which is that of a run that nobody traced; 1 if not; 2
 * where an `expect` on the way failed. */

#define DATA_BYTES 2048

    /* Let a register be a 32-bit constant or address, without a load. */
    .macro  let register, value
    movz    \register, #:abs_g1:(\value)
    movk    \register, #:abs_g0_nc:(\value)
    .endm

    /* Changes x17 and the flags. */
    .macro  expect register, value
    let     x17, \value
    cmp     \register, x17
    b.ne    failed
    .endm

    .macro  begin
    .bss
    .balign 1024
data:
    .space  DATA_BYTES
    .space  1024
stack:
    .text
    .globl  _start
    .type   _start, %function
_start:
    let     x0, stack
    mov     sp, x0
    /* No two bytes of the data are alike for long. */
    let     x0, data
    let     x1, 0x9e3779b9
    mov     x2, #DATA_BYTES / 8
1:  str     x1, [x0], #8
    ror     x1, x1, #11
    add     x1, x1, x1, lsl #3
    subs    x2, x2, #1
    b.ne    1b
    .endm

    .macro  finish expected
    let     x0, data
    let     x1, 0x811c9dc5
    let     x2, 0x01000193
    mov     x3, #DATA_BYTES / 8
1:  ldr     x4, [x0], #8
    eor     x4, x4, x4, lsr #32
    eor     w1, w1, w4
    mul     w1, w1, w2
    subs    x3, x3, #1
    b.ne    1b
    let     x2, \expected
    cmp     x1, x2
    cset    w0, ne
    mov     w3, #42
    csel    w0, w0, w3, ne
    b       leave
failed:
    mov     w0, #2
leave:
    mov     w8, #93             /* exit */
    svc     #0
    .endm
