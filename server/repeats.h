/*
 * repeats.h - requests that are sent again because their answer got lost: with the same
 * Idempotency-Key the same client is answered what he was, and nothing is done again.
 *
 * Answers are kept in memory for a day, the oldest going where there are too many; a server that
 * was started anew knows none. Failures of the server's own are not kept: those may be tried again.
 */
#ifndef MIEN_SERVER_REPEATS_H
#define MIEN_SERVER_REPEATS_H

#include "server/request.h"

struct repeats;

struct repeats *repeats_new(void); /* NULL where memory ran out */
void repeats_free(struct repeats *s);

/* Before a request is worked on that may be sent again: 0 where it is new or has no such key; -1
 * after replying what was answered before, or 409 where that is still worked on or was another. */
int repeats_begin(struct repeats *s, struct request *r);
/* After it: keeps the reply that is there, or where there is none, or one of a failure, forgets it.
 */
void repeats_end(struct repeats *s, struct request *r);

#endif
