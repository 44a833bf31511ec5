/* Firmware for QEMU's virt board with two harts, RV32 and RV64, in machine mode: traps of each kind, a user program at virtual
 * addresses, a software interrupt from hart to hart, a lock that both take, the timer. Ends by the board's test device. */
#include <stdint.h>

#define UART (*(volatile uint8_t *)0x10000000) /* 16550; QEMU's is ready from the start */
#define UART_STATUS (*(volatile uint8_t *)0x10000005)
#define TEST_DEVICE (*(volatile uint32_t *)0x100000)
#define SOFTWARE_INTERRUPT(hart) (((volatile uint32_t *)0x2000000)[hart]) /* CLINT */
#define TIME_COMPARE (*(volatile uint32_t *)0x2004000)                   /* hart 0's */
#define TIME_COMPARE_HIGH (*(volatile uint32_t *)0x2004004)
#define TIME (*(volatile uint32_t *)0x200bff8) /* 10 MHz: 100 instructions at -icount shift=0 */
#define NOTHING_THERE (*(volatile uint32_t *)0x08000000)

#define read_csr(name) ({ unsigned long value; __asm__ volatile("csrr %0, " #name : "=r"(value)); value; })
#define write_csr(name, value) __asm__ volatile("csrw " #name ", %0" : : "r"((unsigned long)(value)) : "memory")
#define set_csr(name, bits) __asm__ volatile("csrs " #name ", %0" : : "r"((unsigned long)(bits)) : "memory")
#define clear_csr(name, bits) __asm__ volatile("csrc " #name ", %0" : : "r"((unsigned long)(bits)) : "memory")
#define MSTATUS_MIE (1u << 3)
#define MSTATUS_MPP (3u << 11)
#define SOFTWARE (1u << 3) /* in mie and mip */
#define TIMER (1u << 7)
#define INTERRUPT (1ul << (__riscv_xlen - 1)) /* in mcause */

#define ROUNDS 10
#define TICKS 3
#define TICK_TIME 3

enum page { PAGE_READ = 2, PAGE_WRITE = 4, PAGE_EXECUTE = 8, PAGE_USER = 16, PAGE_ACCESSED = 64, PAGE_DIRTY = 128 };
#define PAGE_SIZE 4096
typedef unsigned long page_table[PAGE_SIZE / sizeof(long)] __attribute__((aligned(PAGE_SIZE)));

unsigned long run_user(void (*entry)(void), void *stack);
void leave_user(void), user_start(void);
void lock_by_swap(volatile uint32_t *lock), lock_by_reservation(volatile uint32_t *lock), unlock(volatile uint32_t *lock);
void done(void) __attribute__((noreturn));

extern uint8_t user_pages[];
unsigned long kernel_stack;

static volatile uint32_t causes, ticks, lock, counter, second_finished;
static volatile uint32_t software_interrupts = 1; /* not in .bss, which hart 0 clears while hart 1 may run: counted from 1 */
__attribute__((section(".tables"))) static page_table root, middle, leaves;

static void print(const char *text)
{
    for (; *text; text++) {
        while (!(UART_STATUS & 0x20))
            ;
        UART = (uint8_t)*text;
    }
}

static void print_number(const char *name, uint32_t value)
{
    print(name);
    for (int shift = 28; shift >= 0; shift -= 4) {
        char digit[2] = {"0123456789abcdef"[value >> shift & 15], 0};
        print(digit);
    }
    print("\n");
}

static void next_tick(void)
{
    TIME_COMPARE_HIGH = ticks < TICKS ? 0 : -1u; /* the last one was the last */
    TIME_COMPARE = TIME + TICK_TIME;
}

/* Exceptions go on behind the instruction, whose lowest two bits tell its size; interrupts go on where they came.
 * Returns the address to go on at. */
unsigned long trap(const unsigned long *frame, unsigned long cause, unsigned long address)
{
    (void)frame;
    if (cause == (INTERRUPT | 7)) {
        ticks += 1;
        next_tick();
        return address;
    }
    if (cause == (INTERRUPT | 3)) {
        SOFTWARE_INTERRUPT(read_csr(mhartid)) = 0;
        software_interrupts += 1;
        return address;
    }
    causes |= 1u << cause;
    if (cause == 8) { /* the user's ecall: its register a0 becomes the result of run_user */
        set_csr(mstatus, MSTATUS_MPP);
        return (unsigned long)leave_user;
    }
    if (cause == 13) /* the user's page fault: its page cannot be read from here under that address */
        return address + ((user_pages[address & (PAGE_SIZE - 1)] & 3) == 3 ? 4 : 2);
    return address + ((*(const uint8_t *)address & 3) == 3 ? 4 : 2);
}

/* 0x40000000: a page of code, 0x40001000: a page of data. Both for the user alone. */
static unsigned long user_result(void)
{
    unsigned long page = (unsigned long)user_pages >> 12;
    unsigned long present = 1 | PAGE_READ | PAGE_USER | PAGE_ACCESSED;
    leaves[0] = page << 10 | present | PAGE_EXECUTE;
    leaves[1] = (page + 1) << 10 | present | PAGE_WRITE | PAGE_DIRTY;
#if __riscv_xlen == 64
    middle[0] = (unsigned long)leaves >> 2 | 1;
    root[1] = (unsigned long)middle >> 2 | 1;
    write_csr(satp, 8ul << 60 | 1ul << 44 | (unsigned long)root >> 12); /* Sv39, address space 1 */
#else
    (void)middle;
    root[0x100] = (unsigned long)leaves >> 2 | 1;
    write_csr(satp, 1u << 31 | 1u << 22 | (unsigned long)root >> 12); /* Sv32, address space 1 */
#endif
    __asm__ volatile("sfence.vma" : : : "memory");
    write_csr(pmpaddr0, -1ul); /* physical memory protection: everything is allowed */
    write_csr(pmpcfg0, 0x1f);
    return run_user(user_start, (void *)0x40002000);
}

static void provoke_exceptions(void)
{
    __asm__ volatile("ecall");
    __asm__ volatile(".option push\n\t.option norvc\n\tebreak\n\t.option pop"); /* the 4-byte form */
    __asm__ volatile("unimp");                                                  /* 4 bytes: a write to a constant */
    __asm__ volatile("c.unimp");                                                /* 2 bytes */
    (void)NOTHING_THERE;
}

/* Both harts. Long enough under the lock for the other to find it taken, if they run in turn. */
static void count_under_lock(void (*take)(volatile uint32_t *))
{
    for (int round = 0; round < ROUNDS; round++) {
        take(&lock);
        uint32_t before = counter;
        __asm__ volatile("nop\n\tnop\n\tnop\n\tnop");
        counter = before + 1;
        unlock(&lock);
    }
}

/* Hart 1 sleeps until hart 0 sends it an interrupt, which is pending, and ends wfi, also where a debugger keeps it from being
 * taken. At its end it sleeps for ever. */
void second_hart(void)
{
    set_csr(mie, SOFTWARE);
    set_csr(mstatus, MSTATUS_MIE);
    while (software_interrupts == 1 && !(read_csr(mip) & SOFTWARE))
        __asm__ volatile("wfi");
    clear_csr(mie, SOFTWARE);
    count_under_lock(lock_by_reservation);
    second_finished = 1;
    for (;;)
        __asm__ volatile("wfi");
}

/* Waits for hart 1 and two ticks, but not for ever: a debugger may mask interrupts, or run this hart alone. */
static void wait_for_second_hart(void)
{
    set_csr(mie, TIMER);
    set_csr(mstatus, MSTATUS_MIE);
    next_tick();
    for (int turn = 0; turn < 300 && (ticks < 2 || !second_finished); turn++)
        ;
    print_number("counter ", counter);
    /* The last wait. wfi ends when an interrupt is pending, and mstatus lets it be taken only afterwards. */
    clear_csr(mstatus, MSTATUS_MIE);
    if (ticks < TICKS)
        __asm__ volatile("wfi");
    set_csr(mstatus, MSTATUS_MIE);
    clear_csr(mie, TIMER);
    print_number("ticks ", ticks);
}

int main(void)
{
    print("riscv\n");
    provoke_exceptions();
    print_number("user ", (uint32_t)user_result());
    print_number("causes ", causes);
    SOFTWARE_INTERRUPT(1) = 1;
    count_under_lock(lock_by_swap);
    wait_for_second_hart();
    done();
}

void done(void)
{
    print("done\n");
    TEST_DEVICE = 0x5555;
    for (;;)
        ;
}
