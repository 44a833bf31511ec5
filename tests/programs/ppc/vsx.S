/* VSX of ISA 2.06 to 3.0: loads and stores of every width and element order, by length, and what lies over the FPRs. */
#include "start.h"

    start
    address 4, data
    address 5, numbers
    li      6, 16
    li      7, 8
    lxvd2x  1, 0, 5
    lxvw4x  33, 6, 5
    lxvh8x  2, 6, 5
    lxvb16x 34, 6, 5
    lxvx    3, 6, 5
    lxv     35, 16(5)
    lxv     4, 0(5)
    lxvdsx  5, 7, 5
    lxvwsx  5, 7, 5
    lxsdx   6, 7, 5
    lxsspx  7, 6, 5
    lxsiwax 8, 6, 5
    lxsiwzx 40, 6, 5
    lxsibzx 9, 6, 5
    lxsihzx 41, 6, 5
    lxsd    10, 8(5)
    lxssp   11, 16(5)
    stxvd2x 1, 0, 4
    expect_double 0, 0x3ff80000, 0
    stxvw4x 33, 6, 4
    stxvh8x 2, 6, 4
    stxvb16x 34, 6, 4
    stxvx   3, 6, 4
    stxv    35, 32(4)
    expect_word "32(4)", 0x40600000
    stxsdx  6, 7, 4
    stxsspx 7, 6, 4
    stxsiwx 40, 6, 4
    stxsibx 9, 6, 4
    stxsihx 41, 6, 4
    stxsd   10, 8(4)
    stxssp  11, 16(4)
    lxvx    3, 0, 5
    stxvx   3, 7, 4             /* misaligned */

    /* By length, in the top byte of a register: 0, 5, 16, 200. */
    li      8, 0
    lxvl    12, 5, 8
    stxvl   12, 4, 8
    li      8, 5
    sldi    8, 8, 56
    lxvl    12, 5, 8
    stxvl   12, 4, 8
    lxvll   44, 5, 8
    stxvll  44, 4, 8
    li      8, 16
    sldi    8, 8, 56
    lxvl    12, 5, 8
    stxvll  12, 4, 8
    li      8, 200
    sldi    8, 8, 56
    lxvll   12, 5, 8
    stxvl   12, 4, 8

    /* A write of a float register clears the rest of the vector register over it. */
    lxv     1, 0(5)
    lfd     1, 0(5)
    mfvsrd  8, 1
    mfvsrld 9, 1
    srdi    8, 8, 32
    expect  8, 0x3ff80000
    mfvsrwz 8, 1
    mtvsrd  13, 8
    mtvsrwa 13, 8
    mtvsrwz 45, 8
    mtvsrdd 13, 8, 9
    mtvsrws 13, 8

    lxv     1, 0(5)
    lxv     2, 16(5)
    xvadddp 14, 1, 1
    xvsubsp 14, 2, 2
    xvmaddadp 14, 1, 1
    xvmaddmsp 46, 2, 2
    xvnmsubadp 14, 1, 1
    xsadddp 15, 1, 1
    xsmulsp 15, 1, 1
    xsmaddadp 15, 1, 1
    xsnmsubmsp 15, 1, 1
    xssqrtdp 15, 1
    xvsqrtsp 15, 2
    xsredp  16, 1
    xvrsqrtesp 16, 2
    xscmpudp cr1, 1, 1
    xscmpeqdp 17, 1, 1
    xvcmpgtdp. 17, 1, 1
    xvcmpeqsp 17, 2, 2
    xvmaxdp 18, 1, 1
    xsmincdp 18, 1, 1
    xsmaxjdp 18, 1, 1
    xscvdpsxds 19, 1
    xscvdpuxws 19, 1
    xscvsxddp 19, 19
    xscvdpsp 19, 1
    xscvdpspn 19, 1
    xscvspdpn 19, 19
    xscvdphp 19, 1
    xscvhpdp 19, 19
    xvcvdpsxds 20, 1
    xvcvsxwsp 20, 2
    xvcvspdp 20, 2
    xvcvhpsp 20, 2
    xvrdpi  21, 1
    xvrspic 21, 2
    xsrdpiz 21, 1
    xvabsdp 22, 1
    xsnegdp 22, 1
    xvcpsgnsp 22, 1, 2
    xststdcdp cr2, 1, 3
    xvtstdcsp 22, 2, 3
    xsxexpdp 8, 1
    xsxsigdp 8, 1
    xsiexpdp 22, 8, 9
    xvxexpdp 22, 1
    xviexpsp 22, 1, 2
    xxland  23, 1, 2
    xxlorc  55, 1, 2
    xxlxor  23, 23, 23
    xxsel   23, 1, 2, 3
    xxpermdi 24, 1, 2, 1
    xxsldwi 24, 1, 2, 3
    xxspltw 24, 1, 2
    xxspltib 24, 7
    xxmrghw 24, 1, 2
    xxperm  24, 1, 2
    xxpermr 24, 1, 2
    xxbrd   24, 1
    xxextractuw 24, 1, 3
    xxinsertw 24, 1, 3

    /* Quad precision, and AltiVec's part of ISA 2.07 and 3.0. */
    lxv     33, 0(5)
    xscvdpqp 2, 1
    xsaddqp 3, 2, 2
    xsmulqpo 3, 2, 2
    xsmaddqp 3, 2, 2
    xssqrtqp 3, 2
    xscmpuqp cr1, 2, 3
    xscvqpdp 4, 3
    xscvqpsdz 4, 3
    xscvsdqp 4, 4
    xsrqpi  0, 4, 3, 0
    xsabsqp 4, 3
    xsxexpqp 4, 3
    vaddudm 6, 1, 2
    vadduqm 6, 1, 2
    vaddeuqm 6, 1, 2, 3
    vmuluwm 6, 1, 2
    vmulouw 6, 1, 2
    vpkudus 6, 1, 2
    vrld    6, 1, 2
    vclzd   6, 1
    vpopcntw 6, 1
    vgbbd   6, 1
    vbpermq 6, 1, 2
    vpermxor 6, 1, 2, 3
    vcipher 6, 1, 2
    vncipherlast 6, 1, 2
    vshasigmaw 6, 1, 1, 3
    vpmsumd 6, 1, 2
    bcdadd. 6, 1, 2, 0
    bcdcfn. 6, 1, 0
    vcmpneb. 6, 1, 2
    vctzb   6, 1
    vclzlsbb 8, 1
    vextractub 6, 1, 3
    vextublx 8, 9, 1
    vinsertw 6, 1, 4
    vabsdub 6, 1, 2
    vslv    6, 1, 2
    vrlwmi  6, 1, 2
    vextsb2d 6, 1
    vmul10uq 6, 1
    vnegw   6, 1
    vprtybq 6, 1
    finish

    .data
    .balign 16
numbers:
    .double 1.5, 2.25
    .float  3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5
data:
    .space  128
