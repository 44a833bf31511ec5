/* A static glibc program for whole-run comparisons: printf in a loop, qsort, malloc, string functions, floating point. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

int main(int argc, char **argv)
{
    int values[16];
    unsigned seed = 12345;
    double sum = 1.0;
    for (int i = 0; i < 16; i++) {
        seed = seed * 1103515245u + 12345u;
        values[i] = (seed >> 16) & 0x3ff;
        sum = sum * 1.5 + values[i];
    }
    qsort(values, 16, sizeof values[0], compare);
    for (int i = 0; i < 16; i++) printf("%d: %d %s\n", i, values[i], i & 1 ? "odd" : "even");
    char *copy = malloc(100);
    strcpy(copy, argc > 1 ? argv[1] : "hello, world");
    printf("%s %zu %.3f %d\n", copy, strlen(copy), sum, argc);
    free(copy);
    return 7;
}
