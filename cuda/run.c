#include "cuda/plan.h"
#include "engine/clock.h"
#include "engine/err.h"

#include <stdint.h>
#include <string.h>

static int acquire_state(struct backend_plan *p, struct run_state **out) {
    pthread_mutex_lock(&p->lock);
    *out = p->idle;
    if (p->idle) p->idle = p->idle->next;
    pthread_mutex_unlock(&p->lock);
    return *out ? MIEN_OK : cuda_state_new(p, out);
}

/* Keeps the state (NULL: there is none) of a run that ended with rc, unless it failed: then its
 * stream may hold an error. */
static void release_state(struct backend_plan *p, struct run_state *s, int rc) {
    if (rc) {
        cuda_state_free(p, s);
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
    int rc = cuda_alloc_host(dev, cuda_input_bytes(p->graph), &host);
    if (rc) return rc;
    s->host_input = host;
    rc = cuda_alloc(dev, cuda_input_bytes(p->graph), &s->input);
    s->run.input = (float *)(uintptr_t)s->input;
    return rc;
}

/* Floats, or rows, to the network's input. */
static int bring_floats(const struct backend_plan *p, struct run_state *s,
                        const struct backend_input *input) {
    const struct cuda_device *dev = &p->backend->device;
    const struct plan_graph *g = p->graph;
    size_t bytes = cuda_input_bytes(g), image = bytes / sizeof(float) / (size_t)g->batch;
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
                                               .row = (ptrdiff_t)g->width * g->input.c});
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
    int n = g->noutputs, host = 0, rc = MIEN_OK;
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

int cuda_run_plan(struct backend_plan *p, struct backend_input *input, float *const *outputs,
                  const struct backend_observer *observer) {
    if (observer)
        return err_set(MIEN_EUNSUPPORTED, "networks are calibrated on the CPU, not on a GPU");
    return run_plan(p, input, NULL, outputs);
}

/* There is one kind. */
int cuda_run_post(struct backend_plan *p, struct backend_input *input,
                  const struct backend_post *post, float *const *outputs) {
    int known = strcmp(post->name, FACES_POST) == 0 && cuda_faces_possible(p->graph, post->want);
    return run_plan(p, input, known ? post : NULL, outputs);
}

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

int cuda_time(struct backend_plan *p, int runs, double *seconds) {
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
