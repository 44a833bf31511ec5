/* Preloaded into QEMU: getrandom gives what the tracer pins it to, so that a run without a debugger is the traced run.
 *
 * QEMU makes the guest's getrandom through the C library's syscall(). WORDS is the tracer's sequence of 32-bit numbers;
 * Python's randbytes(n) takes whole words, and of the last one the upper bytes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

static const uint32_t words[] = { WORDS };

long syscall(long number, long a, long b, long c, long d, long e, long f)
{
    static long (*next)(long, long, long, long, long, long, long);
    static unsigned taken;

    if (!next) next = dlsym(RTLD_NEXT, "syscall");
    long result = next(number, a, b, c, d, e, f);
    if (number != SYS_getrandom) return result;
    for (long at = 0; at < result; at += 4) {
        long size = result - at < 4 ? result - at : 4;
        if (taken == sizeof words / sizeof words[0]) abort();
        uint32_t word = words[taken++] >> (32 - 8 * size);
        memcpy((char *)a + at, &word, size); /* both sides of the comparison run on a little-endian host */
    }
    return result;
}
