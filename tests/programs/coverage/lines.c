/* What line coverage is compared with gcov's by: each kind of statement, some never reached. */

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int calls, walks, sum;

static int fibonacci(int n)
{
    if (n < 2)
        return n;
    return fibonacci(n - 1) + fibonacci(n - 2);
}

static int one_line(int n) { return n ? one_line(n - 1) : 0; }

static int never(int n)
{
    n *= 3;
    return n + 1;
}

static int count_to(int n)
{
    int i = 0;

    while (i < n)
        i++;
    do {
        i--;
    } while (i > 2);
    do i++; while (i < 7);
    for (;;) {
        if (i > n)
            break;
        if (i % 2) {
            i++;
            continue;
        }
        i += 3;
    }
    return i;
}

static int choose(int n)
{
    switch (n) {
    case 0:
        return 5;
    case 1:
        n += 2;
        /* fall through */
    case 2:
        n += 3;
        break;
    case 9:
        n = never(n);
        break;
    default:
        n = 0;
    }
    return n;
}

static int add(int a, int b, int c)
{
    calls++;
    return a + b + c;
}

static int is_small(int n)
{
    return n < 10 && n > -10;
}

static int grid(int rows, int columns)
{
    int total = 0;

    for (int row = 0; row < rows; row++)
        for (int column = 0; column < columns; column++)
            total += row * column;
    for (int row = 0; row < rows; row++) for (int column = 0; column < columns; column++) total++;
    return total;
}

static int leave_early(const char *text)
{
    int n = 0;

    for (const char *at = text; *at; at++) {
        if (*at == ' ')
            goto out;
        n += *at == 'a' ? 2 : 1;
    }
    n = -n;
out:
    return n;
}

static void walk(int depth)
{
    if (depth)
        walk(depth - 1);
    walks++;
}

static int next(int x) { return x + 1; }

static int nested(int x)
{
    return next(next(x)) + (x > 3 ? next(x) : 2);
}

static void loops(int x)
{
    if (x > 3) {
        next(x);
        return;
    }
    for (int i = 0,
             j = 10;
         i < j;
         i++,
         j--)
    {
        if (i == 2)
            continue;
        if (j == 7)
            break;
        sum += i *
               j;
    }
    while (x < 5 &&
           sum)
    {
        x++;
    }
again:
    x--;
    if (x > 0)
        goto again;
}

static int switch_in_loop(int k)
{
    int total = 0;

    while (k-- > 0) {
        switch (k % 4) {
        case 0: total += 1; break;
        case 1: total += 2; continue;
        case 2:
            total += 3;
            /* fall through */
        default: total += 4;
        }
        total++;
    }
    return total;
}

static int first_in_line(const int *list, int n)
{
    int total = 0;

    for (int i = 0; i < n; i++) { int each = list[i];
        total += each;
    }
    for (int i = 0; i < n; i++) { int each = list[i]; if (each > 4) continue;
        total += each; }
    while (n > 0) { n--; if (n % 2)
        total++; else total--; }
    return total;
}

static jmp_buf back;

static void jump(int n)
{
    if (n == 0)
        longjmp(back, 1);
    jump(n - 1);
    walks++;
}

static int come_back(int n)
{
    volatile int times = 0;

    if (setjmp(back) == 0)
        jump(n);
    else
        sum++;
    if (setjmp(back) < 5) {
        times++;
        if (times < 4)
            longjmp(back, times);
    }
    switch (setjmp(back)) {
    case 0:
        jump(2);
    case 1:
        times++;
    }
    return times;
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void on_signal(int number)
{
    sum += number > 0;
}

int main(int argc, char **argv)
{
    int total = fibonacci(7) + one_line(4);
    int (*function)(int) = count_to;
    int numbers[] = { 5, 3, 9, 1, 7 };

    for (int i = 0; i < 5; i++) {
        total += choose(i);
        if (is_small(i) || never(i))
            total += add(i,
                         choose(i + 1),
                         2);
        else
            total -= 1;
    }
    total += function(12);
    total += grid(3,
                  4);
    total += leave_early("bananas and") +
             leave_early("bananas");
    if (argc > 5)
        total = never(total);
    else if (strlen(argv[0]) == 0)
        total = 2;
    walk(5);
    loops(1); loops(4);
    for (int i = 0; i < 6; i++) total += nested(i);
    total += first_in_line(numbers, 5) + come_back(3);
    total += switch_in_loop(9) + switch_in_loop(3);
    qsort(numbers, 5, sizeof *numbers, compare);
    signal(SIGUSR1, on_signal);
    for (int i = 0; i < 3; i++)
        raise(SIGUSR1);
    do
        total--;
    while (total > 20 || total % 3);
    printf("%d %d %d %d\n", total, calls, walks, sum);
    return 0;
}
