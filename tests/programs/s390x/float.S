// Binary floating point, all three widths, with operands in storage and in pairs of registers; conversions; the control
// register; access to the hexadecimal loads that QEMU has.
#include "bare.h"
    ENTER
    le %f1, 0(%r13)
    ley %f2, 0(%r13)
    ld %f3, 8(%r13)
    ldy %f4, 8(%r13)
    ste %f1, 512(%r13)
    stey %f2, 512(%r13)
    std %f3, 512(%r13)
    stdy %f4, 512(%r13)
    lde %f5, 0(%r13)
    .irp operation, aeb, seb, meeb, deb, ceb, keb, sqeb, ldeb, mdeb, lxeb
    \operation %f1, 0(%r13)
    .endr
    .irp operation, adb, sdb, mdb, ddb, cdb, kdb, sqdb, lxdb, mxdb
    \operation %f1, 8(%r13)
    .endr
    maeb %f1, %f2, 0(%r13)
    mseb %f1, %f2, 0(%r13)
    madb %f1, %f2, 8(%r13)
    msdb %f1, %f2, 8(%r13)
    tceb %f1, 0xfff
    tcdb %f1, 0xfff
    tcxb %f1, 0xfff
    .irp operation, aebr, sebr, meebr, debr, cebr, kebr, adbr, sdbr, mdbr, ddbr, cdbr, kdbr, mdebr, axbr, sxbr, mxbr, dxbr, cxbr, kxbr, mxdbr
    \operation %f0, %f4
    .endr
    .irp operation, ler, ldr, lxr, lpebr, lnebr, ltebr, lcebr, lpdbr, lndbr, ltdbr, lcdbr, lpxbr, lnxbr, ltxbr, lcxbr, lpdfr, lndfr, lcdfr
    \operation %f0, %f4
    .endr
    .irp operation, sqebr, sqdbr, sqxbr, ldebr, lxebr, lxdbr, ledbr, lexbr, ldxbr
    \operation %f0, %f4
    .endr
    maebr %f1, %f2, %f3
    madbr %f1, %f2, %f3
    msebr %f1, %f2, %f3
    msdbr %f1, %f2, %f3
    fiebr %f1, 0, %f2
    fidbr %f1, 5, %f2
    fixbr %f1, 0, %f4
    lzer %f1
    lzdr %f1
    lzxr %f1
    lghi %r4, -77
    .irp operation, cefbr, cdfbr, cxfbr, cegbr, cdgbr, cxgbr
    \operation %f0, %r4
    .endr
    .irp operation, celfbr, cdlfbr, cxlfbr, celgbr, cdlgbr, cxlgbr
    \operation %f0, 0, %r4, 0
    .endr
    .irp operation, cfebr, cfdbr, cfxbr, cgebr, cgdbr, cgxbr
    \operation %r4, 0, %f0
    .endr
    .irp operation, clfebr, clfdbr, clfxbr, clgebr, clgdbr, clgxbr
    \operation %r4, 0, %f0, 0
    .endr
    ldgr %f1, %r4
    lgdr %r4, %f1
    cpsdr %f1, %f2, %f3
    stfpc 512(%r13)
    lfpc 512(%r13)
    lfas 512(%r13)
    efpc %r4
    sfpc %r4
    srnm 1
    srnmb 0
    LEAVE
    .data
    .balign 16
data:
    .float 1.5, -2.25
    .double 3.75
    .skip 1024
