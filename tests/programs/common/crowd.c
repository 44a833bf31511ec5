/* Threads, by its argument: that get signals, are detached, outlive the first one, sleep while it exits, or for ever. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MANY = 8 };

static atomic_int caught, done;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int ready, turn;

static void on_signal(int number)
{
    (void)number;
    atomic_fetch_add(&caught, 1);
}

static void announce(void)
{
    pthread_mutex_lock(&mutex);
    ready++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
}

static void wait_for(int number)
{
    pthread_mutex_lock(&mutex);
    while (ready < number) pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
}

static void *sleep_for_ever(void *argument)
{
    announce();
    for (;;) pause();
    return argument;
}

static void *wait_for_signal(void *argument)
{
    announce();
    while (!atomic_load(&caught)) usleep(1000);
    return argument;
}

static void *count_and_go(void *argument)
{
    atomic_fetch_add(&done, 1);
    announce();
    return argument;
}

static void *take_turns(void *argument)
{
    int own = (int)(long)argument;
    for (int round = 0; round < 3; round++) {
        pthread_mutex_lock(&mutex);
        while (turn % MANY != own) pthread_cond_wait(&changed, &mutex);
        turn++;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&mutex);
    }
    return 0;
}

static void *outlive(void *argument)
{
    usleep(20000);
    printf("the first thread has ended\n");
    exit(40);
    return argument;
}

int main(int argc, char **argv)
{
    static pthread_t threads[MANY];
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "signal")) {
        struct sigaction action = {.sa_handler = on_signal};
        sigaction(SIGUSR1, &action, 0);
        pthread_create(&threads[0], 0, wait_for_signal, 0);
        wait_for(1);
        pthread_kill(threads[0], SIGUSR1);
        pthread_join(threads[0], 0);
        return 10 + caught;
    }
    if (!strcmp(what, "detached")) {
        pthread_create(&threads[0], 0, count_and_go, 0);
        pthread_detach(threads[0]);
        wait_for(1);
        return 20 + done;
    }
    if (!strcmp(what, "outlive")) {
        pthread_create(&threads[0], 0, outlive, 0);
        /* Not pthread_exit: its unwinder executes more than everything else here. */
        syscall(SYS_exit, 0);
    }
    if (!strcmp(what, "turns")) {
        for (long i = 0; i < MANY; i++) pthread_create(&threads[i], 0, take_turns, (void *)i);
        for (int i = 0; i < MANY; i++) pthread_join(threads[i], 0);
        return turn;
    }
    for (int i = 0; i < 3; i++) pthread_create(&threads[i], 0, sleep_for_ever, 0);
    wait_for(3);
    if (!strcmp(what, "leave")) return 30;
    if (!strcmp(what, "crash")) *(volatile int *)(long)argc = 1;
    sleep_for_ever(0);
}
