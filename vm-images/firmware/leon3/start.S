/* LEON3 (SPARC V8), machine leon3_generic: register windows spilled and filled by traps, a software trap, an illegal
 * instruction, a timer interrupt that is polled for and one that is slept for.
 *
 * QEMU's boot code in the PROM at 0 jumps to _start.  Traps use the local registers of their own window alone. */
    .file "start.S"

#define UART        0x80000100
#define UART_STATUS 0x04
#define IRQMP       0x80000200
#define IRQMP_MASK  0x40
#define GPTIMER     0x80000300
#define TIMER       0x10            /* the first timer: counter, reload, control */
#define TIMER_LEVEL 6

#define PSR_S       0x80
#define PSR_ET      0x20
#define PSR_PIL     0xf00

    .macro trap handler
    sethi   %hi(\handler), %l4
    jmp     %l4 + %lo(\handler)
     rd     %psr, %l0
    nop
    .endm

    .section .text
    .align 4096
    .globl trap_table
trap_table:
    trap    _start                  ! 0x00 reset
    trap    unexpected
    trap    illegal_instruction     ! 0x02
    trap    unexpected
    trap    unexpected
    trap    window_overflow         ! 0x05
    trap    window_underflow        ! 0x06
    .rept   0x16 - 0x07
    trap    unexpected
    .endr
    trap    timer_interrupt         ! 0x16 interrupt level 6
    .rept   0x83 - 0x17
    trap    unexpected
    .endr
    trap    software_trap           ! 0x83 ta 3
    .rept   0x100 - 0x84
    trap    unexpected
    .endr

    .globl _start
    .type _start, #function
_start:
    mov     %g0, %wim
    set     trap_table, %g1
    wr      %g1, %tbr
    wr      %g0, PSR_S, %psr            ! window 0, traps off while %wim is not yet valid
    nop
    nop
    nop
    wr      %g0, 2, %wim                ! window 1 is invalid: windows 0, 7, 6, ... 2 may be used
    set     stack, %sp
    mov     %g0, %fp
    wr      %g0, PSR_S | PSR_ET | PSR_PIL, %psr ! traps on, interrupts masked
    nop
    nop
    nop

    set     text_hello, %o0
    call    print
     nop

    ! Recursion deeper than the eight windows: overflows on the way down, underflows on the way up.
    call    sum
     mov    20, %o0
    cmp     %o0, 210
    bne     failed
     nop
    set     overflows, %g1
    ldd     [%g1], %g2              ! both counters
    cmp     %g2, %g3                ! what was spilled was filled again
    bne     failed
     cmp    %g2, 0
    be      failed
     nop
    set     text_windows, %o0
    call    print
     nop

    mov     21, %o0
    ta      3
    cmp     %o0, 42
    bne     failed
     nop
    set     text_trap, %o0
    call    print
     nop

    unimp   0
    set     illegals, %g1
    ld      [%g1], %g2
    cmp     %g2, 1
    bne     failed
     nop
    set     text_illegal, %o0
    call    print
     nop

    ! One interrupt is polled for.  Where interrupts are held back it does not come: then none is slept for either.
    call    start_timer
     mov    10, %o0
    wr      %g0, PSR_S | PSR_ET, %psr   ! window 0, interrupts on
    nop
    nop
    nop
    set     ticks, %g1
    set     300, %g3
poll:
    ld      [%g1], %g2
    cmp     %g2, 0
    bne     polled
     subcc  %g3, 1, %g3
    bne     poll
     nop
    set     text_no_tick, %o0
    call    print
     nop
    ba      end
     nop
polled:
    set     text_tick, %o0
    call    print
     nop

    ! The processor wakes for a masked interrupt, too: one that comes early is not lost.
    wr      %g0, PSR_S | PSR_ET | PSR_PIL, %psr
    nop
    nop
    nop
    call    start_timer
     mov    40, %o0
    wr      %g0, %asr19             ! power down
    nop
    wr      %g0, PSR_S | PSR_ET, %psr
    nop
    nop
    nop
    set     ticks, %g1
    ld      [%g1], %g2
    cmp     %g2, 2
    bne     failed
     nop
    set     text_woken, %o0
    call    print
     nop

end:
    set     text_end, %o0
finish:
    call    print
     nop
    wr      %g0, PSR_S, %psr
    nop
    nop
    nop
    .globl done
done:
    ta      0                       ! with traps off, this shuts QEMU's LEON3 down
    ba      done
     nop

failed:
    set     text_failed, %o0
    ba      finish
     nop
    .size _start, . - _start

    .type print, #function
print:                              ! %o0: a zero-terminated text
    set     UART, %o2
    ldub    [%o0], %o1
1:  ld      [%o2 + UART_STATUS], %o3
    andcc   %o3, 4, %g0             ! transmitter holding register empty
    be      1b
     nop
    st      %o1, [%o2]
    inc     %o0
    ldub    [%o0], %o1
    cmp     %o1, 0
    bne     1b
     nop
    retl
     nop
    .size print, . - print

    .type sum, #function
sum:                                ! %o0 = %o0 + (%o0 - 1) + ... + 0
    save    %sp, -96, %sp
    cmp     %i0, 0
    be      1f
     nop
    call    sum
     sub    %i0, 1, %o0
    add     %i0, %o0, %i0
1:  ret
     restore
    .size sum, . - sum

    .type start_timer, #function
start_timer:                        ! %o0: timer ticks of 25 ns until the interrupt
    set     IRQMP, %o1
    mov     1 << TIMER_LEVEL, %o2
    st      %o2, [%o1 + IRQMP_MASK]
    set     GPTIMER, %o1
    st      %g0, [%o1]              ! no prescaling
    st      %g0, [%o1 + 4]
    st      %g0, [%o1 + TIMER + 8]
    st      %o0, [%o1 + TIMER + 4]
    mov     0x0d, %o2               ! enable, load, interrupt; once
    st      %o2, [%o1 + TIMER + 8]
    retl
     nop
    .size start_timer, . - start_timer

    .type window_overflow, #function
window_overflow:                    ! save wants the invalid window: spill the oldest one, turn %wim right
    mov     %g1, %l7
    rd      %wim, %l3
    srl     %l3, 1, %g1
    sll     %l3, 7, %l4
    or      %g1, %l4, %g1
    set     overflows, %l4
    ld      [%l4], %l5
    inc     %l5
    st      %l5, [%l4]
    save
    mov     %g1, %wim
    nop
    nop
    nop
    std     %l0, [%sp]
    std     %l2, [%sp + 8]
    std     %l4, [%sp + 16]
    std     %l6, [%sp + 24]
    std     %i0, [%sp + 32]
    std     %i2, [%sp + 40]
    std     %i4, [%sp + 48]
    std     %i6, [%sp + 56]
    restore
    mov     %l7, %g1
    wr      %l0, %psr               ! the condition codes
    nop
    nop
    nop
    jmp     %l1                     ! again
     rett   %l2
    .size window_overflow, . - window_overflow

    .type window_underflow, #function
window_underflow:                   ! restore wants the invalid window: fill it, turn %wim left
    rd      %wim, %l3
    sll     %l3, 1, %l4
    srl     %l3, 7, %l5
    or      %l4, %l5, %l5
    set     underflows, %l4
    ld      [%l4], %l6
    inc     %l6
    st      %l6, [%l4]
    mov     %l5, %wim
    nop
    nop
    nop
    restore
    restore
    ldd     [%sp], %l0
    ldd     [%sp + 8], %l2
    ldd     [%sp + 16], %l4
    ldd     [%sp + 24], %l6
    ldd     [%sp + 32], %i0
    ldd     [%sp + 40], %i2
    ldd     [%sp + 48], %i4
    ldd     [%sp + 56], %i6
    save
    save
    wr      %l0, %psr
    nop
    nop
    nop
    jmp     %l1
     rett   %l2
    .size window_underflow, . - window_underflow

    .type software_trap, #function
software_trap:                      ! doubles the caller's %o0
    add     %i0, %i0, %i0
    wr      %l0, %psr
    nop
    nop
    nop
    jmp     %l2                     ! after the trap
     rett   %l2 + 4
    .size software_trap, . - software_trap

    .type illegal_instruction, #function
illegal_instruction:
    set     illegals, %l4
    ld      [%l4], %l5
    inc     %l5
    st      %l5, [%l4]
    wr      %l0, %psr
    nop
    nop
    nop
    jmp     %l2
     rett   %l2 + 4
    .size illegal_instruction, . - illegal_instruction

    .type timer_interrupt, #function
timer_interrupt:
    set     GPTIMER, %l4
    mov     0x10, %l5               ! clear the timer's interrupt, leave it stopped
    st      %l5, [%l4 + TIMER + 8]
    set     ticks, %l4
    ld      [%l4], %l5
    inc     %l5
    st      %l5, [%l4]
    wr      %l0, %psr
    nop
    nop
    nop
    jmp     %l1
     rett   %l2
    .size timer_interrupt, . - timer_interrupt

unexpected:
    set     text_failed, %l7
    mov     %l7, %o0
    ba      finish
     nop

    .section .rodata
text_hello:   .asciz "leon3\n"
text_windows: .asciz "windows\n"
text_trap:    .asciz "trap\n"
text_illegal: .asciz "illegal\n"
text_tick:    .asciz "tick\n"
text_no_tick: .asciz "no tick\n"
text_woken:   .asciz "woken\n"
text_end:     .asciz "done\n"
text_failed:  .asciz "failed\n"

    .section .data
    .align 8
overflows:  .word 0
underflows: .word 0
illegals:   .word 0
ticks:      .word 0

    .section .bss
    .align 8
    .skip   4096
stack:
    .skip   96
