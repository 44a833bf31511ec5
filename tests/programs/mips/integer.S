/* hi and lo, bit fields, conditional moves, rotations, traps that are not taken, hardware registers. */
#include "harness.h"

START
    li      $8, -7
    li      $9, 3
    mult    $8, $9
    mfhi    $10
    CHECK($10, -1)
    mflo    $10
    CHECK($10, -21)
    multu   $9, $9
    mflo    $10
    CHECK($10, 9)
    madd    $8, $9
    maddu   $9, $9
    msub    $9, $9
    msubu   $9, $9
    mflo    $10
    CHECK($10, -21)
    mthi    $9
    mtlo    $8
    mfhi    $10
    CHECK($10, 3)
    div     $0, $8, $9
    mfhi    $10
    CHECK($10, -1)
    divu    $0, $9, $9
    mflo    $10
    CHECK($10, 1)
    mul     $10, $8, $9
    CHECK($10, -21)
    clz     $10, $9
    CHECK($10, 30)
    clo     $10, $8
    CHECK($10, 29)
    ext     $10, $8, 4, 8
    CHECK($10, 255)
    ins     $10, $9, 8, 4
    CHECK($10, 0x3ff)
    movn    $10, $9, $8
    CHECK($10, 3)
    movn    $10, $8, $0
    CHECK($10, 3)
    movz    $10, $8, $0
    CHECK($10, -7)
    movz    $10, $9, $8
    CHECK($10, -7)
    seb     $10, $8
    seh     $10, $8
    CHECK($10, -7)
    wsbh    $10, $9
    CHECK($10, 0x300)
    rotr    $10, $9, 1
    rotrv   $10, $10, $9
    sll     $10, $9, 3
    srl     $10, $8, 28
    CHECK($10, 15)
    sra     $10, $8, 1
    CHECK($10, -4)
    sllv    $10, $9, $9
    srlv    $10, $8, $9
    srav    $10, $8, $9
    CHECK($10, -1)
    add     $10, $8, $9
    sub     $10, $8, $9
    addu    $10, $8, $9
    subu    $10, $8, $9
    CHECK($10, -10)
    and     $10, $8, $9
    or      $10, $8, $9
    xor     $10, $8, $9
    nor     $10, $8, $9
    CHECK($10, 4)
    slt     $10, $8, $9
    sltu    $10, $8, $9
    slti    $10, $8, -6
    sltiu   $10, $9, -1
    CHECK($10, 1)
    addi    $10, $8, 1
    addiu   $10, $10, -1
    andi    $10, $10, 0xff
    ori     $10, $10, 0xf00
    xori    $10, $10, 0xff0
    CHECK($10, 9)
    lui     $10, 0x7fff
    or      $10, $10, $10
    addiu   $0, $8, 1
    teq     $8, $9
    tne     $9, $9
    tge     $8, $9
    tlt     $9, $8
    tltu    $8, $9
    tgeu    $9, $8
    teqi    $9, 1
    tnei    $9, 3
    tgei    $8, 0
    tlti    $9, 3
    tltiu   $9, 2
    tgeiu   $9, 4
    rdhwr   $10, $0
    CHECK($10, 0)
    rdhwr   $10, $1
    rdhwr   $10, $29
#if defined(__mips64)
    dli     $8, -7000000000
    dmult   $8, $9
    mflo    $10
    CHECK($10, -21000000000)
    dmultu  $9, $9
    ddiv    $0, $8, $9
    mfhi    $10
    CHECK($10, -1)
    ddivu   $0, $9, $9
    dclz    $10, $9
    CHECK($10, 62)
    dclo    $10, $8
    CHECK($10, 31)
    dext    $10, $8, 4, 8
    dextm   $10, $8, 4, 40
    dextu   $10, $8, 36, 8
    CHECK($10, 0xff)
    dins    $10, $9, 8, 4
    dinsm   $10, $9, 8, 40
    dinsu   $10, $9, 36, 8
    dsbh    $10, $9
    dshd    $10, $10
    CHECK($10, 0x0300000000000000)
    drotr   $10, $9, 1
    drotr32 $10, $9, 1
    drotrv  $10, $9, $9
    dsll    $10, $9, 20
    dsll32  $10, $9, 20
    dsrl    $10, $8, 20
    dsrl32  $10, $8, 20
    dsra    $10, $8, 20
    dsra32  $10, $8, 2
    CHECK($10, -1)
    dsllv   $10, $8, $9
    dsrlv   $10, $8, $9
    dsrav   $10, $8, $9
    dadd    $10, $8, $9
    dsub    $10, $8, $9
    daddi   $10, $8, 1
    daddiu  $10, $8, 7
    daddu   $10, $8, $9
    dsubu   $10, $8, $8
    CHECK($10, 0)
#endif
    END
