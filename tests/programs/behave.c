/* A guest that does what its first argument says: what the tests of failures and of run options need. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;
volatile unsigned long counter;

__attribute__((noinline)) void never_called(void) { counter += 100; }

__attribute__((noinline)) void tick(void) { counter += 1; }

static void spin(void)
{
    for (;;) tick();
}

static int show(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) printf("argument %s\n", argv[i]);
    for (char **variable = environ; *variable; variable++) printf("variable %s\n", *variable);
    return 3;
}

static int copy(void)
{
    char bytes[64];
    ssize_t size;
    while ((size = read(0, bytes, sizeof bytes)) > 0)
        if (write(1, bytes, (size_t)size) != size) return 1;
    return 4;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "spin")) spin();
    if (!strcmp(what, "show")) return show(argc, argv);
    if (!strcmp(what, "copy")) return copy();
    if (!strcmp(what, "pause")) return pause();
    if (!strcmp(what, "crash")) *(volatile int *)counter = 1;
    if (!strcmp(what, "count"))
        for (int i = 0; i < 5; i++) tick();
    if (!strcmp(what, "never")) never_called();
    return 5;
}
