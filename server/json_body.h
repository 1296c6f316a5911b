/*
 * json_body.h - the pictures in a JSON body, and the options beside them.
 *
 * Understood are
 *     ["...", ...]                      a list of pictures
 *     {"images": [...]}                 the same with a name
 *     {"urls": ["https://...", ...]}    addresses of pictures
 *     {"image": "..."}, {"url": "..."}  one picture
 *     {"a": ..., "b": ...}              two to compare
 * where a picture is base64 or a data: URI, or {"image": "..."} or {"url": "..."}. Further keys of
 * the object are options, which are the caller's to read. Another dialect brings its own names for
 * these keys. Its own module because it is a pure function of untrusted bytes; nothing is fetched
 * here.
 */
#ifndef MIEN_SERVER_JSON_BODY_H
#define MIEN_SERVER_JSON_BODY_H

#include "server/why.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

enum body_kind { PICTURE_BYTES, PICTURE_URL };

/* How many pictures a key of an object has. */
enum body_count {
    BODY_ONE,
    BODY_LIST,
    BODY_PAIR /* one of two, which go together */
};

/* A key of an object whose value is pictures. */
struct body_key {
    const char *name;
    enum body_kind kind;
    enum body_count count;
};
/* Those above. Ended by one without a name. */
extern const struct body_key BODY_KEYS[];

/* A picture of a body. Where status is not 0, it could not be read: why has the sentence, bytes and
 * url are NULL. */
struct body_picture {
    enum body_kind kind;
    uint8_t *bytes; /* [size], size > 0; of PICTURE_BYTES */
    size_t size;
    char *url; /* of PICTURE_URL; not looked at */
    int status;
    char why[WHY_SIZE];
};

struct json_body {
    struct body_picture *pictures; /* [count], count > 0 */
    int count;
    int list;        /* they came in a list, even if of one */
    json_t *options; /* an object without the keys of pictures */
};

struct json_body_limits {
    size_t max_bytes;            /* of a picture, decoded */
    int max_pictures;            /* of a body */
    enum body_kind strings;      /* what a bare string of a body that is a list stands for */
    int keep_bad;                /* a picture that cannot be read does not fail the others */
    const struct body_key *keys; /* none or two of them BODY_PAIR; NULL: BODY_KEYS */
};

/* Reads body[0..length). Returns 0 with *out, which json_body_free() frees; or 400, 413 (a picture
 * or the list is too large) or 500 with a sentence in why and *out all zero. */
int json_body_read(const char *body, size_t length, const struct json_body_limits *given,
                   struct json_body *out, char why[WHY_SIZE]);

/* Frees what *b holds and makes it all zero. */
void json_body_free(struct json_body *b);

#endif
