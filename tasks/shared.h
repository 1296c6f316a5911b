/*
 * shared.h - runs of a backbone for all that is wanted of it: its own results, and those of the
 * networks that read values inside it (backbone.h).
 *
 * The backbone runs as for itself, only that its plan hands out those values, too, or them alone,
 * and then ends where the last of them stands. What it gives for itself is the same, bit for bit.
 */
#ifndef MIEN_TASKS_SHARED_H
#define MIEN_TASKS_SHARED_H

#include "tasks/pair.h"

enum { SHARED_MOST = 64 };

/* One of the networks of a backbone, or itself, and where its results go. */
struct shared_part {
    struct mien_net *net;
    float *out;                   /* [n][values of an item] */
    float *norms;                 /* of an embedder: [n], or NULL */
    struct embedding_place place; /* of an embedder: where in out its embeddings go */
};

/* Runs n faces through the backbone of `parts`, which is the same for all of them. */
int shared_run(const struct shared_part *parts, int nparts, const mien_image *const *images,
               const mien_face *faces, int n);

#endif
