/*
 * pool.h - the worker threads of a context.
 *
 * One parallel region at a time: a step's tasks are handed out by an atomic counter to the caller
 * and the workers. Which worker gets which task never changes a result, because a task's work does
 * not depend on it. A region that finds the pool busy with another caller's runs its tasks itself.
 * Denormals are flushed in every thread while it works: a picture's dark corner must not make a
 * network several times slower.
 */
#ifndef MIEN_ENGINE_POOL_H
#define MIEN_ENGINE_POOL_H

struct pool;

/* threads: workers in all, the caller included; at least 1. */
int pool_open(int threads, struct pool **out);
void pool_close(struct pool *p);
int pool_threads(const struct pool *p);

/* A task: index of the task, and of the worker (0..threads-1) for its scratch memory. */
typedef void pool_task(void *context, int task, int worker);
/* Runs tasks 0..count-1 and returns when all are done. */
void pool_run(struct pool *p, int count, pool_task *fn, void *context);

/* Cores this process may run on, at least 1. */
int pool_cores(void);

#endif
