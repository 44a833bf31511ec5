/* EABI system calls. _start and guest_exit are A32 code, guest_write is T32. */
    .syntax unified
    .file "start/arm.S"
    .cfi_sections .debug_frame
    .text
    .arm
    .globl _start
    .type _start, %function
_start:
    .cfi_startproc
    .cfi_undefined lr
    mov     fp, #0
    mov     lr, #0
    bl      guest_main
    bl      guest_exit
    .cfi_endproc
    .size _start, . - _start

    .thumb
    .thumb_func
    .globl guest_write
    .type guest_write, %function
guest_write:
    .cfi_startproc
    push    {r7, lr}
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r7, 0
    .cfi_rel_offset lr, 4
    movs    r7, #4              /* write */
    svc     #0
    pop     {r7, pc}
    .cfi_endproc
    .size guest_write, . - guest_write

    .arm
    .balign 4
    .globl guest_exit
    .type guest_exit, %function
guest_exit:
    .cfi_startproc
    mov     r7, #1              /* exit */
    svc     #0
    udf     #0
    .cfi_endproc
    .size guest_exit, . - guest_exit

    .section .note.GNU-stack, "", %progbits
