/* Both ABIs.  ELFv1 (big-endian): a function's symbol names its descriptor in .opd, whose second word the kernel puts
 * into r2.  ELFv2 (little-endian): r12 holds the entry point, from which r2 is computed. */
    .file "start/ppc64.S"
    .cfi_sections .debug_frame
#if _CALL_ELF == 2
    .abiversion 2
    .macro function name
    .text
    .globl \name
    .type \name, @function
\name:
    .cfi_startproc
    .endm
#else
    .macro function name
    .section .opd, "aw"
    .balign 8
    .globl \name
\name:
    .quad   .L\name, .TOC.@tocbase, 0
    .type \name, @function
    .text
.L\name:
    .cfi_startproc
    .endm
#endif
    .macro end_function name
    .cfi_endproc
#if _CALL_ELF == 2
    .size \name, . - \name
#else
    .size \name, . - .L\name
#endif
    .endm

    function _start
    .cfi_undefined 65
#if _CALL_ELF == 2
    addis   2, 12, .TOC. - _start@ha
    addi    2, 2, .TOC. - _start@l
#endif
    clrrdi  1, 1, 4
    li      0, 0
    stdu    0, -128(1)          # the back chain ends here
    bl      guest_main
    nop
    bl      guest_exit
    nop
    end_function _start

    function guest_write
    li      0, 4                # write
    sc
    bnslr
    neg     3, 3
    blr
    end_function guest_write

    function guest_exit
    li      0, 1                # exit
    sc
    trap
    end_function guest_exit

    .section .note.GNU-stack, "", @progbits
