/* System V ABI: the stack pointer is aligned at entry, and a call misaligns it by 8. */
    .file "start/x86_64.S"
    .cfi_sections .debug_frame
    .text
    .globl _start
    .type _start, @function
_start:
    .cfi_startproc
    .cfi_undefined rip
    xorl    %ebp, %ebp
    call    guest_main
    movl    %eax, %edi
    call    guest_exit
    hlt
    .cfi_endproc
    .size _start, . - _start

    .globl guest_write
    .type guest_write, @function
guest_write:
    .cfi_startproc
    movl    $1, %eax            /* write */
    syscall
    ret
    .cfi_endproc
    .size guest_write, . - guest_write

    .globl guest_exit
    .type guest_exit, @function
guest_exit:
    .cfi_startproc
    movl    $60, %eax           /* exit */
    syscall
    hlt
    .cfi_endproc
    .size guest_exit, . - guest_exit

    .section .note.GNU-stack, "", @progbits
