/*
 * log.h - a line a request, and the server's own sentences, on standard error.
 *
 * A line says which request, route, sizes, times and status: nothing of a picture, a query, an
 * address or a key (only the key's name). Text for a person, or an object a line for a collector.
 *
 * A thread writes them, out of a bounded queue: where nobody reads standard error, lines are
 * dropped and counted, and nobody waits.
 */
#ifndef MIEN_SERVER_LOG_H
#define MIEN_SERVER_LOG_H

#include "server/config.h"
#include "server/metrics.h"

struct log;
struct request;

/* Lines dropped are counted in metrics. NULL where memory or threads ran out. */
struct log *log_new(enum serve_log kind, struct metrics *metrics);
/* Waits until all lines are written, or nobody reads any for a while: then the thread, and what
 * it needs, stays to the end of the process. NULL is let through. */
void log_free(struct log *l);
/* Only waits. */
void log_flush(struct log *l);
/* The request's line, once its answer has left. */
void log_request(struct log *l, const struct request *r, double seconds);
/* A sentence of the server's own. */
void log_say(struct log *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
