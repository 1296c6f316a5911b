/*
 * task.h - what a network may be for: one struct a task, one file a task.
 *
 * All tasks run alike (run.h): items are prepared as inputs, run in batches, and their outputs
 * read. A task says what an item is, how it becomes an input and what the outputs mean; whatever it
 * needs for that of the blob's metadata it keeps with the network. Nothing else of the library
 * knows one task from another, and programs learn of them by mien_task_info_get(): a new task is a
 * file with its struct, and its row in table.c.
 */
#ifndef MIEN_TASKS_TASK_H
#define MIEN_TASKS_TASK_H

#include "engine/backend.h"
#include "mien.h"
#include "vision/resize.h"

struct mien_net;
struct workspace;

/* One call of a public function: n items through a network. */
struct task_call {
    struct mien_net *net;
    int n;
    const mien_image *const *images; /* [n]: the image of each item; NULL where crops are given */
    const mien_face *faces;          /* [n]: where items are faces; else NULL */
    const uint8_t *crops;            /* [n][MIEN_CROP_SIDE][MIEN_CROP_SIDE][3] or NULL */
    int aligns;                      /* preparing aligns faces, and its time counts as that */
    const void *options;             /* the task's own */
    void *out;                       /* the task's own; not used where no outputs are wanted */
    float *norms;                    /* NULL, or where the lengths of embeddings go: [n] */
    const struct embedding_place *place; /* where embeddings go in out; NULL: one after the other */
    unsigned want; /* what the plan hands out (plan_cache.h); 0: the network's outputs alone */
    float *const *values;  /* where values others read go, by their number: [n][values of one] */
    const float *features; /* NULL, or the input: [n][height][width][features]; nothing is filled */
    struct mien_net *account; /* whose time it is; NULL: the network's */
    /* What a device may make of the outputs itself, its images being the call's items; take sees
     * what it has left. NULL: nothing. */
    const struct backend_post *post;
    /* As in mien_detect_options, asked in the midst of runs, too, but of those of several items
     * side by side. NULL: it is never given up. */
    int (*stop)(void *stop_context);
    void *stop_context;
};

struct task {
    const char *name, *verb; /* as in mien_task_info */
    const char *former_name; /* what blobs used to call it; NULL: they always called it so */
    enum mien_item item;
    enum mien_result result;
    const char *option, *help, *stage, *default_network;

    /*
     * For a network whose outputs are known but which has no weights yet: reads what the task needs
     * of the metadata into net->state, [state_size] zero bytes, checks that the outputs fit, and
     * completes net->info. MIEN_EWEIGHTS. close frees what state holds, also after a failure;
     * may be NULL.
     */
    size_t state_size;
    int (*open)(struct mien_net *net);
    void (*close)(void *state);

    /* The size item i is run at; NULL: the network's own. */
    void (*input_size)(const struct task_call *c, int i, int *width, int *height);
    /* Prepares item i, for `workers` threads, so that its rows are those of the input (resize.h).
     */
    int (*fill)(const struct task_call *c, int i, int workers, struct resized *image);
    /* Reads the outputs of item i, one pointer a network output. Both are called from several
     * threads at once, for different items with different workspaces. Not MIEN_OK stops the call.
     */
    int (*take)(const struct task_call *c, int i, struct workspace *w, const float *const *outputs);

    /* Memory of a workspace for take, [scratch_size] zero bytes. grow makes scratch as large as
     * `like` has become. Both may be NULL where there is none. */
    size_t scratch_size;
    void (*scratch_free)(void *scratch);
    void (*scratch_grow)(void *scratch, const void *like);
};

/* The table of tasks, in table.c, ended by NULL; enum mien_task is a position in it, from 1. */
extern const struct task *const TASKS[];
/* What a network is for that is for none of them. */
extern const struct task task_raw;

/* The task that blobs call `name`; NULL where there is none. */
const struct task *task_named(const char *name);
enum mien_task task_id(const struct task *task);

#endif
