/* Firmware for QEMU's Malta board, both byte orders: exceptions (one in a delay slot), user mode through the TLB, MIPS16 or microMIPS,
 * the timer of the processor. Ends by the board's reset register, which ends QEMU under -no-reboot. */
#include <stdint.h>

#define UART (*(volatile uint8_t *)0xb80003f8) /* 16550 behind the PCI bridge, which QEMU's boot loader has set up */
#define UART_STATUS (*(volatile uint8_t *)0xb80003fd)
#define RESET_REGISTER (*(volatile uint32_t *)0xbf000500)

#define read_cp0(number) ({ uint32_t value; __asm__ volatile("mfc0 %0, $" #number : "=r"(value)); value; })
#define write_cp0(number, value) __asm__ volatile("mtc0 %0, $" #number "\n\tehb" : : "r"((uint32_t)(value)) : "memory")
#define count() read_cp0(9)
#define write_compare(value) write_cp0(11, value)
#define write_status(value) write_cp0(12, value)
#define TIMER_ENABLED (1u << 15 | 1) /* Status: IM7, IE */
#define EXL 2u
#define USER_MODE 0x10u
#define DELAY_SLOT (1u << 31) /* Cause.BD */

#define TICKS 3
#define TICK_TIME 50 /* of 6.25 ns: 312 instructions at -icount shift=0 */
#define TIMER_PENDING (1u << 30) /* Cause.TI */
/* mips16, or micromips: the encoding with instructions of 2 bytes that the processor has. */
#define COMPACT __attribute__((COMPACT_ENCODING, noinline))

struct exception_frame {
    uint32_t sp, at, v0, v1, a0, a1, a2, a3, t[10], ra, hi, lo, epc, status, cause;
};

uint32_t run_user(void (*entry)(void), uint32_t stack, uint32_t address_space);
uint32_t samples(uint32_t value, uint32_t *memory), provoke(uint32_t left, uint32_t right);
void leave_user(void), user_start(void), wait_for_tick(void), wait_end(void);
void done(void) __attribute__((noreturn));

uint32_t kernel_stack;
volatile uint32_t ticks;
static volatile uint32_t codes, delay_slots; /* a bit for each exception code that was seen */

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
    char text[9];
    for (int digit = 0; digit < 8; digit++)
        text[digit] = "0123456789abcdef"[value >> (28 - 4 * digit) & 15];
    text[8] = 0;
    print(name);
    print(text);
    print("\n");
}

/* Also ends the request of the last tick. Should Count be past Compare before that is written, the tick would come only when it
 * has gone once around: then later, and once more. (The clock of a guest that is stepped may jump.) */
static void next_tick(void)
{
    uint32_t compare;
    for (uint32_t time = TICK_TIME;; time *= 4) {
        compare = count() + time;
        write_compare(compare);
        if ((int32_t)(count() - compare) < 0 || read_cp0(13) & TIMER_PENDING)
            return;
    }
}

static void interrupt(struct exception_frame *frame)
{
    ticks += 1;
    next_tick();
    if (ticks == TICKS)
        frame->status &= ~TIMER_ENABLED;
    if (frame->epc >= (uint32_t)wait_for_tick && frame->epc < (uint32_t)wait_end)
        frame->epc = (uint32_t)wait_end;
}

/* Goes on behind the instruction: EPC's lowest bit says MIPS16 or microMIPS; for one in a delay slot, it is where the branch goes to. */
void exception(struct exception_frame *frame, uint32_t is_interrupt)
{
    if (is_interrupt) {
        interrupt(frame);
        return;
    }
    uint32_t code = frame->cause >> 2 & 31;
    codes |= 1u << code;
    if (code == 8 && frame->status & USER_MODE) {
        frame->epc = (uint32_t)leave_user;
        frame->status = EXL;
        frame->v0 = frame->a0;
        return;
    }
    if (code == 8)
        frame->a0 += frame->a1;
    if (frame->cause & DELAY_SLOT) {
        delay_slots += 1;
        frame->epc += 4 + *(int16_t *)(frame->epc + (BIG ? 2 : 0)) * 4;
    } else {
        frame->epc += frame->epc & 1 ? 2 : 4;
    }
}

/* MIPS16: loads relative to the program counter, save and restore, extended immediates; an exception; calls from and to the
 * other encoding. */
static uint32_t mips32_square(uint32_t value)
{
    return value * value;
}

COMPACT static uint32_t compact_digest(const uint8_t *text, uint32_t (*function)(uint32_t))
{
    uint32_t digest = 0x12345678;
    for (; *text; text++)
        digest = digest * 33 + *text;
    __asm__ volatile("break 3");
    return function(digest) + 0x1234;
}

/* Bounded: a debugger may mask interrupts in every step. */
static void wait_for_ticks(void)
{
    next_tick();
    write_status(TIMER_ENABLED);
    for (int turn = 0; turn < 250 && ticks < 2; turn++)
        ;
    wait_for_tick(); /* the last wait */
    write_status(0);
    print_number("ticks ", ticks);
}

int main(void)
{
    static uint32_t memory[4] = {0x01020304, 0x11121314, 0x21222324, 0};
    print("mips\n");
    print_number("samples ", samples(11, memory) + memory[1] + memory[2]);
    print_number("compact ", compact_digest((const uint8_t *)"malta", mips32_square));
    print_number("syscall ", provoke(40, 2));
    print_number("user ", run_user(user_start, 0x00402000, 1));
    print_number("codes ", codes);
    print_number("slots ", delay_slots);
    wait_for_ticks();
    done();
}

void done(void)
{
    print("done\n");
    RESET_REGISTER = 0x42;
    for (;;)
        ;
}
