/* The caller provides 160 bytes of register save area; the back chain ends in 0. */
    .file "start/s390x.S"
    .cfi_sections .debug_frame
    .text
    .globl _start
    .type _start, @function
_start:
    .cfi_startproc
    .cfi_undefined r14
    aghi    %r15, -160
    xc      0(8,%r15), 0(%r15)
    brasl   %r14, guest_main
    brasl   %r14, guest_exit
    .cfi_endproc
    .size _start, . - _start

    .globl guest_write
    .type guest_write, @function
guest_write:
    .cfi_startproc
    svc     4                   # write
    br      %r14
    .cfi_endproc
    .size guest_write, . - guest_write

    .globl guest_exit
    .type guest_exit, @function
guest_exit:
    .cfi_startproc
    svc     1                   # exit
    j       .
    .cfi_endproc
    .size guest_exit, . - guest_exit

    .section .note.GNU-stack, "", @progbits
