/*
 * uploads.h - the pictures of a request, however it brought them: a form, JSON, URLs or a bare
 * body.
 */
#ifndef MIEN_SERVER_UPLOADS_H
#define MIEN_SERVER_UPLOADS_H

#include "server/json_body.h"
#include "server/request.h"

struct upload {
    const uint8_t *bytes; /* [size]; the request's, the JSON body's or `fetched` */
    size_t size;
    uint8_t *fetched;
    int status; /* an HTTP status where it could not be read, with a sentence */
    char why[WHY_SIZE];
};

struct uploads {
    struct upload *at; /* [n], n > 0 */
    int n;
    int is_list; /* came as a list or several files, even if of one */
    struct json_body json;
};

struct uploads_want {
    int max;                /* pictures */
    int min;                /* fewer are an error */
    enum body_kind strings; /* what a bare string in a JSON list is */
    int keep_bad;           /* one that cannot be read does not fail the others */

    /* What a dialect calls pictures where it is not what mien does. A field of a form that has a
     * file name is a picture whatever its name. */
    const char *const *fields;   /* of forms, ended by NULL; NULL: UPLOAD_FIELDS */
    const struct body_key *keys; /* of a JSON object; NULL: BODY_KEYS */
};
extern const char *const UPLOAD_FIELDS[];

/* Reads them. Returns 0 with *in, to be freed by uploads_free(); or -1 after replying, and also
 * without a reply where pictures are URLs, which must be fetched first: see uploads_fetch(). */
int uploads_read(struct request *r, const struct uploads_want *want, struct uploads *in);
/* 1 where a request that has no reply is for uploads_fetch(). */
int uploads_are_due(const struct request *r);
/* Fetches the request's URLs, in the fetcher's thread; then calls done(r), in that thread, for the
 * request to be handled again: uploads_read() then has them all. The request is not the caller's
 * any more. */
void uploads_fetch(struct request *r, void (*done)(struct request *r));
/* Of a request that ends. */
void uploads_forget(struct request *r);
void uploads_free(struct uploads *in);
/* The error code for the status of one that could not be read: "too_large" for 413. */
const char *upload_error(int status);

#endif
