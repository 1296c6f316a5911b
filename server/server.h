/*
 * server.h - what the parts of the server share. serve.c makes and ends it.
 */
#ifndef MIEN_SERVER_SERVER_H
#define MIEN_SERVER_SERVER_H

#include "server/config.h"
#include "server/memory.h"
#include "server/sync.h"
#include "server/turns.h"

#include <pthread.h>
#include <stdatomic.h>

enum server_state {
    SERVER_STARTING,
    SERVER_READY,
    SERVER_DRAINING, /* takes no requests, ends those that have begun */
    SERVER_ENDING    /* gives those up, too */
};

struct MHD_Daemon;
struct api;
struct models_store;
struct batcher;
struct clients;
struct workers;
struct connections;
struct fetcher;
struct metrics;
struct log;
struct keys;
struct galleries;
struct repeats;
struct grpc_module;
struct grpc_server;

struct server {
    const struct serve_config *config;
    const struct api **apis; /* the dialects it speaks, ended by NULL */
    struct MHD_Daemon *daemon;
    const struct grpc_module *grpc; /* of grpc.c; NULL: gRPC is not asked for */
    struct grpc_server *grpc_server;
    void *service_state; /* of its service (service.h) */
    atomic_int state;    /* enum server_state */
    atomic_int active;   /* requests that have begun and not ended */
    struct models_store *models;
    struct batcher *batcher;
    struct workers *workers;
    struct fetcher *fetcher;     /* NULL where URLs are not fetched */
    struct repeats *repeats;     /* NULL where there is no gallery */
    struct galleries *galleries; /* NULL: none is kept */
    struct clients *clients;
    struct connections *connections;
    struct metrics *metrics;
    struct log *log;
    pthread_rwlock_t keys_lock;
    struct keys *keys; /* NULL: open to everyone */
    struct turns decoding;
    struct memory_shares memory;
    struct sync_budget pictures; /* bytes of decoded pictures and of tensors */
    struct sync_budget bodies;   /* bytes of request bodies */
};

/* 1 where requests are answered: the networks are loaded, and no run of one takes so long that
 * those behind it miss their deadlines. */
int server_is_ready(struct server *s);

#endif
