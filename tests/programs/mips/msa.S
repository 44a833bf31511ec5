/* MSA: vector loads and stores of each element width, operations of each format, branches on vectors. */
#include "harness.h"

    .macro  format width
    ld.\width   $w1, 16($16)
    st.\width   $w1, 32($17)
    ld.\width   $w2, -16($18)
    addv.\width $w3, $w1, $w2
    subv.\width $w4, $w1, $w2
    mulv.\width $w5, $w1, $w2
    max_s.\width $w6, $w1, $w2
    ceq.\width  $w7, $w1, $w1
    clt_u.\width $w8, $w1, $w2
    addvi.\width $w9, $w1, 5
    sll.\width  $w10, $w1, $w2
    slli.\width $w10, $w1, 3
    ldi.\width  $w11, -3
    splati.\width $w12, $w1[1]
    ilvr.\width $w13, $w1, $w2
    vshf.\width $w14, $w1, $w2
    sld.\width  $w15, $w1[$8]
    sldi.\width $w15, $w1[1]
    insve.\width $w15[1], $w2[0]
    pcnt.\width $w16, $w1
    bnz.\width  $w7, 1f
    st.\width   $w3, 0($17)
    st.\width   $w4, 16($17)
1:  bz.\width   $w7, 2f
    ld.\width   $w20, 0($17)
    addvi.\width $w20, $w20, 1
2:
    .endm

START
    LA      $16, source
    LA      $17, target
    ADDIU   $18, $16, 32
    li      $8, 1
    format  b
    format  h
    format  w
    format  d
    copy_s.b $10, $w11[0]
    CHECK($10, -3)
    copy_u.h $10, $w7[1]
    CHECK($10, 65535)
    copy_s.w $10, $w11[0]
    insert.w $w11[2], $8
    fill.b  $w12, $8
    fill.w  $w13, $8
    /* not aligned */
    ld.w    $w1, 4($16)
    ADDIU   $19, $16, 3
    ld.b    $w2, 0($19)
    st.b    $w2, 5($17)
    lbu     $10, 5($17)
    CHECK($10, 4)
    and.v   $w1, $w2, $w11
    bsel.v  $w1, $w2, $w11
    bmnz.v  $w1, $w2, $w11
    andi.b  $w1, $w2, 7
    shf.w   $w1, $w2, 0x1b
    move.v  $w31, $w1
    bz.v    $w31, 3f
    nop
    /* floating point; the low half of a vector register is the float register */
    ffint_s.w $w21, $w13
    fadd.w  $w22, $w21, $w21
    fmul.w  $w22, $w22, $w22
    fmadd.w $w22, $w21, $w21
    fclt.w  $w23, $w21, $w22
    ftrunc_s.w $w24, $w22
    copy_s.w $10, $w24[3]
    CHECK($10, 5)
    fexdo.h $w25, $w22, $w21
    fsqrt.d $w25, $w25
    mfc1    $10, $f24
    CHECK($10, 5)
    mtc1    $8, $f26
    copy_s.w $10, $w26[0]
    CHECK($10, 1)
    cfcmsa  $10, $1
    ctcmsa  $1, $10
    cfcmsa  $10, $0
#if defined(__mips64)
    copy_s.d $10, $w24[0]
    insert.d $w24[1], $8
    fill.d  $w24, $8
#endif
    b       4f
    nop
3:  LA      $25, fail
    jr      $25
    li      $4, 1
4:  END

    .data
    .balign 16
source:
    .byte   1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
    .byte   17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32
    .bss
    .balign 16
target:
    .skip   64
