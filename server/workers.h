/*
 * workers.h - the threads that work on requests, and the bounded queue in front of them.
 */
#ifndef MIEN_SERVER_WORKERS_H
#define MIEN_SERVER_WORKERS_H

#include "server/request.h"

struct workers;

/* Calls work(request) for each request queued, on one of n threads; at most `room` wait. NULL where
 * memory or threads ran out. */
struct workers *workers_new(int n, int room, void (*work)(struct request *r));
/* Waits for what is queued or worked on, and ends the threads; nothing more can be reserved. */
void workers_stop(struct workers *w);
/* After workers_stop(). NULL is let through. */
void workers_free(struct workers *w);
/* Reserves a place in the queue: 0; -1 where it is full. Each place is used by workers_push(). */
int workers_reserve(struct workers *w);
void workers_push(struct workers *w, struct request *r);
/* A request that is worked on goes elsewhere, of which as many may be as may wait: 0; -1 where they
 * are. Each comes back by workers_return(), and the threads stay for it. */
int workers_lend(struct workers *w);
void workers_return(struct workers *w, struct request *r);
/* Requests that wait. */
int workers_waiting(struct workers *w);
/* Requests that are elsewhere. */
int workers_lent(struct workers *w);

#endif
