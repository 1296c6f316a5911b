#include "engine/pool.h"

#include "engine/err.h"
#include "mien.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

enum { SPINS = 2000, CLOSED = -1 };

struct pool {
    int threads, started;
    pthread_t *ids;
    pthread_mutex_t region; /* held by the caller whose region runs */
    pthread_mutex_t lock;   /* guards generation, stop and the sleepers */
    pthread_cond_t wake;
    atomic_uint generation; /* counts regions; a change wakes the workers */
    atomic_int gate;        /* workers that have joined the region; CLOSED: it takes no more */
    atomic_int left;        /* of those, how many are done */
    atomic_int stop, next;
    int count;
    pool_task *fn;
    void *context;
};

struct worker {
    struct pool *pool;
    int index;
};

/* Sets flush-to-zero and denormals-are-zero; returns the old state for restore_float(). */
static unsigned flush_denormals(void) {
#if defined(__SSE__)
    unsigned old = _mm_getcsr();
    _mm_setcsr(old | 0x8040);
    return old;
#else
    return 0;
#endif
}

static void restore_float(unsigned old) {
#if defined(__SSE__)
    _mm_setcsr(old);
#else
    (void)old;
#endif
}

static void relax(void) {
#if defined(__SSE__)
    _mm_pause();
#endif
}

static void take_tasks(struct pool *p, int worker) {
    int task;
    while ((task = atomic_fetch_add(&p->next, 1)) < p->count) p->fn(p->context, task, worker);
}

/* Waits for a region newer than seen: spinning briefly, since the next step of a network comes
 * within microseconds, then asleep. */
static unsigned wait_for_region(struct pool *p, unsigned seen) {
    for (int i = 0; i < SPINS; i++) {
        unsigned now = atomic_load_explicit(&p->generation, memory_order_acquire);
        if (now != seen || atomic_load(&p->stop)) return now;
        relax();
    }
    pthread_mutex_lock(&p->lock);
    unsigned now;
    while ((now = atomic_load(&p->generation)) == seen && !atomic_load(&p->stop))
        pthread_cond_wait(&p->wake, &p->lock);
    pthread_mutex_unlock(&p->lock);
    return now;
}

/* Enters the region unless it is over already. */
static int join(struct pool *p) {
    int joined = atomic_load_explicit(&p->gate, memory_order_acquire);
    while (joined != CLOSED)
        if (atomic_compare_exchange_weak(&p->gate, &joined, joined + 1)) return 1;
    return 0;
}

static void *work(void *arg) {
    struct worker w = *(struct worker *)arg;
    free(arg);
    flush_denormals();
    unsigned seen = 0;
    for (;;) {
        seen = wait_for_region(w.pool, seen);
        if (atomic_load(&w.pool->stop)) return NULL;
        if (!join(w.pool)) continue;
        take_tasks(w.pool, w.index);
        atomic_fetch_add_explicit(&w.pool->left, 1, memory_order_release);
    }
}

static int start_workers(struct pool *p) {
    for (int i = 1; i < p->threads; i++) {
        struct worker *w = malloc(sizeof *w);
        if (!w) return err_set(MIEN_ENOMEM, "out of memory");
        *w = (struct worker){p, i};
        if (pthread_create(&p->ids[i], NULL, work, w) != 0) {
            free(w);
            return err_set(MIEN_ENOMEM, "cannot start thread %d of %d", i + 1, p->threads);
        }
        p->started = i;
    }
    return MIEN_OK;
}

int pool_open(int threads, struct pool **out) {
    *out = NULL;
    if (threads < 1 || threads > 1024)
        return err_set(MIEN_EINVAL, "%d threads; 1 to 1024 are possible", threads);
    struct pool *p = calloc(1, sizeof *p);
    if (!p || !(p->ids = calloc((size_t)threads, sizeof *p->ids))) {
        free(p);
        return err_set(MIEN_ENOMEM, "out of memory");
    }
    p->threads = threads;
    atomic_init(&p->gate, CLOSED);
    pthread_mutex_init(&p->region, NULL);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    int rc = start_workers(p);
    if (rc) {
        pool_close(p);
        return rc;
    }
    *out = p;
    return MIEN_OK;
}

void pool_close(struct pool *p) {
    if (!p) return;
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->stop, 1);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (int i = 1; i <= p->started; i++) pthread_join(p->ids[i], NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    pthread_mutex_destroy(&p->region);
    free(p->ids);
    free(p);
}

int pool_threads(const struct pool *p) {
    return p->threads;
}

void pool_run(struct pool *p, int count, pool_task *fn, void *context) {
    unsigned old = flush_denormals();
    if (count < 2 || p->threads < 2 || pthread_mutex_trylock(&p->region) != 0) {
        for (int i = 0; i < count; i++) fn(context, i, 0);
        restore_float(old);
        return;
    }
    p->count = count;
    p->fn = fn;
    p->context = context;
    atomic_store(&p->next, 0);
    atomic_store(&p->left, 0);
    atomic_store_explicit(&p->gate, 0, memory_order_release);
    pthread_mutex_lock(&p->lock);
    atomic_fetch_add_explicit(&p->generation, 1, memory_order_release);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    take_tasks(p, 0);
    /* Only workers that came are waited for: one that sleeps or is kept from a core by another
     * program must not hold up a step whose tasks are all done. */
    int joined = atomic_exchange(&p->gate, CLOSED);
    for (int i = 0; atomic_load_explicit(&p->left, memory_order_acquire) < joined; i++)
        if (i < SPINS)
            relax();
        else
            sched_yield(); /* more threads than cores: let the worker we wait for run */
    pthread_mutex_unlock(&p->region);
    restore_float(old);
}

int pool_cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int n = CPU_COUNT(&set);
    return n > 0 ? n : 1;
}
