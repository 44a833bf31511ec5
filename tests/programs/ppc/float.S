/* Floating point: loads and stores with their conversions, arithmetic, the status and control register. */
#include "start.h"

    start
    address 4, data
    address 5, numbers
    li      6, 8
    lfd     1, 0(5)             /* 1.5 */
    lfd     2, 8(5)             /* 2.25 */
    lfs     3, 16(5)            /* 3.5 */
    lfsx    4, 6, 5
    lfdx    4, 6, 5
    mr      7, 5
    lfdu    5, 8(7)
    lfdux   5, 7, 6
    mr      7, 5
    lfsu    5, 16(7)
    lfsux   5, 7, 6
    stfd    1, 0(4)
    expect_double 0, 0x3ff80000, 0
    stfs    2, 8(4)
    expect_word "8(4)", 0x40100000
    mr      7, 4
    stfdu   1, 8(7)
    stfdux  1, 7, 6
    stfsu   3, 8(7)
    stfsux  3, 7, 6
    stfsx   3, 4, 6
    stfdx   3, 4, 6
    expect_double 8, 0x400c0000, 0
    stfd    1, 33(4)            /* misaligned */
    lfd     4, 33(4)
    lfs     4, 34(4)

    fadd    8, 1, 2
    fsub    9, 1, 2
    fmul    10, 1, 2
    fdiv    11, 2, 1
    stfd    11, 0(4)
    expect_double 0, 0x3ff80000, 0
    fmadd   12, 1, 2, 3
    fmsub   12, 1, 2, 3
    fnmadd  12, 1, 2, 3
    fnmsub. 12, 1, 2, 3
    fadds   8, 1, 2
    fsubs   9, 1, 2
    fmuls   10, 1, 2
    fdivs   11, 2, 1
    fmadds  12, 1, 2, 3
    fmsubs  12, 1, 2, 3
    fnmadds 12, 1, 2, 3
    fnmsubs 12, 1, 2, 3
    fneg    13, 1
    fabs    14, 13
    fnabs   14, 13
    fmr     15, 13
    frsp    16, 10
    fsel    17, 13, 1, 2
    fres    18, 1
    frsqrte 18, 1
    fctiw   19, 2
    stfiwx  19, 0, 4
    expect_word "0(4)", 2
    fctiwz. 19, 13
    stfiwx  19, 0, 4
    expect_word "0(4)", 0xffffffff
    stfiwx  19, 4, 6
    fcmpu   cr2, 1, 2
    fcmpo   cr3, 2, 1
    mcrfs   cr4, 4
    mfcr    7
    rlwinm  7, 7, 20, 16, 31
    mffs    20
    stfd    20, 0(4)
    mtfsfi  7, 1                /* round to zero */
    fadd    21, 1, 2
    mtfsb1  31
    mtfsb0  31
    mtfsb0. 30
    fsub    22, 22, 22
    mtfsf   255, 22
    fdiv    23, 1, 22           /* divides by zero: an exception bit, no trap */
    mffs.   24
    stfd    24, 0(4)
    lwz     7, 4(4)
    mtfsf   255, 22
    fdivs   23, 22, 22          /* 0 / 0 */
    fcmpu   cr5, 23, 23

#ifdef __powerpc64__
    fsqrt   25, 1
    fsqrts  25, 1
    fre     25, 1
    frsqrtes 25, 1
    fcfid   26, 19
    fcfids  26, 19
    fcfidu  26, 19
    fcfidus 26, 19
    fctid   26, 2
    fctidz  26, 2
    fctidu  26, 2
    fctiduz 26, 2
    fctiwu  26, 2
    fctiwuz 26, 2
    frin    27, 2
    friz    27, 2
    frip    27, 2
    frim    27, 2
    fcpsgn  28, 13, 2
    ftdiv   cr1, 1, 2
    ftsqrt  cr1, 1
    lfiwax  29, 0, 5
    lfiwzx  29, 5, 6
    fmrgew  29, 1, 2
    fmrgow  29, 1, 2
    stfdp   2, 16(4)
    lfdp    8, 16(4)
    stfdpx  2, 4, 6
    lfdpx   8, 4, 6
    mffsl   30
    mffscrn 30, 1
    mffscrni 30, 0
    mffsce  30
    mffscdrn 30, 1
    mffscdrni 30, 0
    dadd    8, 1, 2
    dctdp   8, 4
    daddq   8, 2, 2
    dctqpq  8, 4
    dcmpu   cr1, 1, 2
    dquai   2, 8, 1, 0
    dscli   8, 1, 2
    dtstdc  cr1, 1, 3
    ddedpd  0, 8, 1
    denbcd  0, 8, 1
    dxex    8, 1
    diex    8, 1, 2
    dcffix  8, 1
    dctfix  8, 1
    drintx  0, 8, 1, 0
#endif
    finish

    .data
    .balign 16
numbers:
    .double 1.5, 2.25
    .float  3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5
data:
    .space  128
