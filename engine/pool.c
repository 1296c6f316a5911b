#include "engine/pool.h"

#include "engine/err.h"
#include "mien.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

enum {
    CLOSED = -1,
    SPINS = 2000,          /* pauses between sessions before a worker sleeps: under 0.1 ms */
    SESSION_SPINS = 20000, /* within one: longer than any step that has a single task */
    YIELD_EVERY = 16,
    CACHE_LINE = 64
};

struct pool {
    int threads, started, session_spins;
    pthread_t *ids;
    atomic_int taken;   /* a caller has the workers */
    atomic_int session; /* and has regions coming */

    alignas(CACHE_LINE) atomic_uint generation; /* counts regions; a change wakes the workers */
    atomic_int sleepers, stop;

    alignas(CACHE_LINE) atomic_int gate; /* workers that have joined; CLOSED: it takes no more */
    atomic_int left;                     /* of those, how many are done */

    /* The region's work. Written while the gate is closed, read after joining. */
    alignas(CACHE_LINE) int count;
    pool_task *fn;
    void *context;
    atomic_int *next; /* [threads], the next task of each run */
};

struct worker {
    struct pool *pool;
    int index;
};

/* The pool whose session this thread has; NULL inside a task. */
static _Thread_local struct pool *mine;

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

/* A pause while waiting, the i-th in a row. After some the core is offered to others now and then:
 * to another program, or to the thread that is waited for. */
static void rest(int i) {
    if (i >= SPINS && i % YIELD_EVERY == 0) sched_yield();
#if defined(__SSE__)
    _mm_pause();
#endif
}

/* Sleeps unless a region has come since `seen`. The count of sleepers is raised before the kernel
 * compares, and announce() changes the generation before it reads the count: one of the two sees
 * the other. */
static void sleep_until(struct pool *p, unsigned seen) {
    atomic_fetch_add(&p->sleepers, 1);
    while (atomic_load(&p->generation) == seen)
        syscall(SYS_futex, &p->generation, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
    atomic_fetch_sub(&p->sleepers, 1);
}

static void announce(struct pool *p) {
    atomic_fetch_add(&p->generation, 1);
    if (atomic_load(&p->sleepers) > 0)
        syscall(SYS_futex, &p->generation, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* Waits for a region newer than seen: spinning while one is likely, then asleep. */
static unsigned wait_for_region(struct pool *p, unsigned seen) {
    for (int i = 0;; i++) {
        unsigned now = atomic_load_explicit(&p->generation, memory_order_acquire);
        if (now != seen) return now;
        if (i >= SPINS && (i >= p->session_spins || !atomic_load(&p->session))) break;
        rest(i);
    }
    sleep_until(p, seen);
    return atomic_load(&p->generation);
}

/* First task of a worker's run. */
static int run_start(const struct pool *p, int worker) {
    return (int)((long long)p->count * worker / p->threads);
}

/* One's own run first, then the others', from the neighbour's on. */
static void take_tasks(struct pool *p, int worker) {
    for (int i = 0, w = worker; i < p->threads; i++, w = w + 1 < p->threads ? w + 1 : 0) {
        int end = run_start(p, w + 1), task;
        if (atomic_load_explicit(&p->next[w], memory_order_relaxed) >= end) continue;
        while ((task = atomic_fetch_add_explicit(&p->next[w], 1, memory_order_relaxed)) < end)
            p->fn(p->context, task, worker);
    }
}

/* Enters the region unless it is over already. */
static int join(struct pool *p) {
    int joined = atomic_load_explicit(&p->gate, memory_order_relaxed);
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

static void run_region(struct pool *p, int count, pool_task *fn, void *context) {
    p->count = count;
    p->fn = fn;
    p->context = context;
    for (int w = 0; w < p->threads; w++)
        atomic_store_explicit(&p->next[w], run_start(p, w), memory_order_relaxed);
    atomic_store_explicit(&p->left, 0, memory_order_relaxed);
    atomic_store_explicit(&p->gate, 0, memory_order_release);
    announce(p);
    take_tasks(p, 0);
    /* Only workers that came are waited for: one that sleeps or is kept from a core by another
     * program must not hold up a step whose tasks are all done. */
    int joined = atomic_exchange(&p->gate, CLOSED);
    for (int i = 0; atomic_load_explicit(&p->left, memory_order_acquire) < joined; i++) rest(i);
}

int pool_begin(struct pool *p) {
    if (p->threads < 2 || atomic_exchange(&p->taken, 1)) return 0;
    mine = p;
    atomic_store(&p->session, 1);
    announce(p); /* the gate is closed: they wake, and wait */
    return 1;
}

void pool_end(struct pool *p) {
    mine = NULL;
    atomic_store(&p->session, 0);
    atomic_store_explicit(&p->taken, 0, memory_order_release);
}

void pool_run(struct pool *p, int count, pool_task *fn, void *context) {
    unsigned old = flush_denormals();
    struct pool *session = mine;
    int held = session == p;
    if (count > 1 && p->threads > 1 && (held || !atomic_exchange(&p->taken, 1))) {
        mine = NULL;
        run_region(p, count, fn, context);
        if (!held) atomic_store_explicit(&p->taken, 0, memory_order_release);
    } else {
        mine = NULL;
        for (int i = 0; i < count; i++) fn(context, i, 0);
    }
    mine = session;
    restore_float(old);
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
    if (threads < 1 || threads > POOL_MOST_THREADS)
        return err_set(MIEN_EINVAL, "%d threads; 1 to %d are possible", threads, POOL_MOST_THREADS);
    struct pool *p = aligned_alloc(CACHE_LINE, sizeof *p);
    if (!p) return err_set(MIEN_ENOMEM, "out of memory");
    *p = (struct pool){.threads = threads, .gate = CLOSED};
    /* A worker that spins on a core which another thread of ours needs only delays it. */
    p->session_spins = threads <= pool_cores() ? SESSION_SPINS : SPINS;
    p->ids = calloc((size_t)threads, sizeof *p->ids);
    p->next = calloc((size_t)threads, sizeof *p->next);
    int rc = p->ids && p->next ? start_workers(p) : err_set(MIEN_ENOMEM, "out of memory");
    if (rc) {
        pool_close(p);
        return rc;
    }
    *out = p;
    return MIEN_OK;
}

void pool_close(struct pool *p) {
    if (!p) return;
    atomic_store(&p->stop, 1);
    announce(p);
    for (int i = 1; i <= p->started; i++) pthread_join(p->ids[i], NULL);
    free(p->next);
    free(p->ids);
    free(p);
}

int pool_threads(const struct pool *p) {
    return p->threads;
}
