#include "server/sync.h"

#include "common/clock.h"

#include <errno.h>
#include <math.h>
#include <time.h>

void sync_cond_init(pthread_cond_t *cond) {
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

int sync_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, double until) {
    double whole = floor(until);
    struct timespec t = {.tv_sec = (time_t)whole, .tv_nsec = (long)(1e9 * (until - whole))};

    return pthread_cond_timedwait(cond, lock, &t) == ETIMEDOUT;
}

void sync_budget_init(struct sync_budget *b, size_t size) {
    pthread_mutex_init(&b->lock, NULL);
    sync_cond_init(&b->freed);
    b->size = size;
    b->acquired = 0;
}

void sync_budget_destroy(struct sync_budget *b) {
    pthread_cond_destroy(&b->freed);
    pthread_mutex_destroy(&b->lock);
}

static int fits(const struct sync_budget *b, size_t n) {
    return b->acquired == 0 || (b->acquired < b->size && n <= b->size - b->acquired);
}

int sync_budget_acquire(struct sync_budget *b, size_t n, double until) {
    int granted;

    pthread_mutex_lock(&b->lock);
    while (!fits(b, n) && clock_seconds() < until) sync_cond_wait(&b->freed, &b->lock, until);
    granted = fits(b, n);
    if (granted) b->acquired += n;
    pthread_mutex_unlock(&b->lock);
    return granted ? 0 : -1;
}

int sync_budget_grow(struct sync_budget *b, size_t held, size_t n) {
    int granted;

    pthread_mutex_lock(&b->lock);
    granted = fits(b, n) || b->acquired == held;
    if (granted) b->acquired += n;
    pthread_mutex_unlock(&b->lock);
    return granted ? 0 : -1;
}

void sync_budget_release(struct sync_budget *b, size_t n) {
    pthread_mutex_lock(&b->lock);
    b->acquired -= n;
    pthread_cond_broadcast(&b->freed);
    pthread_mutex_unlock(&b->lock);
}

size_t sync_budget_acquired(struct sync_budget *b) {
    size_t acquired;

    pthread_mutex_lock(&b->lock);
    acquired = b->acquired;
    pthread_mutex_unlock(&b->lock);
    return acquired;
}
