/* ATmega328P, machine uno: calls, the stack, all address registers, the flash as data, skips, a text that interrupts send and,
 * a compare match that ends a sleep.  QEMU 7.2 ends itself where an AVR program starts a timer under -icount ("Bad icount
 * read") or a store to a device raises an interrupt ("Raised interrupt while not in I/O function"), so that -DICOUNT leaves
 * all interrupts out.  Nothing ends QEMU's AVR machines: the program stays at `done`. */
    .file "start.S"

#define SPL     0x3d                /* for in and out */
#define SPH     0x3e
#define SREG    0x3f
#define SMCR    0x33
#define GPIOR0  0x1e
#define TIMSK1  0x6f                /* for lds and sts */
#define TCCR1A  0x80
#define TCCR1B  0x81
#define TCNT1H  0x85
#define TCNT1L  0x84
#define OCR1AH  0x89
#define OCR1AL  0x88
#define UCSR0A  0xc0
#define UCSR0B  0xc1
#define UDR0    0xc6

#define CTC     0x08                /* clear the timer on compare match */

    .macro  expect_equal
    breq    .+4
    jmp     failed
    .endm

    .section .vectors, "ax"
    .globl vectors
vectors:
    jmp     _start                  ; 0 reset
    .rept   10
    jmp     failed
    .endr
    jmp     timer_interrupt         ; 11 TIMER1_COMPA
    .rept   7
    jmp     failed
    .endr
    jmp     empty_interrupt         ; 19 USART_UDRE
    .rept   6
    jmp     failed
    .endr

    .section .text
    .globl _start
    .type _start, @function
_start:
    clr     r1
    ldi     r28, lo8(stack)
    ldi     r29, hi8(stack)
    out     SPH, r29
    out     SPL, r28
    ldi     r16, 0x08               ; transmitter on
    sts     UCSR0B, r16

    ; Initialized data: from the flash to the RAM.
    ldi     r30, lo8(__data_load_start)
    ldi     r31, hi8(__data_load_start)
    ldi     r26, lo8(__data_start)
    ldi     r27, hi8(__data_start)
copy:
    lpm     r0, Z+
    st      X+, r0
    cpi     r26, lo8(__data_end)
    ldi     r16, hi8(__data_end)
    cpc     r27, r16
    brne    copy

    ldi     r30, lo8(text_hello)
    ldi     r31, hi8(text_hello)
    call    print

    ; Recursion, and calls in three ways.
    ldi     r24, 10
    call    sum
    cpi     r24, 55
    expect_equal
    ldi     r24, 20
    rcall   sum
    cpi     r24, 210
    expect_equal
    ldi     r24, 3
    ldi     r30, pm_lo8(sum)
    ldi     r31, pm_hi8(sum)
    icall
    cpi     r24, 6
    expect_equal
    in      r16, SPL                ; everything pushed was popped
    cp      r16, r28
    expect_equal
    ldi     r30, lo8(text_calls)
    ldi     r31, hi8(text_calls)
    call    print

    ; Loads and stores by all address registers, with displacement, before and after counting.
    ldi     r26, lo8(array)
    ldi     r27, hi8(array)
    movw    r28, r26
    ldi     r16, 0xa5
    st      X+, r16
    std     Y+1, r16
    inc     r16
    std     Y+2, r16
    adiw    r26, 2
    ld      r17, -X                 ; array[2]
    cp      r17, r16
    expect_equal
    movw    r30, r26
    ld      r18, Z
    st      -Z, r18                 ; array[1]
    ldd     r19, Y+1
    cp      r19, r16
    expect_equal
    lds     r20, word               ; initialized: 0x1234
    lds     r21, word + 1
    cpi     r20, 0x34
    expect_equal
    cpi     r21, 0x12
    expect_equal
    mul     r20, r21                ; 0x34 * 0x12
    movw    r22, r0
    clr     r1
    cpi     r22, 0xa8
    expect_equal
    cpi     r23, 0x03
    expect_equal

    ; Skips over one word and over two.  QEMU has no port for sbis: what it has not, it reads as 0.
    ldi     r16, 0x10
    sbic    GPIOR0, 4
    jmp     failed
    sbrs    r16, 4
    rjmp    failed
    sbrc    r16, 0
    jmp     failed
    cpse    r16, r16
    jmp     failed
    ldi     r30, lo8(text_data)
    ldi     r31, hi8(text_data)
    call    print

#ifndef ICOUNT
    ; Interrupts send a text, one for each character.  Where they are held back, none is slept for either.
    ldi     r30, lo8(text_interrupts)
    ldi     r31, hi8(text_interrupts)
    sts     next, r30
    sts     next + 1, r31
    ldi     r16, 0x28               ; transmitter on, interrupt where its register is empty
    sts     UCSR0B, r16
    sei
    ldi     r17, 250
poll:
    lds     r16, sent
    tst     r16
    brne    polled
    dec     r17
    brne    poll
    cli
    ldi     r16, 0x08
    sts     UCSR0B, r16
    ldi     r30, lo8(text_none)
    ldi     r31, hi8(text_none)
    call    print
    rjmp    end
polled:

    ; QEMU 7.2 executes the sleep again after an interrupt that returns.  This one does not.
    cli
    sts     TCCR1A, r1
    sts     TCNT1H, r1
    sts     TCNT1L, r1
    ldi     r16, hi8(12500)         ; 50 ms
    sts     OCR1AH, r16
    ldi     r16, lo8(12500)
    sts     OCR1AL, r16
    ldi     r16, 0x02               ; interrupt on compare match A
    sts     TIMSK1, r16
    ldi     r16, CTC | 3            ; the clock by 64
    sts     TCCR1B, r16
    ldi     r16, 1                  ; sleep enable, idle
    out     SMCR, r16
    sei
sleep_on:
    sleep
    rjmp    sleep_on
#endif

end:
    ldi     r30, lo8(text_done)
    ldi     r31, hi8(text_done)
finish:
    cli
    call    print
    .globl done
done:
    rjmp    done

failed:
    ldi     r30, lo8(text_failed)
    ldi     r31, hi8(text_failed)
    rjmp    finish
    .size _start, . - _start

    .type print, @function
print:                              ; Z: a zero-terminated text in the flash
    push    r16
    lpm     r0, Z+
1:  lds     r16, UCSR0A
    sbrs    r16, 5                  ; data register empty
    rjmp    1b
    sts     UDR0, r0
    lpm     r0, Z+
    tst     r0
    brne    1b
    pop     r16
    ret
    .size print, . - print

    .type sum, @function
sum:                                ; r24 = r24 + (r24 - 1) + ... + 0
    tst     r24
    breq    1f
    push    r16
    mov     r16, r24
    dec     r24
    rcall   sum
    add     r24, r16
    pop     r16
1:  ret
    .size sum, . - sum

    .type timer_interrupt, @function
timer_interrupt:
    sts     TIMSK1, r1
    out     SMCR, r1                ; sleep disable
    pop     r0                      ; out of the sleep
    pop     r0
    ldi     r30, lo8(text_woken)
    ldi     r31, hi8(text_woken)
    call    print
    jmp     end
    .size timer_interrupt, . - timer_interrupt

    .type empty_interrupt, @function
empty_interrupt:                    ; sends the next character
    push    r0
    in      r0, SREG
    push    r0
    push    r30
    push    r31
    lds     r30, next
    lds     r31, next + 1
    lpm     r0, Z+
    sts     next, r30
    sts     next + 1, r31
    tst     r0
    breq    1f
    sts     UDR0, r0
    rjmp    2f
1:  ldi     r30, 0x08               ; no more: interrupt off
    sts     UCSR0B, r30
    sts     sent, r30
2:  pop     r31
    pop     r30
    pop     r0
    out     SREG, r0
    pop     r0
    reti
    .size empty_interrupt, . - empty_interrupt

    .section .progmem.data, "a"
text_hello:      .asciz "uno\n"
text_calls:      .asciz "calls\n"
text_data:       .asciz "data\n"
text_interrupts: .asciz "interrupts\n"
text_none:       .asciz "no interrupts\n"
text_woken:      .asciz "woken\n"
text_done:       .asciz "done\n"
text_failed:     .asciz "failed\n"

    .section .data
word:   .word 0x1234
next:   .word 0
sent:   .byte 0
    .byte 0
    .section .bss
array:  .skip 16
    .skip 128
stack:  .skip 2
