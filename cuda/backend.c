/* The CUDA backend: struct backend_ops over a device, its layers and captured graphs. */
#include "engine/backend.h"

#include "cuda/faces.h"
#include "cuda/pictures.h"
#include "cuda/steps.h"
#include "cuda/tune.h"
#include "engine/clock.h"
#include "engine/err.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct backend {
    struct cuda_device device;
    struct cuda_machine machine;
    struct kern kern; /* makes rows of what is not a picture */
    struct cuda_shelf shelf;
    struct cuda_tuning tuning;
    struct cuda_vendor *vendor; /* "cudnn" */
    char cap[16], text[160];
};

struct backend_weights {
    struct backend *backend;
    struct cuda_layers layers;
};

/* What one run needs to itself. Kept for the next run. */
struct run_state {
    struct cuda_run run;
    CUdeviceptr memory; /* all of run's but its input */
    CUdeviceptr input;  /* run.input, where floats ever came */
    float *host_input, *host_output;
    CUgraphExec graph;
    struct cuda_stage stage;   /* pictures */
    struct cuda_finder finder; /* faces */
    struct run_state *next;
};

struct backend_plan {
    struct backend *backend;
    const struct plan_graph *graph;
    const struct backend_weights *weights;
    struct cuda_scratch scratch;
    struct cuda_vendor_plan *vendor;
    struct cuda_algorithm *algorithms; /* [graph->nsteps] */
    pthread_mutex_t lock;
    struct run_state *idle;
};

static void cuda_close(struct backend *b, struct backend_weights *w, struct backend_plan *p);

/* ------------------------------------------------------------------ backend */

static const char *precision_name(enum mien_precision precision) {
    return precision == MIEN_FP16 ? "fp16" : precision == MIEN_INT8 ? "int8" : "fp32";
}

static int check_options(const struct backend_options *opt) {
    static const char *const caps[] = {"plain", "mma", "wgmma", "cudnn"};
    if (opt->precision == MIEN_BF16)
        return err_set(MIEN_EUNSUPPORTED,
                       "on a GPU networks compute in fp16, fp32 or int8, not in bf16");
    for (size_t i = 0; opt->kernels && i <= sizeof caps / sizeof caps[0]; i++) {
        if (i == sizeof caps / sizeof caps[0])
            return err_set(MIEN_EINVAL,
                           "no CUDA kernels called '%s'; there are plain, mma, wgmma and cudnn",
                           opt->kernels);
        if (strcmp(opt->kernels, caps[i]) == 0) break;
    }
    return MIEN_OK;
}

/* Hopper's own instructions exist on 9.0 alone; where they take no shape, mma does. */
static const char *best(const struct cuda_device *dev) {
    return dev->capability == 90 ? "wgmma" : "mma";
}

static int open_vendor(struct backend *b) {
    b->machine.cap = best(&b->device); /* for the steps that cuDNN leaves */
    int rc = cuda_enter(&b->device);
    if (rc) return rc;
    rc = cuda_vendor_open(&b->vendor);
    cuda_leave(&b->device);
    return rc;
}

/* What the device computes with; name: NULL, or what was asked for. */
static int choose_kernels(struct backend *b, const char *name) {
    if (name && strcmp(name, "wgmma") == 0 && b->device.capability != 90)
        return err_set(MIEN_EUNSUPPORTED, "%s has no wgmma instructions; Hopper GPUs do",
                       b->device.name);
    (void)kern_init(&b->kern, NULL); /* the best there is is always there */
    snprintf(b->cap, sizeof b->cap, "%s", name ? name : best(&b->device));
    b->machine = (struct cuda_machine){
        .processors = b->device.multiprocessors, .capability = b->device.capability, .cap = b->cap};
    return strcmp(b->cap, "cudnn") == 0 ? open_vendor(b) : MIEN_OK;
}

static int cuda_open(const struct backend_options *opt, struct backend **out) {
    *out = NULL;
    int rc = check_options(opt);
    if (rc) return rc;
    struct backend *b = calloc(1, sizeof *b);
    if (!b) return err_set(MIEN_ENOMEM, "out of memory");
    rc = cuda_device_open(&b->device, opt->device_index);
    if (rc) {
        free(b);
        return rc;
    }
    cuda_shelf_open(&b->shelf);
    cuda_tuning_open(&b->tuning, &b->device, opt->use_cache);
    rc = choose_kernels(b, opt->kernels);
    if (rc) {
        cuda_close(b, NULL, NULL);
        return rc;
    }
    snprintf(b->text, sizeof b->text, "cuda %s (sm_%d), %s kernels, %s", b->device.name,
             b->device.capability, b->cap, precision_name(opt->precision));
    *out = b;
    return MIEN_OK;
}

static void cuda_supports(const struct backend *b, struct precision_support *out) {
    (void)b;
    *out = (struct precision_support){.f16 = 1, .u8 = 1};
}

static int cuda_load(struct backend *b, const struct net *net, struct backend_weights **out) {
    *out = NULL;
    struct backend_weights *w = calloc(1, sizeof *w);
    if (!w) return err_set(MIEN_ENOMEM, "%s: out of memory", blob_label(net->blob));
    w->backend = b;
    int rc = cuda_enter(&b->device);
    if (!rc) {
        rc = cuda_layers_load(&b->device, net, b->vendor != NULL, &w->layers);
        cuda_leave(&b->device);
    }
    if (rc)
        free(w);
    else
        *out = w;
    return rc;
}

/* --------------------------------------------------------------------- plan */

enum { PLACE = 256 /* bytes, of each part of a state's memory */ };

static size_t aligned(size_t bytes) {
    return (bytes + PLACE - 1) / PLACE * PLACE;
}

static size_t input_bytes(const struct plan_graph *g) {
    return sizeof(float) * 3 * (size_t)g->batch * (size_t)g->width * (size_t)g->height;
}

/* The parts of a state's memory, laid out from base on (0: only the size counts). */
static size_t place(const struct backend_plan *p, struct cuda_run *run, char *base) {
    const struct plan_graph *g = p->graph;
    size_t at = 0;
    run->arena = base;
    at += aligned(g->arena_bytes);
    run->partial = (float *)(void *)(base ? base + at : NULL);
    at += aligned(p->scratch.partial);
    run->arrived = (unsigned *)(void *)(base ? base + at : NULL);
    at += aligned(p->scratch.arrived);
    run->workspace = base ? base + at : NULL;
    at += aligned(p->scratch.workspace);
    run->output = (float *)(void *)(base ? base + at : NULL);
    return at + aligned(sizeof(float) * cuda_output_values(g));
}

static void free_state(const struct backend_plan *p, struct run_state *s) {
    const struct cuda_device *dev = &p->backend->device;
    if (!s) return;
    if (s->graph) dev->driver->graph_exec_destroy(s->graph);
    if (s->run.stream) dev->driver->stream_destroy(s->run.stream);
    cuda_stage_free(dev, &s->stage);
    cuda_finder_free(dev, &s->finder);
    cuda_free(dev, s->memory);
    cuda_free(dev, s->input);
    cuda_free_host(dev, s->host_input);
    cuda_free_host(dev, s->host_output);
    free(s);
}

static int launch_steps(void *run) {
    return cuda_steps_launch(run);
}

static struct cuda_run empty_run(const struct backend_plan *p) {
    return (struct cuda_run){.device = &p->backend->device,
                             .machine = p->backend->machine,
                             .graph = p->graph,
                             .layers = &p->weights->layers,
                             .vendor = p->vendor,
                             .algorithms = p->algorithms};
}

static int fill_state(const struct backend_plan *p, struct run_state *s) {
    const struct cuda_device *dev = &p->backend->device;
    void *output = NULL;
    s->run = empty_run(p);
    int rc = cuda_alloc(dev, place(p, &s->run, NULL), &s->memory);
    if (!rc) rc = cuda_alloc_host(dev, sizeof(float) * cuda_output_values(p->graph), &output);
    s->host_output = output;
    if (!rc)
        rc = cuda_check(dev->driver->stream_create(&s->run.stream, CU_STREAM_NON_BLOCKING),
                        "making a stream");
    if (rc) return rc;
    place(p, &s->run, (char *)(uintptr_t)s->memory);
    if (p->scratch.arrived > 0)
        rc = cuda_check(dev->driver->fill_bytes((CUdeviceptr)(uintptr_t)s->run.arrived, 0,
                                                p->scratch.arrived, s->run.stream),
                        "clearing counters");
    if (!rc) rc = cuda_steps_ready(&s->run);
    if (!rc && p->vendor) { /* its kernels are not ours to load: a first run does */
        rc = cuda_steps_launch(&s->run);
        if (!rc) rc = cuda_check(dev->driver->stream_wait(s->run.stream), "running a network");
    }
    if (rc) return rc;
    /* All but the input and faces. Not every driver records launches that may begin early. */
    rc = cuda_record(dev, s->run.stream, launch_steps, &s->run, &s->graph);
    if (!rc) return MIEN_OK;
    s->run.in_turn = 1;
    return cuda_record(dev, s->run.stream, launch_steps, &s->run, &s->graph);
}

static int new_state(const struct backend_plan *p, struct run_state **out) {
    struct run_state *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) return err_set(MIEN_ENOMEM, "out of memory");
    int rc = fill_state(p, s);
    if (rc)
        free_state(p, s);
    else
        *out = s;
    return rc;
}

static void free_plan(struct backend_plan *p) {
    while (p->idle) {
        struct run_state *next = p->idle->next;
        free_state(p, p->idle);
        p->idle = next;
    }
    cuda_vendor_plan_free(p->vendor);
    free(p->algorithms);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* Asks the libraries which steps they do. */
static int plan_vendor(struct backend_plan *p) {
    struct cuda_run shapes = empty_run(p);
    int rc = cuda_vendor_plan_new(p->backend->vendor, p->graph->nsteps, &p->vendor);
    if (!rc) cuda_steps_offer(&shapes, p->vendor);
    return rc;
}

/* How each convolution runs. A vendor's library is compared with the model's choice. */
static int plan_algorithms(struct backend_plan *p) {
    p->algorithms = calloc((size_t)p->graph->nsteps + 1, sizeof *p->algorithms);
    if (!p->algorithms) return err_set(MIEN_ENOMEM, "out of memory");
    struct cuda_run shapes = empty_run(p);
    cuda_choose_algorithms(&shapes, p->algorithms);
    if (!p->vendor) cuda_tune(&p->backend->tuning, &shapes, p->algorithms);
    return MIEN_OK;
}

static int cuda_plan(struct backend *b, const struct backend_weights *w, const struct plan_graph *g,
                     struct backend_plan **out) {
    *out = NULL;
    struct backend_plan *p = calloc(1, sizeof *p);
    if (!p) return err_set(MIEN_ENOMEM, "out of memory");
    p->backend = b;
    p->graph = g;
    p->weights = w;
    pthread_mutex_init(&p->lock, NULL);
    int rc = cuda_enter(&b->device);
    if (!rc) {
        if (b->vendor) rc = plan_vendor(p);
        if (!rc) rc = plan_algorithms(p);
        struct cuda_run shapes = empty_run(p);
        cuda_steps_scratch(&shapes, &p->scratch);
        if (!rc) rc = new_state(p, &p->idle); /* the first run allocates nothing */
        if (rc) free_plan(p);
        cuda_leave(&b->device);
    } else {
        free_plan(p);
    }
    if (!rc) *out = p;
    return rc;
}

/* ---------------------------------------------------------------------- run */

static int acquire_state(struct backend_plan *p, struct run_state **out) {
    pthread_mutex_lock(&p->lock);
    *out = p->idle;
    if (p->idle) p->idle = p->idle->next;
    pthread_mutex_unlock(&p->lock);
    return *out ? MIEN_OK : new_state(p, out);
}

/* Keeps the state (NULL: there is none) of a run that ended with rc, unless it failed: then its
 * stream may hold an error. */
static void release_state(struct backend_plan *p, struct run_state *s, int rc) {
    if (rc) {
        free_state(p, s);
        return;
    }
    pthread_mutex_lock(&p->lock);
    s->next = p->idle;
    p->idle = s;
    pthread_mutex_unlock(&p->lock);
}

/* Most plans never see floats, so their room is made when they come. */
static int make_input(const struct backend_plan *p, struct run_state *s) {
    const struct cuda_device *dev = &p->backend->device;
    void *host = NULL;
    if (s->input) return MIEN_OK;
    int rc = cuda_alloc_host(dev, input_bytes(p->graph), &host);
    if (rc) return rc;
    s->host_input = host;
    rc = cuda_alloc(dev, input_bytes(p->graph), &s->input);
    s->run.input = (float *)(uintptr_t)s->input;
    return rc;
}

/* Floats, or rows, to the network's input. */
static int bring_floats(const struct backend_plan *p, struct run_state *s,
                        const struct backend_input *input) {
    const struct cuda_device *dev = &p->backend->device;
    const struct plan_graph *g = p->graph;
    size_t bytes = input_bytes(g), image = (size_t)g->width * (size_t)g->height * 3;
    int rc = make_input(p, s);
    if (rc) return rc;
    int device = input->floats && cuda_is_device(dev, input->floats);
    const void *from = device ? (const void *)input->floats : s->host_input;
    if (input->floats && !device)
        memcpy(s->host_input, input->floats, bytes);
    else if (!device)
        for (int b = 0; b < g->batch; b++)
            input->rows(input->context,
                        &(struct backend_rows){.kern = &p->backend->kern,
                                               .image = b,
                                               .y1 = g->height,
                                               .type = KERN_F32,
                                               .dst = s->host_input + image * (size_t)b,
                                               .row = (ptrdiff_t)g->width * 3});
    rc = cuda_check(dev->driver->copy(s->input, (CUdeviceptr)(uintptr_t)from, bytes, s->run.stream),
                    "copying the input");
    return rc ? rc : cuda_input_launch(&s->run);
}

/* The input, and the network behind it. */
static int start_run(const struct backend_plan *p, struct run_state *s,
                     struct backend_input *input) {
    double begin = clock_now();
    int rc = input->picture ? cuda_pictures_bring(&s->run, p->backend, &s->stage, input)
                            : bring_floats(p, s, input);
    input->seconds = clock_now() - begin;
    if (rc) return rc;
    return cuda_check(p->backend->device.driver->graph_launch(s->graph, s->run.stream),
                      "running a network");
}

static size_t output_bytes(const struct plan_graph *g, int i) {
    const struct plan_view *v = &g->outputs[i];
    return sizeof(float) * (size_t)g->batch * (size_t)v->h * (size_t)v->w * (size_t)v->c;
}

/* The outputs that are wanted, to where they are. */
static int read_outputs(const struct backend_plan *p, struct run_state *s, float *const *outputs) {
    const struct cuda_device *dev = &p->backend->device;
    const struct plan_graph *g = p->graph;
    int n = g->net->noutputs, host = 0, rc = MIEN_OK;
    for (int i = 0; i < n && !rc; i++) {
        if (!outputs[i]) continue;
        if (!cuda_is_device(dev, outputs[i]))
            host = 1;
        else
            rc = cuda_check(
                dev->driver->copy((CUdeviceptr)(uintptr_t)outputs[i],
                                  (CUdeviceptr)(uintptr_t)(s->run.output + cuda_output_at(g, i)),
                                  output_bytes(g, i), s->run.stream),
                "copying outputs");
    }
    if (host && !rc)
        rc =
            cuda_check(dev->driver->copy_down(s->host_output, (CUdeviceptr)(uintptr_t)s->run.output,
                                              sizeof(float) * cuda_output_values(g), s->run.stream),
                       "copying outputs");
    int waited = cuda_check(dev->driver->stream_wait(s->run.stream), "running a network");
    if (rc || waited) return rc ? rc : waited;
    for (int i = 0; i < n; i++)
        if (outputs[i] && !cuda_is_device(dev, outputs[i]))
            memcpy(outputs[i], s->host_output + cuda_output_at(g, i), output_bytes(g, i));
    return MIEN_OK;
}

/* The faces that are wanted; outputs where the CPU has to look for them. */
static int read_faces(const struct backend_plan *p, struct run_state *s,
                      const struct backend_post *post, float *const *outputs) {
    const struct cuda_driver *driver = p->backend->device.driver;
    const struct faces_post *want = post->want;
    int rc = cuda_faces_find(&s->run, &s->finder, want, post->first);
    if (!rc) rc = cuda_check(driver->stream_wait(s->run.stream), "looking for faces");
    if (rc) return rc;
    return cuda_faces_read(&s->run, &s->finder, want, post->first) ? read_outputs(p, s, outputs)
                                                                   : MIEN_OK;
}

/* post: NULL where the outputs are wanted. */
static int run_plan(struct backend_plan *p, struct backend_input *input,
                    const struct backend_post *post, float *const *outputs) {
    const struct cuda_device *dev = &p->backend->device;
    int rc = cuda_enter(dev);
    if (rc) return rc;
    struct run_state *s;
    rc = acquire_state(p, &s);
    if (!rc) rc = start_run(p, s, input);
    if (!rc) rc = post ? read_faces(p, s, post, outputs) : read_outputs(p, s, outputs);
    release_state(p, s, rc);
    cuda_leave(dev);
    return rc;
}

static int cuda_run_plan(struct backend_plan *p, struct backend_input *input, float *const *outputs,
                         const struct backend_observer *observer) {
    if (observer)
        return err_set(MIEN_EUNSUPPORTED, "networks are calibrated on the CPU, not on a GPU");
    return run_plan(p, input, NULL, outputs);
}

/* There is one kind. */
static int cuda_run_post(struct backend_plan *p, struct backend_input *input,
                         const struct backend_post *post, float *const *outputs) {
    int known = strcmp(post->name, FACES_POST) == 0 && cuda_faces_possible(p->graph, post->want);
    return run_plan(p, input, known ? post : NULL, outputs);
}

/* ----------------------------------------------------------------- pictures */

static int cuda_upload(struct backend *b, const uint8_t *pixels, ptrdiff_t pitch, int width,
                       int height, struct backend_pixels *out) {
    int rc = cuda_enter(&b->device);
    if (rc) return rc;
    out->owner = b;
    rc = cuda_shelf_upload(&b->device, &b->shelf, pixels, pitch, width, height, out);
    cuda_leave(&b->device);
    return rc;
}

static void cuda_forget(struct backend *b, const struct backend_pixels *pixels) {
    if (cuda_enter(&b->device)) return; /* the device is gone, and its memory with it */
    cuda_shelf_forget(&b->device, &b->shelf, pixels);
    cuda_leave(&b->device);
}

/* ------------------------------------------------------------------ the clock */

/* Milliseconds of `runs` launches one after the other, between two events. */
static int time_launches(const struct cuda_device *dev, const struct run_state *s, int runs,
                         float *ms) {
    CUevent begin = NULL, end = NULL;
    const struct cuda_driver *driver = dev->driver;
    CUresult r = driver->event_create(&begin, CU_EVENT_DEFAULT);
    if (r == CUDA_SUCCESS) r = driver->event_create(&end, CU_EVENT_DEFAULT);
    if (r == CUDA_SUCCESS) r = driver->event_record(begin, s->run.stream);
    for (int i = 0; i < runs && r == CUDA_SUCCESS; i++)
        r = driver->graph_launch(s->graph, s->run.stream);
    if (r == CUDA_SUCCESS) r = driver->event_record(end, s->run.stream);
    if (r == CUDA_SUCCESS) r = driver->event_wait(end);
    if (r == CUDA_SUCCESS) r = driver->event_elapsed(ms, begin, end);
    if (begin) driver->event_destroy(begin);
    if (end) driver->event_destroy(end);
    return cuda_check(r, "timing a network");
}

static int cuda_time(struct backend_plan *p, int runs, double *seconds) {
    const struct cuda_device *dev = &p->backend->device;
    float ms = 0;
    int rc = cuda_enter(dev);
    if (rc) return rc;
    struct run_state *s;
    rc = acquire_state(p, &s);
    if (!rc) rc = time_launches(dev, s, runs, &ms);
    release_state(p, s, rc);
    cuda_leave(dev);
    *seconds = 1e-3 * (double)ms / runs;
    return rc;
}

/* --------------------------------------------------------------------- rest */

static int cuda_wait(struct backend_plan *p) {
    (void)p;
    return MIEN_OK;
}

/* A GPU wants batches. */
static int cuda_lanes(const struct backend *b) {
    (void)b;
    return 0;
}

static int cuda_reserve(struct backend_plan *p, int count) {
    (void)p;
    (void)count;
    return MIEN_OK;
}

static void cuda_each(struct backend *b, int count, backend_item *fn, void *context) {
    (void)b;
    for (int i = 0; i < count; i++) fn(context, i, 0);
}

static void cuda_close(struct backend *b, struct backend_weights *w, struct backend_plan *p) {
    const struct backend *owner = b ? b : w ? w->backend : p ? p->backend : NULL;
    if (!owner) return;
    if (cuda_enter(&owner->device) == MIEN_OK) {
        if (p) free_plan(p);
        if (w) cuda_layers_free(&w->backend->device, &w->layers);
        if (b) cuda_shelf_close(&b->device, &b->shelf);
        if (b) cuda_vendor_close(b->vendor);
        cuda_leave(&owner->device);
    }
    free(w);
    if (b) cuda_tuning_close(&b->tuning);
    if (b) cuda_device_close(&b->device);
    free(b);
}

/* ----------------------------------------------------------------- describe */

static const char *cuda_describe(const struct backend *b) {
    return b->text;
}

static void cuda_sizes(const struct backend_weights *w, const struct backend_plan *p,
                       struct backend_sizes *out) {
    out->weight_bytes = w ? w->layers.bytes : 0;
    out->arena_bytes = p ? p->graph->arena_bytes : 0;
    out->scratch_bytes = p ? p->scratch.partial + p->scratch.arrived + p->scratch.workspace +
                                 sizeof(float) * cuda_output_values(p->graph)
                           : 0;
}

static const char *cuda_algorithm(const struct backend_plan *p, int step) {
    struct cuda_run shapes = empty_run(p);
    return cuda_step_kernel(&shapes, step);
}

const struct backend_ops cuda_backend = {
    .name = "cuda",
    .rules = &cuda_plan_rules,
    .batch = 32,
    .open = cuda_open,
    .supports = cuda_supports,
    .load = cuda_load,
    .plan = cuda_plan,
    .run = cuda_run_plan,
    .wait = cuda_wait,
    .run_post = cuda_run_post,
    .upload = cuda_upload,
    .forget = cuda_forget,
    .time = cuda_time,
    .lanes = cuda_lanes,
    .reserve = cuda_reserve,
    .each = cuda_each,
    .close = cuda_close,
    .describe = cuda_describe,
    .sizes = cuda_sizes,
    .algorithm = cuda_algorithm,
};
