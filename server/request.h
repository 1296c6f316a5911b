/*
 * request.h - one request from its headers to its answer, as handlers see it.
 *
 * A request is read by the network thread, worked on by one worker thread, and answered by the
 * network thread; never by two at once, so its fields need no lock. In between it may be the
 * fetcher's, and be worked on once more. A handler reads parameters and pictures, and leaves
 * exactly one reply. Whether it came as HTTP or as a call of gRPC only its transport knows.
 */
#ifndef MIEN_SERVER_REQUEST_H
#define MIEN_SERVER_REQUEST_H

#include "common/trace.h"
#include "server/metrics.h"
#include "server/models.h"
#include "server/multipart.h"
#include "server/scopes.h"

#include <jansson.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct server;
struct api;
struct route;
struct client;
struct connection;
struct asset;
struct uploads_fetch;
struct call;
struct transport;

enum {
    REQUEST_ID = 64,
    REQUEST_PARTS = 64,
    REQUEST_PARAMS = 2,
    REQUEST_PARAM = 128, /* bytes of one, with its NUL */
    REQUEST_ASKED = 16,
    REPLY_HEADERS = 4
};

/* Bytes that grow; malloc. */
struct bytes {
    uint8_t *at;
    size_t n, room;
};

/* A part of a multipart form. A part with a file name is a picture, others are parameters. */
struct part {
    char name[MULTIPART_NAME];
    int is_file;
    int is_picture; /* by its file name, or its own: uploads.c knows */
    struct bytes data;
};

/* A header of an answer besides those all answers have. name: static. */
struct reply_header {
    const char *name;
    char value[80];
};

/* An answer. body is malloc'ed, or an asset's. */
struct reply {
    int status;       /* 0: none yet */
    const char *code; /* of an error; static. NULL: it is none */
    const char *type;
    uint8_t *body;
    size_t size;
    const struct asset *asset;
    int is_gzip; /* of an asset: its compressed bytes are sent */
    int close;   /* the connection ends with this answer */
    struct reply_header headers[REPLY_HEADERS];
    int nheaders;
};

struct request {
    struct server *server;
    const struct transport *transport;
    struct MHD_Connection *http;   /* of transport_http.c */
    struct connection *connection; /* as well */
    struct call *call;             /* of call.c */
    struct client *client;         /* who asks; the request holds the entry */
    const struct api *api;         /* whose form errors have; NULL: the server's own */
    const struct route *route;     /* NULL: no such path, or not by this method */
    char id[REQUEST_ID + 1];
    struct trace trace;                        /* W3C; its id is "" where the client has none */
    char method[16], path[128];                /* for the log; cut and cleaned */
    char param[REQUEST_PARAMS][REQUEST_PARAM]; /* {} of the route's path */
    char key[64];                              /* name of the API key; "" where there is none */
    char scopes[SCOPES_SIZE];                  /* of it */

    int may_probe, is_probed; /* see request.c: whether the client is still there */
    const char *origin; /* what pages may read the answer: see cors_origin(); NULL: only ours */

    /* Body. */
    struct multipart *form; /* NULL: body is kept whole */
    struct part *parts;     /* [REQUEST_PARTS] */
    int nparts;
    struct bytes body;
    uint64_t received;   /* bytes of the body */
    size_t body_budget;  /* acquired of the server's memory for bodies, with what is read of them */
    size_t reply_budget; /* acquired of that for pictures, for the reply */

    /* Work. */
    double arrived, deadline, queued; /* clock_seconds(); queued: when it was put in the queue */
    struct models *models;            /* from when a worker has it */
    void *repeat;                     /* of repeats.c: where its answer is kept; NULL: it is not */
    struct uploads_fetch *fetch;      /* pictures of which some are fetched; NULL: none */
    json_t *json;                     /* its JSON body's object, for parameters; NULL: none */
    const char *asked[REQUEST_ASKED]; /* parameters its handler has asked for */
    int nasked;
    double seconds[STAGES_MAX];
    int pictures, faces; /* for the log */
    atomic_int is_worked_on;
    struct request *next;

    struct reply reply;
};

/* How a request comes and its answer goes. */
struct transport {
    int is_web; /* browsers speak it, for whoever's pages they show */
    /* A header, the first of that name or the last; NULL where it is not given. */
    const char *(*header)(struct request *r, const char *name, int last);
    /* A parameter beside the body; NULL where it is not given. */
    const char *(*argument)(struct request *r, const char *name);
    /* Calls see(context, name, value) for each of them, until it returns other than 0; a value may
     * be NULL. */
    void (*arguments)(struct request *r,
                      int (*see)(void *context, const char *name, const char *value),
                      void *context);
    const struct sockaddr *(*peer)(struct request *r); /* NULL: not known */
    int (*is_gone)(struct request *r);                 /* nobody waits for the answer any more */
    void (*wait)(struct request *r);                   /* it is about to become a worker's */
    void (*answer)(struct request *r); /* its reply is there: from any thread, after wait() */
};

/* One of this server, with nothing but its time and names; it counts as active until it ends
 * (work.h). client: a hold of it goes with the request. NULL where memory ran out. */
struct request *request_new(struct server *s, const struct transport *transport,
                            struct client *client, const char *method, const char *path);
/* Gives it the id its client has sent, where that is harmless in a log, else a random one. */
void request_set_id(struct request *r);

/* A header; NULL where it is not given. */
const char *request_header(struct request *r, const char *name);

/* 1 where nobody waits for the answer any more, its deadline has passed, or the server cannot wait
 * for it. For batch_wait(). */
int request_is_over(void *request);

struct sync_budget;
/* Acquires n of a budget, waiting until the request is over: 0; -1 where it is. */
int request_acquire(struct request *r, struct sync_budget *budget, size_t n);

/* Adds to the time of a stage, and to its histogram. */
void request_spent(struct request *r, int stage, double seconds);

/* Acquires n more bytes of the server's memory for bodies, without waiting: 0; -1 where there are
 * none. They are released with the request. */
int request_acquire_body(struct request *r, size_t n);
/* Appends n bytes within the server's memory for bodies. Returns 0, or -1 where there is none. */
int request_grow(struct request *r, struct bytes *b, const void *data, size_t n);
void request_free(struct request *r);

#endif
