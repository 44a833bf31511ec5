/* Saving and restoring of extended state: every component that edx:eax may ask for, restored with each set of header
   bits; the words of SSE; descriptor-table and system words that user mode may read. */
#include "bare.h"

static u8 area[4096] __attribute__((aligned(64)));
static u32 words[4] = {0x1f80};

void run(void)
{
    __asm__ volatile("fninit; fld1; fldpi; movd %%eax, %%xmm0; movd %%eax, %%xmm7" : : "a"(0x12345678));
    __asm__ volatile("fxsave %0; fninit; fxrstor %0" : "+m"(area));
    CHECK(area[0] == 0x7f && area[160] == 0x78);
    for (u32 asked = 0; asked < 8; asked++) {
        __asm__ volatile("xsave %0; xsaveopt %0" : "+m"(area) : "a"(asked), "d"(0));
        for (u32 there = 0; there < 8; there += 1 + asked / 2) {
            area[512] = there;
            __asm__ volatile("xrstor %0" : : "m"(area), "a"(asked), "d"(0));
        }
    }
    __asm__ volatile("xsave %0; xsaveopt %0; xrstor %0" : "+m"(area) : "a"(-1), "d"(-1));
    area[512] = 0;
    __asm__ volatile("xsave %0; xrstor %0" : "+m"(area) : "a"(0x200), "d"(0));
#ifdef __x86_64__
    __asm__ volatile("fxsave64 %0; fxrstor64 %0; xsave64 %0; xsaveopt64 %0; xrstor64 %0" : "+m"(area) : "a"(-1), "d"(-1));
    u64 base;
    __asm__ volatile("rdfsbase %0; wrfsbase %0; rdgsbase %0; wrgsbase %0" : "=r"(base));
#endif
    __asm__ volatile("ldmxcsr %0; stmxcsr %1; vldmxcsr %0; vstmxcsr %1" : : "m"(words[0]), "m"(words[1]) : "memory");
    CHECK(words[1] == words[0]);
    u32 low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    CHECK(low & 4);
    __asm__ volatile("sldt %0; str %0; smsw %0; sgdt %1; sidt %1; sldt %k2; smsw %k2" : "=m"(words[2]), "=m"(area), "=r"(low));
    __asm__ volatile("mov %%ds, %0; mov %%cs, %k1; mov %%es, %w1; mov %%ss, %0" : "=m"(words[3]), "=&r"(low));
    __asm__ volatile("cpuid" : "=a"(low), "=d"(high) : "a"(1), "c"(0) : "ebx");
}
