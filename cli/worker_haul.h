/*
 * worker_haul.h - the jobs that a worker takes at once: their pictures decoded ahead, run, and what
 * came of each as text.
 */
#ifndef MIEN_CLI_WORKER_HAUL_H
#define MIEN_CLI_WORKER_HAUL_H

#include "pipeline.h"
#include "queue/queue.h"

struct haul;

/* Takes at most `most` jobs of the queue: a queue_error; *out is NULL where there are none. */
int haul_claim(struct queue *q, const char *worker, int most, struct haul **out);
int haul_count(const struct haul *h);
const struct job *haul_job(const struct haul *h, int i);
/* 1 where one of its jobs was taken before: whoever had it may have died of it. */
int haul_is_suspect(const struct haul *h);
/* Reads what the jobs ask, fetches pictures that are URLs and begins to decode. Returns an exit
 * status. Once is enough; p must stay. */
int haul_start(struct haul *h, const struct pipeline *p);
/* Runs all of it, and fills the ends: haul_count() of them, valid as long as the haul. Returns an
 * exit status. */
int haul_run(struct haul *h, const struct pipeline *p, struct job_end **ends);
/* NULL is let through. */
void haul_free(struct haul *h);

#endif
