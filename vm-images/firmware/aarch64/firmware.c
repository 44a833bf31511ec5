/* Firmware for QEMU's virt board, AArch64 at EL1, two vCPUs: the MMU with pages whose virtual is not their physical address,
 * exceptions, EL0 and back, a vCPU started by PSCI, a lock, the timer through the GICv2. Ends by PSCI. */
#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define UART_DATA REGISTER(0x09000000) /* PL011 */
#define UART_FLAGS REGISTER(0x09000018)
#define GICD_CTLR REGISTER(0x08000000)
#define GICD_ISENABLER REGISTER(0x08000100)
#define GICC_CTLR REGISTER(0x08010000)
#define GICC_PMR REGISTER(0x08010004)
#define GICC_IAR REGISTER(0x0801000c)
#define GICC_EOIR REGISTER(0x08010010)
#define TIMER_INTERRUPT 27    /* the virtual timer's */
#define NOTHING_MAPPED 0x100000000

#define PSCI_CPU_ON 0xc4000003
#define PSCI_CPU_OFF 0x84000002
#define PSCI_SYSTEM_OFF 0x84000008

#define write_system(name, value) __asm__ volatile("msr " #name ", %0\n\tisb" : : "r"((uint64_t)(value)) : "memory")
#define read_system(name) ({ uint64_t value; __asm__ volatile("mrs %0, " #name : "=r"(value)); value; })

#define ROUNDS 10
#define TICKS 3
#define TICK_TIME 40 /* of 16 ns: 640 instructions at -icount shift=0 */

/* Descriptors: attribute index in bits 2 to 4, bit 10 accessed, bit 6 for EL0, bit 7 read-only, 53 and 54 not executable. */
#define BLOCK 1ull
#define TABLE_OR_PAGE 3ull
#define NORMAL (1ull << 2 | 3ull << 8 | 1ull << 10)
#define DEVICE (1ull << 10)
#define FOR_EL0 (1ull << 6)
#define READ_ONLY (1ull << 7)
#define NOT_EL1 (1ull << 53)
#define NOT_EL0 (1ull << 54)
typedef uint64_t page_table[512] __attribute__((aligned(4096)));

struct exception_frame {
    uint64_t x[19], x30, elr, spsr;
};

uint64_t run_user(void (*entry)(void), uint64_t stack), call_high(uint64_t value);
void leave_user(void), user_start(void), second_start(void);
void take(volatile uint32_t *lock), give(volatile uint32_t *lock);
void done(void) __attribute__((noreturn));
extern uint8_t high_pages[], user_pages[], second_stack[];

__attribute__((section(".tables"))) page_table low_table, low_middle, low_pages, high_table, high_middle, high_leaves;
static volatile uint32_t ticks, lock, counter, second_finished;
static volatile uint64_t classes; /* a bit for each exception class that was seen */

/* Before the MMU is on, from the C part of the reset code. */
void make_tables(void)
{
    low_table[0] = BLOCK | DEVICE | NOT_EL1 | NOT_EL0;
    low_table[1] = 0x40000000 | BLOCK | NORMAL | NOT_EL0;
    low_table[2] = (uint64_t)low_middle | TABLE_OR_PAGE;
    low_middle[0] = (uint64_t)low_pages | TABLE_OR_PAGE;
    low_pages[0] = (uint64_t)user_pages | TABLE_OR_PAGE | NORMAL | FOR_EL0 | READ_ONLY | NOT_EL1;
    low_pages[1] = ((uint64_t)user_pages + 4096) | TABLE_OR_PAGE | NORMAL | FOR_EL0 | NOT_EL1 | NOT_EL0;
    high_table[0] = (uint64_t)high_middle | TABLE_OR_PAGE;
    high_middle[0] = (uint64_t)high_leaves | TABLE_OR_PAGE;
    high_leaves[0] = (uint64_t)high_pages | TABLE_OR_PAGE | NORMAL | READ_ONLY | NOT_EL0;
    high_leaves[1] = ((uint64_t)high_pages + 4096) | TABLE_OR_PAGE | NORMAL | NOT_EL1 | NOT_EL0;
}

static void print(const char *text)
{
    for (; *text; text++) {
        while (UART_FLAGS & 1u << 5)
            ;
        UART_DATA = (uint8_t)*text;
    }
}

static void print_number(const char *name, uint64_t value)
{
    print(name);
    for (int shift = 28; shift >= 0; shift -= 4) {
        char digit[2] = {"0123456789abcdef"[value >> shift & 15], 0};
        print(digit);
    }
    print("\n");
}

static uint64_t psci(uint64_t function, uint64_t first, uint64_t second, uint64_t third)
{
    register uint64_t x0 __asm__("x0") = function, x1 __asm__("x1") = first, x2 __asm__("x2") = second, x3 __asm__("x3") = third;
    __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3) : : "memory");
    return x0;
}

static void interrupt(void)
{
    uint32_t number = GICC_IAR;
    if (number == TIMER_INTERRUPT) {
        ticks += 1;
        if (ticks < TICKS)
            write_system(cntv_tval_el0, TICK_TIME);
        else
            write_system(cntv_ctl_el0, 0); /* the last one was the last */
    }
    GICC_EOIR = number;
}

/* svc leaves ELR behind itself; the other exceptions leave it at the instruction, which is skipped. */
void exception(struct exception_frame *frame, uint64_t vector)
{
    if (vector == 5) {
        interrupt();
        return;
    }
    uint64_t class = read_system(esr_el1) >> 26;
    classes |= 1ull << class;
    if (class != 0x15) {
        frame->elr += 4;
    } else if (vector == 8) {
        frame->elr = (uint64_t)leave_user;
        frame->spsr = 0x3c5; /* EL1 on its own stack, all masked */
    } else {
        frame->x[0] += frame->x[1];
    }
}

static uint64_t provoke_exceptions(void)
{
    register uint64_t x0 __asm__("x0") = 40;
    register uint64_t x1 __asm__("x1") = 2;
    __asm__ volatile("brk #1\n\t"
                     "udf #1\n\t"
                     "ldr x2, [%2]\n\t" /* translation fault */
                     "svc #1"
                     : "+r"(x0)
                     : "r"(x1), "r"(NOTHING_MAPPED)
                     : "x2", "memory");
    return x0;
}

/* Both vCPUs. Long enough under the lock for the other to find it taken, if they run in turn. */
static void count_under_lock(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        take(&lock);
        uint32_t before = counter;
        __asm__ volatile("nop\n\tnop\n\tnop\n\tnop");
        counter = before + 1;
        give(&lock);
    }
}

/* vCPU 1: ends by switching itself off. */
void second_main(void)
{
    count_under_lock();
    second_finished = 1;
    psci(PSCI_CPU_OFF, 0, 0, 0);
}

/* Waits for vCPU 1 and two ticks, but not for ever: a debugger may mask interrupts, or run this vCPU alone. */
static void wait_for_second(void)
{
    GICD_CTLR = 1;
    GICD_ISENABLER = 1u << TIMER_INTERRUPT;
    GICC_PMR = 0xff;
    GICC_CTLR = 1;
    write_system(cntv_tval_el0, TICK_TIME);
    write_system(cntv_ctl_el0, 1);
    __asm__ volatile("msr daifclr, #2");
    for (int turn = 0; turn < 300 && (ticks < 2 || !second_finished); turn++)
        __asm__ volatile("yield");
    print_number("counter ", counter);
    /* The last wait. wfi ends when an interrupt is pending, and it is taken only when no longer masked. */
    __asm__ volatile("msr daifset, #2");
    if (ticks < TICKS)
        __asm__ volatile("wfi");
    __asm__ volatile("msr daifclr, #2\n\tisb");
    write_system(cntv_ctl_el0, 0);
    print_number("ticks ", ticks);
}

int main(void)
{
    print("aarch64\n");
    print_number("svc ", provoke_exceptions());
    print_number("high ", call_high(5));
    print_number("user ", run_user(user_start, 0x80002000));
    print_number("classes ", classes >> 32);
    print_number("classes ", classes);
    psci(PSCI_CPU_ON, 1, (uint64_t)second_start, (uint64_t)second_stack);
    count_under_lock();
    wait_for_second();
    done();
}

void done(void)
{
    print("done\n");
    psci(PSCI_SYSTEM_OFF, 0, 0, 0);
    for (;;)
        ;
}
