/* Condition register fields, XER's bits, counted and conditional branches, and what moves between them. */
#include "start.h"

    start
    /* Condition register: logic, moves of fields, one bit at a time. */
    constant 5, 0x12345678
    mtcr    5
    crand   0, 3, 6
    cror    1, 4, 9
    crxor   2, 2, 2
    creqv   7, 7, 7
    crnand  8, 9, 10
    crnor   12, 13, 14
    crandc  16, 17, 18
    crorc   20, 21, 22
    mcrf    6, 2
    mfcr    6
    expect  6, 0x93b4deb8
    mtcrf   0x81, 5
    mtocrf  0x20, 5
    mfocrf  7, 0x20
    mfcr    6
    constant 5, 0x00005000
    mtcrf   0x18, 5
    mfcr    6

    /* Overflow, carry, summary overflow. */
    li      5, -1
    li      8, 1
    addc    6, 5, 8
    adde    6, 5, 8
    addze   6, 6
    addme   6, 6
    subfc   6, 5, 8
    subfe   6, 5, 8
    subfze  6, 6
    subfme  6, 6
    lis     5, 0x7fff
#ifdef __powerpc64__
    sldi    5, 5, 32
#endif
    addo.   6, 5, 5
    mfxer   7
    srwi    7, 7, 29
    rlwinm  7, 7, 0, 29, 31
#ifndef __powerpc64__
    expect  7, 7
    mcrxr   2
#endif
    mfcr    6
    nego    6, 5
    mulli   6, 5, 7
    mullwo. 6, 5, 5
    li      6, 0
    divwo   6, 5, 6
    divwuo. 6, 5, 8
    mulhw   6, 5, 5
    mulhwu. 6, 5, 5
    srawi.  6, 6, 3
    sraw    6, 5, 8
    slw     6, 5, 8
    srw.    6, 5, 8
    rlwimi  6, 5, 8, 4, 20
    rlwnm.  6, 5, 8, 3, 30
    cntlzw  7, 8
    expect  7, 31
    extsb   7, 5
    extsh.  7, 5
    andi.   7, 5, 15
    andis.  7, 5, 15
    addic   7, 5, 1
    addic.  7, 5, -1
    subfic  7, 5, 1
    nand.   7, 5, 5
    eqv     7, 5, 8
    orc     7, 5, 8
    andc    7, 5, 8
    li      7, 0
    mtxer   7

    /* Counted branches, each condition, both ways, with and without the link; to the link and the counter register. */
    li      5, 3
    mtctr   5
    li      6, 0
1:  addi    6, 6, 1
    bdnz    1b
    expect  6, 3
    li      5, 4
    mtctr   5
    cmpwi   6, 3
2:  addi    6, 6, 1
    bdnzt   eq, 2b
    expect  6, 7
    li      5, 2
    mtctr   5
3:  bdzf    eq, 4f
    bdzt    eq, 4f
    b       3b
4:  mfctr   5
    expect  5, 0
    li      5, 1
    mtctr   5
    bdnzf   eq, failed
    li      6, 0
    bl      leaf
    bl      leaf
    expect  6, 2
    address 7, leaf
    mtctr   7
    bctrl
    cmpwi   6, 3
    beqctrl
    bnectrl
    expect  6, 4
    mtlr    7
    blrl
    expect  6, 5
    bcl     20, 31, 5f
5:  mflr    8
    addi    8, 8, 6f - 5b
    mtlr    8
    li      5, 2
    mtctr   5
    bdzlr
    bdnzlr                      /* the counter is at one: not taken */
    li      5, 2
    mtctr   5
    bdnzlr
    b       failed
6:  cmpwi   6, 5
    bnelr
    beq     cr0, 7f
    b       failed
7:  bnel    failed
    beql    leaf
    expect  6, 6

    /* Traps that do not trap. */
    tweq    5, 6
    twlgti  6, 6
    tw      16, 6, 6

#ifdef __powerpc64__
    li      8, 7
    cmpwi   8, 7
    isel    5, 6, 8, eq
    isel    5, 0, 8, gt
    isel    5, 0, 8, eq
    expect  5, 0
    li      5, 0x55
    popcntb 6, 5
    popcntw 6, 5
    popcntd 6, 5
    expect  6, 4
    prtyw   6, 5
    prtyd   6, 5
    cmpb    6, 5, 8
    bpermd  6, 5, 8
    cntlzd  6, 5
    cnttzd. 6, 5
    cnttzw  6, 5
    extsw.  6, 5
    mulld   6, 5, 8
    mulhd.  6, 5, 8
    mulhdu  6, 5, 8
    maddhd  6, 5, 8, 6
    maddhdu 6, 5, 8, 6
    maddld  6, 5, 8, 6
    divd    6, 5, 8
    divdu.  6, 5, 8
    divde   6, 8, 5
    divdeu  6, 8, 5
    divwe   6, 8, 5
    divweu. 6, 8, 5
    modsd   6, 5, 8
    modud   6, 5, 8
    modsw   6, 5, 8
    moduw   6, 5, 8
    expect  6, 1
    sld     6, 5, 8
    srd.    6, 5, 8
    srad    6, 5, 8
    sradi.  6, 5, 8
    extswsli 6, 5, 8
    rldicl  6, 5, 8, 9
    rldicr. 6, 5, 8, 9
    rldimi  6, 5, 8, 9
    rldcl   6, 5, 8, 9
    rldcr   6, 5, 8, 9
    rldic   6, 5, 8, 9
    tdeq    5, 8
    tdlgti  5, 0x55
    cmprb   cr3, 0, 5, 8
    cmpeqb  cr4, 5, 8
    setb    6, cr3
    addpcis 6, 0
    addg6s  6, 5, 8
    addex   6, 5, 8, 0
    mcrxrx  cr2
    mfspr   6, 256
    mtspr   256, 6
#endif
    finish

leaf:
    addi    6, 6, 1
    blr
