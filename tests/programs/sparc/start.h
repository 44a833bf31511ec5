/* What the libc-free SPARC programs share: where they start, how they end, and how they check a result.
 * %g1 to %g3 are the checks'; a failed one ends the program with its number (modulo 256) as the exit status. */

#ifdef __arch64__
#define SYSTEM_CALL ta 0x6d
#define BIAS        2047
#define FRAME       (16 + 6) * 8
#define CELL        8
#define st_cell     stx
#define ld_cell     ldx
#else
#define SYSTEM_CALL ta 0x10
#define BIAS        0
#define FRAME       (16 + 8) * 4
#define CELL        4
#define st_cell     st
#define ld_cell     ld
#endif

#ifdef __sparc_v9__
    .register %g2, #scratch
    .register %g3, #scratch
    .register %g6, #scratch
    .register %g7, #scratch
#endif

    .macro start
    .text
    .globl  _start
_start:
    .endm

/* The low 32 bits of a register. */
    .macro expect register, value
    set     \value, %g3
    cmp     \register, %g3
    bne     failed
     mov    \@ & 0xff, %g2
    .endm

    .macro expect_word place, value
    ld      [\place], %g1
    expect  %g1, \value
    .endm

    .macro finish
    mov     0, %g2
failed:
    mov     %g2, %o0
    mov     1, %g1              ! exit
    SYSTEM_CALL
    unimp   0
    .section .note.GNU-stack, "", @progbits
    .text
    .endm
