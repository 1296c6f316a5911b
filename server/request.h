/*
 * request.h - one HTTP request from its headers to its answer, as handlers see it.
 *
 * A request is read by the network thread, worked on by one worker thread, and answered by the
 * network thread; never by two at once, so its fields need no lock. A handler reads parameters and
 * pictures, and leaves exactly one reply.
 */
#ifndef MIEN_SERVER_REQUEST_H
#define MIEN_SERVER_REQUEST_H

#include "server/metrics.h"
#include "server/models.h"

#include <jansson.h>
#include <microhttpd.h>
#include <stdatomic.h>

struct server;
struct route;
struct connection;
struct asset;

enum { REQUEST_ID = 64, REQUEST_PARTS = 64, REQUEST_PARAMS = 2 };

/* Bytes that grow; malloc. */
struct bytes {
    uint8_t *at;
    size_t n, room;
};

/* A part of a multipart form. A part with a file name is a picture, others are parameters. */
struct part {
    char name[64];
    int is_file;
    struct bytes data;
};

/* An answer. body is malloc'ed, or an asset's. */
struct reply {
    int status; /* 0: none yet */
    const char *type;
    uint8_t *body;
    size_t size;
    const struct asset *asset;
    int is_gzip;       /* of an asset: its compressed bytes are sent */
    int close;         /* the connection ends with this answer */
    int retry_after;   /* seconds; 0: no such header */
    long json_length;  /* Inference-Header-Content-Length of KServe; -1: none */
    const char *allow; /* Allow of 405; NULL: none */
};

struct request {
    struct server *server;
    struct MHD_Connection *http;
    struct connection *connection;
    const struct route *route; /* NULL: no such path */
    char id[REQUEST_ID + 1];
    char method[16], path[128];      /* for the log; cut and cleaned */
    char param[REQUEST_PARAMS][128]; /* {} of the route's path */
    char key[64];                    /* name of the API key; "" where there is none */

    /* Body. */
    struct MHD_PostProcessor *form; /* multipart or url-encoded; NULL: body is kept whole */
    struct part *parts;             /* [REQUEST_PARTS] */
    int nparts;
    struct bytes body;
    uint64_t received;  /* bytes of the body */
    size_t body_budget; /* taken of the server's memory for bodies */
    int is_broken_form;
    int is_too_large; /* the rest is read and dropped, the answer is 413 */

    /* Work. */
    double arrived, deadline, queued; /* clock_seconds(); queued: when it was put in the queue */
    struct models *models;            /* while a worker has it */
    json_t *json;                     /* its JSON body's object, for parameters; NULL: none */
    double seconds[STAGES];
    int pictures, faces; /* for the log */
    atomic_int is_worked_on;
    struct request *next;

    struct reply reply;
};

/* ---- parameters: from the query, a form's fields or the JSON body, in this order ---- */

/* Each returns 0 and leaves *v alone where the parameter is not given, and -1 after replying 400
 * where it is no such value. */
int request_real(struct request *r, const char *name, double min, double max, double *v);
int request_int(struct request *r, const char *name, int min, int max, int *v);
int request_flag(struct request *r, const char *name, int *v);
/* choices: NULL-terminated; *v is the position. */
int request_choice(struct request *r, const char *name, const char *const *choices, int *v);
/* A header; NULL where it is not given. */
const char *request_header(struct request *r, const char *name);

/* ---- replies ---- */

/* Takes value over; NULL is answered as lack of memory. */
void reply_json(struct request *r, int status, json_t *value);
/* The error shape of every endpoint. code: "bad_request", ... */
void reply_error(struct request *r, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same object as a value, for an answer that holds several. NULL where memory ran out. */
json_t *error_json(const struct request *r, const char *code, const char *message);
/* body: malloc'ed and taken over. */
void reply_bytes(struct request *r, int status, const char *type, void *body, size_t size);
void reply_asset(struct request *r, const struct asset *asset);
/* HTTP status and error code for a code of mien.h. */
int error_status(int mien_code, const char **code);

/* 1 where nobody waits for the answer any more, its deadline has passed, or the server cannot wait
 * for it. For batch_wait(). */
int request_is_over(void *request);
/* Replies 504, 503 at the server's end, or nothing where the client has gone; for work that was
 * given up. */
void request_give_up(struct request *r);

/* Adds to the time of a stage, and to its histogram. */
void request_spent(struct request *r, enum metrics_stage stage, double seconds);

/* ---- the server's ---- */

/* Appends n bytes within the server's memory for bodies. Returns 0, or -1 where there is none. */
int request_grow(struct request *r, struct bytes *b, const void *data, size_t n);
void request_free(struct request *r);

#endif
