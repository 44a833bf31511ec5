/* A system call has its number in r3 and reports an error by a result of -errno. Division is a call, of a routine that
 * may change r1 and T, and the unsigned one r4, the signed one r2 and r3 (GCC's -mdiv=call-div1). */
    .file "start/sh4.S"
    .cfi_sections .debug_frame
    .text
    .globl _start
    .type _start, @function
    .align 2
_start:
    .cfi_startproc
    .cfi_undefined 17
    mov     #0, r14
    mov.l   1f, r0
    jsr     @r0
    nop
    mov.l   2f, r1
    jsr     @r1
    mov     r0, r4
    .align 2
1:  .long   guest_main
2:  .long   guest_exit
    .cfi_endproc
    .size _start, . - _start

    .globl guest_write
    .type guest_write, @function
guest_write:
    .cfi_startproc
    mov     #4, r3              ! write
    trapa   #0x13
    rts
    nop
    .cfi_endproc
    .size guest_write, . - guest_write

    .globl guest_exit
    .type guest_exit, @function
guest_exit:
    .cfi_startproc
    mov     #1, r3              ! exit
    trapa   #0x11
    sleep
    .cfi_endproc
    .size guest_exit, . - guest_exit

    .globl __udivsi3
    .type __udivsi3, @function
__udivsi3:
    .cfi_startproc
    mov     #0, r0
    div0u
    .rept 32
    rotcl   r4
    div1    r5, r0
    .endr
    rotcl   r4
    rts
    mov     r4, r0
    .cfi_endproc
    .size __udivsi3, . - __udivsi3

    .globl __sdivsi3
    .type __sdivsi3, @function
__sdivsi3:
    .cfi_startproc
    mov     r4, r1
    mov     r4, r3
    rotcl   r3                  ! the sign, to T
    subc    r0, r0
    mov     #0, r3
    subc    r3, r1              ! one's complement
    div0s   r5, r0
    .rept 32
    rotcl   r1
    div1    r5, r0
    .endr
    rotcl   r1
    addc    r3, r1
    rts
    mov     r1, r0
    .cfi_endproc
    .size __sdivsi3, . - __sdivsi3

    .section .note.GNU-stack, "", @progbits
