/* Checks for programs without a libc: the exit status is 42, or the line of the first check that fails. */

#if __riscv_xlen == 64
#define LOAD ld
#define STORE sd
#define BYTES 8
#else
#define LOAD lw
#define STORE sw
#define BYTES 4
#endif

/* t6 is the macro's own. */
#define CHECK(register, value)                                                                                         \
    li t6, value;                                                                                                      \
    beq register, t6, 1f;                                                                                              \
    li a0, __LINE__;                                                                                                   \
    j fail;                                                                                                            \
    1:

#define START                                                                                                          \
    .text;                                                                                                             \
    .globl _start;                                                                                                     \
    _start:                                                                                                            \
    .option push;                                                                                                      \
    .option norelax;                                                                                                   \
    la gp, __global_pointer$;                                                                                          \
    .option pop

#define END                                                                                                            \
    li a0, 42;                                                                                                         \
    fail:                                                                                                              \
    li a7, 93; /* exit */                                                                                              \
    ecall
