/* Computes with addresses of its own data and stack, without a C library: wherever it is loaded, it does the same.
   -DELSEWHERE: one of its stores goes to the next element. */
typedef __UINTPTR_TYPE__ word;

static word values[16];
static word *pointers[16];
static volatile word sink;

__attribute__((noinline)) static word mixed(const void *pointer)
{
    word bits = (word)pointer;
    return bits >> 12 ^ bits << 3;
}

void _start(void)
{
    word local[16];
    for (unsigned i = 0; i < 16; i++) {
        pointers[i] = i & 1 ? &values[i] : &local[i];
        *pointers[i] = i * 3;
        sink = mixed(pointers[i]);
    }
#ifdef ELSEWHERE
    values[6] = pointers[5] - values;
#else
    values[5] = pointers[5] - values;
#endif
    sink = values[5] + (word)(pointers[4] == &local[4]);
    for (;;) {
    }
}
