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
/* Requests that wait. */
int workers_waiting(struct workers *w);

#endif
