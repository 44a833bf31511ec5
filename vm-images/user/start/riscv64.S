    .file "start/riscv64.S"
    .cfi_sections .debug_frame
    .text
    .globl _start
    .type _start, @function
_start:
    .cfi_startproc
    .cfi_undefined ra
    .option push
    .option norelax
    la      gp, __global_pointer$
    .option pop
    li      fp, 0
    call    guest_main
    call    guest_exit
    .cfi_endproc
    .size _start, . - _start

    .globl guest_write
    .type guest_write, @function
guest_write:
    .cfi_startproc
    li      a7, 64              # write
    ecall
    ret
    .cfi_endproc
    .size guest_write, . - guest_write

    .globl guest_exit
    .type guest_exit, @function
guest_exit:
    .cfi_startproc
    li      a7, 93              # exit
    ecall
    unimp
    .cfi_endproc
    .size guest_exit, . - guest_exit

    .section .note.GNU-stack, "", @progbits
