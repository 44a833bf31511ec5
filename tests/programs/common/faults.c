/* Signals again, where the instruction set has a say: an illegal instruction, a breakpoint, a division by zero, a jump to
   data; handlers that move the program counter, that run on a stack of their own, that wait until a mask lets them, that
   interrupt a sleep.  With a word as argument: what kills. */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#if defined __x86_64__
#define PC(context) ((ucontext_t *)(context))->uc_mcontext.gregs[REG_RIP]
#define ILLEGAL "ud2"
#define BREAK "int3"
#define FAULT_IN_ARITHMETIC asm volatile("xor %%ecx, %%ecx\n.globl dividing\ndividing: .byte 0xf7, 0xf1" ::: "eax", "ecx", "edx")
#elif defined __i386__
#define PC(context) ((ucontext_t *)(context))->uc_mcontext.gregs[REG_EIP]
#define ILLEGAL "ud2"
#define BREAK "int3"
#define FAULT_IN_ARITHMETIC asm volatile("xor %%ecx, %%ecx\n.globl dividing\ndividing: .byte 0xf7, 0xf1" ::: "eax", "ecx", "edx")
#elif defined __aarch64__
#define PC(context) ((ucontext_t *)(context))->uc_mcontext.pc
#define ILLEGAL ".inst 0"
#define BREAK "brk #1"
#elif defined __arm__
#define PC(context) ((ucontext_t *)(context))->uc_mcontext.arm_pc
#define THUMB_BYTES 2
/* Not 1: that is Linux's breakpoint. */
#define ILLEGAL "udf #2"
#define BREAK "bkpt #1"
#elif defined __riscv
#define PC(context) ((ucontext_t *)(context))->uc_mcontext.__gregs[REG_PC]
#define ILLEGAL ".insn 4, 0x0000000b"
#define BREAK ".option push\n.option norvc\nebreak\n.option pop"
#elif defined __s390x__
#define PC(context) ((ucontext_t *)(context))->uc_mcontext.psw.addr
#define ILLEGAL ".short 0"
#define FAULT_IN_ARITHMETIC asm volatile("lhi 2, 0\nlhi 0, 0\nlhi 1, 1\n.globl dividing\ndividing: dr 0, 2" ::: "0", "1", "2")
#define DIVIDING_BYTES 2
#elif defined __mips__
#define PC(context) ((ucontext_t *)(context))->uc_mcontext.pc
#define ILLEGAL ".word 0x4c00003f"
#define BREAK "break"
/* QEMU 7.2 makes SIGTRAP of it, where Linux makes SIGFPE. */
#define FAULT_IN_ARITHMETIC asm volatile(".globl dividing\ndividing: teq $0, $0, 7")
#define DIVIDING_BYTES 4
#define DIVISION_TRAPS
#elif defined __sparc__ && defined __arch64__
/* The third argument of a handler is a struct sigcontext, whose first 128 bytes are the siginfo. */
#define PC(context) ((unsigned long *)((char *)(context) + 128 + 16 * 8))[1]
#define NEXT_PC(context) ((unsigned long *)((char *)(context) + 128 + 16 * 8))[2]
#define ILLEGAL "unimp 0"
#elif defined __powerpc64__
#define PC(context) ((ucontext_t *)(context))->uc_mcontext.gp_regs[32]
#define ILLEGAL ".long 0"
#define BREAK "trap"
#elif defined __powerpc__
#define PC(context) ((ucontext_t *)(context))->uc_mcontext.uc_regs->gregs[32]
#define ILLEGAL ".long 0"
#define BREAK "trap"
#endif
#ifndef DIVIDING_BYTES
#define DIVIDING_BYTES 2
#endif

extern char illegal[], breaking[], dividing[];
static sigjmp_buf place;
static volatile int skipped, left, altered, raised, order;
static volatile char *volatile page;
static int ends[2];
static char other_stack[65536] __attribute__((aligned(16)));

static void skip(void *context, char *instruction, unsigned size)
{
    skipped++;
    if ((uintptr_t)PC(context) != (uintptr_t)instruction) return;
#ifdef NEXT_PC
    NEXT_PC(context) = PC(context) + size + 4;
#endif
    PC(context) += size;
}

static unsigned size_of(char *instruction)
{
#ifdef THUMB_BYTES
    (void)instruction;
    return THUMB_BYTES;
#elif defined __i386__ || defined __x86_64__
    (void)instruction;
    return 2;
#else
    (void)instruction;
    return 4;
#endif
}

static void on_illegal(int number, siginfo_t *information, void *context)
{
    (void)number, (void)information;
    skip(context, illegal, size_of(illegal));
}

static void on_trap(int number, siginfo_t *information, void *context)
{
    (void)number, (void)information, (void)context;
#ifdef DIVISION_TRAPS
    if ((uintptr_t)PC(context) == (uintptr_t)dividing) {
        skip(context, dividing, DIVIDING_BYTES);
        return;
    }
#endif
#ifdef BREAK
    skip(context, breaking, size_of(breaking));
#else
    skipped++;
#endif
}

static void on_division(int number, siginfo_t *information, void *context)
{
    (void)number, (void)information, (void)context;
#ifdef FAULT_IN_ARITHMETIC
    skip(context, dividing, DIVIDING_BYTES);
#else
    skipped++;
#endif
}

static void leave(int number)
{
    left++;
    siglongjmp(place, number);
}

static void on_other_stack(int number, siginfo_t *information, void *context)
{
    (void)number, (void)information, (void)context;
    char here;
    altered += &here >= other_stack && &here < other_stack + sizeof other_stack;
    mprotect((void *)page, 4096, PROT_READ | PROT_WRITE);
}

static void second(int number)
{
    (void)number;
    order = 10 * order + 2;
}

/* SIGUSR2 is blocked meanwhile, and delivered when this one returns. */
static void first(int number)
{
    (void)number;
    raise(SIGUSR2);
    order = 10 * order + 1;
}

static void on_alarm(int number)
{
    (void)number;
    raised++;
    if (write(ends[1], "x", 1) != 1) _exit(101);
}

static void catch(int number, void (*handler)(int), int flags, int blocked)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    if (blocked) sigaddset(&action.sa_mask, blocked);
    sigaction(number, &action, 0);
}

static void catch_more(int number, void (*handler)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    sigaction(number, &action, 0);
}

__attribute__((noinline, noclone)) static void execute_illegal(void)
{
    asm volatile(".globl illegal\nillegal: " ILLEGAL);
}

__attribute__((noinline, noclone)) static void execute_break(void)
{
#ifdef BREAK
    asm volatile(".globl breaking\nbreaking: " BREAK);
#else
    raise(SIGTRAP);
#endif
}

__attribute__((noinline, noclone)) static void divide(void)
{
#ifdef FAULT_IN_ARITHMETIC
    FAULT_IN_ARITHMETIC;
#else
    raise(SIGFPE);
#endif
}

static void jump_to_page(void)
{
#if defined __powerpc64__ && _CALL_ELF != 2
    static void *descriptor[3];
    descriptor[0] = (void *)page;
    ((void (*)(void))descriptor)();
#else
    ((void (*)(void))page)();
#endif
}

static int killed_by(const char *what)
{
    page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (!strcmp(what, "load")) return page[4];
    if (!strcmp(what, "store")) page[4] = 1;
    if (!strcmp(what, "fetch")) jump_to_page();
    if (!strcmp(what, "illegal")) execute_illegal();
    if (!strcmp(what, "break")) execute_break();
    if (!strcmp(what, "divide")) divide();
    if (!strcmp(what, "abort")) abort();
    if (!strcmp(what, "trap")) raise(SIGTRAP);
    if (!strcmp(what, "two traps")) {
        catch_more(SIGTRAP, on_trap, 0);
        raise(SIGTRAP);
        raise(SIGTRAP);
        return 50;
    }
    if (!strcmp(what, "term")) raise(SIGTERM);
    if (!strcmp(what, "kill")) raise(SIGKILL);
    if (!strcmp(what, "real-time")) raise(SIGRTMIN + 3);
    return 100;
}

int main(int argc, char **argv)
{
    if (argc > 1) return killed_by(argv[1]);
    page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    catch_more(SIGILL, on_illegal, 0);
    execute_illegal();
    /* Each stop of a step is a SIGTRAP to QEMU, which takes the handler away if the signal is blocked. */
    catch_more(SIGTRAP, on_trap, SA_NODEFER);
    raise(SIGTRAP);
    execute_break();
    catch_more(SIGFPE, on_division, 0);
    divide();
    if (skipped != 4) return 1;

    catch(SIGSEGV, leave, 0, 0);
    if (!sigsetjmp(place, 1)) jump_to_page();
    catch(SIGABRT, leave, 0, 0);
    if (!sigsetjmp(place, 1)) abort();
    /* Readable, but no code. */
    mprotect((void *)page, 4096, PROT_READ);
    if (!sigsetjmp(place, 1)) jump_to_page();
    mprotect((void *)page, 4096, PROT_NONE);
    if (left != 3) return 2;

    stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof other_stack};
    sigaltstack(&stack, 0);
    catch_more(SIGSEGV, on_other_stack, SA_ONSTACK);
    page[16] = 3;
    if (altered != 1 || page[16] != 3) return 3;

    catch(SIGUSR1, first, 0, SIGUSR2);
    catch(SIGUSR2, second, 0, 0);
    raise(SIGUSR1);
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR2);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    raise(SIGUSR2);
    order = 10 * order + 3;
    sigprocmask(SIG_SETMASK, &before, 0);
#ifdef __riscv
    /* QEMU 7.2 looks for sa_mask where RISC-V has none. */
    if (order != 2132 && order != 1232) return 4;
#else
    if (order != 1232) return 4;
#endif

    /* An alarm interrupts a read, which is made again and finds what the handler has written. */
    if (pipe(ends)) return 100;
    catch(SIGALRM, on_alarm, SA_RESTART, 0);
    /* Long enough for a busy machine to come from here to the read, also where QEMU logs each instruction. */
    struct itimerval timer = {.it_value = {.tv_usec = 500000}};
    setitimer(ITIMER_REAL, &timer, 0);
    char byte;
    if (read(ends[0], &byte, 1) != 1 || raised != 1) return 5;
    struct timespec long_time = {.tv_sec = 20};
    setitimer(ITIMER_REAL, &timer, 0);
    if (nanosleep(&long_time, 0) != -1 || errno != EINTR || raised != 2) return 6;
    return 0;
}
