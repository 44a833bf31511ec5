// For QEMU's aarch64 virt machine: waits for its timer five times, prints the time of each, and ends as WAY says.
    .equ UART, 0x09000000
    .equ DISTRIBUTOR, 0x08000000
    .equ CPU_INTERFACE, 0x08010000
    .equ TIMER_INTERRUPT, 27
    .equ PSCI_SYSTEM_OFF, 0x84000008
    .equ PSCI_SYSTEM_RESET, 0x84000009
    .equ SYS_WRITE0, 4
    .equ SYS_EXIT, 0x18

    .macro power_off
    ldr x0, =PSCI_SYSTEM_OFF
    hvc #0
    .endm

    .macro reset
    ldr x0, =PSCI_SYSTEM_RESET
    hvc #0
    .endm

    .macro semihosting_exit
    mov x0, #SYS_WRITE0
    ldr x1, =greeting
    hlt #0xf000
    mov x0, #SYS_EXIT
    ldr x1, =exit_block
    hlt #0xf000
    .endm

    .macro spin
    .endm

    .global _start
_start:
    ldr x20, =UART
#ifdef LETTERS
    ldr x19, =LETTERS
1:  mov w3, #'A'
2:  str w3, [x20]
    add w3, w3, #1
    cmp w3, #'Z' + 1
    b.ne 2b
    subs x19, x19, #1
    b.ne 1b
#endif
    // The timer wakes the processor from wfi only through the interrupt controller; the interrupt stays masked.
    ldr x0, =DISTRIBUTOR
    mov w1, #1
    str w1, [x0]
    mov w1, #1 << TIMER_INTERRUPT
    str w1, [x0, #0x100]
    ldr x0, =CPU_INTERFACE
    mov w1, #0xff
    str w1, [x0, #4]
    mov w1, #1
    str w1, [x0]
    mov x19, #5
1:  mov x0, #10000
    msr cntv_tval_el0, x0
    mov x0, #1
    msr cntv_ctl_el0, x0
    wfi
    mrs x1, cntvct_el0
    mov x2, #16
2:  ror x1, x1, #60
    and x3, x1, #15
    cmp x3, #10
    add x4, x3, #'0'
    add x5, x3, #'a' - 10
    csel x3, x4, x5, lt
    str w3, [x20]
    subs x2, x2, #1
    b.ne 2b
    mov w3, #'\n'
    str w3, [x20]
    msr cntv_ctl_el0, xzr
    subs x19, x19, #1
    b.ne 1b
    WAY
    b .

    .balign 8
exit_block:
    .quad 0x20026, 7        // ADP_Stopped_ApplicationExit, status
greeting:
    .asciz "semihosting says hello\n"
