/*
 * module.h - what a program and the gRPC module have in common: all of it, in C.
 *
 * gRPC is a C++ library with thirty others behind it, so what uses it is a module of its own,
 * libmien-grpc.so, which a program opens when it is told to serve gRPC (loader.h); the rest of mien
 * is built, installed and run without it. The module has the services (module/services.h): each
 * turns a call's message into a `struct grpc_ask` and the program's answer into a message. What is
 * asked, and who may ask, the program alone knows: `mien serve` hands an ask to the same routes as
 * a request over HTTP (server/call.h), and another program may do it otherwise.
 *
 * Texts and bytes that are handed over belong to whoever hands them, for as long as the call takes.
 */
#ifndef MIEN_GRPC_MODULE_H
#define MIEN_GRPC_MODULE_H

#include "grpc/client.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Goes up with every change of this header. */
#define GRPC_MODULE_VERSION 1
/* The only name the module exports: a function of this type. */
#define GRPC_MODULE_SYMBOL "mien_grpc_module"

struct grpc_call;   /* of the program: an ask it works on */
struct grpc_server; /* of the module */

struct grpc_field {
    const char *name, *value;
};

struct grpc_bytes {
    const void *at;
    size_t n;
};

/* How an ask ended. */
struct grpc_answer {
    int status;                       /* HTTP's: 200, 400, ... (docs/server.md) */
    const char *code;                 /* of an error, a word: "bad_request"; else NULL */
    const char *message;              /* of an error, a sentence */
    const struct grpc_field *headers; /* small letters; x-request-id is one */
    size_t nheaders;
    const void *body; /* of an error none */
    size_t size;
};

/* What a service wants of the program. */
struct grpc_ask {
    const char *rpc;                    /* "/mien.v1.Mien/Analyze": for logs */
    const char *method, *path;          /* what is asked, in the words of HTTP */
    const struct grpc_field *arguments; /* its parameters */
    size_t narguments;
    const struct grpc_field *headers; /* small letters: what of the call's metadata matters */
    size_t nheaders;
    const char *peer;              /* who asks, as gRPC writes it: "ipv4:127.0.0.1:4711" */
    const struct grpc_bytes *body; /* in pieces, copied before begin() returns */
    size_t pieces;
    double seconds; /* until the client gives up; negative: it does not say */
    /* Called once, from any thread, also before begin() returns. */
    void (*done)(void *owner, const struct grpc_answer *answer);
    void *owner;
};

/* The program. All of it may be called from any thread. */
struct grpc_host {
    void *context;
    /* Begins to work on it and returns at once: 0 with *call set before anything is done, to be
     * released; -1 where memory ran out, and then done() is not called. */
    int (*begin)(void *context, const struct grpc_ask *ask, struct grpc_call **call);
    /* Nobody waits for its answer any more; done() is called all the same, and soon. */
    void (*cancel)(struct grpc_call *call);
    void (*release)(struct grpc_call *call);
};

struct grpc_options {
    const char *address;            /* numeric */
    int port;                       /* 0: any free one */
    const char *tls_cert, *tls_key; /* PEM texts; NULL: none */
    const char *const *services;    /* by their names (services.h), ended by NULL */
    size_t max_message;             /* bytes of a message that comes in */
    size_t memory;                  /* bytes of all that come in, about */
    int max_streams;                /* calls at once of a connection */
    int in_flight;                  /* messages of a stream that are worked on at once */
    double idle;                    /* seconds a connection may be without calls */
};

struct grpc_module {
    int version; /* GRPC_MODULE_VERSION */
    /* Opens the socket and takes calls. NULL with a sentence in why where it cannot. */
    struct grpc_server *(*start)(const struct grpc_options *o, const struct grpc_host *host,
                                 char *why, size_t room);
    int (*port)(const struct grpc_server *server);
    /* What the health service says of all services. */
    void (*set_serving)(struct grpc_server *server, int serving);
    /* No new connections and calls; those under way have so many seconds. Returns at once. */
    void (*drain)(struct grpc_server *server, double seconds);
    /* Cancels what is left, waits for it and frees all. The host must have answered, or answer. */
    void (*stop)(struct grpc_server *server);
    const struct grpc_client_ops *client;
};

typedef const struct grpc_module *grpc_module_fn(void);

#ifdef __cplusplus
}
#endif

#endif
