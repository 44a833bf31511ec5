// Loads and stores of one and of many registers, operands of every format, conditions, and what is done in one go:
// comparisons that swap, arithmetic on storage, pairs.
#include "bare.h"
    ENTER
    // many registers, also from 14 around to 2
    .irp last, 4, 6, 2, 3
    stmg %r4, %r\last, 512(%r13)
    stm %r4, %r\last, 512(%r13)
    stmy %r4, %r\last, 512(%r13)
    stmh %r4, %r\last, 512(%r13)
    stam %a4, %a\last, 512(%r13)
    stamy %a4, %a\last, 512(%r13)
    .endr
    stmg %r0, %r15, 512(%r13)
    lmg %r14, %r12, 624(%r13)
    lm %r4, %r7, 512(%r13)
    lmy %r4, %r7, 512(%r13)
    lmh %r14, %r2, 624(%r13)
    lmh %r4, %r7, 512(%r13)
    stmg %r4, %r7, 512(%r13)
    lam %a2, %a5, 600(%r13)
    lamy %a14, %a15, 600(%r13)
    ear %r4, %a2
    sar %a3, %r4
    lae %r4, 5(%r13)
    // one register, all sizes
    .irp operation, l, ly, lg, lgf, llgf, llgt, lh, lhy, lgh, llh, llgh, lb, lgb, llc, llgc, ic, icy, lt, ltg, ltgf, lrv, lrvg, lrvh
    \operation %r4, 16(%r13)
    .endr
    .irp operation, lzrf, lzrg, llzrgf, lat, lgat, llgtat, llgfat, lfh, lfhat, lbh, lhh, llch, llhh
    \operation %r4, 16(%r13)
    .endr
    .irp operation, a, ay, ag, agf, ah, ahy, al, aly, alg, algf, alc, alcg, s, sy, sg, sgf, sh, shy, sl, slg, slgf, slb, slbg
    \operation %r4, 16(%r13)
    .endr
    .irp operation, agh, sgh, mgh, msc, msgc, m, mfy, ml, mlg, mg, ms, msy, msg, msgf, mh, mhy, n, ny, ng, o, oy, og, x, xy, xg
    \operation %r4, 16(%r13)
    .endr
    .irp operation, c, cy, cg, cgf, ch, chy, cgh, cl, cly, clg, clgf, chf, clhf
    \operation %r4, 16(%r13)
    .endr
    lghi %r4, 0
    lghi %r5, 100
    d %r4, 28(%r13)
    lghi %r4, 0
    dl %r4, 28(%r13)
    lghi %r4, 0
    dsg %r4, 24(%r13)
    dsgf %r4, 28(%r13)
    lghi %r4, 0
    dlg %r4, 24(%r13)
    .irp operation, st, sty, stg, sth, sthy, stc, stcy, strv, strvg, strvh, stfh, sthh, stch
    \operation %r4, 512(%r13)
    .endr
    .irp operation, mvhi, mvghi, mvhhi, chsi, cghsi, chhsi, clfhsi, clghsi, clhhsi
    \operation 512(%r13), 7
    .endr
    .irp operation, mvi, mviy, ni, niy, oi, oiy, xi, xiy, tm, tmy, cli, cliy, asi, agsi, alsi, algsi
    \operation 513(%r13), 5
    .endr
    .irp mask, 0, 1, 5, 8, 15
    icm %r4, \mask, 33(%r13)
    icmy %r4, \mask, 33(%r13)
    icmh %r4, \mask, 33(%r13)
    stcm %r4, \mask, 513(%r13)
    stcmy %r4, \mask, 513(%r13)
    stcmh %r4, \mask, 513(%r13)
    clm %r4, \mask, 513(%r13)
    clmy %r4, \mask, 33(%r13)
    clmh %r4, \mask, 513(%r13)
    cr %r4, %r4
    loc %r5, 512(%r13), \mask
    locg %r5, 512(%r13), \mask
    locfh %r5, 512(%r13), \mask
    stoc %r5, 512(%r13), \mask
    stocg %r5, 512(%r13), \mask
    stocfh %r5, 512(%r13), \mask
    .endr
    // relative
    .irp operation, lrl, lgrl, lgfrl, llgfrl, lhrl, lghrl, llhrl, llghrl, crl, cgrl, cgfrl, clrl, clgrl, clgfrl, chrl, cghrl, clhrl, clghrl
    \operation %r4, data+16
    .endr
    stgrl %r4, data+512
    strl %r4, data+512
    sthrl %r4, data+512
    exrl %r0, nothing
    pfdrl 2, data
    pfd 1, 16(%r13)
    // operands with an index, negative displacements, wrapping around the address space
    lghi %r6, 8
    lg %r4, 8(%r6,%r13)
    lg %r4, -8(%r6,%r13)
    la %r7, 4095(%r13)
    lay %r7, -4000(%r7)
    lghi %r8, -4096
    lg %r4, 4095(%r8,%r7)
    lg %r4, 0(%r13,%r6)
    // comparisons that swap: equal and not
    la %r12, 512(%r13)
    mvc 512(64,%r13), 0(%r13)
    .irp again, 1, 2
    lg %r4, 0(%r12)
    lghi %r5, 77
    cs %r4, %r5, 0(%r12)
    cs %r4, %r5, 4(%r12)
    csy %r4, %r5, 4(%r12)
    csg %r4, %r5, 8(%r12)
    csg %r4, %r5, 8(%r12)
    lm %r4, %r5, 0(%r12)
    lm %r6, %r7, 8(%r13)
    cds %r4, %r6, 0(%r12)
    cdsy %r4, %r6, 0(%r12)
    lmg %r4, %r5, 16(%r12)
    cdsg %r4, %r6, 16(%r12)
    jne bad
    cdsg %r4, %r6, 16(%r12)
    .endr
    lpq %r4, 16(%r12)
    stpq %r4, 32(%r12)
    lpd %r4, 0(%r12), 8(%r12)
    lpdg %r4, 0(%r12), 8(%r12)
    .irp operation, laa, laag, laal, laalg, lan, lang, lao, laog, lax, laxg
    \operation %r4, %r5, 8(%r12)
    .endr
    ts 0(%r12)
    // compare and swap and store: each size of both
    .irp function, 0, 1, 2
    .irp characteristic, 1, 2, 3, 4 // 0, of one byte, fails an assertion of QEMU 7.2
    lghi %r0, \characteristic * 256 + \function
    la %r1, 64(%r13)
    lmg %r4, %r5, 0(%r12)
    .if \function == 0
    srlg %r4, %r4, 32
    .endif
    csst 0(%r12), 512+256(%r13), %r4
    lghi %r4, 1
    csst 0(%r12), 512+256(%r13), %r4
    .endr
    .endr
    // extract and compare without storage
    ecag %r4, %r4, 0
    ipm %r4
    epsw %r4, %r5
    spm %r4
    flogr %r4, %r5
    popcnt %r4, %r5
    risbg %r4, %r5, 8, 15, 3
    cgij %r4, 5, 8, 1f
    crj %r4, %r5, 8, 1f
1:  brct %r6, 2f
2:  brxh %r6, %r8, 3f
3:  brxle %r6, %r8, 4f
4:  brctg %r6, 5f
5:  bras %r14, 6f
6:  larl %r6, 7f
    basr %r14, %r6
7:  clgrt %r4, %r4, 6
    cgit %r4, 12345, 8
    l %r4, 0(%r13)
    clt %r4, 6, 0(%r13)
    lghi %r4, 5
    LEAVE
    .balign 2
nothing: nopr
    .data
    .balign 16
data:
    .rept 32
    .quad 0x0102030405060708, 0x1112131415161718, 0x8182838485868788, 0x00000000f1f2f3f4
    .endr
