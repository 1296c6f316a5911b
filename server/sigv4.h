/*
 * sigv4.h - signatures of requests to AWS: version 4, of headers and body
 * (docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html).
 *
 * Its own module because it is a pure function of untrusted headers: who made the request knows the
 * secret, at about that time, and nothing that it signed was changed.
 */
#ifndef MIEN_SERVER_SIGV4_H
#define MIEN_SERVER_SIGV4_H

#include <stddef.h>
#include <stdint.h>

enum { SIGV4_SKEW = 900 }; /* seconds by which clocks may differ */

enum sigv4_result {
    SIGV4_GOOD,
    SIGV4_MISSING,    /* there is none, or none of this version */
    SIGV4_INCOMPLETE, /* it has not all of its parts */
    SIGV4_EXPIRED,    /* of another time */
    SIGV4_WRONG       /* of another secret, or another request */
};

/* What is signed. */
struct sigv4_request {
    const char *method, *path, *query; /* path as it was sent; query: "" for none */
    const char *authorization;         /* the header; NULL: none */
    const char *(*header)(void *context,
                          const char *name); /* by its name in small letters; NULL: none */
    void *context;
    const uint8_t *body;
    size_t body_size;
    double now; /* seconds since 1970 */
};

enum { SIGV4_NAME = 128 };
/* The access key id a request says it was signed by: SIGV4_GOOD with it in out, or why not. Nothing
 * is checked yet. */
enum sigv4_result sigv4_name(const struct sigv4_request *r, char out[SIGV4_NAME]);
/* Whether it was, with that secret: takes as long whichever letter of a signature is wrong. */
enum sigv4_result sigv4_check(const struct sigv4_request *r, const char *secret);

#endif
