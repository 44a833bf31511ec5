/* The start and the end of a program without a libc.
 *
 * QEMU 10.0 puts the stack's start a few words lower than 7.2, so each program begins it at a round address.  It ends
 * with the sum of the bytes of `data`, so that a wrong store shows in the exit status. */
    .macro start
    .globl _start
_start:
    { r29 = and(r29, ##-0x10000) }
    { r30 = #0; r31 = #0 }
    .endm

    .macro end_with_sum_of_data
    { r0 = #0; r1 = ##data }
    { r2 = #0; r3 = ##(data_end - data) }
    loop0(.Lsum, r3)
.Lsum:
    { r0 = add(r0, r2); r2 = memub(r1++#1) }:endloop0
    { r0 = and(r0, #127); r6 = #93 }
    trap0(#1)
    .endm

    .macro data_of_bytes count
    .data
    .p2align 16
    .globl data
data:
    .set value, 0
    .rept \count
    .byte (value * 7 + (value >> 8) * 3) & 255
    .set value, value + 1
    .endr
data_end:
    .endm
