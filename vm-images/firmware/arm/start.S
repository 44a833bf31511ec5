/* Start, the MMU, the vectors, and the pieces that C cannot say. */
    .file "start.S"
    .cfi_sections .debug_frame
    .syntax unified
    .arch armv7-a
    .arch_extension virt
    .fpu neon
    .arm

    .section .text.start, "ax"
    .globl _start
    .type _start, %function
_start:
    cps     #0x1f                   /* system mode: the user's stack pointer */
    ldr     sp, =user_stack_top
    cps     #0x13
    ldr     sp, =stack_top
    ldr     r0, =vectors
    mcr     p15, 0, r0, c12, c0, 0  /* VBAR */
    ldr     r0, =bss_start
    ldr     r1, =bss_end
    mov     r2, #0
    mov     r3, #0
1:  cmp     r0, r1
    strdlo  r2, r3, [r0], #8
    blo     1b
    mov     r0, #15 << 20
    mcr     p15, 0, r0, c1, c0, 2   /* CPACR: coprocessors 10 and 11 */
    isb
    mov     r0, #1 << 30
    vmsr    fpexc, r0
    bl      make_table
    ldr     r0, =table
    mcr     p15, 0, r0, c2, c0, 0   /* TTBR0 */
    mov     r0, #1
    mcr     p15, 0, r0, c3, c0, 0   /* DACR: domain 0 by the descriptors */
    mcr     p15, 0, r0, c13, c0, 1  /* CONTEXTIDR: address space 1 */
    mov     r0, #0
    mcr     p15, 0, r0, c8, c7, 0   /* TLBIALL */
    dsb
    mrc     p15, 0, r0, c1, c0, 0
    orr     r0, r0, #1              /* SCTLR.M */
    mcr     p15, 0, r0, c1, c0, 0
    isb
    bl      main
1:  b       1b
    .size _start, . - _start

/* All handled in supervisor mode: srs puts the return address and SPSR onto its stack whatever the exception's mode is. */
    .text
    .balign 32
    .globl vectors
vectors:
    b       .
    b       undefined
    b       supervisor_call
    b       prefetch_abort
    b       data_abort
    b       .
    b       interrupt
    b       .

    .macro entry name, number
    .type \name, %function
\name:
    srsdb   sp!, #0x13
    cps     #0x13
    push    {r0-r3, r12, lr}
    mov     r1, #\number
    b       common_entry
    .size \name, . - \name
    .endm
    entry   undefined, 1
    entry   supervisor_call, 2
    entry   prefetch_abort, 3
    entry   data_abort, 4
    entry   interrupt, 6

    .type common_entry, %function
common_entry:
    mov     r0, sp
    and     r2, sp, #4              /* the procedure call standard's alignment of 8 */
    sub     sp, sp, r2
    push    {r2, r3}
    bl      exception
    pop     {r2, r3}
    add     sp, sp, r2
    pop     {r0-r3, r12, lr}
    rfeia   sp!
    .size common_entry, . - common_entry

/* uint32_t psci(function) */
    .globl psci
    .type psci, %function
psci:
    hvc     #0
    bx      lr
    .size psci, . - psci

/* uint32_t user_sum(left, right): in user mode, where svc 2 is the way back. */
    .globl user_sum
    .type user_sum, %function
user_sum:
    mov     r12, lr                 /* svc 2 returns to supervisor mode, whose lr it has overwritten */
    cps     #0x10
    push    {r4, r5}
    mrs     r4, cpsr
    svc     #1
    cps     #0x13                   /* without effect in user mode */
    pop     {r4, r5}
    svc     #2
    bx      r12
    .size user_sum, . - user_sum

/* uint32_t samples(value, uint32_t memory[4]): conditional execution, shifts in operands, load and store multiple and double,
 * an exclusive pair, a NEON register, a jump by loading the program counter. */
    .globl samples
    .type samples, %function
samples:
    push    {r4-r7, lr}
    cmp     r0, #10
    addhi   r0, r0, r0, lsl #2
    ldrhi   r2, [r1, #4]
    strls   r0, [r1, #4]
    ldrdhi  r4, r5, [r1]
    ldm     r1, {r2, r3, r6, r7}
    stmib   r1, {r2, r3}
1:  ldrex   r4, [r1]
    add     r4, r4, #1
    strex   r5, r4, [r1]
    teq     r5, #0
    bne     1b
    vld1.32 {d0, d1}, [r1]
    vadd.i32 q0, q0, q0
    vst1.32 {d0, d1}, [r1]
    vmov.32 r6, d0[0]
    ldr     pc, 2f
    udf     #0
3:  add     r0, r0, r6
    pop     {r4-r7, pc}
2:  .word   3b
    .size samples, . - samples

/* T32 at a virtual address of its own, called from A32 and calling A32. */
    .section .high, "awx"
    .thumb
    .thumb_func
    .globl high_function
    .type high_function, %function
high_function:
    push    {r4, lr}
    cmp     r0, #3
    ite     hi
    addhi   r0, #100
    movls   r0, #0
    ldr     r4, =low_function
    blx     r4
    adr     r4, high_number
    ldr     r1, [r4]
    str     r0, [r4]
    add     r0, r1
    pop     {r4, pc}
    .balign 4
high_number:
    .word   7
    .pool
    .size high_function, . - high_function
