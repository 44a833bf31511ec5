/* A system call reports an error by the summary overflow bit of cr0, with errno in r3. */
    .file "start/ppc.S"
    .cfi_sections .debug_frame
    .text
    .globl _start
    .type _start, @function
_start:
    .cfi_startproc
    .cfi_undefined 65
    clrrwi  1, 1, 4
    li      0, 0
    stwu    0, -16(1)           # the back chain ends here
    bl      guest_main
    bl      guest_exit
    .cfi_endproc
    .size _start, . - _start

    .globl guest_write
    .type guest_write, @function
guest_write:
    .cfi_startproc
    li      0, 4                # write
    sc
    bnslr
    neg     3, 3
    blr
    .cfi_endproc
    .size guest_write, . - guest_write

    .globl guest_exit
    .type guest_exit, @function
guest_exit:
    .cfi_startproc
    li      0, 1                # exit
    sc
    trap
    .cfi_endproc
    .size guest_exit, . - guest_exit

    .section .note.GNU-stack, "", @progbits
