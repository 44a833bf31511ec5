/* String instructions: all sizes, both directions, counts of zero, ends before the count, the address sizes, and a
   segment that has a base. */
#include "bare.h"

static u8 one[512] __attribute__((aligned(64))), two[512] __attribute__((aligned(64)));

static void fill(void)
{
    for (int i = 0; i < 64; i++)
        one[i] = i * 7 + 1, two[i] = 0;
}

#define MOVE(instruction, to, from, count) \
    do { \
        word di = (word)(to), si = (word)(from), cx = (count); \
        __asm__ volatile(instruction : "+D"(di), "+S"(si), "+c"(cx) : : "memory", "cc"); \
        di_after = di, si_after = si, cx_after = cx; \
    } while (0)

#define SCAN(instruction, at, value, count) \
    do { \
        word di = (word)(at), cx = (count); \
        __asm__ volatile(instruction "; sete %2" : "+D"(di), "+c"(cx), "=q"(equal) : "a"(value) : "memory", "cc"); \
        di_after = di, cx_after = cx; \
    } while (0)

#define COMPARE(instruction, left, right, count) \
    do { \
        word si = (word)(left), di = (word)(right), cx = (count); \
        __asm__ volatile(instruction "; sete %3" : "+D"(di), "+S"(si), "+c"(cx), "=q"(equal) : : "memory", "cc"); \
        di_after = di, si_after = si, cx_after = cx; \
    } while (0)

static word di_after, si_after, cx_after;
static u8 equal;

static void forward(void)
{
    fill();
    MOVE("rep movsb", two, one, 13);
    CHECK(two[12] == one[12] && two[13] == 0 && di_after == (word)two + 13 && cx_after == 0);
    MOVE("rep movsw", two + 1, one + 2, 5);
    CHECK(two[10] == one[11] && si_after == (word)one + 12);
    MOVE("rep movsl", two + 3, one, 3);
    CHECK(two[14] == one[11] && di_after == (word)two + 15);
    MOVE("movsb", two, one + 9, 7);
    CHECK(two[0] == one[9] && cx_after == 7);
    MOVE("rep movsb", two, one, 0);
    CHECK(di_after == (word)two && si_after == (word)one && cx_after == 0);
    /* Overlapping: the byte spreads. */
    MOVE("rep movsb", two + 1, two, 9);
    CHECK(two[9] == two[0]);
    word ax = (word)0x1122334455667788;
    word di = (word)two, cx = 6;
    __asm__ volatile("rep stosb" : "+D"(di), "+c"(cx) : "a"(ax) : "memory");
    __asm__ volatile("mov $3, %1; rep stosw" : "+D"(di), "+c"(cx) : "a"(ax) : "memory");
    __asm__ volatile("mov $2, %1; rep stosl; stosb; stosw; stosl" : "+D"(di), "+c"(cx) : "a"(ax) : "memory");
    CHECK(di == (word)two + 6 + 6 + 8 + 7);
    word si = (word)one;
    cx = 4;
    __asm__ volatile("rep lodsb" : "+S"(si), "+c"(cx), "+a"(ax));
    CHECK((u8)ax == one[3] && si == (word)one + 4);
    __asm__ volatile("mov $2, %1; rep lodsw; lodsl; lodsb" : "+S"(si), "+c"(cx), "+a"(ax));
    CHECK(si == (word)one + 13);
#ifdef __x86_64__
    MOVE("rep movsq", two + 5, one, 4);
    CHECK(two[36] == one[31]);
    __asm__ volatile("mov $2, %1; rep stosq; stosq" : "+D"(di), "+c"(cx) : "a"(ax) : "memory");
    __asm__ volatile("mov $2, %1; rep lodsq; lodsq" : "+S"(si), "+c"(cx), "+a"(ax));
#endif
}

static void backward(void)
{
    fill();
    MOVE("std; rep movsb; cld", two + 20, one + 20, 11);
    CHECK(two[10] == one[10] && two[9] == 0 && di_after == (word)two + 9);
    MOVE("std; rep movsw; cld", two + 40, one + 20, 3);
    CHECK(two[36] == one[16] && two[35] == 0);
    MOVE("std; rep movsl; cld", two + 60, one + 24, 2);
    CHECK(two[56] == one[20] && si_after == (word)one + 16);
    word di = (word)two + 100, cx = 5, si = (word)one + 30, ax = 0xabcdef;
    __asm__ volatile("std; rep stosb; mov $2, %1; rep stosw; mov $2, %1; rep stosl; cld"
                     : "+D"(di), "+c"(cx) : "a"(ax) : "memory");
    CHECK(di == (word)two + 100 - 5 - 4 - 8);
    cx = 3;
    __asm__ volatile("std; rep lodsb; lodsw; lodsl; cld" : "+S"(si), "+c"(cx), "+a"(ax));
    CHECK(si == (word)one + 30 - 3 - 2 - 4);
    SCAN("std; repne scasb; cld", one + 30, one[25], 30);
    CHECK(equal && di_after == (word)one + 24 && cx_after == 24);
    COMPARE("std; repe cmpsb; cld", one + 30, one + 30, 9);
    CHECK(equal && cx_after == 0 && di_after == (word)one + 21);
#ifdef __x86_64__
    MOVE("std; rep movsq; cld", two + 200, one + 40, 3);
    COMPARE("std; repe cmpsq; cld", two + 200, one + 40, 3);
    CHECK(equal);
#endif
}

static void early_end(void)
{
    fill();
    SCAN("repne scasb", one, one[7], 100);
    CHECK(equal && di_after == (word)one + 8 && cx_after == 92);
    SCAN("repe scasb", two, 0, 9);
    CHECK(equal && cx_after == 0);
    SCAN("repe scasb", one, one[0], 9);
    CHECK(!equal && cx_after == 7);
    SCAN("repne scasw", one, *(u16 *)(one + 6), 20);
    CHECK(equal && cx_after == 16);
    SCAN("repne scasl", one, *(u32 *)(one + 8), 20);
    CHECK(equal && cx_after == 17);
    SCAN("scasb", one, 5, 3);
    CHECK(!equal && cx_after == 3);
    /* A count of zero leaves the flags alone. */
    SCAN("cmp %%eax, %%eax; repne scasb", one, 5, 0);
    CHECK(equal && di_after == (word)one && cx_after == 0);
    for (int i = 0; i < 40; i++)
        two[i] = one[i];
    two[17] ^= 1;
    COMPARE("repe cmpsb", one, two, 40);
    CHECK(!equal && cx_after == 22 && si_after == (word)one + 18);
    COMPARE("repe cmpsw", one, two, 20);
    CHECK(!equal && cx_after == 11);
    COMPARE("repe cmpsl", one, two, 10);
    CHECK(!equal && cx_after == 5);
    COMPARE("repne cmpsb", one, two + 1, 20);
    COMPARE("repe cmpsb", one, two, 17);
    CHECK(equal && cx_after == 0);
    COMPARE("cmpsb; cmpsl", one, two, 1);
    CHECK(equal && si_after == (word)one + 5);
    COMPARE("cmp %%ecx, %%ecx; repe cmpsb", one, two, 0);
    CHECK(equal);
#ifdef __x86_64__
    COMPARE("repe cmpsq", one, two, 5);
    CHECK(!equal && cx_after == 2);
    SCAN("repne scasq", one, *(u64 *)(one + 16), 9);
    CHECK(equal && cx_after == 6);
#endif
}

/* What an address-size prefix leaves of count and addresses. */
static void address_size(void)
{
#ifdef __x86_64__
    /* Static data is below 4 GiB. The upper halves of the registers must not count. */
    word di = (word)two | 0xdeadLL << 48, si = (word)one | 0xbeefLL << 48, cx = 5 | 1LL << 40;
    __asm__ volatile("addr32 rep movsb" : "+D"(di), "+S"(si), "+c"(cx) : : "memory");
    CHECK(two[4] == one[4] && di == (u32)((word)two + 5));
    cx = 1LL << 40;
    __asm__ volatile("addr32 rep stosl; jecxz 1f; ud2; 1:" : "+D"(di), "+c"(cx) : "a"(0) : "memory");
    cx = 3 | 1LL << 40;
    si = (word)one;
    __asm__ volatile("addr32 repe cmpsb" : "+D"(di), "+S"(si), "+c"(cx) : : "memory", "cc");
#else
    /* 16-bit addresses reach no page of ours, but a count of zero does not need one. */
    word di = 0x12340000 + 8, si = 0x10020, cx = 0x50000;
    __asm__ volatile("addr16 rep movsb; addr16 rep stosl; jcxz 1f; ud2; 1:"
                     : "+D"(di), "+S"(si), "+c"(cx) : "a"(0) : "memory");
    CHECK(cx == 0x50000);
#endif
    /* loop and its kin count in the same register */
    word count = 3, rounds = 0;
    __asm__ volatile("1: inc %1; loop 1b" : "+c"(count), "+r"(rounds));
    count = 0x10003;
#ifdef __x86_64__
    __asm__ volatile("mov $3, %k0; 1: inc %1; addr32 loop 1b" : "+c"(count), "+r"(rounds));
#else
    __asm__ volatile("1: inc %1; addr16 loop 1b" : "+c"(count), "+r"(rounds));
    CHECK(count == 0x10000);
#endif
    CHECK(rounds == 6);
}

struct descriptor {
    u32 entry, base, limit, bits;
};

/* A source with a segment override; the destination is always in es. */
static void segments(void)
{
    fill();
#ifdef __x86_64__
    CHECK(call3(158, 0x1003, 0, 0) != 1);
    CHECK(call3(158, 0x1002, (word)one, 0) == 0); /* arch_prctl(ARCH_SET_FS) */
    CHECK(call3(158, 0x1001, (word)one + 64, 0) == 0); /* ARCH_SET_GS */
    MOVE("fs rep movsb", two, 5, 7);
    CHECK(two[6] == one[11]);
    MOVE("rep movsl %%gs:(%%rsi), %%es:(%%rdi)", two, -60L, 2);
    CHECK(two[0] == one[4]);
    word si = 3, ax = 0;
    __asm__ volatile("lodsb %%fs:(%%rsi), %%al" : "+S"(si), "+a"(ax));
    CHECK((u8)ax == one[3]);
    COMPARE("repe cmpsb %%es:(%%rdi), %%fs:(%%rsi)", 5, one + 5, 7);
    CHECK(equal);
    u32 value;
    __asm__ volatile("movl %%fs:4, %0; addl %0, %%gs:-8(,%1,4); movl %0, %%gs:(%2)" : "=&r"(value) : "r"(1L), "r"(32L));
    __asm__ volatile("addr32 movl %%fs:(%k1), %0" : "=r"(value) : "r"(8L | 1L << 40));
    CHECK(value == *(u32 *)(one + 8));
#else
    struct descriptor thread = {-1u, (u32)one, 0xfffff, 0x51};
    CHECK(call3(243, (word)&thread, 0, 0) == 0); /* set_thread_area */
    __asm__ volatile("mov %w0, %%gs" : : "r"(thread.entry << 3 | 3));
    MOVE("rep movsb %%gs:(%%esi), %%es:(%%edi)", two, 5, 7);
    CHECK(two[6] == one[11]);
    word si = 3, ax = 0;
    __asm__ volatile("lodsb %%gs:(%%esi), %%al" : "+S"(si), "+a"(ax));
    CHECK((u8)ax == one[3]);
    COMPARE("repe cmpsl %%es:(%%edi), %%gs:(%%esi)", 4, one + 4, 3);
    CHECK(equal);
    u32 value;
    /* With 16-bit addresses: all forms of base and index. */
    __asm__ volatile("addr16 movl %%gs:(%%bx), %0; addr16 addl %%gs:2(%%si), %0; addr16 addl %%gs:-2(%%bx,%%si), %0;"
                     "addr16 addl %%gs:0x20(%%bx,%%di), %0; addr16 movl %0, %%gs:(%%di); addr16 addl %0, %%gs:0x40;"
                     "addr16 lea -1(%%bx,%%si), %%ax; addr16 movw %%ax, %%gs:0x120(%%si)"
                     : "=&d"(value) : "b"(0x70008), "S"(0x10004), "D"(0xa0010) : "eax", "memory");
    __asm__ volatile("push %%ebp; mov $0x30010, %%ebp; addr16 movl %%gs:(%%bp,%%si), %0; addr16 addl %0, %%gs:4(%%bp,%%di);"
                     "addr16 addl %%gs:8(%%bp), %0; pop %%ebp" : "=&d"(value) : "S"(0x10004), "D"(0xa0010) : "memory");
#endif
}

void run(void)
{
    forward();
    backward();
    early_end();
    address_size();
    segments();
}
