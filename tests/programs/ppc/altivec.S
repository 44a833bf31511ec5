/* AltiVec: loads and stores that round the address down, permutations, saturation, comparisons. */
#include "start.h"

    start
    address 4, data
    address 5, numbers
    li      6, 16
    li      7, 19
    lvx     1, 0, 5
    lvxl    2, 6, 5
    lvx     3, 7, 5             /* the same: rounded down */
    lvebx   4, 7, 5
    lvehx   4, 7, 5
    lvewx   4, 7, 5
    lvebx   4, 0, 5
    stvx    1, 0, 4
    expect_bytes 0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f
    stvxl   2, 7, 4
    stvebx  1, 7, 4
    stvehx  1, 7, 4
    stvewx  1, 7, 4
    stvebx  1, 0, 4
    lvsl    5, 7, 4
    lvsr    6, 7, 4
    vperm   7, 1, 2, 5
    vperm   8, 1, 2, 6
    vsel    9, 1, 2, 5
    vsldoi  9, 1, 2, 5
    vspltb  10, 1, 3
    vsplth  10, 1, 3
    vspltw  10, 1, 3
    vspltisb 11, -3
    vspltish 11, 7
    vspltisw 11, 9
    vmrghb  12, 1, 2
    vmrglw  12, 1, 2
    vpkuhum 12, 1, 2
    vpkswus 12, 1, 2
    vpkshss 12, 1, 2
    vpkpx   12, 1, 2
    vupkhsb 12, 1
    vupklsh 12, 1
    vupkhpx 12, 1
    vaddubm 13, 1, 2
    stvx    13, 0, 4
    expect_bytes 0x10121416, 0x181a1c1e, 0x20222426, 0x282a2c2e
    vaddubs 13, 2, 2
    vaddcuw 13, 1, 2
    vaddsws 13, 2, 2
    vsubuhs 13, 1, 2
    vsubuwm 13, 1, 2
    vavgub  13, 1, 2
    vmaxsh  13, 1, 2
    vminuw  13, 1, 2
    vmuleub 13, 1, 2
    vmulosh 13, 1, 2
    vmhaddshs 14, 1, 2, 3
    vmladduhm 14, 1, 2, 3
    vmsumubm 14, 1, 2, 3
    vmsumshs 14, 1, 2, 3
    vsumsws 14, 1, 2
    vsum4ubs 14, 1, 2
    vsum2sws 14, 1, 2
    vand    15, 1, 2
    vandc   15, 1, 2
    vor     15, 1, 2
    vxor    15, 15, 15
    vnor    15, 1, 2
    vrlb    16, 1, 2
    vslh    16, 1, 2
    vsraw   16, 1, 2
    vsl     16, 1, 11
    vslo    16, 1, 2
    vsr     16, 1, 11
    vsro    16, 1, 2
    vcmpequb. 17, 1, 1
    vcmpgtsh 17, 1, 2
    vcmpgtuw. 17, 1, 2
    vcfux   18, 1, 3
    vcfsx   19, 2, 0
    vaddfp  20, 18, 19
    vsubfp  20, 18, 19
    vmaddfp 20, 18, 19, 18
    vnmsubfp 20, 18, 19, 18
    vmaxfp  20, 18, 19
    vrefp   21, 19
    vrsqrtefp 21, 19
    vexptefp 21, 18
    vlogefp 21, 19
    vrfin   22, 19
    vrfiz   22, 19
    vctuxs  22, 19, 2
    vctsxs  22, 19, 2
    vcmpeqfp. 23, 18, 18
    vcmpgefp 23, 18, 19
    vcmpbfp. 23, 18, 19
    mfvscr  24
    vspltisw 25, 0
    mtvscr  25
    mfspr   8, 256
    ori     8, 8, 1
    mtspr   256, 8
    dss     0
    dst     4, 6, 1
    dssall
    finish

    .data
    .balign 16
numbers:
#ifdef __LITTLE_ENDIAN__
    .long   0x00010203, 0x04050607, 0x08090a0b, 0x0c0d0e0f, 0x10111213, 0x14151617, 0x18191a1b, 0x1c1d1e1f
#else
    .byte   0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
    .byte   28, 29, 30, 31
#endif
data:
    .space  128
