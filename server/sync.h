/*
 * sync.h - waiting on the monotonic clock, and semaphores with deadlines: the little that POSIX
 * threads leave to be written, in one place.
 */
#ifndef MIEN_SERVER_SYNC_H
#define MIEN_SERVER_SYNC_H

#include <pthread.h>
#include <stddef.h>

/* A condition variable whose waits are told in clock_seconds(). */
void sync_cond_init(pthread_cond_t *cond);
/* Waits until signalled or until `until` (seconds of clock_seconds()). Returns 1 where the time has
 * come. */
int sync_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, double until);

/* So many units, which callers acquire and release. */
struct sync_budget {
    pthread_mutex_t lock;
    pthread_cond_t freed;
    size_t size, acquired;
};
void sync_budget_init(struct sync_budget *b, size_t size);
void sync_budget_destroy(struct sync_budget *b);
/* Takes n units; more than there are altogether are granted when nobody else has any. Waits until
 * `until` where they are not free (0: not at all). Returns 0, or -1 without them. */
int sync_budget_acquire(struct sync_budget *b, size_t n, double until);
/* n more units for someone who has `held`, without waiting: never refused for that sum's own size,
 * when nobody else has any. Returns 0, or -1 without them. */
int sync_budget_grow(struct sync_budget *b, size_t held, size_t n);
void sync_budget_release(struct sync_budget *b, size_t n);
size_t sync_budget_acquired(struct sync_budget *b);

#endif
