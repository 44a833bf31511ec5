/* Two threads that do not wait for each other, so that each executes the same whoever has its turn. */
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

static volatile uint32_t results[2];

static void *mix(void *argument)
{
    volatile uint32_t *result = argument;
    uint32_t value = 1 + (uint32_t)(result - results);
    for (int i = 0; i < 300; i++) {
        value = value * 1664525u + 1013904223u;
        *result ^= value >> 7;
    }
    return 0;
}

int main(void)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], 0, mix, (void *)&results[i]);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], 0);
    return 0;
}
