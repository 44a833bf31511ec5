/* Firmware for QEMU's virt board with a Cortex-A15: A32 and T32, the MMU, each exception that code can cause, user mode, the
 * timer through the GICv2. Ends by PSCI. */
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
#define TIMER_INTERRUPT 27 /* the virtual timer's */
#define NOTHING_MAPPED 0xc0000000
#define PSCI_SYSTEM_OFF 0x84000008

#define TICKS 3
#define TICK_TIME 40 /* of 16 ns: 640 instructions at -icount shift=0 */
#define write_timer(value) __asm__ volatile("mcr p15, 0, %0, c14, c3, 0" : : "r"(value))
#define write_timer_control(value) __asm__ volatile("mcr p15, 0, %0, c14, c3, 1\n\tisb" : : "r"(value))

#define THUMB __attribute__((target("thumb"), noinline))
#define MODE 0x1f
#define SUPERVISOR 0x13
#define PSR_THUMB 0x20

enum vector { UNDEFINED = 1, SUPERVISOR_CALL, PREFETCH_ABORT, DATA_ABORT, INTERRUPT = 6 };

struct exception_frame {
    uint32_t r0, r1, r2, r3, r12, lr, pc, psr;
};

uint32_t psci(uint32_t function), user_sum(uint32_t left, uint32_t right), samples(uint32_t value, uint32_t *memory);
uint32_t high_function(uint32_t value);
void done(void) __attribute__((noreturn));

__attribute__((section(".table"), aligned(16384))) uint32_t table[4096];
static volatile uint32_t ticks, undefined, prefetch_aborts, data_aborts;

/* Sections of 1 MB: a full-access one, one not to be executed. */
void make_table(void)
{
    for (uint32_t section = 0x080; section <= 0x090; section += 0x10) /* the GIC, the serial port */
        table[section] = section << 20 | 0x10c02 | 1u << 4;
    for (uint32_t section = 0x402; section <= 0x403; section++)
        table[section] = section << 20 | 0x10c0e;
    table[0x800] = 0x40300000 | 0x10c0e;
}

/* T32, called from A32 and calling it back. */
THUMB static void print(const char *text)
{
    for (; *text; text++) {
        while (UART_FLAGS & 1u << 5)
            ;
        UART_DATA = (uint8_t)*text;
    }
}

static void print_number(const char *name, uint32_t value)
{
    char text[9];
    for (int digit = 0; digit < 8; digit++)
        text[digit] = "0123456789abcdef"[value >> (28 - 4 * digit) & 15];
    text[8] = 0;
    print(name);
    print(text);
    print("\n");
}

uint32_t low_function(uint32_t value)
{
    return value * value;
}

static void interrupt(void)
{
    uint32_t number = GICC_IAR;
    if (number == TIMER_INTERRUPT) {
        ticks += 1;
        if (ticks < TICKS)
            write_timer(TICK_TIME);
        else
            write_timer_control(0); /* the last one was the last */
    }
    GICC_EOIR = number;
}

/* The return address of an instruction that caused an exception, from what the exception left in lr, which is ahead of it by
 * `ahead`: the instruction behind it. */
static void skip_instruction(struct exception_frame *frame, uint32_t ahead)
{
    uint32_t address = frame->pc - ahead;
    uint32_t size = 4;
    if (frame->psr & PSR_THUMB)
        size = *(uint16_t *)address >> 11 >= 0x1d ? 4 : 2;
    frame->pc = address + size;
}

void exception(struct exception_frame *frame, enum vector vector)
{
    switch (vector) {
    case UNDEFINED:
        undefined += 1;
        skip_instruction(frame, frame->psr & PSR_THUMB ? 2 : 4);
        break;
    case SUPERVISOR_CALL:
        if (((uint8_t *)frame->pc)[frame->psr & PSR_THUMB ? -2 : -4] == 1)
            frame->r0 += frame->r1;
        else
            frame->psr = (frame->psr & ~MODE) | SUPERVISOR;
        break;
    case PREFETCH_ABORT: /* by bkpt */
        prefetch_aborts += 1;
        skip_instruction(frame, 4);
        break;
    case DATA_ABORT:
        data_aborts += 1;
        skip_instruction(frame, 8);
        break;
    case INTERRUPT:
        frame->pc -= 4;
        interrupt();
        break;
    }
}

static uint32_t provoke_in_a32(uint32_t left, uint32_t right)
{
    register uint32_t r0 __asm__("r0") = left;
    register uint32_t r1 __asm__("r1") = right;
    __asm__ volatile("udf #1\n\t"
                     "bkpt #1\n\t"
                     "ldm %2, {r2, r3}\n\t"
                     "svc #1"
                     : "+r"(r0)
                     : "r"(r1), "r"(NOTHING_MAPPED)
                     : "r2", "r3", "lr", "memory"); /* svc in supervisor mode writes lr */
    return r0;
}

THUMB static uint32_t provoke_in_t32(uint32_t left, uint32_t right)
{
    register uint32_t r0 __asm__("r0") = left;
    register uint32_t r1 __asm__("r1") = right;
    __asm__ volatile("udf #1\n\t"
                     "udf.w #2\n\t"
                     "bkpt #1\n\t"
                     "str r1, [%2]\n\t"
                     "ldr.w r2, [%2, #4]\n\t"
                     "svc #1"
                     : "+r"(r0)
                     : "r"(r1), "r"(NOTHING_MAPPED)
                     : "r2", "lr", "memory");
    return r0;
}

/* Bounded: a debugger may mask interrupts in every step. */
static void wait_for_ticks(void)
{
    GICD_CTLR = 1;
    GICD_ISENABLER = 1u << TIMER_INTERRUPT;
    GICC_PMR = 0xff;
    GICC_CTLR = 1;
    write_timer(TICK_TIME);
    write_timer_control(1);
    __asm__ volatile("cpsie i");
    for (int turn = 0; turn < 400 && ticks < 2; turn++)
        ;
    /* The last wait. wfi ends when an interrupt is pending, and it is taken only when no longer masked. */
    __asm__ volatile("cpsid i");
    if (ticks < TICKS)
        __asm__ volatile("wfi");
    __asm__ volatile("cpsie i\n\tisb");
    write_timer_control(0);
    print_number("ticks ", ticks);
}

int main(void)
{
    static uint32_t memory[4] = {41, 7, 5, 3};
    print("arm\n");
    print_number("samples ", samples(11, memory) + samples(3, memory));
    print_number("high ", high_function(5));
    print_number("svc ", provoke_in_a32(40, 2) + provoke_in_t32(50, 8));
    print_number("user ", user_sum(400, 20));
    print_number("faults ", undefined << 16 | prefetch_aborts << 8 | data_aborts);
    wait_for_ticks();
    done();
}

void done(void)
{
    print("done\n");
    psci(PSCI_SYSTEM_OFF);
    for (;;)
        ;
}
