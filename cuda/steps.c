#include "cuda/steps.h"

#include "cuda/depthwise.h"
#include "cuda/hopper.h"
#include "cuda/mma.h"
#include "cuda/separable.h"
#include "mien.h"

#include <string.h>

/* The params of any kernel, filled for one step. */
struct launch {
    struct cuda_launch shape;
    union {
        struct cuda_conv conv;
        struct cuda_conv_wgmma wgmma;
        struct cuda_gconv gconv;
        struct cuda_separable separable;
        struct cuda_pointwise pointwise;
        struct cuda_pool pool;
        struct cuda_gather gather;
        struct cuda_norm norm;
        struct cuda_matmul matmul;
        struct cuda_input input;
        struct cuda_pictures pictures;
        struct cuda_output output;
        struct cuda_halo halo;
    } params;
};

static void set_scratch(const struct cuda_run *run, const struct cuda_launch *shape,
                        struct cuda_conv *c) {
    c->splits = shape->splits;
    c->partial = c->splits > 1 ? run->partial : NULL;
    c->arrived = c->splits > 1 ? run->arrived : NULL;
}

static struct cuda_algorithm algorithm_of(const struct cuda_run *run, int step) {
    return run->algorithms ? run->algorithms[step] : (struct cuda_algorithm){.family = CUDA_PLAIN};
}

static void make_gconv(const struct cuda_run *run, int step, struct launch *l) {
    struct cuda_gconv *p = &l->params.gconv;
    struct cuda_algorithm a = algorithm_of(run, step);
    *p = cuda_describe_gconv(run, &run->graph->steps[step]);
    if (a.family == CUDA_PLAIN || !cuda_depthwise_shape(p, a.tile, &l->shape))
        cuda_plain_gconv(p, &l->shape);
}

/* 0 where the driver refuses to describe its tensors. What other algorithms share a sum in may be
 * more memory than there is then; the plain kernel needs none. */
static int make_wgmma(const struct cuda_run *run, const struct cuda_algorithm *a,
                      const struct cuda_conv *p, struct launch *l) {
    struct cuda_conv c = *p;
    if (!cuda_hopper_shape(p, a->tile, a->splits, run->machine.processors, &l->shape)) return 0;
    set_scratch(run, &l->shape, &c);
    return !run->arena || /* only the shape is asked for */
           cuda_hopper_fill(run->device->driver, &c, &l->shape, &l->params.wgmma);
}

static void make_conv(const struct cuda_run *run, int step, struct launch *l) {
    struct cuda_conv c = cuda_describe_conv(run, &run->graph->steps[step]);
    struct cuda_algorithm a = algorithm_of(run, step);
    if (a.family == CUDA_WGMMA && make_wgmma(run, &a, &c, l)) return;
    if (!cuda_mma_launch(&c, &a, &l->shape)) cuda_plain_conv(&c, &l->shape);
    set_scratch(run, &l->shape, &c);
    l->params.conv = c;
}

/* Does a step do what its producer would, too? */
static int is_separable(const struct cuda_run *run, int step) {
    return algorithm_of(run, step).family == CUDA_SEPARABLE;
}

static void make_separable(const struct cuda_run *run, int step, struct launch *l) {
    struct cuda_separable *p = &l->params.separable;
    struct cuda_algorithm a = algorithm_of(run, step);
    *p = cuda_describe_separable(run, &run->graph->steps[step]);
    cuda_separable_shape(p, a.tile, a.splits, &l->shape);
    set_scratch(run, &l->shape, &p->pointwise);
}

/* Is a step done by its consumer? */
static int is_inside(const struct cuda_run *run, int step) {
    int consumer = run->graph->steps[step].consumer;
    return consumer >= 0 && is_separable(run, consumer);
}

static void make_pool(const struct cuda_run *run, const struct plan_step *s, struct launch *l) {
    const struct net_window *w = &run->graph->net->nodes[s->node].window;
    l->params.pool = (struct cuda_pool){.in = cuda_describe_view(run, &s->in, s->in_value),
                                        .e = cuda_describe_epilogue(run, s),
                                        .kh = w->global ? s->in.h : w->kh,
                                        .kw = w->global ? s->in.w : w->kw,
                                        .stride = w->global ? 1 : w->stride,
                                        .pad_top = s->pad_top,
                                        .pad_left = s->pad_left,
                                        .average = w->average,
                                        .count = w->count_padding ? w->kh * w->kw : 0};
    cuda_choose_pool(&run->machine, &l->params.pool, &l->shape);
}

static void make_gather(const struct cuda_run *run, const struct plan_step *s, struct launch *l) {
    const struct net_gather *g = &run->graph->net->nodes[s->node].gather;
    l->params.gather =
        (struct cuda_gather){.in = cuda_describe_view(run, &s->in, s->in_value),
                             .e = cuda_describe_epilogue(run, s),
                             .rows = gather_places(&g->rows, s->in.h, s->out.h),
                             .columns = gather_places(&g->columns, s->in.w, s->out.w),
                             .channels = g->channels,
                             .run = g->channels.axes == 1 && g->channels.step[0] == 1};
    cuda_choose_gather(&run->machine, &l->params.gather, &l->shape);
}

static void make_norm(const struct cuda_run *run, const struct plan_step *s, struct launch *l) {
    const struct net_norm *n = &run->graph->net->nodes[s->node].norm;
    l->params.norm = (struct cuda_norm){.in = cuda_describe_view(run, &s->in, s->in_value),
                                        .e = cuda_describe_epilogue(run, s),
                                        .groups = n->groups,
                                        .pixels = n->pixels,
                                        .epsilon = n->epsilon};
    cuda_choose_norm(&run->machine, &l->params.norm, &l->shape);
}

static void make_matmul(const struct cuda_run *run, const struct plan_step *s, struct launch *l) {
    const struct net_matmul *n = &run->graph->net->nodes[s->node].matmul;
    l->params.matmul = (struct cuda_matmul){.a = cuda_describe_view(run, &s->in, s->in_value),
                                            .b = cuda_describe_view(run, &s->res, s->res_value),
                                            .e = cuda_describe_epilogue(run, s),
                                            .rows = n->rows,
                                            .columns = n->columns,
                                            .inner = n->inner};
    cuda_choose_matmul(&run->machine, &l->params.matmul, &l->shape);
}

static void make_pointwise(const struct cuda_run *run, const struct plan_step *s,
                           struct launch *l) {
    const struct cuda_layer *layer = &run->layers->layers[s->node];
    struct cuda_pointwise *p = &l->params.pointwise;
    *p = (struct cuda_pointwise){.in = cuda_describe_view(run, &s->in, s->in_value),
                                 .e = cuda_describe_epilogue(run, s)};
    if (s->kind == PLAN_AFFINE) {
        p->scale = layer->scale;
        p->shift = layer->shift;
    }
    if (s->kind == PLAN_UPSAMPLE)
        cuda_choose_upsample(&run->machine, p, &l->shape);
    else if (s->kind == PLAN_SOFTMAX)
        cuda_choose_softmax(&run->machine, p, &l->shape);
    else
        cuda_choose_pointwise(&run->machine, p, &l->shape);
}

static void make_step(const struct cuda_run *run, int step, struct launch *l) {
    const struct plan_step *s = &run->graph->steps[step];
    memset(l, 0, sizeof *l);
    switch (s->kind) {
    case PLAN_CONV:
        if (run->layers->layers[s->node].groups > 1)
            make_gconv(run, step, l);
        else if (is_separable(run, step))
            make_separable(run, step, l);
        else
            make_conv(run, step, l);
        break;
    case PLAN_POOL: make_pool(run, s, l); break;
    case PLAN_GATHER: make_gather(run, s, l); break;
    case PLAN_NORM: make_norm(run, s, l); break;
    case PLAN_MATMUL: make_matmul(run, s, l); break;
    default: make_pointwise(run, s, l); break;
    }
}

static void copy_border(const struct plan_graph *g, float border[3]) {
    for (int c = 0; c < 3 && g->net->input_border; c++) border[c] = g->net->input_border[c];
}

static void make_output(const struct cuda_run *run, int i, struct launch *l) {
    const struct plan_graph *g = run->graph;
    int value = g->output_values[i];
    memset(l, 0, sizeof *l);
    l->params.output = (struct cuda_output){.in = cuda_describe_view(run, &g->outputs[i], value),
                                            .dst = run->output + cuda_output_at(g, i),
                                            .batch = g->batch};
    cuda_choose_output(&run->machine, &l->params.output, &l->shape);
}

static int is_vendors(const struct cuda_run *run, int step) {
    return run->vendor && cuda_vendor_text(run->vendor, step);
}

void cuda_steps_offer(const struct cuda_run *run, struct cuda_vendor_plan *vendor) {
    for (int i = 0; i < run->graph->nsteps; i++) {
        const struct plan_step *s = &run->graph->steps[i];
        const struct cuda_layer *layer = &run->layers->layers[s->node];
        if (s->kind != PLAN_CONV || layer->groups > 1) continue;
        struct cuda_conv c = cuda_describe_conv(run, s);
        cuda_vendor_plan_step(vendor, i, &c, layer->dense);
    }
}

/* A step of theirs, and the halo they know nothing of. */
static int launch_vendors(const struct cuda_run *run, int step) {
    const struct plan_step *s = &run->graph->steps[step];
    struct cuda_conv c = cuda_describe_conv(run, s);
    int rc = cuda_vendor_run(run->vendor, step, &c, run->layers->layers[s->node].dense, run->stream,
                             run->workspace);
    if (rc || !(s->out.top | s->out.left | s->out.bottom | s->out.right)) return rc;
    struct launch l = {.params.halo = {.out = c.e.out, .batch = run->graph->batch}};
    cuda_choose_halo(&run->machine, &l.params.halo, &l.shape);
    return cuda_launch(run->device, run->stream, &l.shape, &l.params, 0);
}

void cuda_step_shape(const struct cuda_run *run, int step, struct cuda_launch *out) {
    struct launch l;
    make_step(run, step, &l);
    *out = l.shape;
}

/* A step, or with `pair` what it and its producer take: one launch or two. */
static int make_unit(const struct cuda_run *run, int step, int pair, struct launch l[2]) {
    int apart = pair && !is_separable(run, step);
    if (apart) make_step(run, run->graph->steps[step].producer, &l[0]);
    make_step(run, step, &l[apart]);
    return 1 + apart;
}

int cuda_step_ready(const struct cuda_run *run, int step, int pair) {
    struct launch l[2];
    int count = make_unit(run, step, pair, l), rc = MIEN_OK;
    for (int i = 0; i < count && !rc; i++) rc = cuda_ready(run->device, &l[i].shape);
    return rc;
}

int cuda_step_launch(const struct cuda_run *run, int step, int pair, int early) {
    struct launch l[2];
    int count = make_unit(run, step, pair, l), rc = MIEN_OK;
    for (int i = 0; i < count && !rc; i++)
        rc = cuda_launch(run->device, run->stream, &l[i].shape, &l[i].params, early);
    return rc;
}

void cuda_steps_scratch(const struct cuda_run *run, struct cuda_scratch *out) {
    memset(out, 0, sizeof *out);
    for (int i = 0; i < run->graph->nsteps; i++) {
        struct launch l;
        make_step(run, i, &l);
        if (l.shape.partial_bytes > out->partial) out->partial = l.shape.partial_bytes;
        if (l.shape.arrived_bytes > out->arrived) out->arrived = l.shape.arrived_bytes;
    }
    out->workspace = run->vendor ? cuda_vendor_workspace(run->vendor) : 0;
}

const char *cuda_step_kernel(const struct cuda_run *run, int step) {
    struct launch l;
    if (is_vendors(run, step)) return cuda_vendor_text(run->vendor, step);
    if (is_inside(run, step)) return "inside the next";
    make_step(run, step, &l);
    return l.shape.kernel;
}

/* Another network's values, as floats without gaps, to where the first layer reads them. */
static void make_features(const struct cuda_run *run, struct launch *l) {
    const struct plan_graph *g = run->graph;
    const struct plan_view *to = &g->input;
    struct cuda_view from = {.data = (char *)run->input,
                             .image = (int64_t)to->h * to->w * to->c,
                             .row = to->w * to->c,
                             .px = to->c,
                             .h = to->h,
                             .w = to->w,
                             .c = to->c,
                             .type = KERN_F32};
    l->params.pointwise = (struct cuda_pointwise){
        .in = from,
        .e = {.out = cuda_describe_view(run, to, -1), .bias_classes = 1, .batch = g->batch}};
    cuda_choose_features(&run->machine, &l->params.pointwise, &l->shape);
}

static void make_input(const struct cuda_run *run, struct launch *l) {
    const struct plan_graph *g = run->graph;
    memset(l, 0, sizeof *l);
    if (g->net->features) {
        make_features(run, l);
        return;
    }
    l->params.input = (struct cuda_input){
        .src = run->input, .out = cuda_describe_view(run, &g->input, -1), .batch = g->batch};
    copy_border(g, l->params.input.border);
    cuda_choose_input(&run->machine, &l->params.input, &l->shape);
}

static void make_pictures(const struct cuda_run *run, const struct cuda_picture *pictures,
                          struct launch *l) {
    const struct plan_graph *g = run->graph;
    memset(l, 0, sizeof *l);
    l->params.pictures = (struct cuda_pictures){
        .pictures = pictures, .out = cuda_describe_view(run, &g->input, -1), .batch = g->batch};
    copy_border(g, l->params.pictures.border);
    cuda_choose_pictures(&run->machine, &l->params.pictures, &l->shape);
}

/* Behind copies: only kernels may begin before the one in front ends. */
int cuda_input_launch(const struct cuda_run *run) {
    struct launch l;
    make_input(run, &l);
    return cuda_launch(run->device, run->stream, &l.shape, &l.params, 0);
}

int cuda_pictures_launch(const struct cuda_run *run, const struct cuda_picture *pictures) {
    struct launch l;
    make_pictures(run, pictures, &l);
    return cuda_launch(run->device, run->stream, &l.shape, &l.params, 0);
}

/* What is the same for every run, in its order: all steps but those inside of others, the outputs.
 * Makes the next one from *i on and moves *i to it; returns 0 where there is none. */
static int make_launch(const struct cuda_run *run, int *i, struct launch *l) {
    int steps = run->graph->nsteps;
    while (*i < steps && is_inside(run, *i)) (*i)++;
    if (*i >= steps + run->graph->noutputs) return 0;
    if (*i < steps)
        make_step(run, *i, l);
    else
        make_output(run, *i - steps, l);
    return 1;
}

int cuda_steps_ready(const struct cuda_run *run) {
    struct launch l;
    make_input(run, &l);
    int rc = cuda_ready(run->device, &l.shape);
    if (!rc && !run->graph->net->features) {
        make_pictures(run, NULL, &l);
        rc = cuda_ready(run->device, &l.shape);
    }
    for (int i = 0; !rc && make_launch(run, &i, &l); i++) rc = cuda_ready(run->device, &l.shape);
    return rc;
}

int cuda_steps_launch(const struct cuda_run *run) {
    /* Our kernels may begin before the one in front ends; what other libraries do is theirs to
     * know.
     */
    struct launch l;
    int rc = MIEN_OK, early = 0; /* nothing is in front of the first in what is recorded */
    for (int i = 0; !rc && make_launch(run, &i, &l); i++) {
        int vendors = i < run->graph->nsteps && is_vendors(run, i);
        rc = vendors ? launch_vendors(run, i)
                     : cuda_launch(run->device, run->stream, &l.shape, &l.params, early);
        early = !vendors && !run->in_turn;
    }
    return rc;
}

static size_t values_of(const struct plan_graph *g, int i) {
    const struct plan_view *v = &g->outputs[i];
    return (size_t)g->batch * (size_t)v->h * (size_t)v->w * (size_t)v->c;
}

size_t cuda_output_at(const struct plan_graph *g, int i) {
    size_t at = 0;
    for (int k = 0; k < i; k++) at += (values_of(g, k) + 63) / 64 * 64;
    return at;
}

size_t cuda_output_values(const struct plan_graph *g) {
    return cuda_output_at(g, g->noutputs);
}
