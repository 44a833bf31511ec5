/* Start of both vCPUs, the MMU, the vectors, EL0 and back, the lock, code at a high virtual address. */
    .file "start.S"
    .cfi_sections .debug_frame

    .section .text.start, "ax"
    .globl _start
    .type _start, %function
_start:
    ldr     x0, =first_stack
    mov     sp, x0
    ldr     x1, =bss_start
    ldr     x2, =bss_end
1:  stp     xzr, xzr, [x1], #16
    cmp     x1, x2
    b.lo    1b
    bl      make_tables
    bl      mmu_on
    b       main
    .size _start, . - _start

/* PSCI starts the second vCPU here, with what CPU_ON was given as context: its stack. */
    .globl second_start
    .type second_start, %function
second_start:
    mov     sp, x0
    bl      mmu_on
    b       second_main
    .size second_start, . - second_start

/* 39 bits of virtual address in both halves, 4 KB pages; address space 1. */
    .type mmu_on, %function
mmu_on:
    ldr     x0, =vectors
    msr     vbar_el1, x0
    ldr     x0, =0xff00             /* attribute 0: device, 1: normal memory */
    msr     mair_el1, x0
    ldr     x0, =(25 | 25 << 16 | 2 << 30 | 2 << 32)
    msr     tcr_el1, x0
    ldr     x0, =low_table
    orr     x0, x0, #1 << 48
    msr     ttbr0_el1, x0
    ldr     x0, =high_table
    msr     ttbr1_el1, x0
    tlbi    vmalle1
    dsb     sy
    isb
    mrs     x0, sctlr_el1
    orr     x0, x0, #1
    msr     sctlr_el1, x0
    isb
    ret
    .size mmu_on, . - mmu_on

/* Each vector: what C may change, ELR and SPSR, then exception(frame, which vector). */
    .macro vector number
    .balign 128
    stp     x0, x1, [sp, #-192]!
    mov     x1, #\number
    b       common_entry
    .endm

    .text
    .balign 2048
    .globl vectors
vectors:
    vector  0
    vector  1
    vector  2
    vector  3
    vector  4                       /* this level: svc, brk, abort */
    vector  5                       /* interrupt */
    vector  6
    vector  7
    vector  8                       /* from EL0 */
    vector  9
    vector  10
    vector  11
    vector  12
    vector  13
    vector  14
    vector  15

    .type common_entry, %function
common_entry:
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x12, x13, [sp, #96]
    stp     x14, x15, [sp, #112]
    stp     x16, x17, [sp, #128]
    stp     x18, x30, [sp, #144]
    mrs     x2, elr_el1
    mrs     x3, spsr_el1
    stp     x2, x3, [sp, #160]
    mov     x0, sp
    bl      exception
    ldp     x2, x3, [sp, #160]
    msr     elr_el1, x2
    msr     spsr_el1, x3
    ldp     x18, x30, [sp, #144]
    ldp     x16, x17, [sp, #128]
    ldp     x14, x15, [sp, #112]
    ldp     x12, x13, [sp, #96]
    ldp     x10, x11, [sp, #80]
    ldp     x8, x9, [sp, #64]
    ldp     x6, x7, [sp, #48]
    ldp     x4, x5, [sp, #32]
    ldp     x2, x3, [sp, #16]
    ldp     x0, x1, [sp], #192
    eret
    .size common_entry, . - common_entry

/* uint64_t run_user(entry, stack): what the user's svc gives. */
    .globl run_user
    .type run_user, %function
run_user:
    stp     x29, x30, [sp, #-96]!
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    msr     elr_el1, x0
    msr     sp_el0, x1
    msr     spsr_el1, xzr           /* EL0, nothing masked */
    eret
    .globl leave_user               /* exception() has the user's svc return here, at EL1 */
leave_user:
    ldp     x27, x28, [sp, #80]
    ldp     x25, x26, [sp, #64]
    ldp     x23, x24, [sp, #48]
    ldp     x21, x22, [sp, #32]
    ldp     x19, x20, [sp, #16]
    ldp     x29, x30, [sp], #96
    ret
    .size run_user, . - run_user

/* wfe in the loop, as in any lock; under QEMU it gives way to the other vCPU. */
    .globl take
    .type take, %function
take:
    mov     w2, #1
    sevl
1:  wfe
2:  ldaxr   w1, [x0]
    cbnz    w1, 1b
    stxr    w1, w2, [x0]
    cbnz    w1, 2b
    ret
    .size take, . - take

    .globl give
    .type give, %function
give:
    stlr    wzr, [x0]
    ret
    .size give, . - give

/* uint64_t call_high(uint64_t): code and data reached through TTBR1. */
    .globl call_high
    .type call_high, %function
call_high:
    ldr     x1, =high_function
    br      x1
    .size call_high, . - call_high

    .section .high.text, "ax"
    .type high_function, %function
high_function:
    adrp    x1, high_numbers
    add     x1, x1, :lo12:high_numbers
    ldp     x2, x3, [x1]
    madd    x0, x0, x2, x3
    str     x0, [x1, #16]
    ldr     x0, [x1, #16]
    ret
    .size high_function, . - high_function

    .section .high.data, "aw"
    .balign 16
high_numbers:
    .quad   100, 7, 0

/* EL0. It reads what only EL1 may and is stopped by a permission fault. */
    .section .user.text, "ax"
    .globl user_start
    .type user_start, %function
user_start:
    adrp    x1, user_numbers
    add     x1, x1, :lo12:user_numbers
    mov     x0, #0
    mov     x2, #4
1:  ldr     w3, [x1], #4
    add     x0, x0, x3
    subs    x2, x2, #1
    b.ne    1b
    str     x0, [sp, #-16]!
    mov     x1, #0x40200000
    ldr     x2, [x1]                /* permission fault; skipped */
    ldr     x0, [sp], #16
    svc     #2
2:  b       2b
    .size user_start, . - user_start

    .section .user.data, "aw"
user_numbers:
    .word   1, 20, 300, 4000
