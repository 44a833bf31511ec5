/* Firmware for QEMU's ppce500, an e500v2: the TLB by hand and on demand, program exceptions, system calls, user mode in an address
 * space of its own, SPE, the decrementer. Ends by the board's power-off pin. */
#include <stdint.h>

/* The block of the board's registers lies at 0xfe0000000, beyond 32 bits; here it is mapped. */
#define BOARD 0xe0000000u
#define UART (*(volatile uint8_t *)(BOARD + 0x4500)) /* 16550 */
#define UART_STATUS (*(volatile uint8_t *)(BOARD + 0x4505))
#define GPIO_DIRECTION (*(volatile uint32_t *)(BOARD + 0xff000))
#define GPIO_DATA (*(volatile uint32_t *)(BOARD + 0xff008))
#define POWER_OFF_PIN 0x80000000u

#define read_spr(number) ({ uint32_t value; __asm__ volatile("mfspr %0, %1" : "=r"(value) : "i"(number)); value; })
#define write_spr(number, value) __asm__ volatile("mtspr %0, %1\n\tisync" : : "i"(number), "r"((uint32_t)(value)) : "memory")
/* Special-purpose registers. */
#define DEC 22
#define PID 48
#define DEAR 61
#define IVPR 63
#define TSR 336
#define TCR 340
#define MAS0 624
#define MAS1 625
#define MAS2 626
#define MAS3 627
#define MAS4 628
#define MAS7 944
#define HID0 1008
#define IVOR(number) (400 + (number))

#define MAS0_TLB1 0x10000000u
#define MAS1_VALID 0x80000000u
#define MAS1_PROTECTED 0x40000000u /* not by tlbivax */
#define MAS1_SIZE_4K (1u << 8)
#define MAS1_SIZE_1M (5u << 8)
#define MAS2_DEVICE 0xau /* not cached, guarded */
enum { SR = 1, UR = 2, SW = 4, UW = 8, SX = 16, UX = 32 }; /* in MAS3 */
#define TCR_DECREMENTER 0x04000000u
#define TSR_DECREMENTER 0x08000000u
#define HID0_DOZE 0x00800000u
#define MSR_WAIT 0x00040000u
#define MSR_EE 0x8000u
#define MSR_PR 0x4000u

#define USER_CODE 0x80000000u
#define USER_DATA 0x80001000u
#define TICKS 3
#define TICK_TIME 200 /* of 2.5 ns: 500 instructions at -icount shift=0 */

enum vector { DATA_STORAGE = 2, PROGRAM = 6, SYSTEM_CALL = 8, DECREMENTER = 10, DATA_TLB = 13, INSTRUCTION_TLB = 14 };

struct exception_frame {
    uint32_t srr1, srr0, cr, xer, ctr, lr, r0, r1, r3, r4, r5_to_r31[27];
};

uint32_t run_user(void (*entry)(void), uint32_t stack);
uint32_t samples(uint32_t value, uint32_t *memory), provoke(uint32_t left, uint32_t right);
void leave_user(void), user_start(void);
void done(void) __attribute__((noreturn));
extern uint8_t vectors[], user_pages[];

uint32_t kernel_stack;
static volatile uint32_t ticks, seen, mapped;

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

/* After a TLB error the core has filled MAS0 to MAS2 in for the address that was missed. */
static int map_user_page(uint32_t address)
{
    uint32_t page = address & ~0xfffu;
    if (page != USER_CODE && page != USER_DATA)
        return 0;
    write_spr(MAS3, ((uint32_t)user_pages + (page - USER_CODE)) | (page == USER_CODE ? UR | UX : UR | UW));
    write_spr(MAS7, 0);
    __asm__ volatile("tlbwe\n\tisync");
    mapped += 1;
    return 1;
}

/* sc leaves SRR0 behind itself; the other exceptions leave it at the instruction, which is skipped or done again. */
void exception(struct exception_frame *frame, enum vector vector)
{
    seen |= 1u << vector;
    switch (vector) {
    case DECREMENTER:
        write_spr(TSR, TSR_DECREMENTER); /* written ones are cleared */
        ticks += 1;
        if (ticks < TICKS)
            write_spr(DEC, TICK_TIME);
        else
            write_spr(TCR, 0); /* the last one was the last */
        frame->srr1 &= ~MSR_WAIT; /* or rfi would go back to sleep */
        break;
    case SYSTEM_CALL:
        if (frame->srr1 & MSR_PR) {
            frame->srr0 = (uint32_t)leave_user;
            frame->srr1 &= ~MSR_PR;
        } else {
            frame->r3 += frame->r4;
        }
        break;
    case DATA_TLB:
        if (!map_user_page(read_spr(DEAR)))
            frame->srr0 += 4;
        break;
    case INSTRUCTION_TLB:
        map_user_page(frame->srr0);
        break;
    case PROGRAM:
    case DATA_STORAGE:
        frame->srr0 += 4;
        break;
    }
}

static void set_up(void)
{
    write_spr(MAS0, MAS0_TLB1 | 1u << 16);
    write_spr(MAS1, MAS1_VALID | MAS1_PROTECTED | MAS1_SIZE_1M);
    write_spr(MAS2, BOARD | MAS2_DEVICE);
    write_spr(MAS3, 0xe0000000u | SR | SW);
    write_spr(MAS7, 0xf);
    __asm__ volatile("tlbwe\n\tisync");
    write_spr(MAS4, MAS1_SIZE_4K); /* what a TLB error proposes: TLB0, 4 KB */
    write_spr(PID, 1);
    write_spr(IVPR, vectors);
    write_spr(IVOR(DATA_STORAGE), DATA_STORAGE * 16);
    write_spr(IVOR(PROGRAM), PROGRAM * 16);
    write_spr(IVOR(SYSTEM_CALL), SYSTEM_CALL * 16);
    write_spr(IVOR(DECREMENTER), DECREMENTER * 16);
    write_spr(IVOR(DATA_TLB), DATA_TLB * 16);
    write_spr(IVOR(INSTRUCTION_TLB), INSTRUCTION_TLB * 16);
}

/* Bounded: a debugger may mask interrupts in every step. */
static void wait_for_ticks(void)
{
    write_spr(HID0, HID0_DOZE); /* what MSR's wait bit does */
    write_spr(DEC, TICK_TIME);
    write_spr(TCR, TCR_DECREMENTER);
    __asm__ volatile("wrteei 1");
    for (int turn = 0; turn < 300 && ticks < 2; turn++)
        ;
    /* The last wait: one instruction enables interrupts and sleeps. */
    __asm__ volatile("wrteei 0");
    if (ticks < TICKS) {
        uint32_t state;
        __asm__ volatile("mfmsr %0" : "=r"(state));
        __asm__ volatile("mtmsr %0\n\tisync" : : "r"(state | MSR_EE | MSR_WAIT) : "memory");
        __asm__ volatile("wrteei 0");
    }
    write_spr(TCR, 0);
    print_number("ticks ", ticks);
}

int main(void)
{
    static uint32_t memory[4] __attribute__((aligned(8))) = {41, 7, 5, 3};
    set_up();
    print("ppce500\n");
    print_number("samples ", samples(11, memory) + memory[0] + memory[1]);
    print_number("sc ", provoke(40, 2));
    print_number("user ", run_user(user_start, 0x80002000));
    print_number("vectors ", seen);
    print_number("mapped ", mapped);
    wait_for_ticks();
    done();
}

void done(void)
{
    print("done\n");
    GPIO_DIRECTION = POWER_OFF_PIN;
    GPIO_DATA = POWER_OFF_PIN;
    for (;;)
        ;
}
