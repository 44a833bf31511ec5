/* n64: a system call reports an error by $a3 != 0, with errno in $v0. */
    .file "start/mips64.S"
    .cfi_sections .debug_frame
    .text
    .set    noreorder
    .globl _start
    .type _start, @function
    .ent _start
_start:
    .cfi_startproc
    .cfi_undefined 31
    move    $fp, $zero
    jal     guest_main
    nop
    jal     guest_exit
    move    $a0, $v0
    .cfi_endproc
    .end _start
    .size _start, . - _start

    .globl guest_write
    .type guest_write, @function
    .ent guest_write
guest_write:
    .cfi_startproc
    li      $v0, 5001           # write
    syscall
    beqz    $a3, 1f
    nop
    dnegu   $v0, $v0
1:  jr      $ra
    nop
    .cfi_endproc
    .end guest_write
    .size guest_write, . - guest_write

    .globl guest_exit
    .type guest_exit, @function
    .ent guest_exit
guest_exit:
    .cfi_startproc
    li      $v0, 5058           # exit
    syscall
    break
    .cfi_endproc
    .end guest_exit
    .size guest_exit, . - guest_exit

    .section .note.GNU-stack, "", @progbits
