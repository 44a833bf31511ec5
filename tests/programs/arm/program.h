/* What the programs of this folder share: no libc, so that a trace is theirs alone.  Each is built as A32 or as T32
 * (-mthumb).  `begin` opens one, `finish` ends it: exit status 42 if the checksum of `data` is the expected one, which is
 * that of a run that nobody traced; 1 if not; 2 where an `expect` on the way failed. */
    .syntax unified
    .arch armv8-a
    .arch_extension crc
    .fpu crypto-neon-fp-armv8
#ifdef __thumb__
    .thumb
#else
    .arm
#endif

#define DATA_WORDS 160

    /* Let a register be a 32-bit constant or address, without a load. */
    .macro let register, value
    movw    \register, #:lower16:(\value)
    movt    \register, #:upper16:(\value)
    .endm

    /* Changes ip and the flags. */
    .macro expect register, value
    let     ip, \value
    cmp     \register, ip
    bne     failed
    .endm

    .macro begin
    .bss
    .balign 64
    .globl data
data:
    .space  4 * DATA_WORDS
    .space  256
stack:
    .text
    .balign 4
    .globl _start
    .type _start, %function
#ifdef __thumb__
    .thumb_func
#endif
_start:
    let     sp, stack
    /* No two bytes of the data are alike for long. */
    let     r0, data
    let     r1, 0x9e3779b9
    mov     r2, #DATA_WORDS
1:  str     r1, [r0], #4
    ror     r1, r1, #7
    add     r1, r1, r1, lsl #3
    subs    r2, r2, #1
    bne     1b
    .endm

    .macro finish expected
    let     r0, data
    let     r1, 0x811c9dc5
    let     r2, 0x01000193
    mov     r3, #DATA_WORDS
1:  ldr     r4, [r0], #4
    eor     r1, r1, r4
    mul     r1, r1, r2
    subs    r3, r3, #1
    bne     1b
    let     r2, \expected
    mov     r0, #1
    cmp     r1, r2
    bne     leave
    mov     r0, #42
    b       leave
failed:
    mov     r0, #2
leave:
    mov     r7, #1              /* exit */
    svc     #0
    .endm
