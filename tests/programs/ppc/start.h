/* What the libc-free PowerPC programs share: where they start, how they end, and how they check a result.
 * cr7, r0, r30 and r31 are the checks'; a failed one ends the program with its number (modulo 256) as the exit status. */

    .macro start
#if defined(__powerpc64__) && _CALL_ELF != 2
    .section .opd, "aw"         /* ELFv1: the entry point is a descriptor */
    .balign 8
    .globl  _start
_start:
    .quad   .L_start, .TOC.@tocbase, 0
    .text
.L_start:
#else
#ifdef __powerpc64__
    .abiversion 2
#endif
    .text
    .globl  _start
_start:
#endif
    .endm

    .macro address register, symbol
    lis     \register, \symbol@ha
    addi    \register, \register, \symbol@l
    .endm

    .macro constant register, value
    lis     \register, (\value) >> 16
    ori     \register, \register, (\value) & 0xffff
    .endm

/* The low 32 bits of a register. */
    .macro expect register, value
    constant 31, \value
    li      30, \@
    cmplw   7, \register, 31
    bne-    7, failed
    .endm

    .macro expect_word place, value
    lwz     0, \place
    expect  0, \value
    .endm

/* The 64 bits at a place, a multiple of four from r4. */
    .macro expect_double offset, high, low
#ifdef __LITTLE_ENDIAN__
    expect_word "\offset + 4(4)", \high
    expect_word "\offset(4)", \low
#else
    expect_word "\offset(4)", \high
    expect_word "\offset + 4(4)", \low
#endif
    .endm

/* The 16 bytes at r4, as two numbers of the guest's byte order. */
    .macro expect_bytes first, second, third, fourth
    expect_word "0(4)", \first
    expect_word "4(4)", \second
    expect_word "8(4)", \third
    expect_word "12(4)", \fourth
    .endm

    .macro finish
    li      30, 0
failed:
    mr      3, 30
    li      0, 1                /* exit */
    sc
    trap
    .section .note.GNU-stack, "", @progbits
    .text
    .endm
