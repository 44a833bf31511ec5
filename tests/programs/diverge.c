/* One program in many versions, each with one change, which the command line makes: what `gdbtrace diff` has to name.
 *
 * Of user mode, where vm-images/user/start calls guest_main, and firmware of two machines, which runs until `done`. The
 * function that changes is the last one, so that everything before it stays where it is. */

#ifndef CONSTANT
#define CONSTANT 11
#endif
#ifndef COMPARED
#define COMPARED ==
#endif
#ifndef EXTRA
#define EXTRA
#endif
#ifndef STORED
#define STORED 1
#endif
#ifndef NUMBER
#define NUMBER 300
#endif
#ifndef PLACED
#define PLACED 2
#endif

#define SIZE 8

unsigned char bytes[SIZE * 4];
unsigned numbers[SIZE] = {1, 20, NUMBER, 4000, 7, 60, 500, 9000};
int place = PLACED;

int changed(int seed);

int sum(void)
{
    int total = 0;
    for (int i = 0; i < SIZE * 4; i++)
        total += bytes[i];
    return total;
}

int guest_main(void)
{
    int number = changed(1);
    return (changed(number) + sum()) & 0x7f;
}

#if defined(__ARM_ARCH_7M__)
char stack[1024], stack_top[16];
void reset_handler(void);

__attribute__((section(".vectors"), used)) const void *const vectors[] = {stack_top, (const void *)reset_handler};

void done(void)
{
    for (;;)
        ;
}

void reset_handler(void)
{
    guest_main();
    done();
}
#elif defined(__mcoldfire__)
__asm__(".globl _start\n_start: lea stack, %sp\njsr guest_main\n.globl done\ndone: bra done\n"
        ".bss\n.skip 1024\nstack: .skip 16\n.text\n");
#endif

int changed(int seed)
{
    int value = seed, i = 0;
    do {
        value += numbers[i]; /* the number in data */
        value += CONSTANT; /* the constant */
        if ((value & 3) COMPARED 1) /* the branch */
            value ^= 0x55;
        EXTRA; /* the instruction */
        bytes[4 * i + STORED] = value; /* the store */
        bytes[4 * i + place] = i; /* the place in data */
    } while (++i < SIZE);
    return value;
}
