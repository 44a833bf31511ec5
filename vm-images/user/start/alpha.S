/* t12 (pv) holds a function's address at its entry, from which it computes gp.  A system call reports an error by
 * a3 != 0, with errno in v0. */
    .file "start/alpha.S"
    .cfi_sections .debug_frame
    .set    noat
    .set    noreorder
    .text
    .globl _start
    .ent _start
_start:
    .cfi_startproc
    .cfi_undefined $26
    .frame  $sp, 0, $26, 0
    br      $27, 1f
1:  ldgp    $gp, 0($27)
    .prologue 1
    clr     $fp
    lda     $27, guest_main
    jsr     $26, ($27), guest_main
    ldgp    $gp, 0($26)
    mov     $0, $16
    lda     $27, guest_exit
    jsr     $26, ($27), guest_exit
    .cfi_endproc
    .end _start

    .globl guest_write
    .ent guest_write
guest_write:
    .cfi_startproc
    .frame  $sp, 0, $26, 0
    .prologue 0
    lda     $0, 4               # write
    call_pal 0x83
    negq    $0, $1
    cmovne  $19, $1, $0
    ret     $31, ($26), 1
    .cfi_endproc
    .end guest_write

    .globl guest_exit
    .ent guest_exit
guest_exit:
    .cfi_startproc
    .frame  $sp, 0, $26, 0
    .prologue 0
    lda     $0, 1               # exit
    call_pal 0x83
    call_pal 0x81               # bugchk
    .cfi_endproc
    .end guest_exit

/* What the compiler calls to divide: $24 by $25, result in $27, return address in $23; only $23 and $28 may be lost. */
    .macro  divide name, kind, result
    .globl  \name
    .ent    \name
\name:
    .cfi_startproc
    .cfi_return_column 23
    .frame  $sp, 48, $23, 0
    lda     $sp, -48($sp)
    .cfi_adjust_cfa_offset 48
    .prologue 0
    stq     $0, 0($sp)
    stq     $1, 8($sp)
    stq     $2, 16($sp)
    stq     $24, 24($sp)
    stq     $25, 32($sp)
    .ifc    \kind, signed
    addl    $24, 0, $24
    addl    $25, 0, $25
    stq     $24, 40($sp)        # a remainder has the dividend's sign
    .ifc    \result, $27
    xor     $24, $25, $1        # a quotient is negative if the signs differ
    stq     $1, 40($sp)
    .endif
    subq    $31, $24, $1
    cmovlt  $24, $1, $24
    subq    $31, $25, $1
    cmovlt  $25, $1, $25
    .endif
    .ifc    \kind, unsigned
    zapnot  $24, 15, $24
    zapnot  $25, 15, $25
    .endif
    clr     $27
    clr     $28
    lda     $0, 64
1:  srl     $24, 63, $2         # bit by bit: $28 is the rest
    addq    $24, $24, $24
    addq    $28, $28, $28
    addq    $27, $27, $27
    bis     $28, $2, $28
    cmpule  $25, $28, $2
    beq     $2, 2f
    subq    $28, $25, $28
    addq    $27, 1, $27
2:  subq    $0, 1, $0
    bne     $0, 1b
    mov     \result, $27
    .ifc    \kind, signed
    ldq     $1, 40($sp)
    subq    $31, $27, $2
    cmovlt  $1, $2, $27
    .endif
    .ifnc   \kind, long
    addl    $27, 0, $27
    .endif
    ldq     $0, 0($sp)
    ldq     $1, 8($sp)
    ldq     $2, 16($sp)
    ldq     $24, 24($sp)
    ldq     $25, 32($sp)
    lda     $sp, 48($sp)
    .cfi_adjust_cfa_offset -48
    ret     $31, ($23), 1
    .cfi_endproc
    .end    \name
    .endm

    divide  __divqu, long, $27
    divide  __divl, signed, $27
    divide  __reml, signed, $28
    divide  __divlu, unsigned, $27

    .section .note.GNU-stack, "", @progbits
