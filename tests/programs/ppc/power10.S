/* ISA 3.1: prefixed instructions of eight bytes, relative to the pc too; vector pairs; the matrix unit. */
#include "start.h"

    start
    address 4, data
    address 5, numbers
    li      6, 32
    pli     7, 0x12345678
    paddi   8, 4, 16
    pla     9, numbers@pcrel
    cmpd    9, 5
    bne     failed
    plwz    10, 0(5)
    plwz    10, numbers@pcrel
    pld     10, 8(5)
    pld     10, numbers@pcrel(0), 1
    plbz    10, 3(5)
    plha    10, 2(5)
    plhz    10, 2(5)
    plwa    10, 4(5)
    pstd    7, 0(4)
    pstw    7, 8(4)
    psth    7, 12(4)
    pstb    7, 14(4)
    pstw    7, data@pcrel
    plwz    10, -65536(8)
    plwz    10, 65536*2-16(5)
    plfd    1, 0(5)
    plfs    2, 16(5)
    pstfd   1, 0(4)
    pstfs   2, 8(4)
    plxv    3, 0(5)
    plxv    35, 16(5)
    pstxv   3, 0(4)
    pstxv   35, data@pcrel
    plxsd   4, 0(5)
    plxssp  4, 16(5)
    pstxsd  4, 0(4)
    pstxssp 4, 8(4)
    plq     10, 0(5)
    pstq    10, 0(4)
    pnop

    /* Pairs, of which the first is even; the upper ones are AltiVec's. */
    lxvp    2, 0(5)
    lxvp    34, 32(5)
    lxvpx   4, 6, 5
    stxvp   2, 0(4)
    stxvp   34, 32(4)
    stxvpx  4, 6, 4
    plxvp   6, 32(5)
    pstxvp  6, 32(4)
    lxvrbx  7, 6, 5
    lxvrhx  7, 6, 5
    lxvrwx  39, 6, 5
    lxvrdx  39, 6, 5
    stxvrbx 7, 6, 4
    stxvrhx 7, 6, 4
    stxvrwx 39, 6, 4
    stxvrdx 39, 6, 4

    xxspltiw 8, 0x3f800000
    xxspltidp 8, 0x3f800000
    xxsplti32dx 8, 1, 7
    xxblendvb 9, 1, 2, 3
    xxpermx 9, 1, 2, 3, 1
    xxeval  9, 1, 2, 3, 22
    lxvkq   10, 1

    /* Accumulator 1 lies over vs4 to vs7. */
    xxsetaccz 1
    xvf32gerpp 1, 2, 3
    xvf64gerpp 1, 2, 3
    xvi8ger4pp 1, 2, 3
    xvbf16ger2 1, 2, 3
    pmxvi8ger4pp 1, 2, 3, 15, 15, 15
    pmxvf64ger 1, 2, 3, 15, 3
    xxmfacc 1
    xxmtacc 1

    cmpwi   7, 0
    setbc   10, gt
    setnbcr 10, gt
    brw     10, 7
    brd     10, 7
    pdepd   10, 7, 6
    cntlzdm 10, 7, 6
    cfuged  10, 7, 6
    vmulld  6, 1, 2
    vdivsw  6, 1, 2
    vmoduq  6, 1, 2
    vextdubvlx 6, 1, 2, 7
    vinsbvlx 6, 7, 1
    vstribl. 6, 1
    mtvsrbm 6, 7
    vextractbm 10, 6
    vcntmbb 10, 6, 1
    vclrlb  6, 1, 7
    xscmpeqqp 6, 1, 2
    xvtlsbb cr1, 2
    hashst  7, -8(5)
    hashchk 7, -8(5)
    finish

    .data
    .balign 16
    .space  32
numbers:
    .double 1.5, 2.25
    .float  3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5
    .space  64
    .space  65536
data:
    .space  65536 + 64
