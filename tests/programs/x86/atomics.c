/* Locked instructions and exchanges: each size, equal and unequal compare-and-exchange. */
#include "bare.h"

static u64 cell[4] __attribute__((aligned(16)));

#define LOCKED(instruction, value) __asm__ volatile("lock " instruction : "+m"(cell[0]) : "r"(value) : "cc", "memory")

void run(void)
{
    for (int i = 0; i < 3; i++) {
        cell[0] = 0x0123456789abcdef;
        LOCKED("addb %b1, %0", (word)0x7f - i);
        LOCKED("orw %w1, %0", (word)0x1111);
        LOCKED("adcl %k1, %0", (word)-1);
        LOCKED("sbbl %k1, %0", (word)i);
        LOCKED("andl %k1, %0", (word)0xffff0fff);
        LOCKED("subl %k1, %0", (word)i);
        LOCKED("xorb %b1, %0", (word)0x55);
        __asm__ volatile("lock addl $70000, %0; lock addl $-3, %0; lock xorw $0x1234, %0; lock orb $1, %0" : "+m"(cell[0]));
        __asm__ volatile("lock incl %0; lock decl %0; lock incb %0; lock decw %0; lock negl %0; lock notl %0; lock notb %0"
                         : "+m"(cell[0]));
        __asm__ volatile("lock btsl $5, %0; lock btrl $5, %0; lock btcl $31, %0; lock btsw $9, %0" : "+m"(cell[0]));
        __asm__ volatile("lock btsl %1, %0; lock btrl %2, %0; lock btcl %1, %0"
                         : "+m"(cell[1]) : "r"(37), "r"(-3) : "memory");

        word old = 5;
        __asm__ volatile("lock xaddb %b0, %1; lock xaddw %w0, %1; lock xaddl %k0, %1; xadd %k0, %1"
                         : "+q"(old), "+m"(cell[2]));
        __asm__ volatile("xchgb %b0, %1; xchgw %w0, %1; lock xchgl %k0, %1; xchg %0, %1" : "+q"(old), "+m"(cell[2]));

        word ax = (u8)cell[3];
        __asm__ volatile("lock cmpxchgb %b2, %1; lock cmpxchgb %b2, %1" : "+a"(ax), "+m"(cell[3]) : "q"((word)i + 4));
        __asm__ volatile("lock cmpxchgw %w2, %1; cmpxchgw %w2, %1" : "+a"(ax), "+m"(cell[3]) : "q"((word)i + 5));
        __asm__ volatile("lock cmpxchgl %k2, %1; lock cmpxchgl %k2, %1; cmpxchgl %k2, %1"
                         : "+a"(ax), "+m"(cell[3]) : "r"((word)i + 6));
        __asm__ volatile("lock cmpxchg %2, %1" : "+a"(ax), "+m"(cell[3]) : "r"((word)i + 6));

        cell[0] = 0x1111111122222222;
        u32 low = 0x22222222, high = 0x11111111;
        u8 equal, unequal;
        __asm__ volatile("lock cmpxchg8b %2; sete %b3; cmpxchg8b %2; setne %b4"
                         : "+a"(low), "+d"(high), "+m"(cell[0]), "=m"(equal), "=m"(unequal)
                         : "b"(0x33333333 + i), "c"(0x44444444));
        CHECK(equal && unequal && cell[0] == 0x4444444433333333 + (u32)i && high == 0x44444444);
#ifdef __x86_64__
        LOCKED("addq %1, %0", -1L);
        LOCKED("cmpxchgq %1, %0", 7L);
        __asm__ volatile("lock xaddq %0, %1; xchgq %0, %1; lock incq %1; lock btsq %2, %1"
                         : "+r"(old), "+m"(cell[0]) : "r"(63L) : "memory");
        cell[0] = 1, cell[1] = 2;
        u64 wide_low = 1, wide_high = 2;
        __asm__ volatile("lock cmpxchg16b %2; sete %b3; lock cmpxchg16b %2; setne %b4; cmpxchg16b %2"
                         : "+a"(wide_low), "+d"(wide_high), "+m"(*(u64(*)[2])cell), "=m"(equal), "=m"(unequal)
                         : "b"(3L), "c"(4L));
        CHECK(equal && unequal && cell[0] == 3 && cell[1] == 4);
#endif
    }
}
