/* Release 6: compact branches, which have no delay slot, taken and not; what it gave new encodings to. */
#include "harness.h"

    /* A compact branch that is taken skips 16; one that is not goes on to the next instruction, which is no branch. */
    .macro  outcome branch:vararg
    \branch, 1f
    addiu   $16, $16, 1
    addiu   $16, $16, 16
1:
    .endm

START
    LA      $17, cell
    li      $8, -1
    li      $9, 2
    li      $10, 1
    li      $11, 1
    li      $16, 0
    outcome beqc $10, $11
    outcome bnec $8, $9
    outcome bltc $8, $9
    outcome bgec $9, $8
    outcome bltuc $9, $8
    outcome bgeuc $8, $9
    outcome beqzc $16
    outcome bnezc $8
    outcome blezc $8
    outcome bgezc $9
    outcome bgtzc $9
    outcome bltzc $8
    outcome bnvc $8, $9
    outcome beqzalc $16
    outcome bnezalc $8
    outcome blezalc $8
    outcome bgezalc $9
    outcome bgtzalc $9
    outcome bltzalc $8
    CHECK($16, 0)
    outcome beqc $9, $11
    outcome bnec $10, $11
    outcome bltc $9, $8
    outcome bgec $8, $9
    outcome bltuc $8, $9
    outcome bgeuc $9, $8
    outcome beqzc $8
    outcome blezc $9
    outcome bgezc $8
    outcome bgtzc $8
    outcome bltzc $9
    outcome bovc $8, $9
    outcome beqzalc $8
    outcome blezalc $9
    outcome bgtzalc $8
    CHECK($16, 15 * 17)
    /* those with slots are still there */
    li      $16, 0
    beq     $10, $11, 1f
    addiu   $16, $16, 1
    addiu   $16, $16, 16
1:  bal     1f
    addiu   $16, $16, 1
    addiu   $16, $16, 16
1:  CHECK($16, 2)
    bc      1f
    li      $16, 9
1:  balc    2f
    bc      3f
2:  jrc     $31
3:  LA      $12, 4f
    jialc   $12, 0
    bc      5f
4:  jic     $31, 0
5:  CHECK($16, 2)
    LA      $12, 6f
    jalr    $0, $12
    lw      $13, 0($17)
    /* pc-relative, and base with upper immediates */
6:  lwpc    $13, word
    CHECK($13, 0x12345678)
    addiupc $13, 16
    auipc   $13, 1
    aluipc  $13, 1
    aui     $13, $9, 1
    CHECK($13, 0x10002)
    lsa     $13, $8, $9, 2
    CHECK($13, -2)
    align   $13, $8, $9, 1
    bitswap $13, $9
    mul     $13, $8, $9
    muh     $13, $8, $9
    mulu    $13, $8, $9
    muhu    $13, $9, $9
    div     $13, $9, $8
    mod     $13, $9, $8
    divu    $13, $9, $11
    modu    $13, $9, $11
    CHECK($13, 0)
    seleqz  $13, $9, $0
    CHECK($13, 2)
    selnez  $13, $9, $0
    clz     $13, $9
    clo     $13, $8
    CHECK($13, 32)
    /* load-linked and store-conditional with nine-bit offsets */
7:  ll      $13, 0($17)
    addiu   $13, $13, 3
    sc      $13, 0($17)
    beqzc   $13, 7b
    lw      $13, 0($17)
    CHECK($13, 3)
    ll      $13, 0($17)
    sc      $13, 4($17)
    CHECK($13, 0)
    /* unaligned accesses are ordinary */
    lw      $13, 1($17)
    sw      $13, 5($17)
    lh      $13, 3($17)
    /* floating point */
    li      $13, 3
    mtc1    $13, $f2
    cvt.d.w $f2, $f2
    sqrt.d  $f4, $f2
    cmp.lt.d $f5, $f4, $f2
    bc1eqz  $f5, 8f
    addiu   $16, $16, 1
    bc1nez  $f5, 9f
    addiu   $16, $16, 1
8:  addiu   $16, $16, 16
9:  CHECK($16, 4)
    sel.d   $f5, $f4, $f2
    seleqz.d $f6, $f4, $f2
    selnez.d $f6, $f4, $f2
    maddf.d $f6, $f4, $f2
    msubf.d $f6, $f4, $f2
    rint.d  $f6, $f4
    class.d $f6, $f4
    min.d   $f6, $f4, $f2
    max.d   $f6, $f4, $f2
    mina.d  $f6, $f4, $f2
    maxa.d  $f6, $f4, $f2
    cmp.eq.s $f7, $f4, $f2
    cmp.un.s $f7, $f4, $f2
    sdc1    $f6, 8($17)
#if defined(__mips64)
    ldpc    $13, doubleword
    CHECK($13, 0x123456789abcdef0)
    lwupc   $13, word
    daui    $13, $9, 1
    dahi    $13, $13, 1
    dati    $13, $13, 1
    CHECK($13, 0x1000100010002)
    dlsa    $13, $8, $9, 2
    dalign  $13, $8, $9, 3
    dbitswap $13, $9
    dmul    $13, $8, $9
    dmuh    $13, $8, $9
    ddiv    $13, $9, $8
    dmod    $13, $9, $8
    ddivu   $13, $9, $11
    dmodu   $13, $9, $11
    dclz    $13, $9
    CHECK($13, 62)
7:  lld     $13, 16($17)
    daddiu  $13, $13, 3
    scd     $13, 16($17)
    beqzc   $13, 7b
    ld      $13, 16($17)
    CHECK($13, 3)
#endif
    END

    .balign 8
doubleword:
    .8byte  0x123456789abcdef0
word:
    .word   0x12345678

    .bss
    .balign 16
cell:
    .skip   64
