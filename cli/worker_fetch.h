/*
 * worker_fetch.h - pictures of jobs that are URLs, fetched by the server's rules (server/fetch.h):
 * all of a haul at once, since each waits for a server elsewhere.
 */
#ifndef MIEN_CLI_WORKER_FETCH_H
#define MIEN_CLI_WORKER_FETCH_H

#include "inputs.h"
#include "queue/queue.h"
#include "server/config.h"

/* Fills inputs->items[i], of jobs[i], whose file is a URL and that has no bytes: with bytes, which
 * become the job's, or an error. -1 where memory ran out. */
int worker_fetch(const struct serve_config *c, struct job *jobs, struct inputs *inputs);

#endif
