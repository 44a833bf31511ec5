/* Operands in memory in unusual ways: bit strings beyond the operand, conditional moves, byte-swapping moves, double
   shifts, tables, flags, BMI, and forms of multiplication and division. */
#include "bare.h"

static u32 field[64];
static u8 table[256];

void run(void)
{
    u32 *middle = field + 32;
    __asm__("" : "+r"(middle)); /* addressed by a register: tests/programs/x86/relative.S has the others */
    for (int i = 0; i < 64; i++)
        field[i] = i * 0x01010101;
    for (int i = 0; i < 256; i++)
        table[i] = 255 - i;
    static const int offsets[] = {0, 31, 32, 37, 63, 64, 500, -1, -32, -33, -500, -1024};
    for (int i = 0; i < 12; i++) {
        word bit = (word)(long)offsets[i];
        u8 carry;
        __asm__ volatile("btl %k2, %1; btsl %k2, %1; btrl %k2, %1; btcl %k2, %1; setc %0"
                         : "=q"(carry), "+m"(*middle) : "r"(bit) : "memory");
        __asm__ volatile("btw %w2, %1; btsw %w2, %1; btcw %w2, %1; setc %0" : "=q"(carry), "+m"(*middle) : "r"(bit) : "memory");
        CHECK(carry == 1);
#ifdef __x86_64__
        __asm__ volatile("btq %2, %1; btsq %2, %1; btrq %2, (%3,%4,4); btcq %2, %1; setc %0"
                         : "=q"(carry), "+m"(*middle) : "r"(bit), "r"(middle), "r"(-2L) : "memory");
        __asm__ volatile("btsl %k1, (%k0); btsq %1, 4(%k0)" : : "r"((word)middle | 7L << 40), "r"(bit) : "memory");
#endif
    }
    __asm__ volatile("btl $3, %0; btsl $35, %0; btrw $19, %0; btcl $31, %0" : "+m"(*middle));

    word taken = 1, kept = 2;
    __asm__ volatile("cmp %%eax, %%eax; cmovel %2, %k0; cmovnel %2, %k1; cmove %3, %0; cmovaw %2, %w1; cmovb %3, %1"
                     : "+r"(taken), "+r"(kept) : "m"(field[5]), "m"(field[6]) : "cc");
    CHECK((u32)taken == 6 * 0x01010101 && kept == 2);
    __asm__ volatile("seta %0; setbe %1; setp %0; sets %1; seto %0; setg %1; setle %0" : "=m"(table[1]), "=m"(table[2]));

    u32 swapped;
    __asm__ volatile("movbel %1, %0; movbel %0, %2; movbew %1, %w0; movbew %w0, %2"
                     : "=&r"(swapped), "+m"(field[9]), "=m"(field[10]));
    __asm__ volatile("movnti %0, %1; bswap %0; movl %0, %%fs:0x0(,%2,1)" : "+r"(swapped), "=m"(field[11]) : "r"(field));
    __asm__ volatile("shldl $7, %1, %0; shrdl %%cl, %1, %0; shldw %%cl, %w1, %0; shrdw $3, %w1, %0"
                     : "+m"(middle[12]) : "r"(swapped), "c"(9) : "cc");
    __asm__ volatile("rcll %0; rcrb $3, %0; roll %%cl, %0; rorw $5, %0; shll %0; sarl %%cl, %0; shrb $7, %0; salw %0"
                     : "+m"(middle[13]) : "c"(33) : "cc");
    __asm__ volatile("shll %%cl, %0; rcll %%cl, %0; shrdl %%cl, %1, %0" : "+m"(middle[13]) : "r"(3), "c"(32) : "cc");
    word looked = 7;
    __asm__ volatile("xlatb" : "+a"(looked) : "b"(table), "m"(table));
    CHECK((u8)looked == 248);
    u32 low = 77, high = 0;
    __asm__ volatile("mull %2; divl %2; imull %2; idivl %3; mulb %4" : "+a"(low), "+d"(high)
                     : "m"(field[14]), "m"(field[60]), "m"(table[9]) : "cc");
    __asm__ volatile("xor %%eax, %%eax; divb %1; xor %%edx, %%edx; divw %2; imulw %2; idivb %1; imulw $7, %2, %%dx;"
                     "imull $70000, %2, %%edx; imull %2, %%edx; imull $-3, %2, %%edx"
                     : "=&a"(low) : "m"(table[9]), "m"(field[20]) : "edx", "cc");
    __asm__ volatile("testb $1, %0; testl $70000, %0; testw %w1, %0; cmpb $3, %0; cmpl %1, %0; cmpw $-3, %0"
                     : : "m"(field[3]), "r"(low) : "cc");
    u32 a, b, c, d;
    __asm__ volatile("bsfl %4, %0; bsrw %4, %w1; popcntl %4, %2; lzcntl %4, %3; tzcntw %4, %w0; movsbl %4, %0;"
                     "movzwl %4, %1; movsbw %4, %w2; andnl %4, %0, %1; bextrl %2, %4, %3; blsrl %4, %0; blsil %4, %1;"
                     "blsmskl %4, %2; bzhil %0, %4, %1; rorxl $5, %4, %2; sarxl %0, %4, %1; shlxl %0, %4, %2;"
                     "shrxl %1, %4, %3; pdepl %4, %0, %1; pextl %4, %1, %2; mulxl %4, %0, %1; adcxl %4, %0; adoxl %4, %1;"
                     "crc32b %4, %0; crc32w %4, %0; crc32l %4, %0"
                     : "=&r"(a), "=&r"(b), "=&r"(c), "=&r"(d) : "m"(field[21]) : "cc", "edx");
#ifdef __x86_64__
    u64 wide = 5, wider = 0;
    __asm__ volatile("mulq %2; divq %3; movslq %2, %0; movbeq %2, %0; movbeq %0, %2; shldq $9, %0, %2; cmpxchgq %0, %2;"
                     "crc32q %2, %0; popcntq %2, %1; bsfq %2, %1; pextq %2, %0, %1; movnti %0, %2; cmovgeq %2, %1;"
                     "adcq $3, %2; imulq $1000, %2, %1; mulxq %2, %0, %1"
                     : "+a"(wide), "+d"(wider), "+m"(*(u64 *)(middle + 22)) : "m"(*(u64 *)(field + 40)) : "cc");
    __asm__ volatile("movabsb %%al, 1f; movabsl 1f, %%eax; .pushsection .data; .balign 8; 1: .quad 5; .popsection"
                     : : : "eax", "memory");
#else
    /* The byte is `salc`, which has no name in the assembler. */
    __asm__ volatile("movb %%al, field+3; movl field, %%eax; aaa; aas; aam $7; aad; daa; das; arpl %w1, %0; .byte 0xd6"
                     : "+m"(field[30]) : "r"(3) : "eax", "cc", "memory");
    static const int limits[] = {-5, 500};
    __asm__ volatile("boundl %0, %1" : : "r"(5), "m"(*limits));
#endif
    __asm__ volatile("lahf; sahf; cmc; stc; clc; cwtl; cltd; cwtd; cbtw; nop; nopl %0; nopw 3(%1,%1,2); prefetcht0 %0;"
                     "prefetchnta %0; prefetchw %0; clflush %0; lea 5(%1,%1,8), %%eax; sfence; lfence; mfence; pause"
                     : : "m"(field[1]), "r"((word)3) : "eax", "edx", "cc");
}
