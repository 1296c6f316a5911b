/*
 * service.h - a server that does one part of an analysis beside others (docs/services.md): what
 * `mien service` makes of `mien serve`.
 *
 * A service has the server's keys, limits, batches, log and end, and instead of the dialects its
 * own routes, which are asked over gRPC. The services are a layer of their own (services/); the
 * server knows of one this struct.
 */
#ifndef MIEN_SERVER_SERVICE_H
#define MIEN_SERVER_SERVICE_H

#include <stddef.h>

struct api;
struct server;

struct service {
    const char *name;        /* "face-landmark" */
    const char *summary;     /* a line of the help */
    int port;                /* for gRPC, unless --listen says otherwise */
    const char *const *grpc; /* of the gRPC module (grpc_options.services), ended by NULL */
    const struct api *api;   /* its routes; NULL: it has none */
    unsigned results;        /* of its networks: bits 1 << enum mien_result */
    unsigned wants;          /* of enum service_wants */
    /* Once the networks are loaded and it is asked. Sets s->service_state. 0, or -1 with a sentence
     * and nothing to stop. NULL: nothing is to be done. */
    int (*start)(struct server *s, char *why, size_t room);
    void (*stop)(struct server *s); /* begins nothing more, and ends what it does for itself */
    void (*free)(struct server *s); /* nobody asks any more */
};

enum service_wants {
    SERVICE_REDIS = 1,
    SERVICE_INPUT = 2,
    SERVICE_OUTPUT = 4,
    SERVICE_CALLS = 8 /* it asks the others */
};

/* What it is told beside what any server is. Texts are NULL where there is none. */
struct service_config {
    const struct service *service; /* NULL: it is `mien serve` */
    const char *redis;             /* a URL (common/redis.h) */
    int expiry;                    /* seconds what is in Redis stays there */
    const char *input, *output;    /* folders */
    const char *face_landmark, *age_gender, *data_storage; /* HOST:PORT */
    const char *also; /* further services to ask, HOST:PORT/PACKAGE.SERVICE/METHOD, with commas */
    int in_hand;      /* pictures it asks about at once */
    double call_timeout;            /* seconds of a call to another */
    const char *call_ca, *call_key; /* files: whom it trusts over TLS; the key it sends */
};

/* The routes of a server that is this service, ended by NULL, for free(); NULL: no memory. */
const struct api **service_apis(const struct service *service);
/* The functions of the server's service; of one without a service they do nothing. */
int service_start(struct server *s, char *why, size_t room);
void service_stop(struct server *s);
void service_free(struct server *s);

#endif
