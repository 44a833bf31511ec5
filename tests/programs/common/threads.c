/* Three threads that count with atomics, take a mutex in turn, wait for each other on a condition, and join. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

enum { THREADS = 3, ROUNDS = 40 };

static atomic_int shared;
static int guarded, arrived;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t everyone = PTHREAD_COND_INITIALIZER;

static void *work(void *argument)
{
    int own = 0;
    for (int i = 0; i < ROUNDS; i++) {
        atomic_fetch_add(&shared, 1);
        pthread_mutex_lock(&mutex);
        guarded += (int)(long)argument;
        pthread_mutex_unlock(&mutex);
        own += i;
    }
    pthread_mutex_lock(&mutex);
    if (++arrived == THREADS) pthread_cond_broadcast(&everyone);
    while (arrived < THREADS) pthread_cond_wait(&everyone, &mutex);
    pthread_mutex_unlock(&mutex);
    return (void *)(long)own;
}

int main(void)
{
    pthread_t threads[THREADS];
    long total = 0;
    for (long i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], 0, work, (void *)(i + 1))) return 100;
    for (int i = 0; i < THREADS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        total += (long)result;
    }
    printf("%d %d %ld\n", atomic_load(&shared), guarded, total);
    return !(shared == THREADS * ROUNDS && guarded == 6 * ROUNDS && total == 3 * 780);
}
