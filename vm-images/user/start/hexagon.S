    .file "start/hexagon.S"
    .cfi_sections .debug_frame
    .text
    .globl _start
    .type _start, @function
_start:
    .cfi_startproc
    .cfi_undefined r31
    { r30 = #0; r29 = and(r29, ##-0x10000) } // where QEMU's versions put it differs by a few words
    call guest_main
    call guest_exit
    .cfi_endproc
    .size _start, . - _start

    .globl guest_write
    .type guest_write, @function
guest_write:
    .cfi_startproc
    r6 = #64                    // write
    trap0(#1)
    jumpr r31
    .cfi_endproc
    .size guest_write, . - guest_write

    .globl guest_exit
    .type guest_exit, @function
guest_exit:
    .cfi_startproc
    r6 = #93                    // exit
    trap0(#1)
    .word 0xffffffff
    .cfi_endproc
    .size guest_exit, . - guest_exit
