/*
 * context.h - what a mien_ctx is: a backend that is open, where networks are looked up, and the
 * plans that were made for them.
 */
#ifndef MIEN_TASKS_CONTEXT_H
#define MIEN_TASKS_CONTEXT_H

#include "engine/backend.h"
#include "mien.h"
#include "tasks/plan_cache.h"

struct mien_ctx {
    const struct backend_ops *ops;
    struct backend *backend;
    char *weights_dir;
    enum mien_precision precision;
    struct plan_cache plans; /* of all its networks */
};

#endif
