/* Arguments on the stack; aligned to 16 before each call. */
    .file "start/i386.S"
    .cfi_sections .debug_frame
    .text
    .globl _start
    .type _start, @function
_start:
    .cfi_startproc
    .cfi_undefined eip
    xorl    %ebp, %ebp
    andl    $-16, %esp
    call    guest_main
    subl    $12, %esp
    pushl   %eax
    call    guest_exit
    hlt
    .cfi_endproc
    .size _start, . - _start

    .globl guest_write
    .type guest_write, @function
guest_write:
    .cfi_startproc
    pushl   %ebx
    .cfi_adjust_cfa_offset 4
    .cfi_rel_offset ebx, 0
    movl    8(%esp), %ebx
    movl    12(%esp), %ecx
    movl    16(%esp), %edx
    movl    $4, %eax            /* write */
    int     $0x80
    popl    %ebx
    .cfi_adjust_cfa_offset -4
    .cfi_restore ebx
    ret
    .cfi_endproc
    .size guest_write, . - guest_write

    .globl guest_exit
    .type guest_exit, @function
guest_exit:
    .cfi_startproc
    movl    4(%esp), %ebx
    movl    $1, %eax            /* exit */
    int     $0x80
    hlt
    .cfi_endproc
    .size guest_exit, . - guest_exit

    .section .note.GNU-stack, "", @progbits
