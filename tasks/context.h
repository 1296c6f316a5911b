/*
 * context.h - what a mien_ctx is: a backend that is open, and where networks are looked up.
 */
#ifndef MIEN_TASKS_CONTEXT_H
#define MIEN_TASKS_CONTEXT_H

#include "engine/backend.h"
#include "mien.h"

struct mien_ctx {
    const struct backend_ops *ops;
    struct backend *backend;
    char *weights_dir;
    enum mien_precision precision;
};

#endif
