/* Run-time generated code at the very end of a mapped page, rewritten by stores and then by a system call. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A function that returns `value`, as bytes; its length. */
static size_t returning(unsigned char *at, unsigned value)
{
#if defined(__x86_64__) || defined(__i386__)
    const unsigned char code[] = {0xb8, value, 0, 0, 0, 0xc3}; /* mov $value, %eax; ret */
#elif defined(__aarch64__)
    const uint32_t code[] = {0x52800000 | value << 5, 0xd65f03c0}; /* mov w0, #value; ret */
#elif defined(__thumb__)
    const uint16_t code[] = {0x2000 | value, 0x4770}; /* movs r0, #value; bx lr */
#elif defined(__arm__)
    const uint32_t code[] = {0xe3a00000 | value, 0xe12fff1e}; /* mov r0, #value; bx lr */
#elif defined(__sparc__)
    const uint32_t code[] = {0x81c3e008, 0x90102000 | value}; /* retl; mov value, %o0 */
#elif defined(__mips__)
    const uint32_t code[] = {0x03e00008, 0x24020000 | value}; /* jr ra; li v0, value */
#elif defined(__powerpc__)
    const uint32_t code[] = {0x38600000 | value, 0x4e800020}; /* li r3, value; blr */
#elif defined(__riscv)
    const uint16_t code[] = {0x0513, (uint16_t)(value << 4), 0x8082}; /* li a0, value; ret */
#elif defined(__hppa__)
    const uint32_t code[] = {0xe840c000, 0x341c0000 | value << 1}; /* bv %r0(%rp); ldi value, %ret0 */
#elif defined(__s390x__)
    const uint16_t code[] = {0xa729, (uint16_t)value, 0x07fe}; /* lghi %r2, value; br %r14 */
#elif defined(__m68k__)
    const uint16_t code[] = {0x7000 | value, 0x4e75}; /* moveq #value, %d0; rts */
#endif
    memcpy(at, code, sizeof code);
    return sizeof code;
}

static int call(unsigned char *at, size_t size)
{
    __builtin___clear_cache((char *)at, (char *)at + size);
#if defined(__powerpc64__) && (!defined(_CALL_ELF) || _CALL_ELF < 2)
    struct { void *code, *toc, *environment; } descriptor = {at, 0, 0};
    __asm__ volatile("" ::"r"(&descriptor) : "memory"); /* the call reads it */
    return ((int (*)(void))&descriptor)();
#elif defined(__thumb__)
    return ((int (*)(void))(at + 1))();
#else
    return ((int (*)(void))at)();
#endif
}

int main(void)
{
    unsigned char code[16];
    size_t page = sysconf(_SC_PAGESIZE), size = returning(code, 1);
    unsigned char *area = mmap(0, 2 * page, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned char *end = area + page - size;
    int pipes[2], sum = 0;

    munmap(area + page, page);
    for (unsigned value = 1; value <= 3; value++) {
        returning(end, value);
        sum += call(end, size);
    }
    returning(code, 10);
    if (pipe(pipes) || write(pipes[1], code, size) != (ssize_t)size || read(pipes[0], end, size) != (ssize_t)size) return 1;
    sum += call(end, size);
    printf("%d\n", sum);
    return sum;
}
