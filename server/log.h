/*
 * log.h - a line a request, and the server's own sentences, on standard error.
 *
 * A line says which request, route, sizes, times and status: nothing of a picture, a query, an
 * address or a key (only the key's name). Text for a person, or an object a line for a collector.
 */
#ifndef MIEN_SERVER_LOG_H
#define MIEN_SERVER_LOG_H

#include "server/config.h"

struct log;
struct request;

/* NULL where memory ran out. */
struct log *log_new(enum serve_log kind);
void log_free(struct log *l);
/* The request's line, once its answer has left. */
void log_request(struct log *l, const struct request *r, double seconds);
/* A sentence of the server's own. */
void log_say(struct log *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
