    .file "start/aarch64.S"
    .cfi_sections .debug_frame
    .text
    .globl _start
    .type _start, %function
_start:
    .cfi_startproc
    .cfi_undefined x30
    mov     x29, xzr
    mov     x30, xzr
    bl      guest_main
    bl      guest_exit
    .cfi_endproc
    .size _start, . - _start

    .globl guest_write
    .type guest_write, %function
guest_write:
    .cfi_startproc
    mov     w8, #64             /* write */
    svc     #0
    ret
    .cfi_endproc
    .size guest_write, . - guest_write

    .globl guest_exit
    .type guest_exit, %function
guest_exit:
    .cfi_startproc
    mov     w8, #93             /* exit */
    svc     #0
    brk     #0
    .cfi_endproc
    .size guest_exit, . - guest_exit

    .section .note.GNU-stack, "", %progbits
