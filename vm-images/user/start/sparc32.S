/* v8 and v8plus.  The kernel leaves room for one register window below argc.  A system call reports an error by the
 * carry, with errno in %o0. */
    .file "start/sparc32.S"
    .cfi_sections .debug_frame
    .text
    .globl _start
    .type _start, #function
_start:
    .cfi_startproc
    .cfi_undefined %o7
    mov     %g0, %fp
    sub     %sp, 6 * 4, %sp     ! the six argument slots that a callee may use
    call    guest_main
     nop
    call    guest_exit
     nop
    .cfi_endproc
    .size _start, . - _start

    .globl guest_write
    .type guest_write, #function
guest_write:
    .cfi_startproc
    mov     4, %g1              ! write
    ta      0x10
    bcc     1f
     nop
    sub     %g0, %o0, %o0
1:  retl
     nop
    .cfi_endproc
    .size guest_write, . - guest_write

    .globl guest_exit
    .type guest_exit, #function
guest_exit:
    .cfi_startproc
    mov     1, %g1              ! exit
    ta      0x10
    unimp   0
    .cfi_endproc
    .size guest_exit, . - guest_exit

    .section .note.GNU-stack, "", @progbits
