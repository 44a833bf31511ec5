/* PowerPC 440, machine bamboo: a system call, a trap, an illegal instruction, a page that a TLB miss maps, the decrementer's
 * interrupt that is polled for and one that ends the wait state.
 *
 * Ends by a system reset, asked for in DBCR0; QEMU exits under -no-reboot.  QEMU maps the whole 4 GiB one to one at the
 * start, in TLB entries 0 and 1. */
    .file "start.S"

#define UART        0xef600300

#define SPR_DEC     22
#define SPR_DECAR   54
#define SPR_SRR0    26
#define SPR_SRR1    27
#define SPR_PID     48
#define SPR_DEAR    61
#define SPR_IVPR    63
#define SPR_DBCR0   308
#define SPR_TSR     336
#define SPR_TCR     340
#define SPR_IVOR    400             /* the first of sixteen */

#define MSR_WE      0x00040000
#define MSR_EE      0x00008000
#define TSR_DIS     0x08000000
#define TCR_DIE     0x04000000
#define DBCR0_RESET 0x30000000

#define VIRTUAL     0xa0000000      /* mapped by the TLB miss, to `page` */

    .macro load_address register, symbol
    lis     \register, \symbol@ha
    addi    \register, \register, \symbol@l
    .endm

    .macro vector number, handler
    li      %r4, \handler - vectors
    mtspr   SPR_IVOR + \number, %r4
    .endm

    .text
vectors:                            # at 0x100000: IVPR holds the upper 16 bits alone
    .type system_call, @function
system_call:                        # doubles %r3
    add     %r3, %r3, %r3
    rfi
    .size system_call, . - system_call

    .balign 16
    .type program, @function
program:                            # returns behind the instruction
    mfspr   %r31, SPR_SRR0
    addi    %r31, %r31, 4
    mtspr   SPR_SRR0, %r31
    addi    %r30, %r30, 1
    rfi
    .size program, . - program

    .balign 16
    .type data_tlb_miss, @function
data_tlb_miss:                      # maps 4 KiB at VIRTUAL to `page` by entry 2, and has the instruction executed again
    mfspr   %r31, SPR_DEAR
    ori     %r31, %r31, 0x210       # valid, 4 KiB
    li      %r28, 2
    tlbwe   %r31, %r28, 0
    load_address %r31, page
    tlbwe   %r31, %r28, 1
    li      %r31, 0x3f
    tlbwe   %r31, %r28, 2
    isync
    addi    %r30, %r30, 1
    rfi
    .size data_tlb_miss, . - data_tlb_miss

    .balign 16
    .type decrementer, @function
decrementer:
    lis     %r31, TSR_DIS >> 16
    mtspr   SPR_TSR, %r31
    lwz     %r31, 0(%r29)
    addi    %r31, %r31, 1
    stw     %r31, 0(%r29)
    mfspr   %r31, SPR_SRR1          # no longer waiting
    rlwinm  %r31, %r31, 0, 14, 12
    mtspr   SPR_SRR1, %r31
    rfi
    .size decrementer, . - decrementer

    .balign 16
unexpected:
    b       failed


    .globl _start
    .type _start, @function
_start:
    load_address %r1, stack
    load_address %r3, vectors
    mtspr   SPR_IVPR, %r3
    .irp    number, 0, 1, 2, 3, 4, 5, 7, 9, 11, 12, 14, 15
    vector  \number, unexpected
    .endr
    vector  6, program
    vector  8, system_call
    vector  10, decrementer
    vector  13, data_tlb_miss
    load_address %r3, text_hello
    bl      print

    li      %r3, 21
    sc
    cmpwi   %r3, 42
    bne     jump_failed
    load_address %r3, text_call
    bl      print

    li      %r30, 0
    trap
    li      %r4, 1
    twgti   %r4, 0
    twlgti  %r4, 7                  # not taken
    .long   0
    cmpwi   %r30, 3
    bne     jump_failed
    load_address %r3, text_program
    bl      print

    # A recursion; loads and stores of all kinds; a reservation.
    li      %r3, 20
    bl      sum
    cmpwi   %r3, 210
    bne     jump_failed
    load_address %r4, page
    lis     %r5, 0x1234
    ori     %r5, %r5, 0x5678
    stw     %r5, 0(%r4)
    stwu    %r5, 4(%r4)
    lbz     %r6, -4(%r4)
    cmpwi   %r6, 0x12
    bne     jump_failed
    lhz     %r6, -2(%r4)
    sthbrx  %r6, 0, %r4
    lha     %r6, 0(%r4)
    cmpwi   %r6, 0x7856
    bne     jump_failed
    lmw     %r28, -4(%r4)           # 28 to 31
    stmw    %r28, 12(%r4)
    li      %r7, 16
1:  lwarx   %r6, %r7, %r4
    addi    %r6, %r6, 1
    stwcx.  %r6, %r7, %r4
    bne     1b
    load_address %r3, text_data
    bl      print

    # The upper 2 GiB without the part at VIRTUAL: entry 1 shrinks to 256 MiB at 0xe0000000.
    lis     %r5, 0xe000
    ori     %r6, %r5, 0x290         # valid, 256 MiB
    li      %r4, 1
    tlbwe   %r6, %r4, 0
    tlbwe   %r5, %r4, 1
    li      %r7, 0x3f
    tlbwe   %r7, %r4, 2
    isync
    li      %r30, 0
    lis     %r5, VIRTUAL >> 16
    lwz     %r6, 0(%r5)
    lis     %r7, 0x1234
    ori     %r7, %r7, 0x5678
    cmpw    %r6, %r7
    bne     jump_failed
    stw     %r7, 64(%r5)
    load_address %r4, page
    lwz     %r6, 64(%r4)
    cmpw    %r6, %r7
    bne     jump_failed
    cmpwi   %r30, 1
    bne     jump_failed
    load_address %r3, text_miss
    bl      print
    b       interrupts
jump_failed:
    b       failed

    # One interrupt is polled for.  Where interrupts are held back it does not come: then none is waited for either.
interrupts:
    load_address %r29, ticks
    lis     %r4, TCR_DIE >> 16
    mtspr   SPR_TCR, %r4
    li      %r4, 200                # 400 MHz: half a microsecond
    mtspr   SPR_DEC, %r4
    wrteei  1
    li      %r4, 600
    mtctr   %r4
poll:
    lwz     %r4, 0(%r29)
    cmpwi   %r4, 0
    bne     polled
    bdnz    poll
    wrteei  0
    load_address %r3, text_no_tick
    bl      print
    b       end
polled:
    wrteei  0
    load_address %r3, text_tick
    bl      print

    li      %r4, 200
    mtspr   SPR_DEC, %r4
    lis     %r5, (MSR_WE | MSR_EE)@h
    ori     %r5, %r5, (MSR_WE | MSR_EE)@l
    mtmsr   %r5                     # on and waiting in one: the interrupt cannot come before
    isync
    wrteei  0
    lwz     %r4, 0(%r29)
    cmpwi   %r4, 2
    bne     failed
    load_address %r3, text_woken
    bl      print

end:
    load_address %r3, text_done
finish:
    bl      print
    lis     %r4, DBCR0_RESET >> 16
    .globl done
done:
    mtspr   SPR_DBCR0, %r4
    b       done

failed:
    load_address %r3, text_failed
    b       finish
    .size _start, . - _start

    .type print, @function
print:                              # %r3: a zero-terminated text
    lis     %r4, UART@ha
    addi    %r4, %r4, UART@l
    lbz     %r5, 0(%r3)
1:  lbz     %r6, 5(%r4)
    andi.   %r6, %r6, 0x20
    beq     1b
    stb     %r5, 0(%r4)
    lbzu    %r5, 1(%r3)
    cmpwi   %r5, 0
    bne     1b
    blr
    .size print, . - print

    .type sum, @function
sum:                                # %r3 = %r3 + (%r3 - 1) + ... + 0
    cmpwi   %r3, 0
    beqlr
    stwu    %r1, -16(%r1)
    mflr    %r0
    stw     %r0, 20(%r1)
    stw     %r3, 8(%r1)
    addi    %r3, %r3, -1
    bl      sum
    lwz     %r4, 8(%r1)
    add     %r3, %r3, %r4
    lwz     %r0, 20(%r1)
    mtlr    %r0
    addi    %r1, %r1, 16
    blr
    .size sum, . - sum

    .section .rodata
text_hello:   .asciz "bamboo\n"
text_call:    .asciz "system call\n"
text_program: .asciz "program\n"
text_data:    .asciz "data\n"
text_miss:    .asciz "TLB miss\n"
text_tick:    .asciz "tick\n"
text_no_tick: .asciz "no tick\n"
text_woken:   .asciz "woken\n"
text_done:    .asciz "done\n"
text_failed:  .asciz "failed\n"

    .data
    .balign 4
ticks:  .long 0

    .bss
    .balign 4096
page:   .skip 4096
    .skip 1024
stack:  .skip 16
