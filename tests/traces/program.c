/* What the reference outputs of the readers are of: calls, recursion, a loop, branches not taken, a function that is
 * never called, and an array that is larger than a small cache.  No libc. */

typedef unsigned long word;

unsigned char table[4096];

static void leave(int status)
{
#if defined __sparc__
    register word number __asm__("g1") = 1;
    register word first __asm__("o0") = status;
    __asm__ volatile("ta 0x6d" : : "r"(number), "r"(first));
#elif defined __aarch64__
    register word number __asm__("x8") = 93;
    register word first __asm__("x0") = status;
    __asm__ volatile("svc 0" : : "r"(number), "r"(first));
#endif
}

int fibonacci(int n)
{
    if (n < 2)
        return n;
    return fibonacci(n - 1) + fibonacci(n - 2);
}

int never(int n)
{
    return n * 3;
}

void fill(int step)
{
    for (int i = 0; i < (int)sizeof table; i += step)
        table[i] = i / step;
}

int sum(int step)
{
    int total = 0;
    for (int i = 0; i < (int)sizeof table; i += step)
        total += table[i];
    return total;
}

void _start(void)
{
    int status;

    fill(128);
    status = sum(128) + fibonacci(5);
    if (status < 0)
        status = never(status);
    leave(status & 0x7f);
}
