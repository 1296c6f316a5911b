/*
 * context.h - what a mien_ctx is: a backend that is open, where networks are looked up, and the
 * plans that were made for them.
 */
#ifndef MIEN_TASKS_CONTEXT_H
#define MIEN_TASKS_CONTEXT_H

#include "engine/backend.h"
#include "mien.h"
#include "tasks/plan_cache.h"

#include <stdatomic.h>

struct mien_ctx {
    const struct backend_ops *ops;
    struct backend *backend;
    char *weights_dir;
    enum mien_precision precision;
    struct plan_cache plans; /* of all its networks */
    pthread_mutex_t nets_lock;
    struct mien_net *nets; /* those that are loaded; linked (backbone.h) */
    atomic_int holders; /* whoever opened it, its networks, and images with a copy on its device */
};

/* Keeps ctx until context_release(), mien_close() or not. */
void context_acquire(mien_ctx *ctx);
/* Frees it where nobody else holds it. */
void context_release(mien_ctx *ctx);

#endif
