/* Start, the vectors, user mode and back, and the pieces that C cannot say. */
    .file "start.S"
    .cfi_sections .debug_frame

#define MSR_SPE 0x02000000
#define MSR_PR 0x4000
#define FRAME 176 /* 16 for C's own, then struct exception_frame */

/* IVPR is this address; each IVOR the low half of the entry's. SPRG0 keeps the stack pointer, SPRG1 r0. */
    .section .vectors, "ax"
    .macro  vector number
    .balign 16
    mtsprg  0, 1
    mtsprg  1, 0
    li      0, \number
    b       common_entry
    .endm
    .globl vectors
    .type vectors, @function
vectors:
    vector  0
    vector  1
    vector  2                       /* data storage */
    vector  3
    vector  4
    vector  5
    vector  6                       /* program */
    vector  7
    vector  8                       /* system call */
    vector  9
    vector  10                      /* decrementer */
    vector  11
    vector  12
    vector  13                      /* data TLB error */
    vector  14                      /* instruction TLB error */
    .size vectors, . - vectors

/* All registers are kept on a stack of its own (a user's may not be there), then exception(frame, vector). */
    .text
    .type common_entry, @function
common_entry:
    lis     1, (exception_stack_top - FRAME)@ha
    addi    1, 1, (exception_stack_top - FRAME)@l
    stmw    3, 48(1)
    mfsprg  3, 0
    mfsprg  4, 1
    mflr    5
    mfctr   6
    mfxer   7
    mfcr    8
    mfsrr0  9
    mfsrr1  10
    stw     3, 44(1)
    stw     4, 40(1)
    stw     5, 36(1)
    stw     6, 32(1)
    stw     7, 28(1)
    stw     8, 24(1)
    stw     9, 20(1)
    stw     10, 16(1)
    mr      4, 0
    addi    3, 1, 16
    bl      exception
    lwz     5, 36(1)
    lwz     6, 32(1)
    lwz     7, 28(1)
    lwz     8, 24(1)
    lwz     9, 20(1)
    lwz     10, 16(1)
    mtlr    5
    mtctr   6
    mtxer   7
    mtcr    8
    mtsrr0  9
    mtsrr1  10
    lmw     3, 48(1)
    lwz     0, 40(1)
    lwz     1, 44(1)
    rfi
    .size common_entry, . - common_entry

    .globl _start
    .type _start, @function
_start:
    lis     1, (stack_top - 16)@ha
    addi    1, 1, (stack_top - 16)@l
    lis     3, (bss_start - 4)@ha
    addi    3, 3, (bss_start - 4)@l
    lis     4, (bss_end - 4)@ha
    addi    4, 4, (bss_end - 4)@l
    li      0, 0
1:  cmplw   3, 4
    beq     2f
    stwu    0, 4(3)
    b       1b
2:  stw     0, 0(1)
    bl      main
    b       .
    .size _start, . - _start

/* uint32_t run_user(entry, stack): what the user's sc gives. */
    .globl run_user
    .type run_user, @function
run_user:
    stwu    1, -96(1)
    mflr    0
    stw     0, 100(1)
    stmw    14, 16(1)
    lis     5, kernel_stack@ha
    stw     1, kernel_stack@l(5)
    mtsrr0  3
    mfmsr   5
    ori     5, 5, MSR_PR
    mtsrr1  5
    mr      1, 4
    rfi
    .globl leave_user               /* exception() has the user's sc return here */
leave_user:
    lis     5, kernel_stack@ha
    lwz     1, kernel_stack@l(5)
    lmw     14, 16(1)
    lwz     0, 100(1)
    mtlr    0
    addi    1, 1, 96
    blr
    .size run_user, . - run_user

/* uint32_t samples(value, uint32_t *memory): forms with update, several registers, a reservation, byte reversal, the counter's
 * branch, a selected register, and the upper halves of the registers by the SPE's instructions. */
    .globl samples
    .type samples, @function
samples:
    stwu    1, -32(1)
    stmw    28, 16(1)
    mfmsr   5
    oris    5, 5, MSR_SPE >> 16
    mtmsr   5
    isync
    evldd   28, 0(4)
    evldd   29, 8(4)
    evaddw  30, 28, 29
    evstdd  30, 0(4)
    li      5, 3
    mtctr   5
    mr      6, 4
1:  lwzu    7, 4(6)
    add     3, 3, 7
    bdnz    1b
2:  lwarx   7, 0, 4
    addi    7, 7, 1
    stwcx.  7, 0, 4
    bne-    2b
    lwbrx   7, 0, 4
    sthx    7, 4, 5
    cmplwi  3, 10
    isel    8, 7, 5, 1              /* r7 if greater */
    add     3, 3, 8
    lmw     28, 16(1)
    addi    1, 1, 32
    blr
    .size samples, . - samples

/* uint32_t provoke(left, right): all but sc are skipped by exception(). */
    .globl provoke
    .type provoke, @function
provoke:
    trap
    twlgti  4, 0                    /* taken, unless right is 0 */
    .long   0                       /* illegal */
    lis     5, 0xc000
    lwz     6, 0x10(5)              /* no TLB entry */
    sc
    blr
    .size provoke, . - provoke

/* User mode, address space 1. Its pages are mapped when it comes to them; writing to its code is a storage exception. */
    .section .user.text, "ax"
    .globl user_start
    .type user_start, @function
user_start:
    lis     4, (user_numbers - 4)@ha
    addi    4, 4, (user_numbers - 4)@l
    li      3, 0
    li      5, 4
    mtctr   5
1:  lwzu    6, 4(4)
    add     3, 3, 6
    bdnz    1b
    stwu    3, -16(1)
    lis     4, user_start@ha
    stw     3, user_start@l(4)      /* storage exception; skipped */
    lwz     3, 0(1)
    sc
    b       .
    .size user_start, . - user_start

    .section .user.data, "aw"
user_numbers:
    .long   1, 20, 300, 4000
