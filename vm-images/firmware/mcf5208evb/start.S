/* ColdFire, machine mcf5208evb: a trap, an illegal instruction, a division by zero, a recursion with frames, a timer interrupt
 * that is polled for and one that ends stop.
 *
 * Ends by semihosting (-semihosting); without it the last halt stops the processor for ever. */
    .file "start.S"

#define UART        0xfc060000
#define UART_STATUS 0x04            /* bit 2: transmitter ready */
#define UART_COMMAND 0x08
#define UART_DATA   0x0c
#define INTC        0xfc048000
#define INTC_CIMR   0x1d            /* unmasks one source */
#define INTC_ICR    0x40            /* level of each source */
#define PIT         0xfc080000      /* control, modulus, count: 16 bits each */
#define PIT_SOURCE  4

#define PIT_START   0x001f          /* enable, reload, clear the flag, interrupt, set the count at once; half the bus clock */

    .text
    .globl _start
    .type _start, @function
_start:
    move.w  #0x2700, %sr
    lea     stack, %sp
    lea     vectors, %a0
    movec   %a0, %vbr
    move.l  #UART, %a5
    moveq   #4, %d0                 | transmitter on
    move.b  %d0, UART_COMMAND(%a5)

    lea     text_hello, %a0
    jsr     print

    | The vectors: all to `unexpected`, then those that we want.
    lea     vectors, %a0
    move.l  #unexpected, %d0
    move.l  #64 + PIT_SOURCE + 1, %d1
1:  move.l  %d0, (%a0)+
    subq.l  #1, %d1
    bne     1b
    lea     vectors, %a0
    move.l  #illegal, %d0
    move.l  %d0, 4 * 4(%a0)
    move.l  #divide, %d0
    move.l  %d0, 5 * 4(%a0)
    move.l  #trap, %d0
    move.l  %d0, (32 + 3) * 4(%a0)
    lea     (64 + PIT_SOURCE) * 4(%a0), %a1
    move.l  #timer, (%a1)

    moveq   #21, %d0
    trap    #3
    cmp.l   #42, %d0
    bne     jump_failed
    lea     text_trap, %a0
    jsr     print

    moveq   #0, %d2
    .short  0x4afc                  | illegal
    cmp.l   #4, %d2
    bne     jump_failed
    moveq   #1, %d0
    moveq   #0, %d1
    divu.l  %d1, %d0
    cmp.l   #5, %d2
    bne     jump_failed
    lea     text_exceptions, %a0
    jsr     print

    | A recursion with frames; several registers at once; all sizes.
    pea     20
    jsr     sum
    addq.l  #4, %sp
    cmp.l   #210, %d0
    bne     jump_failed
    moveq   #1, %d3
    moveq   #2, %d4
    moveq   #3, %d5
    lea     -12(%sp), %sp
    movem.l %d3-%d5, (%sp)
    moveq   #0, %d4
    movem.l (%sp), %d3-%d5
    lea     12(%sp), %sp
    cmp.l   #2, %d4
    bne     jump_failed
    lea     buffer, %a2
    move.l  #0x12345678, (%a2)+
    move.w  -2(%a2), %d0
    move.b  %d0, (%a2)+
    moveq   #0, %d1
    move.b  -5(%a2), %d1
    cmp.l   #0x12, %d1
    bne     jump_failed
    moveq   #0, %d2
    move.b  -1(%a2, %d2.l), %d1
    cmp.l   #0x78, %d1
    bne     jump_failed
    lea     text_data, %a0
    jsr     print

    | One interrupt is polled for.  Where interrupts are held back it does not come: then none is waited for either.
    move.l  #INTC, %a0
    move.b  #3, %d0
    move.b  %d0, INTC_ICR + PIT_SOURCE(%a0)
    move.b  #PIT_SOURCE, %d0
    move.b  %d0, INTC_CIMR(%a0)
    jsr     start_timer
    move.w  #0x2000, %sr
    move.l  #500, %d3
poll:
    tst.l   ticks
    bne     polled
    subq.l  #1, %d3
    bne     poll
    move.w  #0x2700, %sr
    lea     text_no_tick, %a0
    jsr     print
    bra     end
jump_failed:
    bra     failed
polled:
    move.w  #0x2700, %sr
    lea     text_tick, %a0
    jsr     print

    jsr     start_timer
    stop    #0x2000                 | interrupts on and stopped in one: none can come before
    move.w  #0x2700, %sr
    moveq   #2, %d0
    cmp.l   ticks, %d0
    bne     failed
    lea     text_woken, %a0
    jsr     print

end:
    lea     text_done, %a0
    moveq   #0, %d1
finish:
    jsr     print
    moveq   #0, %d0                 | semihosting: exit, with the status in %d1
    .balign 4, 0x71
    .globl done
done:
    nop
    halt
    .long   0x4e7bf000              | the mark of semihosting
    bra     done

failed:
    lea     text_failed, %a0
    moveq   #1, %d1
    bra     finish
    .size _start, . - _start

    .type print, @function
print:                              | %a0: a zero-terminated text; UART in %a5
    move.b  (%a0)+, %d0
1:  move.b  UART_STATUS(%a5), %d7
    and.l   #4, %d7
    beq     1b
    move.b  %d0, UART_DATA(%a5)
    move.b  (%a0)+, %d0
    bne     1b
    rts
    .size print, . - print

    .type sum, @function
sum:                                | %d0 = n + (n - 1) + ... + 0
    link    %fp, #-4
    move.l  8(%fp), %d0
    beq     1f
    move.l  %d0, -4(%fp)
    subq.l  #1, %d0
    move.l  %d0, -(%sp)
    jsr     sum
    addq.l  #4, %sp
    add.l   -4(%fp), %d0
1:  unlk    %fp
    rts
    .size sum, . - sum

    .type start_timer, @function
start_timer:                        | half a microsecond
    move.l  #PIT, %a1
    move.w  #PIT_START - 1, %d0
    move.w  %d0, (%a1)
    move.w  #40, %d0
    move.w  %d0, 2(%a1)
    move.w  #PIT_START, %d0
    move.w  %d0, (%a1)
    rts
    .size start_timer, . - start_timer

    .type trap, @function
trap:
    add.l   %d0, %d0
    rte
    .size trap, . - trap

    .type illegal, @function
illegal:
    moveq   #4, %d2
    addq.l  #2, 4(%sp)              | return behind the instruction
    rte
    .size illegal, . - illegal

    .type divide, @function
divide:
    moveq   #5, %d2
    rte
    .size divide, . - divide

    .type timer, @function
timer:
    move.l  %d0, -(%sp)
    move.l  %a1, -(%sp)
    move.l  #PIT, %a1
    move.w  #0x0004, %d0            | clear the flag, stop
    move.w  %d0, (%a1)
    addq.l  #1, ticks
    move.l  (%sp)+, %a1
    move.l  (%sp)+, %d0
    rte
    .size timer, . - timer

    .type unexpected, @function
unexpected:
    bra     failed
    .size unexpected, . - unexpected

    .section .rodata
text_hello:      .asciz "mcf5208\n"
text_trap:       .asciz "trap\n"
text_exceptions: .asciz "exceptions\n"
text_data:       .asciz "data\n"
text_tick:       .asciz "tick\n"
text_no_tick:    .asciz "no tick\n"
text_woken:      .asciz "woken\n"
text_done:       .asciz "done\n"
text_failed:     .asciz "failed\n"

    .data
    .balign 4
ticks:  .long 0

    .bss
    .balign 1024
vectors: .skip 1024
    .balign 4
buffer: .skip 16
    .skip 1024
stack:  .skip 16
