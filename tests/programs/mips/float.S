/* Floating point in both formats, odd registers, condition codes, branches on them, indexed loads and stores.
 * Built for 32-bit registers in pairs (Status.FR = 0) and for 64-bit ones (FR = 1). */
#include "harness.h"

START
    LA      $16, doubles
    LA      $17, area
    ldc1    $f2, 0($16)
    ldc1    $f4, 8($16)
    lwc1    $f6, 16($16)
    lwc1    $f7, 20($16)
    /* both formats */
    add.d   $f0, $f2, $f4
    sub.d   $f0, $f0, $f4
    mul.d   $f8, $f0, $f4
    div.d   $f8, $f8, $f4
    sqrt.d  $f10, $f8
    abs.d   $f10, $f10
    neg.d   $f12, $f2
    mov.d   $f14, $f12
    madd.d  $f14, $f2, $f4, $f12
    msub.d  $f14, $f2, $f4, $f12
    nmadd.d $f14, $f2, $f4, $f12
    nmsub.d $f14, $f2, $f4, $f12
    recip.d $f14, $f2
    rsqrt.d $f14, $f2
    add.s   $f9, $f6, $f7
    sub.s   $f9, $f9, $f7
    mul.s   $f11, $f9, $f7
    div.s   $f11, $f11, $f7
    sqrt.s  $f13, $f11
    abs.s   $f13, $f13
    neg.s   $f15, $f7
    mov.s   $f17, $f15
    madd.s  $f17, $f6, $f7, $f15
    msub.s  $f17, $f6, $f7, $f15
    nmadd.s $f17, $f6, $f7, $f15
    nmsub.s $f17, $f6, $f7, $f15
    recip.s $f17, $f7
    rsqrt.s $f19, $f6
    /* conversions */
    cvt.w.d $f18, $f2
    mfc1    $8, $f18
    trunc.w.d $f18, $f2
    mfc1    $8, $f18
    CHECK($8, 2)
    ceil.w.s $f18, $f6
    mfc1    $8, $f18
    CHECK($8, 3)
    floor.w.d $f19, $f12
    round.w.s $f19, $f6
    mfc1    $8, $f19
    cvt.s.d $f21, $f2
    cvt.d.s $f22, $f21
    cvt.s.w $f21, $f18
    cvt.d.w $f22, $f18
#if __mips_fpr == 64
    cvt.l.d $f22, $f2
    cvt.l.s $f22, $f6
    trunc.l.d $f24, $f4
    round.l.s $f24, $f7
    cvt.d.l $f22, $f22
    cvt.s.l $f21, $f24
#endif
    /* odd registers */
    mtc1    $8, $f31
    lwc1    $f29, 20($16)
    swc1    $f29, 4($17)
    lw      $8, 4($17)
    lw      $9, 20($16)
    subu    $8, $8, $9
    CHECK($8, 0)
#if __mips_fpr == 64
    ldc1    $f25, 0($16)
    add.d   $f27, $f25, $f25
    sdc1    $f27, 8($17)
    mtc1    $8, $f23
    mthc1   $8, $f23
    mfhc1   $9, $f23
    CHECK($9, 0)
#else
    mtc1    $8, $f24
    mtc1    $9, $f25
    mfc1    $9, $f3
#endif
    mthc1   $8, $f26
    mfhc1   $9, $f26
    CHECK($9, 0)
    sdc1    $f2, 16($17)
    ldc1    $f28, 16($17)
    c.eq.d  $f2, $f28
    bc1f    9f
    nop
    /* indexed */
    li      $8, 8
    ldxc1   $f0, $8($16)
    sdxc1   $f0, $8($17)
    lwxc1   $f1, $8($16)
    swxc1   $f1, $8($17)
    li      $8, 13
#if __mips_fpr == 64
    luxc1   $f0, $8($16)
    suxc1   $f0, $8($17)
#endif
    prefx   0, $8($17)
    /* conditions, by each code, with conditional moves and branches, likely and not */
    li      $10, 0
    c.lt.d  $fcc0, $f4, $f2
    c.lt.s  $fcc1, $f6, $f7
    c.un.d  $fcc7, $f2, $f4
    movt    $10, $16, $fcc1
    CHECK($10, 0)
    movf    $10, $8, $fcc7
    CHECK($10, 13)
    movt.d  $f0, $f4, $fcc0
    movf.d  $f0, $f2, $fcc0
    movt.s  $f1, $f7, $fcc1
    movf.s  $f1, $f7, $fcc1
    movz.d  $f0, $f2, $0
    movn.d  $f0, $f4, $0
    movz.s  $f1, $f6, $8
    movn.s  $f1, $f6, $8
    li      $10, 0
    bc1t    $fcc0, 1f
    addiu   $10, $10, 1
    addiu   $10, $10, 16
1:  bc1f    $fcc1, 1f
    addiu   $10, $10, 1
    addiu   $10, $10, 16
1:  bc1t    $fcc7, 1f
    addiu   $10, $10, 1
    addiu   $10, $10, 16
1:  CHECK($10, 19)
    bc1tl   $fcc0, 1f
    addiu   $10, $10, 1
    addiu   $10, $10, 16
1:  bc1fl   $fcc0, 1f
    addiu   $10, $10, 1
    addiu   $10, $10, 16
1:  bc1tl   $fcc7, 1f
    ldc1    $f0, 0($0)
    addiu   $10, $10, 16
1:  bc1fl   $fcc7, 1f
    lwc1    $f1, 0($16)
    addiu   $10, $10, 16
1:  CHECK($10, 52)
    /* rounding and flags */
    cfc1    $8, $31
    ori     $9, $8, 3
    ctc1    $9, $31
    cvt.w.d $f18, $f12
    mfc1    $9, $f18
#if __mips_fpr == 64 /* QEMU's processors with FR = 0 do not let fcsr be written */
    CHECK($9, -3)
#endif
    ctc1    $0, $31
    mtc1    $0, $f0
    cvt.d.w $f0, $f0
    div.d   $f0, $f2, $f0
    cfc1    $9, $31
    andi    $9, $9, 0x7f
    CHECK($9, 0x20)
    cfc1    $8, $0
    cfc1    $8, $25
    cfc1    $8, $28
    ctc1    $0, $25
#if defined(__mips64)
    dmfc1   $8, $f2
    dmtc1   $8, $f3
    c.eq.d  $f2, $f3
    bc1f    9f
    nop
    mov.ps  $f1, $f3
    add.ps  $f1, $f1, $f3
    pll.ps  $f1, $f1, $f3
    cvt.ps.s $f1, $f6, $f7
    alnv.ps $f1, $f1, $f3, $8
#endif
    b       2f
    nop
9:  LA      $25, fail
    jr      $25
    li      $4, 1
2:  END

    .section .rodata
    .balign 8
doubles:
    .double 2.5, 0.3
    .float  2.5, 0.3

    .bss
    .balign 8
area:
    .skip   64
