/*
 * pool.h - the worker threads of a context.
 *
 * One caller at a time has the workers: for a region (one step of a network), or for a session (all
 * steps of it), during which they stay awake. A region's tasks are dealt out in equal runs of
 * neighbours, because neighbouring tasks of one step read what neighbouring tasks of the step
 * before wrote; who has finished his own run helps with the others'. Which worker gets which task
 * never changes a result, because a task's work does not depend on it. A caller who finds the pool
 * taken does his tasks himself. Denormals are flushed in every thread while it works: a picture's
 * dark corner must not make a network several times slower.
 *
 * Threads are not pinned: SPEED.md has the measurement. Who wants them on certain cores restricts
 * the process (taskset, numactl), and pool_cores() follows.
 */
#ifndef MIEN_ENGINE_POOL_H
#define MIEN_ENGINE_POOL_H

struct pool;

enum { POOL_MOST_THREADS = 1024 };

/* threads: workers in all, the caller included; at least 1. */
int pool_open(int threads, struct pool **out);
void pool_close(struct pool *p);
int pool_threads(const struct pool *p);

/* A task: index of the task, and of the worker (0..threads-1) for its scratch memory. */
typedef void pool_task(void *context, int task, int worker);
/* Runs tasks 0..count-1 and returns when all are done. Inside a task it runs them in this thread
 * alone, as worker 0: what is indexed by worker must belong to the caller of pool_run. */
void pool_run(struct pool *p, int count, pool_task *fn, void *context);

/* Between the two the workers are this thread's and expect a region at any moment. pool_begin
 * returns 1, or 0 where another caller has them: then regions run in this thread, and pool_end must
 * not be called. */
int pool_begin(struct pool *p);
void pool_end(struct pool *p);

/* Cores this process may run on, at least 1: what its affinity mask allows, or less where its
 * control group has a quota of processor time. */
int pool_cores(void);
/* Cores that the text of a cgroup's cpu.max stands for, rounded up; 0 where it sets no limit. */
int pool_quota_cores(const char *cpu_max);

#endif
