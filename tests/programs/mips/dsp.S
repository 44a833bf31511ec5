/* The DSP module, revision 2: indexed loads, accumulators, DSPControl, a branch on its position field. */
#include "harness.h"

START
    LA      $16, source
    li      $8, 0x7fff0001
    li      $9, 0x00020003
    li      $10, 5
    li      $11, 4
    lwx     $12, $11($16)
    CHECK($12, 0x04050607)
    lhx     $12, $11($16)
    lbux    $12, $10($16)
    addq.ph $12, $8, $9
    addq_s.ph $12, $8, $9
    CHECK($12, 0x7fff0004)
    addq_s.w $12, $8, $8
    addu.qb $12, $8, $9
    addsc   $12, $8, $8
    addwc   $12, $8, $9
    subq.ph $12, $8, $9
    subu_s.qb $12, $8, $9
    raddu.w.qb $12, $8
    modsub  $12, $8, $9
    precrq.qb.ph $12, $8, $9
    precequ.ph.qbl $12, $8
    preceq.w.phl $12, $8
    shll.qb $12, $8, 3
    shllv.ph $12, $8, $11
    shra.ph $12, $8, 2
    shrl.qb $12, $8, 2
    muleu_s.ph.qbl $12, $8, $9
    mulq_rs.ph $12, $8, $9
    mulsaq_s.w.ph $ac0, $8, $9
    dpau.h.qbl $ac0, $8, $9
    dpaq_s.w.ph $ac1, $8, $9
    dpsq_sa.l.w $ac2, $8, $9
    maq_s.w.phl $ac3, $8, $9
    mult    $ac1, $8, $9
    madd    $ac1, $8, $9
    msubu   $ac2, $8, $9
    mfhi    $12, $ac1
    mflo    $12, $ac1
    mthi    $8, $ac2
    mtlo    $9, $ac0
    mflo    $12, $ac0
    CHECK($12, 0x20003)
    extr.w  $12, $ac0, 1
    CHECK($12, 0x10001)
    extrv_s.h $12, $ac0, $10
    extp    $12, $ac0, 3
    extpdp  $12, $ac0, 3
    shilo   $ac0, 4
    shilov  $ac1, $10
    mthlip  $8, $ac0
    bitrev  $12, $8
    insv    $12, $9
    repl.qb $12, 7
    replv.ph $12, $8
    cmpu.eq.qb $8, $8
    cmpgu.eq.qb $12, $8, $9
    cmp.lt.ph $8, $9
    pick.ph $12, $8, $9
    packrl.ph $12, $8, $9
    rddsp   $12
    wrdsp   $12
    li      $12, 40
    wrdsp   $12
    bposge32 1f
    li      $13, 1
    li      $13, 2
1:  CHECK($13, 1)
    wrdsp   $0
    bposge32 1f
    li      $13, 3
    li      $13, 4
1:  CHECK($13, 4)
    /* revision 2 */
    absq_s.qb $12, $8
    addqh.ph $12, $8, $9
    append  $12, $8, 3
    balign  $12, $8, 1
    dpa.w.ph $ac0, $8, $9
    mul.ph  $12, $8, $9
    prepend $12, $8, 3
    precr.qb.ph $12, $8, $9
    shra.qb $12, $8, 1
    mulq_s.w $12, $8, $9
    END

    .data
    .balign 8
source:
#ifdef __MIPSEB__
    .byte   0, 1, 2, 3, 4, 5, 6, 7
#else
    .byte   0, 1, 2, 3, 7, 6, 5, 4
#endif
