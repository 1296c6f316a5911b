/*
 * job_json.h - a job as JSON, as the tool and the server tell of it (docs/jobs.md).
 */
#ifndef MIEN_QUEUE_JOB_JSON_H
#define MIEN_QUEUE_JOB_JSON_H

#include "queue/queue.h"

#include <jansson.h>

enum { JOB_TIME = 32 };

/* "2026-12-01T01:02:03.456Z"; "" for 0. Returns out. */
const char *job_time(int64_t ms, char out[JOB_TIME]);
/* A new object; NULL where memory ran out. result: with the job's, where it has one. */
json_t *job_json(const struct job *job, int result);
/* How many jobs are in each state, by its name. NULL where memory ran out. */
json_t *job_counts_json(const struct queue_counts *counts);

#endif
