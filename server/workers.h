/*
 * workers.h - the threads that work on requests, and the bounded queue in front of them, in which
 * clients have their turns: whoever sends many waits for those himself.
 */
#ifndef MIEN_SERVER_WORKERS_H
#define MIEN_SERVER_WORKERS_H

#include "server/clients.h"
#include "server/request.h"

struct workers;

/* Calls work(request) for each request queued, on one of n threads; at most `room` wait. The next
 * is of the client that has fewest worked on, and one that has none finds a thread beyond the n.
 * NULL where memory or threads ran out. */
struct workers *workers_new(int n, int room, struct clients *clients,
                            void (*work)(struct request *r));
/* Waits for what is queued or worked on, and ends the threads; nothing more can be reserved. */
void workers_stop(struct workers *w);
/* After workers_stop(). NULL is let through. */
void workers_free(struct workers *w);
/* 1 where another of that client's would find a place. */
int workers_have_room(struct workers *w, const struct client *client);
/* Reserves a place in the queue: 0; -1 where it is full. Then the last one loses its place of
 * whoever has most, and more than this client: *displaced, else NULL, which is the caller's again.
 * Each place is used by workers_push(). */
int workers_reserve(struct workers *w, struct client *client, struct request **displaced);
void workers_push(struct workers *w, struct request *r);
/* A request that is worked on goes elsewhere, of which as many may be as may wait, and three
 * quarters of a client's: 0; -1 where they are. Each comes back by workers_return(), and the
 * threads stay for it. */
int workers_lend(struct workers *w, struct client *client);
void workers_return(struct workers *w, struct request *r);
/* Requests that wait. */
int workers_waiting(struct workers *w);
/* Requests that are elsewhere. */
int workers_lent(struct workers *w);

#endif
