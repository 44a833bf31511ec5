/* Start, the exception vectors, user mode and back, and the pieces that C cannot say. */
    .file "start.S"
    .cfi_sections .debug_frame
    .set    noreorder
    .set    noat

#define INDEX $0
#define ENTRY_LO0 $2
#define ENTRY_LO1 $3
#define BAD_ADDRESS $8
#define ENTRY_HI $10
#define STATUS $12
#define CAUSE $13
#define EPC $14
#define EBASE $15, 1
#define FRAME 96

/* EBase points here: TLB refill, exceptions at 0x180, interrupts at 0x200 (Cause.IV). */
    .section .vectors, "ax"
    .globl vectors
    .type vectors, @function
vectors:
/* A pair of pages: the even one is the user's code, read-only, the odd one its data. Nothing else of kuseg is used. */
    la      $k0, user_pages
    sll     $k0, $k0, 3             /* away with kseg0's bits */
    srl     $k0, $k0, 9             /* page frame number, in bits 6 and up */
    ori     $k1, $k0, 0x1a          /* cached, valid */
    mtc0    $k1, ENTRY_LO0
    addiu   $k1, $k0, 0x40
    ori     $k1, $k1, 0x1e          /* and writable */
    mtc0    $k1, ENTRY_LO1
    ehb
    tlbwr
    eret
    .org    0x180
    b       common_entry
    li      $k1, 0
    .org    0x200
    b       common_entry
    li      $k1, 1

/* What C may change is kept on a stack of its own, then exception(frame, is_interrupt). */
    .type common_entry, @function
common_entry:
    move    $k0, $sp
    la      $sp, exception_stack_top - FRAME - 16
    sw      $k0, 16+0($sp)
    sw      $at, 16+4($sp)
    sw      $v0, 16+8($sp)
    sw      $v1, 16+12($sp)
    sw      $a0, 16+16($sp)
    sw      $a1, 16+20($sp)
    sw      $a2, 16+24($sp)
    sw      $a3, 16+28($sp)
    sw      $t0, 16+32($sp)
    sw      $t1, 16+36($sp)
    sw      $t2, 16+40($sp)
    sw      $t3, 16+44($sp)
    sw      $t4, 16+48($sp)
    sw      $t5, 16+52($sp)
    sw      $t6, 16+56($sp)
    sw      $t7, 16+60($sp)
    sw      $t8, 16+64($sp)
    sw      $t9, 16+68($sp)
    sw      $ra, 16+72($sp)
    mfhi    $t0
    mflo    $t1
    sw      $t0, 16+76($sp)
    sw      $t1, 16+80($sp)
    mfc0    $t0, EPC
    mfc0    $t1, STATUS
    mfc0    $t2, CAUSE
    sw      $t0, 16+84($sp)
    sw      $t1, 16+88($sp)
    sw      $t2, 16+92($sp)
    addiu   $a0, $sp, 16
    jal     exception
    move    $a1, $k1
    lw      $t0, 16+84($sp)
    lw      $t1, 16+88($sp)
    mtc0    $t0, EPC
    mtc0    $t1, STATUS
    lw      $t0, 16+76($sp)
    lw      $t1, 16+80($sp)
    mthi    $t0
    mtlo    $t1
    lw      $ra, 16+72($sp)
    lw      $t9, 16+68($sp)
    lw      $t8, 16+64($sp)
    lw      $t7, 16+60($sp)
    lw      $t6, 16+56($sp)
    lw      $t5, 16+52($sp)
    lw      $t4, 16+48($sp)
    lw      $t3, 16+44($sp)
    lw      $t2, 16+40($sp)
    lw      $t1, 16+36($sp)
    lw      $t0, 16+32($sp)
    lw      $a3, 16+28($sp)
    lw      $a2, 16+24($sp)
    lw      $a1, 16+20($sp)
    lw      $a0, 16+16($sp)
    lw      $v1, 16+12($sp)
    lw      $v0, 16+8($sp)
    lw      $at, 16+4($sp)
    lw      $sp, 16+0($sp)
    ehb
    eret
    .size common_entry, . - common_entry

    .text
    .globl _start
    .type _start, @function
_start:
    la      $t0, vectors
    mtc0    $t0, EBASE
    lui     $t0, 0x0080             /* Cause.IV: interrupts have their own vector */
    mtc0    $t0, CAUSE
    mtc0    $zero, STATUS           /* no more ERL and BEV */
    ehb
    la      $sp, stack_top - 16
    la      $t0, bss_start
    la      $t1, bss_end
1:  sw      $zero, 0($t0)
    addiu   $t0, $t0, 4
    bne     $t0, $t1, 1b
    nop
    jal     main
    nop
1:  b       1b
    nop
    .size _start, . - _start

/* uint32_t run_user(entry, stack, address space): what the user's syscall gives. */
    .globl run_user
    .type run_user, @function
run_user:
    addiu   $sp, $sp, -40
    sw      $ra, 0($sp)
    sw      $s0, 4($sp)
    sw      $s1, 8($sp)
    sw      $s2, 12($sp)
    sw      $s3, 16($sp)
    sw      $s4, 20($sp)
    sw      $s5, 24($sp)
    sw      $s6, 28($sp)
    sw      $s7, 32($sp)
    sw      $fp, 36($sp)
    lui     $t0, %hi(kernel_stack)
    sw      $sp, %lo(kernel_stack)($t0)
    mtc0    $a2, ENTRY_HI
    mtc0    $a0, EPC
    li      $t0, 0x12               /* Status: user mode once EXL is gone */
    mtc0    $t0, STATUS
    ehb
    move    $sp, $a1
    eret
    .globl leave_user               /* exception() has the user's syscall return here */
leave_user:
    lui     $t0, %hi(kernel_stack)
    lw      $sp, %lo(kernel_stack)($t0)
    lw      $ra, 0($sp)
    lw      $s0, 4($sp)
    lw      $s1, 8($sp)
    lw      $s2, 12($sp)
    lw      $s3, 16($sp)
    lw      $s4, 20($sp)
    lw      $s5, 24($sp)
    lw      $s6, 28($sp)
    lw      $s7, 32($sp)
    lw      $fp, 36($sp)
    jr      $ra
    addiu   $sp, $sp, 40
    .size run_user, . - run_user

/* uint32_t samples(value, uint32_t *memory): delay slots, one of them skipped, unaligned loads and stores by halves, a linked
 * pair, multiplication. */
    .globl samples
    .type samples, @function
samples:
    move    $t9, $ra
    bltzal  $zero, 1f               /* not taken, and writes $ra all the same */
    nop
1:  lwl     $t0, 1 + BIG * 0 + LITTLE * 3($a1)
    lwr     $t0, 1 + BIG * 3 + LITTLE * 0($a1)
    swl     $t0, 6 + BIG * 0 + LITTLE * 3($a1)
    swr     $t0, 6 + BIG * 3 + LITTLE * 0($a1)
2:  ll      $t1, 0($a1)
    addiu   $t1, $t1, 1
    sc      $t1, 0($a1)
    beqzl   $t1, 2b
    addiu   $a0, $a0, 1000          /* skipped: the branch is likely, and not taken */
    beqzl   $zero, 3f
    addiu   $a0, $a0, 1             /* executed: taken */
    addiu   $a0, $a0, 100
3:  multu   $a0, $a0
    mflo    $v0
    lw      $t1, 0($a1)
    jr      $t9
    addu    $v0, $v0, $t1
    .size samples, . - samples

/* uint32_t provoke(left, right): each of them is skipped by exception(). */
    .globl provoke
    .type provoke, @function
provoke:
    break   1
    li      $t0, 0x7fffffff
    add     $t0, $t0, $t0           /* overflow */
    teq     $zero, $zero            /* trap */
    .word   0x7000003b              /* reserved instruction */
    lw      $t0, 1($sp)             /* address error */
    b       1f
    break   2                       /* in a delay slot: EPC is the branch, Cause.BD is set */
    addiu   $a0, $a0, 100
1:  syscall
    jr      $ra
    move    $v0, $a0
    .size provoke, . - provoke

/* wait, unless all ticks have come. An interrupt between the look and the wait would make it wait for ever, so the interrupt's
 * handler returns to wait_end from here. */
    .globl wait_for_tick
    .type wait_for_tick, @function
wait_for_tick:
    lui     $t0, %hi(ticks)
    lw      $t0, %lo(ticks)($t0)
    sltiu   $t0, $t0, 3
    beqz    $t0, wait_end
    nop
    wait
    .globl wait_end
wait_end:
    jr      $ra
    nop
    .size wait_for_tick, . - wait_for_tick

/* User mode. It reads what only the kernel may and is stopped by an address error. */
    .section .user.text, "ax"
    .globl user_start
    .type user_start, @function
user_start:
    la      $t0, user_numbers
    li      $a0, 0
    li      $t1, 4
1:  lw      $t2, 0($t0)
    addiu   $t1, $t1, -1
    addu    $a0, $a0, $t2
    bnez    $t1, 1b
    addiu   $t0, $t0, 4
    sw      $a0, -4($sp)
    lui     $t0, 0x8010
    lw      $t2, 0($t0)             /* address error; skipped */
    lw      $a0, -4($sp)
    syscall
2:  b       2b
    nop
    .size user_start, . - user_start

    .section .user.data, "aw"
user_numbers:
    .word   1, 20, 300, 4000
