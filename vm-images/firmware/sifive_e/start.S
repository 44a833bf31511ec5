/* RV32IMAC, machine sifive_e, from its flash: traps by a table of vectors from machine and user mode (environment call, illegal
 * instruction, a load that no device answers), atomics, a CLINT timer interrupt that is polled for and one that ends wfi.
 *
 * Nothing ends this machine but semihosting (-semihosting); without it the program stays at `stay`. */
    .file "start.S"

#define UART        0x10013000      /* 0 transmit, 8 transmit control */
#define CLINT_CMP   0x02004000
#define CLINT_TIME  0x0200bff8
#define NOTHING     0x40000000

#define MSTATUS_MIE 8
#define MIE_TIMER   0x80

    .text
    .globl _start
    .type _start, @function
_start:
    la      sp, stack
    la      t0, vectors
    ori     t0, t0, 1               # vectored
    csrw    mtvec, t0
    la      gp, counts
    li      t0, UART
    li      t1, 1                   # transmitter on
    sw      t1, 8(t0)
    la      a0, text_hello
    jal     print

    # The handler leaves the cause in a7 and doubles a0.
    li      a0, 21
    ecall
    li      t0, 42
    bne     a0, t0, failed
    li      t0, 11
    bne     a7, t0, failed
    .insn   4, 0x0000707b           # undefined
    li      t0, 2
    bne     a7, t0, failed
    .insn   2, 0x0000               # undefined, compressed
    csrr    t1, mtval
    bne     a7, t0, failed
    li      t1, NOTHING
    lw      t1, 0(t1)
    li      t0, 5
    bne     a7, t0, failed
    la      a0, text_traps
    jal     print

    # All memory for user mode, and there.
    li      t0, -1
    csrw    pmpaddr0, t0
    li      t0, 0x1f                # NAPOT, all rights
    csrw    pmpcfg0, t0
    li      t0, 0x1800              # previous mode: user
    csrc    mstatus, t0
    la      t0, user
    csrw    mepc, t0
    mret
user:
    li      a0, 4
    ecall
    li      t0, 8
    bne     a7, t0, failed
    csrr    t1, mstatus             # not for user mode
    li      t0, 2
    bne     a7, t0, failed
    li      a0, -1                  # asks for machine mode
    ecall
    la      a0, text_user
    jal     print

    # A recursion; atomics; multiplication.
    li      a0, 20
    jal     sum
    li      t0, 210
    bne     a0, t0, failed
    addi    t1, gp, 8
    sw      a0, 0(t1)
    li      t2, 2
    amoadd.w t3, t2, (t1)
    bne     t3, t0, failed
1:  lr.w    t3, (t1)
    slli    t3, t3, 1
    sc.w    t4, t3, (t1)
    bnez    t4, 1b
    lw      t3, 0(t1)
    li      t0, 424
    bne     t3, t0, failed
    mul     t3, t3, t3
    li      t0, 424 * 424
    bne     t3, t0, failed
    sb      t3, 4(t1)
    sh      t3, 6(t1)
    lbu     t4, 4(t1)
    lh      t5, 6(t1)
    xor     t4, t4, t5
    andi    t4, t4, 0xff
    bnez    t4, failed
    la      a0, text_data
    jal     print

    # One interrupt is polled for.  Where interrupts are held back it does not come: then none is waited for either.
    jal     start_timer
    csrsi   mstatus, MSTATUS_MIE
    li      t1, 600
poll:
    lw      t0, 0(gp)
    bnez    t0, polled
    addi    t1, t1, -1
    bnez    t1, poll
    csrci   mstatus, MSTATUS_MIE
    la      a0, text_no_tick
    jal     print
    j       end
polled:
    csrci   mstatus, MSTATUS_MIE
    la      a0, text_tick
    jal     print

    jal     start_timer             # an interrupt ends wfi also where it is masked: one that comes early is not lost
    wfi
    csrsi   mstatus, MSTATUS_MIE
    csrci   mstatus, MSTATUS_MIE
    lw      t0, 0(gp)
    li      t1, 2
    bne     t0, t1, failed
    la      a0, text_woken
    jal     print

end:
    la      a0, text_done
finish:
    jal     print
    li      a0, 0x18                # semihosting: exit
    li      a1, 0x20026             # of the program's own will
    .option push
    .option norvc
    .balign 16
    .globl done
done:
    slli    zero, zero, 0x1f
    ebreak
    srai    zero, zero, 7
    j       done
    .option pop

failed:
    la      a0, text_failed
    j       finish
    .size _start, . - _start

    .type print, @function
print:                              # a0: a zero-terminated text
    li      t0, UART
1:  lbu     t1, 0(a0)
    beqz    t1, 3f
2:  lw      t2, 0(t0)               # negative: full
    bltz    t2, 2b
    sw      t1, 0(t0)
    addi    a0, a0, 1
    j       1b
3:  ret
    .size print, . - print

    .type sum, @function
sum:                                # a0 = a0 + (a0 - 1) + ... + 0
    beqz    a0, 1f
    addi    sp, sp, -16
    sw      ra, 12(sp)
    sw      s0, 8(sp)
    mv      s0, a0
    addi    a0, a0, -1
    jal     sum
    add     a0, a0, s0
    lw      s0, 8(sp)
    lw      ra, 12(sp)
    addi    sp, sp, 16
1:  ret
    .size sum, . - sum

    .type start_timer, @function
start_timer:                        # 10 MHz: half a microsecond
    li      t0, CLINT_TIME
    lw      t1, 0(t0)
    addi    t1, t1, 5
    li      t0, CLINT_CMP
    sw      t1, 0(t0)
    sw      zero, 4(t0)
    li      t0, MIE_TIMER
    csrs    mie, t0
    ret
    .size start_timer, . - start_timer

    .balign 64
    .option push
    .option norvc
vectors:
    j       exception               # 0, and all exceptions
    .rept   6
    j       failed
    .endr
    j       timer                   # 7
    .rept   8
    j       failed
    .endr
    .option pop

    .type exception, @function
exception:
    csrr    a7, mcause
    csrr    t6, mepc
    li      t5, 3                   # ebreak: semihosting is off
    beq     a7, t5, stay
    lhu     t5, 0(t6)               # the instruction's length
    andi    t5, t5, 3
    addi    t5, t5, -3
    beqz    t5, 1f
    addi    t6, t6, -2
1:  addi    t6, t6, 4
    csrw    mepc, t6
    bgez    a0, 3f
    li      t5, 0x1800
    csrs    mstatus, t5
3:  slli    a0, a0, 1
    mret
stay:
    j       stay
    .size exception, . - exception

    .type timer, @function
timer:
    addi    sp, sp, -16
    sw      t0, 12(sp)
    sw      t1, 8(sp)
    li      t0, CLINT_CMP
    li      t1, -1
    sw      t1, 4(t0)
    lw      t0, 0(gp)
    addi    t0, t0, 1
    sw      t0, 0(gp)
    lw      t1, 8(sp)
    lw      t0, 12(sp)
    addi    sp, sp, 16
    mret
    .size timer, . - timer

    .section .rodata
text_hello:   .asciz "sifive_e\n"
text_traps:   .asciz "traps\n"
text_user:    .asciz "user mode\n"
text_data:    .asciz "data\n"
text_tick:    .asciz "tick\n"
text_no_tick: .asciz "no tick\n"
text_woken:   .asciz "woken\n"
text_done:    .asciz "done\n"
text_failed:  .asciz "failed\n"

    .bss
    .balign 16
counts: .skip 32                    # ticks; a word for the atomics
    .skip 1024
stack:  .skip 16
