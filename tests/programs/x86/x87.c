/* The x87 unit: every form of load, store and arithmetic, the stack from every top, environments, BCD, comparisons,
   transcendental functions, MMX in between. */
#include "bare.h"

static float single = 1.5f, singles[4];
static double real = -2.25, reals[4];
static long double extended = 3.75L, extendeds[4];
static short small = -7, smalls[4];
static int integer = 123456, integers[4];
static long long whole = -123456789012LL, wholes[4];
static u8 decimal[12], environment[108] __attribute__((aligned(16)));
static u16 control;

void run(void)
{
    __asm__ volatile("fninit; flds %0; fldl %1; fldt %2; filds %3; fildl %4; fildll %5; fldpi; fld1"
                     : : "m"(single), "m"(real), "m"(extended), "m"(small), "m"(integer), "m"(whole));
    __asm__ volatile("fsts %0; fstl %1; fists %2; fistl %3; fstps %4" : "=m"(singles[0]), "=m"(reals[0]), "=m"(smalls[0]),
                     "=m"(integers[0]), "=m"(singles[1]));
    CHECK(singles[0] == 1.0f && integers[0] == 1);
    __asm__ volatile("fstpl %0; fistpll %1; fistpl %2; fistps %3; fstpt %4; fstpl %5; fstps %6"
                     : "=m"(reals[1]), "=m"(wholes[0]), "=m"(integers[1]), "=m"(smalls[1]), "=m"(extendeds[0]), "=m"(reals[2]),
                       "=m"(singles[2]));
    CHECK(wholes[0] == whole && integers[1] == integer && smalls[1] == small && extendeds[0] == extended && reals[2] == real);
    for (int i = 0; i < 9; i++) { /* from every top of the stack */
        __asm__ volatile("flds %0; fadds %0; fmull %1; fsubs %0; fsubrl %1; fdivs %0; fdivrl %1; fiadds %2; fimull %3;"
                         "fisubs %2; fisubrl %3; fidivs %2; fidivrl %3; fcoms %0; ficoms %2; ficoml %3; fcoml %1"
                         : : "m"(single), "m"(real), "m"(small), "m"(integer));
        __asm__ volatile("fld %%st(0); fld1; fadd %%st(1), %%st; fmul %%st, %%st(2); fsubr %%st(1), %%st; fsubp; fxch %%st(1);"
                         "fdivrp %%st, %%st(1); fldz; fxch; fcomi %%st(1), %%st; fucomi %%st(1), %%st; fcmovb %%st(1), %%st;"
                         "fcmovne %%st(1), %%st; fcmovu %%st(1), %%st; fucom %%st(1); ftst; fxam; fnstsw %%ax; fucompp"
                         : : : "eax", "cc");
        if (i & 1)
            __asm__ volatile("fincstp; ffree %st(7)");
        else
            __asm__ volatile("fdecstp; ffree %st(0); fincstp");
    }
    __asm__ volatile("fninit; fldl %0; fabs; fsqrt; fld %%st(0); fsin; fld %%st(1); fcos; fld %%st(2); fsincos; fptan; fpatan;"
                     "fstp %%st(1); fstp %%st(2); frndint; fchs; f2xm1; fld1; fscale; fxtract; fprem; fprem1"
                     : : "m"(real));
    __asm__ volatile("fninit; fldl2e; fldl2t; fldlg2; fldln2; fyl2x; fld1; fyl2xp1; fcompp; fld1; fcomps %0; fld1; fcompl %1;"
                     "fld1; ficomps %2; fld1; ficompl %3; fld1; fld1; fcomip; fstp %%st(0); fld1; fld1; fucomip; fstp %%st(0)"
                     : : "m"(single), "m"(real), "m"(small), "m"(integer) : "cc");
    __asm__ volatile("fildll %2; fbstp %0; fbld %0; fbstp %0; flds %3; fisttps %1; flds %3; fisttpl %1; flds %3; fisttpll %1"
                     : "=m"(decimal), "=m"(wholes[1]) : "m"(whole), "m"(single));
    CHECK(decimal[0] == 0x12 && decimal[9] == 0x80);
    __asm__ volatile("fnstcw %0; fldcw %0; fnstsw %1; fnclex; fnop; fwait" : "=m"(control), "=m"(smalls[2]));
    __asm__ volatile("fld1; fldpi; fnstenv %0; fldenv %0; fnsave %0; frstor %0; data16 fnsave %0; data16 frstor %0;"
                     "data16 fnstenv %0; data16 fldenv %0; fstp %%st(0); fstpt %1"
                     : "+m"(environment), "=m"(extendeds[1]));
    /* not documented, executed all the same: ffreep, fstp1, fstp8, fstp9, fcom2, fcomp3, fcomp5, fxch4, fxch7 */
    __asm__ volatile("fninit; fld1; fldz; fld1; fldpi; .byte 0xdf, 0xc1, 0xdc, 0xd1, 0xdc, 0xd9, 0xde, 0xd0, 0xdd, 0xc9, 0xdf,"
                     "0xc9, 0xd9, 0xd9, 0xdf, 0xd1, 0xdf, 0xd9; fninit");
    u64 mmx[4] = {0x0102030405060708, 0x8070605040302010, 0, 0};
    __asm__ volatile("movq %2, %%mm0; movq %3, %%mm1; movd %2, %%mm2; paddb %2, %%mm0; paddsw %3, %%mm1; pmaddwd %2, %%mm0;"
                     "packuswb %3, %%mm1; punpcklbw %2, %%mm0; punpckhwd %3, %%mm1; psllw $3, %%mm0; psrld %2, %%mm1;"
                     "pcmpeqb %2, %%mm2; pshufw $0x1b, %3, %%mm3; pavgb %2, %%mm3; psadbw %3, %%mm3; pmovmskb %%mm3, %%eax;"
                     "movntq %%mm0, %0; movq %%mm1, %1; movd %%mm3, %0; pinsrw $2, %4, %%mm4; pextrw $1, %%mm4, %%edx;"
                     "movq2dq %%mm4, %%xmm0; movdq2q %%xmm0, %%mm5; cvtpi2ps %2, %%xmm1; cvtps2pi %2, %%mm6;"
                     "cvttpd2pi %3, %%mm6; cvtpi2pd %2, %%xmm2; pshufb %2, %%mm1; phaddw %2, %%mm1; pabsd %2, %%mm1;"
                     "palignr $3, %2, %%mm1; pmulhrsw %2, %%mm1; pand %2, %%mm1; pxor %2, %%mm1"
                     : "=m"(mmx[2]), "=m"(mmx[3]) : "m"(mmx[0]), "m"(*(u64(*)[2])mmx), "m"(small) : "eax", "edx");
    for (int i = 0; i < 3; i++) {
        static const u64 masks[3] = {0x8000800080008000, 0, 0xff7f00807fff0180};
        __asm__ volatile("movq %1, %%mm0; movq %0, %%mm1; maskmovq %%mm0, %%mm1" : "+m"(mmx[1]) : "m"(masks[i]), "D"(mmx)
                         : "memory");
    }
    /* AMD's */
    __asm__ volatile("movq %0, %%mm0; pfadd %0, %%mm0; pfmul %0, %%mm0; pi2fd %0, %%mm0; pf2id %0, %%mm0; pavgusb %0, %%mm0;"
                     "pswapd %0, %%mm0; femms; emms" : : "m"(mmx[0]));
}
