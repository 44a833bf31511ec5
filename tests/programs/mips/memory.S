/* Loads and stores of all widths, the unaligned halves at every offset, load-linked and store-conditional. */
#include "harness.h"

    .macro  halves left_load, right_load, left_store, right_store, width, offset
#ifdef __MIPSEB__
    \left_load  $12, \offset($16)
    \right_load $12, \offset + \width - 1($16)
    \left_store  $12, \offset($17)
    \right_store $12, \offset + \width - 1($17)
#else
    \right_load $12, \offset($16)
    \left_load  $12, \offset + \width - 1($16)
    \right_store $12, \offset($17)
    \left_store  $12, \offset + \width - 1($17)
#endif
    .endm

START
    LA      $16, source
    LA      $17, target
    lb      $12, 1($16)
    CHECK($12, -0x7e)
    lbu     $12, 1($16)
    CHECK($12, 0x82)
    lh      $12, 2($16)
    lhu     $12, 2($16)
    lw      $12, 4($16)
    sb      $12, 0($17)
    sh      $12, 2($17)
    sw      $12, 4($17)
    lw      $0, 4($17)
    /* a load that replaces its base */
    move    $13, $16
    lw      $13, 0($13)
    .irp    offset, 0, 1, 2, 3, 4, 5, 6, 7
    halves  lwl, lwr, swl, swr, 4, \offset
    ulw     $14, \offset($17)
    bne     $12, $14, 2f
    nop
    .endr
    /* each half alone, at each offset */
    .irp    offset, 0, 1, 2, 3, 4, 5, 6, 7
    lwl     $12, \offset($16)
    swl     $12, \offset + 8($17)
    lwr     $12, \offset($16)
    swr     $12, \offset + 24($17)
    .endr
#if defined(__mips64)
    lwu     $12, 4($16)
    ld      $12, 8($16)
    sd      $12, 8($17)
    .irp    offset, 0, 1, 2, 3, 4, 5, 6, 7, 8
    halves  ldl, ldr, sdl, sdr, 8, \offset
    uld     $14, \offset($17)
    bne     $12, $14, 2f
    nop
    ldl     $12, \offset($16)
    sdl     $12, \offset + 8($17)
    ldr     $12, \offset($16)
    sdr     $12, \offset + 24($17)
    .endr
#endif
    b       3f
    nop
2:  LA      $25, fail
    jr      $25
    li      $4, 1
    /* a sequence with work in it, in a loop */
3:  sw      $0, 0($17)
    li      $15, 4
4:  ll      $12, 0($17)
    addiu   $12, $12, 5
    lw      $14, 4($17)
    sc      $12, 0($17)
    beqz    $12, 4b
    nop
    CHECK($12, 1)
    addiu   $15, $15, -1
    bnez    $15, 4b
    nop
    lw      $12, 0($17)
    CHECK($12, 20)
    /* with the store in a branch's delay slot */
5:  ll      $12, 0($17)
    bnez    $15, 5b
    sc      $12, 0($17)
    CHECK($12, 1)
    /* of another place; twice; without a load */
    ll      $12, 0($17)
    sc      $12, 8($17)
    CHECK($12, 0)
    ll      $12, 0($17)
    sc      $12, 0($17)
    li      $12, 7
    sc      $12, 8($17)
    CHECK($12, 0)
    /* given up before the store; then begun again */
    ll      $12, 0($17)
    ll      $13, 4($17)
    sc      $13, 4($17)
    CHECK($13, 1)
    /* the data is the zero register's, and so is the result */
    ll      $12, 0($17)
    sc      $0, 0($17)
    lw      $12, 0($17)
    CHECK($12, 0)
#if defined(__mips64)
    li      $15, 3
6:  lld     $12, 8($17)
    daddiu  $12, $12, 1
    scd     $12, 8($17)
    beqz    $12, 6b
    nop
    daddiu  $15, $15, -1
    bnez    $15, 6b
    nop
    lld     $12, 8($17)
    scd     $12, 16($17)
    CHECK($12, 0)
    ll      $12, 8($17)
    sc      $12, 8($17)
    CHECK($12, 1)
#endif
    sync
    pref    0, 0($17)
    END

    .data
    .balign 16
source:
    .byte   0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8d, 0x8e, 0x8f, 0x90
    .byte   0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20
    .bss
    .balign 16
target:
    .skip   64
