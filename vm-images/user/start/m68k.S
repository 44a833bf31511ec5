/* Arguments are on the stack; a system call takes them in %d1, %d2, ... and reports an error by a result of -errno. */
    .file "start/m68k.S"
    .cfi_sections .debug_frame
    .text
    .globl _start
    .type _start, @function
_start:
    .cfi_startproc
    .cfi_undefined 24
    suba.l  %fp, %fp
    jsr     guest_main
    move.l  %d0, -(%sp)
    .cfi_adjust_cfa_offset 4
    jsr     guest_exit
    .cfi_endproc
    .size _start, . - _start

    .globl guest_write
    .type guest_write, @function
guest_write:
    .cfi_startproc
    movem.l %d2-%d3, -(%sp)
    .cfi_adjust_cfa_offset 8
    movem.l 12(%sp), %d1-%d3
    moveq   #4, %d0             | write
    trap    #0
    movem.l (%sp)+, %d2-%d3
    .cfi_adjust_cfa_offset -8
    rts
    .cfi_endproc
    .size guest_write, . - guest_write

    .globl guest_exit
    .type guest_exit, @function
guest_exit:
    .cfi_startproc
    move.l  4(%sp), %d1
    moveq   #1, %d0             | exit
    trap    #0
    illegal
    .cfi_endproc
    .size guest_exit, . - guest_exit

    .section .note.GNU-stack, "", @progbits
