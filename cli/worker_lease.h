/*
 * worker_lease.h - the thread that prolongs the leases of a worker's jobs while it works on them,
 * over a connection of its own.
 */
#ifndef MIEN_CLI_WORKER_LEASE_H
#define MIEN_CLI_WORKER_LEASE_H

#include "queue/queue.h"

struct leases;

/* For at most `room` jobs. NULL where memory or threads ran out. The texts must stay. */
struct leases *leases_open(const struct queue_options *options, const char *worker, int room);
/* Its job, from now on; and no more. */
void leases_add(struct leases *l, const char *id);
void leases_remove(struct leases *l, const char *id);
/* NULL is let through. */
void leases_close(struct leases *l);

#endif
