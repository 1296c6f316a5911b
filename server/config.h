/*
 * config.h - what the server is told: every option of `mien serve` that is not the tool's own.
 *
 * The tool's table of options writes into it (cli/options_table.c); it does not change while the
 * server runs.
 */
#ifndef MIEN_SERVER_CONFIG_H
#define MIEN_SERVER_CONFIG_H

#include "analysis/networks.h"
#include "server/service.h"

#include <stddef.h>
#include <stdint.h>

/* same_person as it was measured for the embedder: mien_net_info. */
#define SAME_PERSON_MEASURED (-2.0)

enum serve_log { SERVE_LOG_TEXT, SERVE_LOG_JSON, SERVE_LOG_NONE };

struct serve_config {
    /* Where it listens. */
    const char *address;            /* numeric address; "::" is every address of both families */
    int port;                       /* 0: any free one; -1: none, of a service */
    int grpc_port;                  /* of gRPC, at the same address; 0: any free one; -1: none */
    const char *tls_cert, *tls_key; /* PEM files; NULL: plain HTTP */
    const char *keys;               /* file of API keys; NULL: open to everyone */
    int open_metrics;               /* /metrics needs no key */
    const char *cors_origin;        /* whose pages may ask, see cors.h; NULL: the server's own */
    const char *allowed_host;       /* names of this server, see guard.h; NULL: see there */
    const char *gallery;            /* a gallery's place; NULL: the user's; "none" */
    const uint8_t *gallery_key;     /* [MIEN_GALLERY_KEY_SIZE]; NULL: it is not encrypted */
    int max_samples;                /* of a collection; 0: any number */
    const char *apis;               /* dialects spoken beside those always there, with commas;
                                       "all"; NULL: none */
    int keep_crops;                 /* aligned faces are kept with samples */
    const char *index;   /* how people are searched for, as mien_gallery_options; NULL: exact */
    size_t index_memory; /* likewise */
    int learn;           /* who is identified for sure gets a sample under the second embedder */
    const char *trusted_proxy; /* whose X-Forwarded-For counts, see forwarded.h; NULL: nobody's */
    int log;                   /* enum serve_log */

    /* What it computes with. Names of networks as mien_net_load takes them; NULL: left out. */
    mien_options machine;
    const char *network[NETWORKS_MAX]; /* of each task; several with commas */
    const char *attributes;            /* told unless a request says which; NULL: by default */
    int method;                        /* enum networks_method, of requests that do not say */
    mien_detect_options detect;        /* defaults of requests */
    int top;                           /* default number of classes in /v1 */
    double same_person; /* similarity from which /v1/compare calls two faces one person */

    /* Batching. */
    int max_batch;   /* pictures or faces a run */
    int max_wait_us; /* what the first of a batch waits for others, microseconds */

    /* Limits. */
    int workers;     /* requests worked on at once */
    int queue;       /* requests that may wait for a worker */
    int connections; /* open at once */
    int connections_per_address;
    int max_pictures;      /* a request */
    size_t max_bytes;      /* a picture, and the body of a request of one */
    size_t max_body;       /* any request's body */
    size_t memory;         /* of the two below and of the networks' plans, bytes; 0: see memory.h */
    size_t body_memory;    /* bodies of all requests together, bytes */
    size_t picture_memory; /* decoded pictures and tensors of all requests together, bytes */
    double max_megapixels; /* millions of pixels a picture, from its header */
    int salvage;           /* read JPEGs that are cut off */
    int max_side;          /* of what a detector is run on, pixels */
    double deadline;       /* seconds from a request's headers to its answer */
    double read_timeout;   /* seconds a client may take to send a request or fetch an answer */
    double idle_timeout;   /* seconds a connection may be idle */
    double drain_timeout;  /* seconds requests are given to end on SIGTERM */
    int allow_urls;        /* pictures may be given as URLs */
    int allow_private_urls; /* also of loopback and private addresses */
    double url_timeout;     /* seconds a fetch may take */

    struct service_config service; /* of `mien service` */
};

/* 1 where it listens for this machine alone. */
int config_is_loopback(const struct serve_config *c);
/* 1 where people are kept: as --gallery says, and without it where nobody but this machine, or who
 * has a key, can ask who somebody is. */
int config_keeps_gallery(const struct serve_config *c);

#endif
