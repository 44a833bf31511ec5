/* Signals caught: raised by a system call, by a load, by a store, by a jump to nowhere, by a breakpoint, while a system
   call sleeps; handlers that return, that return elsewhere, and that are left by siglongjmp. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

static sigjmp_buf place;
static volatile int raised, faulted, nested, alarms;
static char *volatile page;

static void count(int number)
{
    (void)number;
    raised++;
}

static void count_and_raise(int number, siginfo_t *information, void *context)
{
    (void)number, (void)information, (void)context;
    nested++;
    raise(SIGUSR1);
}

/* Makes the page accessible, so that the instruction works when it is run again. */
static void mend(int number, siginfo_t *information, void *context)
{
    (void)number, (void)context;
    /* s390x says no more than the page. */
    faulted += ((uintptr_t)information->si_addr & -4096) == (uintptr_t)page;
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void leave(int number) { siglongjmp(place, number); }

static void ring(int number)
{
    (void)number;
    alarms++;
}

static void catch(int number, void (*handler)(int), int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigaction(number, &action, 0);
}

static void catch_more(int number, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    sigaction(number, &action, 0);
}

int main(void)
{
    catch(SIGUSR1, count, 0);
    raise(SIGUSR1);
    catch_more(SIGUSR2, count_and_raise);
    raise(SIGUSR2);

    page = mmap(0, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    catch_more(SIGSEGV, mend);
    int value = page[8];
    mprotect(page, 4096, PROT_READ);
    page[8] = (char)(value + 5);

    catch(SIGSEGV, leave, SA_NODEFER);
    int jumps = 0;
    mprotect(page, 4096, PROT_NONE);
    if (sigsetjmp(place, 1)) jumps++;
    else page[0] = 1;
    catch(SIGCHLD, SIG_IGN, 0);
    raise(SIGCHLD);
    raise(SIGWINCH);

    /* A read that an alarm interrupts and that is made again. */
    catch(SIGALRM, ring, SA_RESTART);
    int ends[2];
    if (pipe(ends)) return 100;
    struct itimerval timer = {.it_value = {.tv_usec = 600000}};
    setitimer(ITIMER_REAL, &timer, 0);
    catch(SIGALRM, ring, 0);
    char byte;
    int interrupted = read(ends[0], &byte, 1) < 0;

    mprotect(page, 4096, PROT_READ);
    return !(raised == 2 && nested == 1 && faulted == 2 && page[8] == 5 && jumps == 1 && alarms == 1 && interrupted);
}
