#include "cuda/plan.h"

#include "cuda/tune.h"
#include "engine/err.h"
#include "kernels/number.h"

#include <stdint.h>
#include <stdlib.h>

enum { PLACE = 256 /* bytes, of each part of a state's memory */ };

size_t cuda_input_bytes(const struct plan_graph *g) {
    return sizeof(float) * (size_t)g->input.c * (size_t)g->batch * (size_t)g->width *
           (size_t)g->height;
}

/* The parts of a state's memory, laid out from base on (0: only the size counts). */
static size_t place(const struct backend_plan *p, struct cuda_run *run, char *base) {
    const struct plan_graph *g = p->graph;
    size_t at = 0;
    run->arena = base;
    at += round_up_size(g->arena_bytes, PLACE);
    run->partial = (float *)(void *)(base ? base + at : NULL);
    at += round_up_size(p->scratch.partial, PLACE);
    run->arrived = (unsigned *)(void *)(base ? base + at : NULL);
    at += round_up_size(p->scratch.arrived, PLACE);
    run->workspace = base ? base + at : NULL;
    at += round_up_size(p->scratch.workspace, PLACE);
    run->output = (float *)(void *)(base ? base + at : NULL);
    return at + round_up_size(sizeof(float) * cuda_output_values(g), PLACE);
}

void cuda_state_free(const struct backend_plan *p, struct run_state *s) {
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

struct cuda_run cuda_plan_shapes(const struct backend_plan *p) {
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
    s->run = cuda_plan_shapes(p);
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

int cuda_state_new(const struct backend_plan *p, struct run_state **out) {
    struct run_state *s = calloc(1, sizeof *s);
    *out = NULL;
    if (!s) return err_set(MIEN_ENOMEM, "out of memory");
    int rc = fill_state(p, s);
    if (rc)
        cuda_state_free(p, s);
    else
        *out = s;
    return rc;
}

void cuda_plan_free(struct backend_plan *p) {
    while (p->idle) {
        struct run_state *next = p->idle->next;
        cuda_state_free(p, p->idle);
        p->idle = next;
    }
    cuda_vendor_plan_free(p->vendor);
    free(p->algorithms);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

/* Asks the libraries which steps they do. */
static int plan_vendor(struct backend_plan *p) {
    struct cuda_run shapes = cuda_plan_shapes(p);
    int rc = cuda_vendor_plan_new(p->backend->vendor, p->graph->nsteps, &p->vendor);
    if (!rc) cuda_steps_offer(&shapes, p->vendor);
    return rc;
}

/* How each convolution runs. A vendor's library is compared with the model's choice. */
static int plan_algorithms(struct backend_plan *p) {
    p->algorithms = calloc((size_t)p->graph->nsteps + 1, sizeof *p->algorithms);
    if (!p->algorithms) return err_set(MIEN_ENOMEM, "out of memory");
    struct cuda_run shapes = cuda_plan_shapes(p);
    cuda_choose_algorithms(&shapes, p->algorithms);
    if (!p->vendor) cuda_tune(&p->backend->tuning, &shapes, p->algorithms);
    return MIEN_OK;
}

int cuda_plan(struct backend *b, const struct backend_weights *w, const struct plan_graph *g,
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
        struct cuda_run shapes = cuda_plan_shapes(p);
        cuda_steps_scratch(&shapes, &p->scratch);
        if (!rc) rc = cuda_state_new(p, &p->idle); /* the first run allocates nothing */
        if (rc) cuda_plan_free(p);
        cuda_leave(&b->device);
    } else {
        cuda_plan_free(p);
    }
    if (!rc) *out = p;
    return rc;
}
