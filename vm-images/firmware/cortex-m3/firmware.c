/* Firmware for Cortex-M3 and Cortex-M4F boards: each exception once or more, and what a trace of the M profile has to get
 * right on the way. One program for three boards (board.h). Ends by SYSRESETREQ, which ends QEMU under -no-reboot. */
#include "board.h"

#define SYSTICK_CONTROL REGISTER(0xe000e010)
#define SYSTICK_RELOAD REGISTER(0xe000e014)
#define SYSTICK_VALUE REGISTER(0xe000e018)
#define INTERRUPT_CONTROL REGISTER(0xe000ed04)   /* ICSR */
#define RESET_CONTROL REGISTER(0xe000ed0c)       /* AIRCR */
#define CONFIGURATION REGISTER(0xe000ed14)       /* CCR */
#define PRIORITY_OF_PENDSV REGISTER(0xe000ed20)  /* SHPR3: PendSV in bits 16 to 23 */
#define SYSTEM_HANDLERS REGISTER(0xe000ed24)     /* SHCSR */
#define USAGE_FAULT_STATUS REGISTER(0xe000ed28)  /* CFSR; its bits are cleared by writing them */
#define COPROCESSOR_ACCESS REGISTER(0xe000ed88)  /* CPACR */

/* What the core pushes, and pops, around an exception. */
struct exception_frame {
    uint32_t r0, r1, r2, r3, r12, lr, pc, psr;
};

extern uint32_t data_start[], data_end[], data_load[], bss_start[], bss_end[], stack_top[], process_stack_top[];
void done(void) __attribute__((noreturn));

static volatile uint32_t ticks, deferred, usage_faults, hard_faults;
static uint32_t initialised = 0x12345678; /* in .data: copied from flash by the reset handler */

static void print(const char *text)
{
    for (; *text; text++) {
        while (UART_FULL)
            ;
        UART_DATA = (uint8_t)*text;
    }
}

static void print_number(const char *name, uint32_t value)
{
    char text[9];
    print(name);
    for (int digit = 0; digit < 8; digit++) {
        uint32_t nibble = value >> (28 - 4 * digit) & 15;
        text[digit] = nibble < 10 ? '0' + nibble : 'a' + nibble - 10;
    }
    text[8] = 0;
    print(text);
    print("\n");
}

/* The exceptions. A fault's handler goes on behind the instruction, whose size its first halfword tells. */

static void skip_instruction(struct exception_frame *frame)
{
    uint16_t first = *(uint16_t *)frame->pc;
    frame->pc += first >> 11 >= 0x1d ? 4 : 2;
}

void usage_fault(struct exception_frame *frame)
{
    usage_faults += 1;
    USAGE_FAULT_STATUS = USAGE_FAULT_STATUS;
    skip_instruction(frame);
}

void hard_fault(struct exception_frame *frame)
{
    hard_faults += 1;
    USAGE_FAULT_STATUS = USAGE_FAULT_STATUS;
    skip_instruction(frame);
}

/* svc 1 adds its arguments; svc 2 makes the thread privileged again. */
void supervisor_call(struct exception_frame *frame)
{
    uint8_t number = ((uint8_t *)frame->pc)[-2];
    if (number == 1)
        frame->r0 += frame->r1;
    else
        __asm__ volatile("msr control, %0" : : "r"(0));
}

/* Its first tick leaves the rest to PendSV, which has a lower priority and is entered by tail-chaining. The third is the
 * last, so that no debugger, under which the clock runs on while nothing is executed, sees nothing but ticks. */
void systick_handler(void)
{
    ticks += 1;
    if (ticks == 1)
        INTERRUPT_CONTROL = 1u << 28;
    if (ticks == 3) {
        SYSTICK_CONTROL = 0;
        INTERRUPT_CONTROL = 1u << 25; /* and none is pending */
    }
}

void pendsv_handler(void)
{
    deferred += 1;
}

/* The frame lies on the stack that was in use: bit 2 of the EXC_RETURN value in lr says which. */
#define WITH_FRAME(handler, body)                                                          \
    __attribute__((naked)) void handler(void)                                              \
    {                                                                                      \
        __asm__("tst lr, #4\n\tite eq\n\tmrseq r0, msp\n\tmrsne r0, psp\n\tb " #body);     \
    }
WITH_FRAME(usage_fault_handler, usage_fault)
WITH_FRAME(hard_fault_handler, hard_fault)
WITH_FRAME(svc_handler, supervisor_call)

/* Unprivileged thread on the process stack. svc is a call to the handlers and back; `control` cannot be written here. */
__attribute__((naked)) uint32_t unprivileged_sum(uint32_t left, uint32_t right, void *stack)
{
    __asm__("push {r4, lr}\n\t"
            "msr psp, r2\n\t"
            "mov r4, #3\n\t"
            "msr control, r4\n\t" /* process stack, unprivileged */
            "isb\n\t"
            "svc #1\n\t"
            "mov r4, #0\n\t"
            "msr control, r4\n\t" /* without effect on nPRIV */
            "svc #2\n\t"          /* now privileged; the return has kept the stack */
            "msr control, r4\n\t" /* the main stack */
            "isb\n\t"
            "pop {r4, pc}");
}

/* The instructions that the traced core does not just execute one after the other: an if-then block with both arms, a table
 * branch, load and store multiple, an exclusive pair, a conditional branch by compare. */
__attribute__((naked)) uint32_t thumb2_samples(uint32_t value, uint32_t *memory)
{
    __asm__("push {r4, r5, r6, lr}\n\t"
            "cmp r0, #10\n\t"
            "ittee hi\n\t"
            "addhi r0, #1\n\t"
            "ldrhi r2, [r1]\n\t"
            "movls r2, #0\n\t"
            "strls r2, [r1]\n\t"
            "ldmia r1!, {r2, r3}\n\t"
            "stmdb r1, {r2, r3}\n\t"
            "subs r1, #8\n\t"
            "1: ldrex r4, [r1]\n\t"
            "adds r4, #1\n\t"
            "strex r5, r4, [r1]\n\t"
            "cmp r5, #0\n\t"
            "bne 1b\n\t"
            "and r6, r0, #1\n\t"
            "tbb [pc, r6]\n\t"
            "2: .byte (3f-2b)/2, (4f-2b)/2\n\t"
            "3: adds r0, #100\n\t"
            "4: add r0, r4\n\t"
            "cbz r5, 5f\n\t"
            "udf #0\n\t"
            "5: pop {r4, r5, r6, pc}");
}

#ifdef HAS_FPU
/* Single precision in registers and memory. Taking an exception afterwards makes the core save the caller's floating point
 * registers too (lazily: the space first, the registers when the handler uses them). */
static uint32_t floating_point(uint32_t value)
{
    float sum = 0, step = 0.5f;
    uint32_t result;
    for (uint32_t i = 0; i < 4; i++)
        sum += step * (float)(value + i);
    __asm__ volatile("vpush {s0-s3}\n\t"
                     "vmov s0, %1\n\t"
                     "vsqrt.f32 s0, s0\n\t"
                     "svc #1\n\t"
                     "vcvt.u32.f32 s0, s0\n\t"
                     "vmov %0, s0\n\t"
                     "vpop {s0-s3}"
                     : "=r"(result)
                     : "r"(sum)
                     : "r0", "r1", "memory");
    return result;
}
#endif

/* Code in RAM, as firmware that programs its own flash has. */
__attribute__((section(".ramcode"), noinline, long_call)) static uint32_t from_ram(uint32_t value)
{
    return value * 3 + 1;
}

static void provoke_faults(void)
{
    static const uint32_t words[2] = {1, 2};
    const uint8_t *unaligned = (const uint8_t *)words + 1;
    uint32_t value;
    __asm__ volatile("udf #1");  /* UsageFault has no handler yet and becomes a HardFault */
    SYSTEM_HANDLERS |= 1u << 18; /* now it has */
    CONFIGURATION |= 1u << 4;    /* a division by zero is one, too */
    __asm__ volatile("udf.w #2");
    __asm__ volatile("udiv %0, %1, %2" : "=r"(value) : "r"(1), "r"(0));
    __asm__ volatile("ldmia %0, {r2, r3}" : : "r"(unaligned) : "r2", "r3"); /* aborted: reads nothing */
}

static void wait_for_ticks(void)
{
    PRIORITY_OF_PENDSV = 0xffu << 16;
    SYSTICK_RELOAD = TICK_CYCLES - 1;
    SYSTICK_VALUE = 0;
    SYSTICK_CONTROL = 7;
    /* Bounded: a debugger may mask interrupts in every step. */
    for (uint32_t turn = 0; turn < 400 && ticks < 2; turn++)
        ;
    print_number("deferred ", deferred);
    /* The last wait. wfi ends when an interrupt is pending, though PRIMASK keeps it from being taken until cpsie. */
    __asm__ volatile("cpsid i");
    if (ticks < 3)
        __asm__ volatile("wfi");
    __asm__ volatile("cpsie i\n\tisb");
    SYSTICK_CONTROL = 0;
    print_number("ticks ", ticks);
}

int main(void)
{
    static uint32_t memory[2] = {41, 7};
    volatile uint32_t flags = 0;
    UART_ENABLE();
    print(BOARD "\n");
    print_number("data ", initialised);
    print_number("svc ", unprivileged_sum(40, 2, process_stack_top));
    print_number("thumb2 ", thumb2_samples(11, memory) + thumb2_samples(3, memory));
    /* Bit-banding: a word store to the alias sets one bit of `flags`. */
    REGISTER(0x22000000 + ((uintptr_t)&flags - 0x20000000) * 32 + 3 * 4) = 1;
    print_number("bit-band ", flags);
    print_number("ram ", from_ram(5));
#ifdef HAS_FPU
    COPROCESSOR_ACCESS |= 15u << 20;
    __asm__ volatile("dsb\n\tisb");
    print_number("vfp ", floating_point(11));
#endif
    provoke_faults();
    print_number("faults ", usage_faults << 16 | hard_faults);
    wait_for_ticks();
    done();
}

void done(void)
{
    print("done\n");
    RESET_CONTROL = 0x05fa0004; /* SYSRESETREQ */
    for (;;)
        ;
}

__attribute__((noreturn)) void reset_handler(void)
{
    uint32_t *from = data_load;
    for (uint32_t *to = data_start; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = bss_start; to < bss_end;)
        *to++ = 0;
    main();
    for (;;)
        ;
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
    stack_top,           reset_handler, done, hard_fault_handler, done, done, usage_fault_handler, 0, 0, 0, 0,
    svc_handler,         done,          0,    pendsv_handler,     systick_handler,
};
