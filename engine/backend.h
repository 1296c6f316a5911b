/*
 * backend.h - what a device must do: a handful of functions behind one struct.
 *
 * Folding, fusing and memory planning happen above a backend, once for all of them. A backend packs
 * weights for its hardware, turns a planned graph into something it can run, and runs it.
 */
#ifndef MIEN_ENGINE_BACKEND_H
#define MIEN_ENGINE_BACKEND_H

#include "engine/plan.h"
#include "engine/precision.h"
#include "mien.h"

struct backend;
struct backend_weights; /* a network's weights, packed; shared by all its plans */
struct backend_plan;    /* one plan, runnable by any number of threads at once */

struct backend_options {
    int device_index, threads;
    enum mien_precision precision;
    const char *kernels; /* cap of the kernel table, NULL: best */
    int use_cache;       /* packed weights may be kept in, and taken from, files (pack_cache.h) */
};

struct backend_sizes {
    size_t weight_bytes, arena_bytes, scratch_bytes;
    size_t run_bytes;  /* what each of a plan's runs that are under way at once needs to itself */
    size_t kept_bytes; /* of that, what stays with the plan when the run has ended */
};

/* Rows y0..y1-1 of image `image` of a run's input, wanted by one thread of the backend's. */
struct backend_rows {
    const struct kern *kern; /* what the thread computes with */
    int image, y0, y1, worker;
    enum kern_type type; /* of dst: fp32 or bf16 */
    void *dst; /* [y1 - y0][width][3], or of as many channels as the input has, row pitch `row`
                  elements */
    ptrdiff_t row;
};

/* A picture's pixels in a device's memory: upload(). */
struct backend_pixels {
    const struct backend *owner;
    const void *data; /* [height][width][3], an address of the device */
    ptrdiff_t pitch;  /* bytes */
    size_t room;      /* bytes it takes */
};

enum backend_making {
    BACKEND_COPIED, /* pixel by pixel */
    BACKEND_SCALED, /* sums of neighbours, first along columns, then along rows */
    BACKEND_WARPED  /* bilinear samples at moved places, rounded to bytes; black outside */
};

/*
 * How a picture becomes the w x h pixels at the top left of a network's input; what is beside and
 * below them is black. For who makes rows itself instead of asking for them: the result is what the
 * rows would have been (vision/resize.h, vision/align.h).
 */
struct backend_picture {
    const uint8_t *pixels;                 /* RGB, memory of the host */
    ptrdiff_t pitch;                       /* bytes */
    const struct backend_pixels *resident; /* NULL: only there; else a device has it, too, */
    ptrdiff_t resident_at;                 /* from this byte on */
    int w, h;
    enum backend_making how;
    /* SCALED: output x is the sum of weight[(x / 4 * taps + k) * 4 + x % 4] * pixel first[x] + k,
     * k < taps; row y of row_weight[y * most + k] * row row_first[y] + k, k < row_count[y]. */
    int taps, most;
    const int *first, *row_first, *row_count;
    const float *weight, *row_weight;
    /* WARPED: output x, y is what lies at a u - b v, b u + a v, where u = x - tx, v = y - ty, of a
     * picture of width x height pixels. */
    int width, height;
    double a, b, tx, ty;
};

/*
 * Where a run takes its pictures from: RGB, 0..255. The backend asks for rows, each once and in any
 * order, from several threads (worker is below lanes()) at once, and has them written to where its
 * first layer reads them: no picture is stored on its way. A device with memory of its own asks for
 * pictures instead, where `picture` is there, and makes the rows; else for all of them into memory
 * of the host.
 */
struct backend_input {
    void (*rows)(void *context, const struct backend_rows *want);
    /* Picture `image`, valid until the run ends; NULL: there are only rows. */
    void (*picture)(void *context, int image, struct backend_picture *out);
    void *context;
    /* Where the input is floats that are there already, [batch][height][width][3] (features: of as
     * many channels as they have), in memory of the host or of the device: those; else NULL. The
     * rows say the same. */
    const float *floats;
    /* Asked between the steps of a run in the caller's thread, where it may run other plans: not 0
     * ends it with MIEN_ETOOBIG. A device on which a run takes a moment need not ask. May be NULL.
     */
    int (*stop)(void *stop_context);
    void *stop_context;
    double seconds; /* out: how long the run spent on getting its input in place */
};

/* An input of floats that are there already: [batch][height][width][channels]. */
struct backend_floats {
    const float *data;
    int width, height, channels;
};
/* The input's rows for a context of struct backend_floats. */
void backend_floats_rows(void *context, const struct backend_rows *want);

/*
 * What a device may make of a run's outputs where they are, so that only the result travels. A
 * backend knows by name what it can make; what `want` points to, and where the result goes, is
 * between the header that defines the name and who implements it.
 */
struct backend_post {
    const char *name;
    const void *want; /* may be about more images than a run has; */
    int first;        /* this is the run's first */
};

/* Sees the values a run of an fp32 plan stores, a row of w pixels by c channels at a time. */
struct backend_observer {
    void (*row)(void *context, int node, int w, int c, const float *pixels, ptrdiff_t px);
    void *context;
};

/* One of many items, done by a thread of the backend's; worker is below lanes(). */
typedef void backend_item(void *context, int item, int worker);

struct backend_ops {
    const char *name;
    const struct plan_rules *rules; /* its plans are made by; NULL: none of its own */
    int batch;                      /* items beyond which a larger batch gains nothing */
    int (*open)(const struct backend_options *opt, struct backend **out);
    /* Which types it multiplies well, so that networks can be stored in them. */
    void (*supports)(const struct backend *b, struct precision_support *out);
    /* Packs the weights of a folded net, which it checks (net_check_finite); the net's blob is not
     * needed to run afterwards. */
    int (*load)(struct backend *b, const struct net *net, struct backend_weights **out);
    /* Takes a reference to graph and weights, which must outlive the plan. */
    int (*plan)(struct backend *b, const struct backend_weights *w, const struct plan_graph *g,
                struct backend_plan **out);
    /* outputs[i]: [batch][h][w][c] floats of the graph's output i, or NULL where it is not wanted.
     * May return before the work is done where the device is asynchronous; outputs are complete
     * after wait. observer: NULL, or told of every value. */
    int (*run)(struct backend_plan *p, struct backend_input *input, float *const *outputs,
               const struct backend_observer *observer);
    int (*wait)(struct backend_plan *p);
    /* A run and what is to be made of its outputs, complete on return. outputs, all of them wanted,
     * are filled where anything of that is left to the caller: all of it where the backend knows
     * no such name, else what `want` says then. NULL: it knows none. */
    int (*run_post)(struct backend_plan *p, struct backend_input *input,
                    const struct backend_post *post, float *const *outputs);
    /* A device with memory of its own may keep a picture there for the runs to come: pixels
     * [height][width][3], row pitch `pitch` bytes. Both may be called from any thread. NULL: runs
     * read the host's memory. */
    int (*upload)(struct backend *b, const uint8_t *pixels, ptrdiff_t pitch, int width, int height,
                  struct backend_pixels *out);
    void (*forget)(struct backend *b, const struct backend_pixels *pixels);
    /* Seconds a run takes on the device alone, by the device's own clock: the mean of `runs` on
     * the input of the last one. NULL where the device has no clock of its own. */
    int (*time)(struct backend_plan *p, int runs, double *seconds);
    /* What no run uses of the memory that runs took, and that waits for those to come: has the
     * backend keep at most `keep` bytes of it from now on, or the latest piece alone where that is
     * larger, up to `most`. Returns the bytes there are, with what runs under way have beyond their
     * needs, which may be more than `most`. NULL: runs leave nothing behind. */
    size_t (*spare)(struct backend *b, size_t keep, size_t most);
    /* Where there are many items a device may be faster at several whole networks side by side,
     * each on a part of it alone, than at one after the other on all of it. lanes says how many; 0:
     * none, this device wants batches. each calls fn for items 0..count-1, from `lanes` threads at
     * once, which may run plans that reserve() made ready for that: it fails where there is no
     * memory for `count` runs of p side by side, or as many as there are lanes.
     */
    int (*lanes)(const struct backend *b);
    int (*reserve)(struct backend_plan *p, int count);
    void (*each)(struct backend *b, int count, backend_item *fn, void *context);
    /* Frees whichever are not NULL. */
    void (*close)(struct backend *b, struct backend_weights *w, struct backend_plan *p);

    /* The names of its kernels that backend_options.kernels takes; NULL past the end. */
    const char *(*kernels)(int i);
    /* What a person wants to know: one line a backend; sizes; the algorithm a step uses. */
    const char *(*describe)(const struct backend *b);
    void (*sizes)(const struct backend_weights *w, const struct backend_plan *p,
                  struct backend_sizes *out);
    const char *(*algorithm)(const struct backend_plan *p, int step);
};

/* The backend of a device, NULL where this build has none. */
const struct backend_ops *backend_find(enum mien_device device);
extern const struct backend_ops cpu_backend, cuda_backend;

#endif
