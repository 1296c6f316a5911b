#include "cuda/steps.h"

#include "cuda/hopper.h"
#include "cuda/separable.h"
#include "engine/hash.h"
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
        struct cuda_input input;
        struct cuda_pictures pictures;
        struct cuda_output output;
        struct cuda_halo halo;
    } params;
};

/* ------------------------------------------------------------------ tensors */

/* value: the node whose scales those of a tensor of bytes are; -1 where it has none. */
static struct cuda_view view_of(const struct cuda_run *run, const struct plan_view *v, int value) {
    return (struct cuda_view){
        .data = run->arena + v->offset,
        .scale = value >= 0 && v->type == KERN_U8 ? run->layers->layers[value].stored : NULL,
        .image = v->image,
        .row = (int32_t)v->row,
        .px = (int32_t)v->px,
        .h = v->h,
        .w = v->w,
        .c = v->c,
        .top = v->top,
        .left = v->left,
        .bottom = v->bottom,
        .right = v->right,
        .type = (int32_t)v->type,
        .zero = v->zero,
    };
}

static struct cuda_epilogue epilogue_of(const struct cuda_run *run, const struct plan_step *s) {
    const struct plan_graph *g = run->graph;
    struct cuda_epilogue e = {
        .out = view_of(run, &s->out, s->out_value),
        .slope = cuda_slope(run->layers, g->net, s->slope),
        .alpha = s->alpha,
        .bias_classes = 1,
        .act = (int32_t)s->act,
        .has_res = s->has_res,
        .res_after = s->res_after,
        .res_shift = s->res_shift,
        .batch = g->batch,
    };
    if (s->out.type == KERN_U8) e.inverse = run->layers->layers[s->out_value].inverse;
    if (s->has_res) e.res = view_of(run, &s->res, s->res_value);
    return e;
}

/* -------------------------------------------------------------------- steps */

static void give_scratch(const struct cuda_run *run, const struct cuda_launch *shape,
                         struct cuda_conv *c) {
    c->splits = shape->splits;
    c->partial = c->splits > 1 ? run->partial : NULL;
    c->arrived = c->splits > 1 ? run->arrived : NULL;
}

static struct cuda_epilogue conv_epilogue(const struct cuda_run *run, const struct plan_step *s) {
    const struct cuda_layer *layer = &run->layers->layers[s->node];
    struct cuda_epilogue e = epilogue_of(run, s);
    e.bias = layer->bias;
    e.bias_classes = layer->bias_classes;
    e.acc_scale = layer->acc_scale;
    return e;
}

/* A convolution of one group, before anybody is chosen for it. */
static struct cuda_conv conv_of(const struct cuda_run *run, const struct plan_step *s) {
    const struct cuda_layer *layer = &run->layers->layers[s->node];
    return (struct cuda_conv){.in = view_of(run, &s->in, s->in_value),
                              .e = conv_epilogue(run, s),
                              .weights = layer->weights,
                              .taps = layer->taps,
                              .across = layer->across,
                              .depth = layer->depth,
                              .depth_pad = layer->depth_pad,
                              .k_pad = layer->k_pad,
                              .stride = layer->stride,
                              .pad_top = s->pad_top,
                              .pad_left = s->pad_left,
                              .splits = 1};
}

static const struct cuda_machine plain_machine = {.cap = "plain"};

/* Ways of both families, the most promising first. Their cycles are not estimates by one model: on
 * Hopper the best two of mma.sync come last. */
static int list_ways(const struct cuda_run *run, const struct cuda_conv *c,
                     struct cuda_way out[CUDA_MOST_WAYS]) {
    struct cuda_way others[CUDA_MOST_WAYS];
    int count = cuda_hopper_list(&run->machine, c, out);
    if (!count) return cuda_list_conv(&run->machine, c, out);
    int more = cuda_list_conv(&run->machine, c, others);
    if (count > CUDA_MOST_WAYS - 2) count = CUDA_MOST_WAYS - 2;
    for (int i = 0; i < more && i < 2; i++) out[count++] = others[i];
    return count;
}

/* Fills the launch of a convolution of one group as `way`; 0 where that cannot be. */
static int make_way(const struct cuda_run *run, const struct cuda_conv *p,
                    const struct cuda_way *way, struct launch *l) {
    struct cuda_conv c = *p;
    if (way->family != CUDA_WGMMA) {
        if (!cuda_shape_way(p, way, &l->shape)) return 0;
        give_scratch(run, &l->shape, &c);
        l->params.conv = c;
        return 1;
    }
    if (!cuda_hopper_shape(p, way->tile, way->splits, run->machine.processors, &l->shape)) return 0;
    give_scratch(run, &l->shape, &c);
    return !run->arena || /* only the shape is asked for */
           cuda_hopper_fill(run->device->driver, &c, &l->shape, &l->params.wgmma);
}

/* Any other. */
static struct cuda_gconv gconv_of(const struct cuda_run *run, const struct plan_step *s) {
    const struct cuda_layer *layer = &run->layers->layers[s->node];
    return (struct cuda_gconv){.in = view_of(run, &s->in, s->in_value),
                               .e = conv_epilogue(run, s),
                               .weights = (const float *)(void *)layer->weights,
                               .kh = layer->kh,
                               .kw = layer->kw,
                               .stride = layer->stride,
                               .pad_top = s->pad_top,
                               .pad_left = s->pad_left,
                               .groups = layer->groups};
}

static void make_gconv(const struct cuda_run *run, int step, struct launch *l) {
    struct cuda_gconv *p = &l->params.gconv;
    const struct cuda_way *way = run->ways ? &run->ways[step] : NULL;
    *p = gconv_of(run, &run->graph->steps[step]);
    if (way && way->family == CUDA_DEPTHWISE && cuda_shape_depthwise(p, way->tile, &l->shape))
        return;
    cuda_choose_gconv(way && way->family == CUDA_PLAIN ? &plain_machine : &run->machine, p,
                      &l->shape);
}

static void make_conv(const struct cuda_run *run, int step, struct launch *l) {
    const struct plan_step *s = &run->graph->steps[step];
    struct cuda_conv c = conv_of(run, s);
    struct cuda_way ways[CUDA_MOST_WAYS] = {{CUDA_BY_MODEL, 0, 0, 0}};
    if (run->ways) ways[0] = run->ways[step];
    int plain = ways[0].family == CUDA_PLAIN;
    if (ways[0].family == CUDA_BY_MODEL) list_ways(run, &c, ways);
    if (ways[0].family != CUDA_BY_MODEL && make_way(run, &c, &ways[0], l)) return;
    cuda_choose_conv(plain ? &plain_machine : &run->machine, &c, &l->shape);
    give_scratch(run, &l->shape, &c);
    l->params.conv = c;
}

/* A 1x1 together with the depthwise convolution that is its producer. */
static struct cuda_separable separable_of(const struct cuda_run *run, const struct plan_step *s) {
    return (struct cuda_separable){.depthwise = gconv_of(run, &run->graph->steps[s->producer]),
                                   .pointwise = conv_of(run, s)};
}

/* By the model: is it faster so? */
static int seems_separable(const struct cuda_run *run, const struct plan_step *s,
                           struct cuda_way *way) {
    struct cuda_way together[CUDA_MOST_WAYS], apart[CUDA_MOST_WAYS];
    struct cuda_separable p = separable_of(run, s);
    if (cuda_list_separable(&run->machine, &p, together) == 0 ||
        list_ways(run, &p.pointwise, apart) == 0)
        return 0;
    *way = together[0];
    return way->cycles < apart[0].cycles + cuda_depthwise_cycles(&run->machine, &p.depthwise);
}

/* Fills the launch of a step that does what its producer would, too; 0 where it does not.
 * With a rival none does: what differs from it is to be its kernels alone. */
static int make_separable(const struct cuda_run *run, int step, struct launch *l) {
    const struct plan_step *s = &run->graph->steps[step];
    if (s->producer < 0 || run->rival) return 0;
    struct cuda_way way = {CUDA_BY_MODEL, 0, 0, 0};
    if (run->ways) way = run->ways[step];
    if (way.family == CUDA_BY_MODEL && !seems_separable(run, s, &way)) return 0;
    if (way.family != CUDA_SEPARABLE) return 0;
    struct cuda_separable p = separable_of(run, s);
    if (!cuda_shape_separable(&p, way.tile, way.splits, &l->shape)) return 0;
    give_scratch(run, &l->shape, &p.pointwise);
    l->params.separable = p;
    return 1;
}

/* Is a step done by its consumer? */
static int is_inside(const struct cuda_run *run, int step) {
    struct launch l;
    int consumer = run->graph->steps[step].consumer;
    return consumer >= 0 && make_separable(run, consumer, &l);
}

static void make_pool(const struct cuda_run *run, const struct plan_step *s, struct launch *l) {
    const struct net_window *w = &run->graph->net->nodes[s->node].window;
    l->params.pool = (struct cuda_pool){.in = view_of(run, &s->in, s->in_value),
                                        .e = epilogue_of(run, s),
                                        .kh = w->global ? s->in.h : w->kh,
                                        .kw = w->global ? s->in.w : w->kw,
                                        .stride = w->global ? 1 : w->stride,
                                        .pad_top = s->pad_top,
                                        .pad_left = s->pad_left,
                                        .average = w->average};
    cuda_choose_pool(&run->machine, &l->params.pool, &l->shape);
}

static void make_pointwise(const struct cuda_run *run, const struct plan_step *s,
                           struct launch *l) {
    const struct cuda_layer *layer = &run->layers->layers[s->node];
    struct cuda_pointwise *p = &l->params.pointwise;
    *p = (struct cuda_pointwise){.in = view_of(run, &s->in, s->in_value), .e = epilogue_of(run, s)};
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
        else if (!make_separable(run, step, l))
            make_conv(run, step, l);
        break;
    case PLAN_POOL: make_pool(run, s, l); break;
    default: make_pointwise(run, s, l); break;
    }
}

static void copy_border(const struct plan_graph *g, float border[3]) {
    for (int c = 0; c < 3 && g->net->input_border; c++) border[c] = g->net->input_border[c];
}

static void make_output(const struct cuda_run *run, int i, struct launch *l) {
    const struct plan_graph *g = run->graph;
    int value = g->net->outputs[i].value;
    memset(l, 0, sizeof *l);
    l->params.output = (struct cuda_output){.in = view_of(run, &g->outputs[i], value),
                                            .dst = run->output + cuda_output_at(g, i),
                                            .batch = g->batch};
    cuda_choose_output(&run->machine, &l->params.output, &l->shape);
}

/* --------------------------------------------------------- other libraries */

static int is_taken(const struct cuda_run *run, int step) {
    return run->rival && cuda_rival_text(run->rival, step);
}

void cuda_steps_offer(const struct cuda_run *run, struct cuda_rival_plan *rival) {
    for (int i = 0; i < run->graph->nsteps; i++) {
        const struct plan_step *s = &run->graph->steps[i];
        const struct cuda_layer *layer = &run->layers->layers[s->node];
        if (s->kind != PLAN_CONV || layer->groups > 1) continue;
        struct cuda_conv c = conv_of(run, s);
        cuda_rival_take(rival, i, &c, layer->dense);
    }
}

/* A step of theirs, and the halo they know nothing of. */
static int launch_taken(const struct cuda_run *run, int step) {
    const struct plan_step *s = &run->graph->steps[step];
    struct cuda_conv c = conv_of(run, s);
    int rc = cuda_rival_run(run->rival, step, &c, run->layers->layers[s->node].dense, run->stream,
                            run->workspace);
    if (rc || !(s->out.top | s->out.left | s->out.bottom | s->out.right)) return rc;
    struct launch l = {.params.halo = {.out = c.e.out, .batch = run->graph->batch}};
    cuda_choose_halo(&run->machine, &l.params.halo, &l.shape);
    return cuda_launch(run->device, run->stream, &l.shape, &l.params, 0);
}

/* ---------------------------------------------------------------- a step alone */

static void sign_view(struct hash *h, const struct cuda_view *v) {
    int64_t shape[] = {v->image,  v->row,   v->px,   v->h,
                       v->w,      v->c,     v->top,  v->left,
                       v->bottom, v->right, v->type, (int64_t)((uintptr_t)v->data % 16)};
    hash_add(h, shape, sizeof shape);
}

static uint64_t sign(const struct cuda_view *in, const struct cuda_epilogue *e,
                     const int64_t *shape, size_t bytes) {
    int64_t rest[] = {e->bias_classes, e->act, e->has_res, e->res_after, e->res_shift, e->batch};
    struct hash h;
    hash_start(&h);
    hash_add(&h, shape, bytes);
    hash_add(&h, rest, sizeof rest);
    sign_view(&h, in);
    sign_view(&h, &e->out);
    if (e->has_res) sign_view(&h, &e->res);
    return hash_end(&h);
}

static uint64_t sign_gconv(const struct cuda_gconv *p) {
    int64_t shape[] = {p->kh, p->kw, p->stride, p->pad_top, p->pad_left, p->groups};
    return sign(&p->in, &p->e, shape, sizeof shape);
}

/* on_hopper: its ways count, too, which --backend may have ruled out. */
static uint64_t sign_conv(const struct cuda_conv *p, int on_hopper) {
    int64_t shape[] = {p->taps,   p->across,  p->depth,    p->depth_pad, p->k_pad,
                       p->stride, p->pad_top, p->pad_left, on_hopper};
    return sign(&p->in, &p->e, shape, sizeof shape);
}

int cuda_step_ways(const struct cuda_run *run, int step, struct cuda_way out[CUDA_MOST_WAYS],
                   uint64_t *signature) {
    const struct plan_step *s = &run->graph->steps[step];
    *signature = 0;
    if (s->kind != PLAN_CONV) return 0;
    if (run->layers->layers[s->node].groups > 1) {
        struct cuda_gconv g = gconv_of(run, s);
        *signature = sign_gconv(&g);
        return cuda_list_gconv(&run->machine, &g, out);
    }
    struct cuda_conv c = conv_of(run, s);
    int count = list_ways(run, &c, out);
    *signature = sign_conv(&c, count > 0 && out[0].family == CUDA_WGMMA);
    return count;
}

int cuda_pair_ways(const struct cuda_run *run, int step, struct cuda_way out[CUDA_MOST_WAYS],
                   uint64_t *signature) {
    const struct plan_step *s = &run->graph->steps[step];
    uint64_t parts[2];
    struct hash h;
    *signature = 0;
    if (s->producer < 0) return 0;
    cuda_step_ways(run, s->producer, out, &parts[0]);
    cuda_step_ways(run, step, out, &parts[1]);
    hash_start(&h);
    hash_add(&h, parts, sizeof parts);
    *signature = hash_end(&h);
    struct cuda_separable p = separable_of(run, s);
    return cuda_list_separable(&run->machine, &p, out);
}

void cuda_step_shape(const struct cuda_run *run, int step, struct cuda_launch *out) {
    struct launch l;
    make_step(run, step, &l);
    *out = l.shape;
}

/* A step, or with `pair` what it and its producer take: one launch or two. */
static int make_unit(const struct cuda_run *run, int step, int pair, struct launch l[2]) {
    int apart = pair && !make_separable(run, step, &l[0]);
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

/* -------------------------------------------------------------------- a run */

void cuda_steps_scratch(const struct cuda_run *run, struct cuda_scratch *out) {
    memset(out, 0, sizeof *out);
    for (int i = 0; i < run->graph->nsteps; i++) {
        struct launch l;
        make_step(run, i, &l);
        if (l.shape.partial_bytes > out->partial) out->partial = l.shape.partial_bytes;
        if (l.shape.arrived_bytes > out->arrived) out->arrived = l.shape.arrived_bytes;
    }
    out->workspace = run->rival ? cuda_rival_workspace(run->rival) : 0;
}

const char *cuda_step_kernel(const struct cuda_run *run, int step) {
    struct launch l;
    if (is_taken(run, step)) return cuda_rival_text(run->rival, step);
    if (is_inside(run, step)) return "inside the next";
    make_step(run, step, &l);
    return l.shape.kernel;
}

static void make_input(const struct cuda_run *run, struct launch *l) {
    const struct plan_graph *g = run->graph;
    memset(l, 0, sizeof *l);
    l->params.input = (struct cuda_input){
        .src = run->input, .out = view_of(run, &g->input, -1), .batch = g->batch};
    copy_border(g, l->params.input.border);
    cuda_choose_input(&run->machine, &l->params.input, &l->shape);
}

static void make_pictures(const struct cuda_run *run, const struct cuda_picture *pictures,
                          struct launch *l) {
    const struct plan_graph *g = run->graph;
    memset(l, 0, sizeof *l);
    l->params.pictures = (struct cuda_pictures){
        .pictures = pictures, .out = view_of(run, &g->input, -1), .batch = g->batch};
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
    if (*i >= steps + run->graph->net->noutputs) return 0;
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
    make_pictures(run, NULL, &l);
    if (!rc) rc = cuda_ready(run->device, &l.shape);
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
        int taken = i < run->graph->nsteps && is_taken(run, i);
        rc = taken ? launch_taken(run, i)
                   : cuda_launch(run->device, run->stream, &l.shape, &l.params, early);
        early = !taken && !run->in_turn;
    }
    return rc;
}

/* ------------------------------------------------------------------ outputs */

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
    return cuda_output_at(g, g->net->noutputs);
}
