/*
 * reply.h - leaving the answer of a request: JSON, bytes, a page, an error.
 *
 * A reply replaces the one before it, headers included. What is sent, and when, is the HTTP core's
 * business.
 */
#ifndef MIEN_SERVER_REPLY_H
#define MIEN_SERVER_REPLY_H

#include "server/request.h"

/* Takes value over; NULL is answered as lack of memory. The time to write it is a stage's. */
void reply_json(struct request *r, int status, json_t *value);
/* The same of another type, and of nobody's time: for errors. */
void reply_json_as(struct request *r, int status, const char *type, json_t *value);
/* An error in the form of the request's dialect. code: "bad_request", ... (docs/server.md). */
void reply_error(struct request *r, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The server's own form of an error as a value, for an answer that holds several. NULL where memory
 * ran out. */
json_t *error_json(const struct request *r, const char *code, const char *message);
/* body: malloc'ed and taken over; NULL of size 0 for none. */
void reply_bytes(struct request *r, int status, const char *type, void *body, size_t size);
void reply_asset(struct request *r, const struct asset *asset);
/* Replies 504, 503 at the server's end, or nothing where the client has gone; for work that was
 * given up: request_is_over(). */
void reply_given_up(struct request *r);
/* Adds a header to the reply that is there. name: static. What is one too many is left out. */
void reply_header(struct request *r, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* HTTP status and error code for a code of mien.h. */
int error_status(int rc, const char **code);

#endif
