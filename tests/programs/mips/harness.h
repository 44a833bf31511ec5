/* Checks for programs without a libc: the exit status is 42, or the low byte of the line of the first check that fails.
 * Registers go by number, since the ABIs name 8 to 15 differently. $24 and $25 are the macros' own. */

#if defined(__mips64)
#define EXIT 5058
#define LI dli
#define LA dla
#define ADDIU daddiu
#define ADDU daddu
#else
#define EXIT 4001
#define LI li
#define LA la
#define ADDIU addiu
#define ADDU addu
#endif

#define CHECK(register, value)                                                                                         \
    LI $24, value;                                                                                                     \
    beq register, $24, 1f;                                                                                             \
    nop;                                                                                                               \
    LA $25, fail;                                                                                                      \
    jr $25;                                                                                                            \
    li $4, __LINE__;                                                                                                   \
    1:

#define START                                                                                                          \
    .text;                                                                                                             \
    .set noreorder;                                                                                                    \
    .set noat;                                                                                                         \
    .globl __start;                                                                                                    \
    __start:

#define END                                                                                                            \
    li $4, 42;                                                                                                         \
    fail:                                                                                                              \
    li $2, EXIT;                                                                                                       \
    syscall
