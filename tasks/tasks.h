/*
 * tasks.h - contexts and networks as the tasks see them.
 *
 * The public functions that run a network (detect, embed, classify, ...) all do the same: make an
 * input, take a plan for its size, run, read outputs. This header holds what they share; it is the
 * only place where pictures meet the engine.
 */
#ifndef MIEN_TASKS_TASKS_H
#define MIEN_TASKS_TASKS_H

#include "engine/backend.h"
#include "engine/blob.h"
#include "engine/calibrate.h"
#include "mien.h"
#include "vision/anchors.h"
#include "vision/resize.h"

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

struct mien_ctx {
    const struct backend_ops *ops;
    struct backend *backend;
    char *weights_dir;
    enum mien_precision precision;
};

/* What a run needs besides the plan: its pictures and outputs, and scratch of the tasks. */
struct tasks_slot {
    const struct net_plan *plan;
    int workers;              /* threads that may make rows of one picture at once */
    struct resized *pictures; /* [batch] */
    float **outputs;          /* [noutputs], each [batch][h][w][c] */
    struct candidates candidates;
    mien_times times; /* spent since it was taken */
};

/* A slot for each of the items that run side by side: one a lane of the backend for plans of batch
 * 1, one for others. A plan keeps its sets, so that a second call allocates nothing. */
struct tasks_set {
    struct tasks_set *next;
    int n;
    struct tasks_slot slot[];
};

/* A plan in a network's cache. */
struct net_plan {
    int batch, width, height;
    struct plan_graph *graph;
    struct backend_plan *plan;
    size_t bytes;       /* its memory where all lanes run it */
    int users;          /* threads that run it now */
    unsigned long used; /* tick of the last use */
    struct tasks_set *idle;
    struct net_plan *next;
};

struct mien_net {
    mien_ctx *ctx;
    struct blob *blob;
    struct net *net;
    struct backend_weights *weights;
    mien_net_info info;
    json_t *labels, *wnids;     /* arrays of strings or NULL */
    struct anchor_spec anchors; /* detectors */
    int short_side;             /* classifiers: what the short side is scaled to */
    int crop_aligned;           /* age-gender: 1 aligned crop, 0 square around the box */
    float crop_margin;
    struct calibration *calibration;         /* that runs now, else NULL */
    const struct backend_observer *observer; /* its observer */
    pthread_mutex_t lock;                    /* guards what follows, and what is in plans */
    mien_times times;
    struct net_plan *plans;
    unsigned long tick;
};

/* MIEN_EINVAL with a sentence unless net does this task. */
int tasks_check(const struct mien_net *net, enum mien_task task);
/* Fills *info (sizes of file, strings, task) from a blob's metadata alone. */
int tasks_blob_info(const struct blob *b, mien_net_info *info);

/* The plan for a size, made on first use. Give it back with tasks_plan_release(). */
int tasks_plan_acquire(struct mien_net *net, int batch, int width, int height, struct net_plan **out);
/* Frees all plans; none may be in use. */
void tasks_plans_drop(struct mien_net *net);
void tasks_plan_release(struct mien_net *net, struct net_plan *p);
/* Index of an output by name; -1 where the network has none of that name. */
int tasks_output(const struct mien_net *net, const char *name);
/* Values of output i of a plan, all images together. */
size_t tasks_output_count(const struct net_plan *p, int i);

/* A set of slots of a plan in use; put it back before the plan. */
int tasks_set_get(struct mien_net *net, struct net_plan *p, struct tasks_set **out);
void tasks_set_put(struct mien_net *net, struct net_plan *p, struct tasks_set *set);
void tasks_set_free(struct tasks_set *set, int noutputs);

/*
 * How n items are run. `whole` of them, a multiple of the backend's lanes, run as wholes:
 * each on one lane, side by side with others, by a plan of batch 1. What is left is too little to
 * keep all lanes busy that way, and runs in batches on all of them together.
 */
int tasks_whole(const struct mien_net *net, int n);
/* Size of the next batch where `left` are left: a power of two up to the backend's, so that a
 * folder of any length needs few plans. */
int tasks_batch(const struct mien_net *net, int left);

/*
 * n inputs, of one size where `size` is NULL. fill prepares picture i, for `workers` threads, so
 * that its rows are those of the input (resize.h); take reads its outputs (one pointer a network
 * output). Both return MIEN_OK or stop everything. They are called from several threads at once,
 * for different i with different slots, whose scratch is theirs.
 */
struct tasks_job {
    mien_net *net;
    int n, width, height;
    void (*size)(void *context, int i, int *width, int *height); /* of input i */
    int (*fill)(void *context, int i, int workers, struct resized *picture);
    int aligns; /* fill aligns faces, and its time counts as that */
    int (*take)(void *context, int i, struct tasks_slot *slot, const float *const *outputs);
    /* Detectors: what a device is asked that finds faces itself in a run of items `first` on. take
     * is called for those it leaves to the CPU. NULL: take reads all. */
    void (*faces)(void *context, int first, struct backend_faces *out);
    void *context;
};
int tasks_run_all(const struct tasks_job *j);

/* The sentence of the first item that failed, brought from its thread to the caller's. */
struct tasks_failure {
    atomic_int code; /* MIEN_OK: none */
    char text[512];
};
void tasks_fail(struct tasks_failure *f, int code);
/* The code; sets the caller's sentence where it is not MIEN_OK. */
int tasks_failed(const struct tasks_failure *f);

/* Sizes whose plans are in use at once. */
enum { TASKS_SIZES = 8 };

/* Where `noutputs` pointers fit. No network here comes near. */
enum { TASKS_MAX_OUTPUTS = 32 };

#endif
