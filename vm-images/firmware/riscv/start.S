/* Start of both harts, the trap entry, the way to user mode and back, and the lock. One source for RV32 and RV64. */
    .file "start.S"
    .cfi_sections .debug_frame
#if __riscv_xlen == 64
#define LOAD ld
#define STORE sd
#define WORD 8
#else
#define LOAD lw
#define STORE sw
#define WORD 4
#endif
#define STACK_SIZE 2048

/* Per hart a stack and below it one for traps, whose top waits in mscratch. Hart 0 clears .bss; hart 1 touches nothing there
 * before it is woken. */
    .section .text.start, "ax"
    .globl _start
    .type _start, @function
_start:
    csrr    t0, mhartid
    la      sp, stacks
    li      t1, 2 * STACK_SIZE
    addi    t2, t0, 1
    mul     t2, t2, t1
    add     sp, sp, t2
    li      t1, -STACK_SIZE
    add     t1, sp, t1
    csrw    mscratch, t1
    la      t1, trap_entry
    csrw    mtvec, t1
    bnez    t0, 2f
    la      t1, bss_start
    la      t2, bss_end
1:  STORE   zero, 0(t1)
    addi    t1, t1, WORD
    bltu    t1, t2, 1b
    j       main
2:  j       second_hart
    .size _start, . - _start

/* mtvec's lowest bits are the mode: aligned. All registers that C may change are kept, and handed to trap(). */
    .text
    .balign 4
    .globl trap_entry
    .type trap_entry, @function
trap_entry:
    csrrw   sp, mscratch, sp
    addi    sp, sp, -20 * WORD
    STORE   ra, 0 * WORD(sp)
    STORE   t0, 1 * WORD(sp)
    STORE   t1, 2 * WORD(sp)
    STORE   t2, 3 * WORD(sp)
    STORE   a0, 4 * WORD(sp)
    STORE   a1, 5 * WORD(sp)
    STORE   a2, 6 * WORD(sp)
    STORE   a3, 7 * WORD(sp)
    STORE   a4, 8 * WORD(sp)
    STORE   a5, 9 * WORD(sp)
    STORE   a6, 10 * WORD(sp)
    STORE   a7, 11 * WORD(sp)
    STORE   t3, 12 * WORD(sp)
    STORE   t4, 13 * WORD(sp)
    STORE   t5, 14 * WORD(sp)
    STORE   t6, 15 * WORD(sp)
    mv      a0, sp
    csrr    a1, mcause
    csrr    a2, mepc
    call    trap
    csrw    mepc, a0
    LOAD    ra, 0 * WORD(sp)
    LOAD    t0, 1 * WORD(sp)
    LOAD    t1, 2 * WORD(sp)
    LOAD    t2, 3 * WORD(sp)
    LOAD    a0, 4 * WORD(sp)
    LOAD    a1, 5 * WORD(sp)
    LOAD    a2, 6 * WORD(sp)
    LOAD    a3, 7 * WORD(sp)
    LOAD    a4, 8 * WORD(sp)
    LOAD    a5, 9 * WORD(sp)
    LOAD    a6, 10 * WORD(sp)
    LOAD    a7, 11 * WORD(sp)
    LOAD    t3, 12 * WORD(sp)
    LOAD    t4, 13 * WORD(sp)
    LOAD    t5, 14 * WORD(sp)
    LOAD    t6, 15 * WORD(sp)
    addi    sp, sp, 20 * WORD
    csrrw   sp, mscratch, sp
    mret
    .size trap_entry, . - trap_entry

/* unsigned long run_user(entry, stack): what the user gives to its ecall. */
    .globl run_user
    .type run_user, @function
run_user:
    addi    sp, sp, -4 * WORD
    STORE   ra, 0 * WORD(sp)
    STORE   s0, 1 * WORD(sp)
    STORE   s1, 2 * WORD(sp)
    la      t0, kernel_stack
    STORE   sp, 0(t0)
    csrw    mepc, a0
    li      t0, 3 << 11             /* mstatus.MPP: user */
    csrc    mstatus, t0
    mv      sp, a1
    mret
    .globl leave_user               /* trap() returns here for the user's ecall */
leave_user:
    la      t0, kernel_stack
    LOAD    sp, 0(t0)
    LOAD    ra, 0 * WORD(sp)
    LOAD    s0, 1 * WORD(sp)
    LOAD    s1, 2 * WORD(sp)
    addi    sp, sp, 4 * WORD
    ret
    .size run_user, . - run_user

/* Two ways to take the same lock: by an atomic swap, and by a reservation. */
    .globl lock_by_swap
    .type lock_by_swap, @function
lock_by_swap:
    li      t0, 1
1:  amoswap.w.aq t1, t0, (a0)
    bnez    t1, 1b
    ret
    .size lock_by_swap, . - lock_by_swap

    .globl lock_by_reservation
    .type lock_by_reservation, @function
lock_by_reservation:
    li      t0, 1
1:  lr.w.aq t1, (a0)
    bnez    t1, 1b
    sc.w    t1, t0, (a0)
    bnez    t1, 1b
    ret
    .size lock_by_reservation, . - lock_by_reservation

    .globl unlock
    .type unlock, @function
unlock:
    amoswap.w.rl zero, zero, (a0)
    ret
    .size unlock, . - unlock

/* The user's program, at its virtual address. It reads what only the machine may and is stopped by a page fault. */
    .section .user.text, "ax"
    .globl user_start
    .type user_start, @function
user_start:
    la      t0, user_numbers
    li      a0, 0
    li      t1, 4
1:  lw      t2, 0(t0)
    add     a0, a0, t2
    addi    t0, t0, 4
    addi    t1, t1, -1
    bnez    t1, 1b
    addi    sp, sp, -16
    STORE   a0, 0(sp)
    la      t0, _start
    lw      t2, 0(t0)               /* page fault; skipped */
    LOAD    a0, 0(sp)
    ecall
2:  j       2b
    .size user_start, . - user_start

    .section .user.data, "aw"
    .globl user_numbers
user_numbers:
    .word   1, 20, 300, 4000
