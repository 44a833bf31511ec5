/* SH-4, machine r2d: trapa, an illegal instruction, one in a delay slot, register banks, floating point, a timer interrupt
 * that is polled for and one that ends sleep, text over the SCI (QEMU's first serial port; its SCIF is the second).
 *
 * QEMU loads the raw image and starts it in P2, at 0xac800000.  The board's power-off register ends it. */
    .file "start.S"

    .equ SCI_SCR,   0xffe00008
    .equ SCI_TDR,   0xffe0000c
    .equ TMU_TSTR,  0xffd80004
    .equ TMU_TCOR0, 0xffd80008      ! TCNT0 and TCR0 follow
    .equ INTC_IPRA, 0xffd00004
    .equ TRA,       0xff000020
    .equ EXPEVT,    0xff000024
    .equ INTEVT,    0xff000028
    .equ POWER_OFF, 0xa4000030

    .equ SR_RUN,    0x40000000      ! privileged, bank 0, all interrupts
    .equ SR_MASKED, 0x400000f0
    .equ PERIOD,    1500000         ! of the timer's 15 MHz: a tenth of a second

    .macro load_constant value, register
    mov.l   9f, \register
    bra     8f
     nop
    .balign 4
9:  .long   \value
8:
    .endm

    .text
    .globl _start
    .type _start, @function
_start:
    load_constant SR_MASKED, r0
    ldc     r0, sr
    load_constant vectors, r0
    ldc     r0, vbr
    load_constant stack, r15
    load_constant SCI_SCR, r1
    mov     #0x20, r0               ! transmitter on
    mov.b   r0, @r1
    load_constant text_hello, r4
    bsr     print
     nop

    ! Bank 1 is the exceptions' own: %r0 to %r7 of here stay.
    mov     #21, r4
    trapa   #3
    mov     #42, r0
    cmp/eq  r0, r4
    bf      jump_failed
    load_constant text_trap, r4
    bsr     print
     nop

    mov     #0, r8
    .word   0xfffd                  ! undefined
    mov     #1, r0
    cmp/eq  r0, r8
    bf      jump_failed
    bra     jump_failed             ! the slot's exception comes before the branch
     .word  0xfffd
    mov     #2, r0
    cmp/eq  r0, r8
    bf      jump_failed
    load_constant text_illegal, r4
    bsr     print
     nop

    mov     #20, r4
    bsr     sum
     nop
    mov     #105, r1
    add     r1, r1
    cmp/eq  r1, r0
    bf      jump_failed
    load_constant buffer, r1
    mov     #-2, r0
    mov.l   r0, @r1
    mov.b   r0, @(4, r1)
    mov.w   r0, @(6, r1)
    mov.b   @(4, r1), r0
    extu.b  r0, r0
    mov     r0, r2
    mov.w   @r1+, r3
    add     r2, r3                  ! 0xfe - 2
    mov     #63, r0
    shll2   r0                      ! 0xfc
    cmp/eq  r0, r3
    bf      jump_failed
    mov.l   r3, @-r15
    mov.l   @r15+, r5
    tas.b   @r1                     ! 0xff: not zero
    bt      jump_failed
    mova    constants, r0
    fmov.s  @r0+, fr0
    fmov.s  @r0, fr1
    fadd    fr1, fr0                ! 1.5 + 2.25
    ftrc    fr0, fpul
    sts     fpul, r0
    cmp/eq  #3, r0
    bf      jump_failed
    mul.l   r3, r3                  ! 0xfc * 0xfc
    sts     macl, r1
    extu.b  r1, r1
    mov     #16, r0
    cmp/eq  r0, r1
    bf      jump_failed
    load_constant text_data, r4
    bsr     print
     nop
    bra     interrupts
     nop
    .balign 4
constants:
    .float  1.5, 2.25
jump_failed:
    bra     failed
     nop

    ! One interrupt is polled for.  Where interrupts are held back it does not come: then none is slept for either.
interrupts:
    ! QEMU 7.2 does not single-step past a masked interrupt that is pending, so that all are on before the timer runs.
    load_constant SR_RUN, r0
    ldc     r0, sr
    bsr     start_timer
     mov    #10, r4                 ! two thirds of a microsecond, then once a period
    load_constant ticks, r9
    mov     #125, r1
    shll2   r1                      ! 500
poll:
    mov.l   @r9, r0
    tst     r0, r0
    bf      polled
    dt      r1
    bf      poll
    load_constant SR_MASKED, r0
    ldc     r0, sr
    load_constant text_no_tick, r4
    bsr     print
     nop
    bra     end
     nop
polled:
    bsr     stop_timer
     nop
    load_constant text_tick, r4
    bsr     print
     nop

    load_constant PERIOD, r4        ! should it pass before the sleep, there is a next one
    bsr     start_timer
     nop
    sleep
    bsr     stop_timer
     nop
    load_constant SR_MASKED, r0
    ldc     r0, sr
    mov.l   @r9, r0
    mov     #2, r1
    cmp/hs  r1, r0
    bf      failed
    load_constant text_woken, r4
    bsr     print
     nop

end:
    load_constant text_done, r4
finish:
    bsr     print
     nop
    load_constant POWER_OFF, r1
    mov     #1, r0
    .globl done
done:
    mov.w   r0, @r1
    bra     done
     nop

failed:
    load_constant text_failed, r4
    bra     finish
     nop
    .size _start, . - _start

    .type print, @function
print:                              ! r4: a zero-terminated text
    mov.l   1f, r5
2:  mov.b   @r4+, r0
    tst     r0, r0
    bt      3f
    bra     2b
     mov.b  r0, @r5
3:  rts
     nop
    .balign 4
1:  .long   SCI_TDR
    .size print, . - print

    .type sum, @function
sum:                                ! r0 = r4 + (r4 - 1) + ... + 0
    tst     r4, r4
    bt/s    1f
     mov    #0, r0
    sts.l   pr, @-r15
    mov.l   r4, @-r15
    bsr     sum
     add    #-1, r4
    mov.l   @r15+, r4
    lds.l   @r15+, pr
    rts
     add    r4, r0
1:  rts
     nop
    .size sum, . - sum

    .type start_timer, @function
start_timer:                        ! r4: counts of 15 MHz until the first interrupt
    mov.l   1f, r1
    mov.w   5f, r0
    mov.w   r0, @r1                 ! the timer's priority: 15
    mov.l   3f, r1
    mov.l   2f, r0
    mov.l   r0, @r1
    mov.l   r4, @(4, r1)
    add     #8, r1
    mov     #0x20, r0               ! interrupt on underflow
    mov.w   r0, @r1
    mov.l   4f, r1
    mov     #1, r0
    rts
     mov.b  r0, @r1
    .size start_timer, . - start_timer

    .type stop_timer, @function
stop_timer:
    mov.l   4f, r1
    mov     #0, r0
    rts
     mov.b  r0, @r1
    .balign 4
1:  .long   INTC_IPRA
2:  .long   PERIOD
3:  .long   TMU_TCOR0
4:  .long   TMU_TSTR
5:  .word   0xf000
    .size stop_timer, . - stop_timer

    .balign 256
vectors:
    .space  0x100
    .type general_exception, @function
general_exception:                  ! in bank 1; the common registers from r8 up are the program's
    mov.l   1f, r0
    mov.l   @r0, r0
    mov.w   2f, r1
    cmp/eq  r1, r0
    bt      trap
    mov.w   3f, r1
    cmp/eq  r1, r0
    bt      illegal
    add     #0x20, r1
    cmp/eq  r1, r0
    bf      failed_exception
    stc     spc, r0                 ! slot illegal instruction: behind the branch and its slot
    add     #4, r0
    ldc     r0, spc
    add     #1, r8
    rte
     nop
illegal:
    stc     spc, r0
    add     #2, r0
    ldc     r0, spc
    add     #1, r8
    rte
     nop
trap:                               ! doubles r4 of bank 0
    stc     r4_bank, r0
    add     r0, r0
    ldc     r0, r4_bank
    rte
     nop
failed_exception:
    bra     failed
     nop
    .balign 4
1:  .long   EXPEVT
2:  .word   0x160
3:  .word   0x180
    .size general_exception, . - general_exception

    .org    vectors + 0x600
    .type interrupt, @function
interrupt:
    mov.l   1f, r0
    mov     #0x20, r1
    mov.w   r1, @r0                 ! take the request back
    mov.l   2f, r0
    mov.l   @r0, r1
    add     #1, r1
    mov.l   r1, @r0
    rte
     nop
    .balign 4
1:  .long   TMU_TCOR0 + 8
2:  .long   ticks
    .size interrupt, . - interrupt

    .section .rodata
text_hello:   .asciz "r2d\n"
text_trap:    .asciz "trap\n"
text_illegal: .asciz "illegal\n"
text_data:    .asciz "data\n"
text_tick:    .asciz "tick\n"
text_no_tick: .asciz "no tick\n"
text_woken:   .asciz "woken\n"
text_done:    .asciz "done\n"
text_failed:  .asciz "failed\n"

    .data
    .balign 4
ticks:  .long 0
buffer: .skip 16

    .bss
    .balign 4
    .skip 1024
stack:  .skip 4
