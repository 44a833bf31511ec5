/* Every form of access to memory, locked sequences that succeed and fail, moves between register files, hints, PALcode.
   Each part checks itself; the exit status is the number of the part that failed, or 0. No libc: a static one crashes
   under QEMU itself. */
    .arch ev67
    .set noat
    .set noreorder
    .set nomacro

    .macro  expect, register, value     /* a value of 16 bits */
    lda     $22, \value($31)
    subq    \register, $22, $22
    bne     $22, fail
    .endm

    .text
    .globl _start
    .ent _start
_start:
    .frame $sp, 0, $26, 0
    br      $29, 1f
1:  ldah    $29, 0($29)                 !gpdisp!1
    lda     $29, 0($29)                 !gpdisp!1
    ldah    $9, cells($29)              !gprelhigh
    lda     $9, cells($9)               !gprellow
    clr     $15

/* 1: bytes and words, which the first Alphas did not have; loads that extend with zeros */
    lda     $15, 1($31)
    lda     $1, -2($31)
    stb     $1, 3($9)
    stw     $1, 4($9)
    ldbu    $2, 3($9)
    expect  $2, 254
    ldwu    $2, 4($9)
    zapnot  $2, 2, $2
    srl     $2, 8, $2
    expect  $2, 255
    sextb   $1, $3
    sextw   $1, $4
    expect  $3, -2
    expect  $4, -2

/* 2: unaligned forms at each place of a quadword: they touch the whole of the one that it is in */
    lda     $15, 2($31)
    lda     $10, 8($31)
2:  addq    $9, $10, $11
    ldq_u   $1, 0($11)
    ldq_u   $2, 7($11)
    extql   $1, $11, $1
    extqh   $2, $11, $2
    bis     $1, $2, $3
    addq    $3, $10, $3
    ldq_u   $1, 0($11)
    insbl   $3, $11, $4
    mskbl   $1, $11, $1
    bis     $1, $4, $1
    stq_u   $1, 0($11)
    addq    $10, 1, $10
    cmple   $10, 16, $1
    bne     $1, 2b
    ldq_u   $31, 5($9)                  /* unop: no access */
    unop

/* 3: longwords and quadwords, displacements of both signs, register 31 stored */
    lda     $15, 3($31)
    lda     $11, 64($9)
    lda     $1, -3($31)
    stl     $1, -4($11)
    ldl     $2, -4($11)
    expect  $2, -3
    stq     $2, -32768+64($11)
    ldq     $3, -32768+64($11)
    expect  $3, -3
    stq     $31, 8($11)
    stl     $31, -4($11)
    ldq     $3, 8($11)
    expect  $3, 0
    ldl     $31, 0($11)                 /* prefetches */
    ldq     $31, 0($11)
    lds     $f31, 0($11)
    ldt     $f31, 0($11)
    ldbu    $31, 0($11)

/* 4: the four float formats; moves between the register files */
    lda     $15, 4($31)
    lda     $1, 5($31)
    itoft   $1, $f1
    cvtqt   $f1, $f2
    stt     $f2, 16($11)
    ldt     $f3, 16($11)
    sts     $f3, 24($11)
    lds     $f4, 24($11)
    addt    $f3, $f4, $f5
    mult    $f5, $f3, $f5
    divt    $f5, $f4, $f5
    subt    $f5, $f3, $f5
    sqrtt   $f5, $f6
    mult    $f6, $f6, $f6
    cvttqc  $f5, $f7
    ftoit   $f7, $2
    expect  $2, 5
    cvtqg   $f1, $f8
    stg     $f8, 32($11)
    ldg     $f9, 32($11)
    addg    $f9, $f8, $f9
    cvtgf   $f9, $f10
    stf     $f10, 40($11)
    ldf     $f11, 40($11)
    cvtgqc  $f11, $f12
    cvtts   $f3, $f13
    ftois   $f13, $3
    itofs   $3, $f14
    itoff   $3, $f15
    cvtql   $f1, $f16
    cvtlq   $f16, $f17
    cpys    $f31, $f3, $f18
    cpysn   $f3, $f3, $f19
    cpyse   $f19, $f3, $f20
    fcmoveq $f31, $f3, $f21
    cmptlt  $f19, $f3, $f22
    fbeq    $f22, fail
    fbne    $f22, 1f
    br      $31, fail
1:  mf_fpcr $f23
    mt_fpcr $f23
    excb
    trapb
    stt     $f31, 48($11)
    sts     $f31, 48($11)

/* 5: locked sequences: that succeed, at once and after a branch */
    lda     $15, 5($31)
    lda     $1, 40($31)
    stl     $1, 0($11)
    stq     $1, 8($11)
1:  ldl_l   $1, 0($11)
    addq    $1, 2, $1
    stl_c   $1, 0($11)
    beq     $1, 1b
1:  ldq_l   $1, 8($11)
    cmpeq   $1, 40, $2
    beq     $2, 2f
    lda     $1, 50($31)
    stq_c   $1, 8($11)
    beq     $1, 1b
2:  ldq     $1, 8($11)
    expect  $1, 50
    ldl     $1, 0($11)
    expect  $1, 42

/* 6: locked sequences: left without a store; a store without a load; a store to another place; r31 as the operand */
    lda     $15, 6($31)
    ldq_l   $1, 8($11)
    cmpeq   $1, 40, $2
    beq     $2, 1f
    stq_c   $1, 8($11)
1:  ldq_l   $1, 8($11)
    lda     $2, 77($31)
    stq_c   $2, 8($11)
    expect  $2, 1
    lda     $2, 78($31)
    stq_c   $2, 8($11)                  /* nothing is locked */
    expect  $2, 0
    ldl_l   $1, 0($11)
    lda     $2, 79($31)
    stl_c   $2, 16($11)                 /* not the place that is */
    expect  $2, 0
    ldq     $1, 8($11)
    expect  $1, 77

/* 7: hints and barriers, which touch nothing */
    lda     $15, 7($31)
    fetch   ($11)
    fetch_m ($11)
    ecb     ($11)
    wh64    ($11)
    mb
    wmb
    call_pal 0x86                       # imb
    implver $1
    lda     $2, 1($31)
    amask   $2, $2
    expect  $2, 0                       /* bytes and words are there */
    /* Not rpcc, which counts by itself, nor rs and rc, which tell whether the program was interrupted: a stop is. */

/* 8: the thread's unique value */
    lda     $15, 8($31)
    lda     $16, 1234($31)
    call_pal 0x9f                       # wruniq
    clr     $0
    call_pal 0x9e                       # rduniq
    expect  $0, 1234

/* 9: conditional moves, counts, multiplications, shifts, bytes */
    lda     $15, 9($31)
    lda     $1, 240($31)
    ctpop   $1, $2
    ctlz    $1, $3
    cttz    $1, $4
    addq    $2, $3, $2
    addq    $2, $4, $2
    expect  $2, 64
    cmovlbs $1, 1, $2
    cmovlbc $1, 2, $2
    cmovge  $1, $2, $3
    cmovlt  $31, 9, $3
    expect  $3, 2
    umulh   $1, $1, $4
    mull    $1, $1, $4
    mulq    $1, $4, $4
    s4addq  $1, 3, $4
    s8subl  $1, 3, $4
    cmpbge  $1, $31, $4
    zap     $1, 1, $4
    eqv     $1, $31, $4
    ornot   $31, $1, $4
    sra     $4, 2, $4
    minub8  $1, $4, $5
    maxsw4  $1, $4, $5
    perr    $1, $4, $5
    pklb    $1, $5
    unpkbw  $5, $5
    addl/v  $1, $1, $5
    expect  $5, 480

/* 10: jumps: each kind, and a coroutine's */
    lda     $15, 10($31)
    bsr     $26, function
    expect  $0, 33
    br      $27, 1f
    br      $31, fail
1:  lda     $27, 24($27)
    jsr     $26, ($27), 0
    br      $31, fail
    br      $31, fail
    br      $31, fail
2:  lda     $26, 24($26)
    jsr_coroutine $26, ($26), 0
    br      $31, fail
3:  blbs    $15, fail
    blbc    $15, 4f
    br      $31, fail
4:  lda     $16, -1($31)
    lda     $0, 4($31)                  # write to no file
    call_pal 0x83
    beq     $19, fail
    expect  $0, 9
    clr     $15

fail:
    mov     $15, $16
    lda     $0, 1($31)                  # exit
    call_pal 0x83
    call_pal 0x81

function:
    lda     $0, 33($31)
    ret     $31, ($26), 0
    .end _start

    .bss
    .balign 64
    .skip   32768
cells:
    .skip   256

    .section .note.GNU-stack, "", @progbits
