/*
 * why.h - how the server's parsers report a bad request: a status and a sentence.
 *
 * Whatever reads bytes of a client returns 0, or the HTTP status such a request is answered with
 * (400, 413, 504, ...), and writes one sentence for the answer's "message" into a buffer of its
 * caller. Its own module because all of them do it the same way and none may let bytes of a client
 * through unseen: a name goes through why_name() first.
 */
#ifndef MIEN_SERVER_WHY_H
#define MIEN_SERVER_WHY_H

enum { WHY_SIZE = 256, WHY_NAME_SIZE = 48 };

/* Writes the sentence (printf format; no newline, no full stop at the end; cut at WHY_SIZE - 1
 * bytes) and returns status, for `return why_set(why, 400, "...")`. */
int why_set(char why[WHY_SIZE], int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the sentence that is there; returns status. */
int why_prefix(char why[WHY_SIZE], int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A client's word in a form fit for a sentence: at most WHY_NAME_SIZE - 1 characters, all but
 * letters, digits and "._-:/ " made '?'. Returns out. */
const char *why_name(char out[WHY_NAME_SIZE], const char *name);

#endif
