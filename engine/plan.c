#include "engine/plan.h"

#include "engine/err.h"
#include "engine/fold.h"
#include "engine/memory.h"
#include "engine/precision.h"
#include "mien.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SIDE = 16384 };
static const uint64_t MAX_ARENA = (uint64_t)64 << 30;

/* What planning knows of a node's value. */
struct value {
    int h, w;
    int step;     /* that stores it; -1: the input, or fused away */
    int consumer; /* the last node that reads it, -1: none */
    int uses;
    int claimed;                  /* part of a fused group that has begun */
    int inside;                   /* handed over inside a step (plan_before) */
    int fronted;                  /* made by reading a depthwise convolution (plan_step.front) */
    int buffer;                   /* -1: not stored */
    int channel;                  /* offset in the buffer's channels */
    int top, left, bottom, right; /* halo its readers need */
};

struct planner {
    const struct net *net;
    struct plan_rules rules;
    struct plan_graph *g;
    struct value *v; /* [net->count] */
};

/* ------------------------------------------------------------------ shapes */

static int out_size(const struct net_window *win, int k, int n) {
    if (win->mode == NET_PAD_SAME) return (n + win->stride - 1) / win->stride;
    int span = n + 2 * win->pad - k;
    if (span < 0) return 0;
    int out = (win->ceil ? (span + win->stride - 1) / win->stride : span / win->stride) + 1;
    /* a ceiling window must start inside the map or its left padding (PyTorch's rule) */
    if (win->ceil && (out - 1) * win->stride >= n + win->pad) out--;
    return out;
}

static int pad_before(const struct net_window *win, int k, int n, int out) {
    if (win->mode == NET_PAD_EXPLICIT) return win->pad;
    int total = (out - 1) * win->stride + k - n;
    return total > 0 ? total / 2 : 0;
}

static int infer_windowed(const struct net *net, const struct net_node *n, const struct value *x,
                          struct value *y) {
    struct net_window win = n->window;
    if (win.global) {
        y->h = y->w = 1;
        return MIEN_OK;
    }
    y->h = out_size(&win, win.kh, x->h);
    y->w = out_size(&win, win.kw, x->w);
    if (n->vector && (y->h != 1 || y->w != 1 || x->h != win.kh || x->w != win.kw))
        return err_set(MIEN_EINVAL, "%s: this network runs at %dx%d pixels only",
                       blob_label(net->blob), net->input_width, net->input_height);
    if (y->h < 1 || y->w < 1)
        return err_set(MIEN_EINVAL, "%s: a picture this small does not fit the network (at %s)",
                       blob_label(net->blob), n->name);
    return MIEN_OK;
}

static int infer(const struct net *net, int width, int height, struct value *v) {
    if (width < 16 || height < 16 || width > MAX_SIDE || height > MAX_SIDE)
        return err_set(MIEN_EINVAL, "a network input of %dx%d pixels; 16 to %d a side are possible",
                       width, height, MAX_SIDE);
    for (int i = 0; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        const struct value *x = n->inputs ? &v[n->in[0]] : NULL;
        int rc = MIEN_OK;
        if (n->op == NET_INPUT) {
            v[i].h = height;
            v[i].w = width;
        } else if (n->op == NET_CONV || n->op == NET_POOL) {
            rc = infer_windowed(net, n, x, &v[i]);
        } else {
            const struct value *like = n->op == NET_UPSAMPLE ? &v[n->in[1]] : x;
            v[i].h = like->h;
            v[i].w = like->w;
            if (n->op == NET_UPSAMPLE && ((like->h + 1) / 2 > x->h || (like->w + 1) / 2 > x->w))
                rc = err_set(MIEN_EINVAL, "%s: %s from %dx%d to %dx%d", blob_label(net->blob),
                             n->name, x->w, x->h, like->w, like->h);
            for (int j = 1; j < n->inputs && n->op != NET_UPSAMPLE; j++) {
                const struct value *o = &v[n->in[j]];
                if (o->h != x->h || o->w != x->w)
                    rc = err_set(MIEN_EINVAL, "%s: %s of %dx%d and %dx%d", blob_label(net->blob),
                                 n->name, x->w, x->h, o->w, o->h);
            }
        }
        if (rc) return rc;
    }
    return MIEN_OK;
}

/* ------------------------------------------------------------------ fusing */

static void find_consumers(struct planner *p) {
    const struct net *net = p->net;
    for (int i = 0; i < net->count; i++) p->v[i].consumer = -1;
    for (int i = 0; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        int inputs = n->op == NET_UPSAMPLE ? 1 : n->inputs; /* the second only lends its shape */
        for (int j = 0; j < inputs; j++) p->v[n->in[j]].consumer = i;
    }
}

/* Lets the step take up the activation or sum that follows value `at`; returns the node whose value
 * the step now makes, or -1 where nothing could be taken up. */
static int fuse_next(struct planner *p, struct plan_step *s, int at) {
    const struct net *net = p->net;
    int c = p->v[at].consumer;
    if (p->v[at].uses != 1 || c < 0 || p->v[c].claimed) return -1;
    const struct net_node *n = &net->nodes[c];
    if (n->op == NET_ACT && s->act == KERN_ACT_NONE) {
        s->act = n->act;
        s->alpha = n->alpha;
        s->slope = n->slope;
        return c;
    }
    if (n->op != NET_ADD || s->has_res) return -1;
    int a = n->in[0], b = n->in[1];
    int other = a == at ? b : a;
    s->has_res = 1;
    s->res_after = s->act != KERN_ACT_NONE;
    const struct net_node *o = &net->nodes[other];
    if (o->op == NET_UPSAMPLE && p->v[other].uses == 1) { /* read the small map, twice each pixel */
        p->v[other].claimed = 1;
        s->res_shift = 1;
        other = o->in[0];
    }
    s->res_value = other;
    return c;
}

static enum plan_kind kind_of(enum net_op op) {
    switch (op) {
    case NET_CONV: return PLAN_CONV;
    case NET_AFFINE: return PLAN_AFFINE;
    case NET_POOL: return PLAN_POOL;
    case NET_UPSAMPLE: return PLAN_UPSAMPLE;
    case NET_SOFTMAX: return PLAN_SOFTMAX;
    default: return PLAN_POINTWISE;
    }
}

/* A depthwise convolution lets the 1x1 that alone reads it run on its rows; returns that node, or
 * -1. A calibration wants to see every value. */
static int fuse_pointwise(struct planner *p, struct plan_step *s, int at) {
    const struct net *net = p->net;
    const struct net_node *n = &net->nodes[s->node];
    int c = p->v[at].consumer;
    if (s->kind != PLAN_CONV || n->groups < 2 || n->groups != n->channels || s->has_res ||
        s->before.node >= 0 || net->keep_values || p->v[at].uses != 1 || c < 0)
        return -1;
    const struct net_node *next = &net->nodes[c];
    if (next->op != NET_CONV || next->groups > 1 || next->vector || next->window.kh > 1 ||
        next->window.kw > 1 || next->window.stride > 1 || next->window.pad > 0 ||
        next->next_sibling >= 0 || next->first_sibling >= 0)
        return -1;
    if (p->rules.separate_before) {
        p->v[c].fronted = 1;
        return -1;
    }
    s->before = (struct plan_before){
        .node = s->node, .value = at, .act = s->act, .alpha = s->alpha, .slope = s->slope};
    p->v[at].inside = 1;
    s->node = c;
    s->act = KERN_ACT_NONE;
    s->slope = NULL;
    return c;
}

/* Starts a group at node i and fuses what follows. */
static void make_step(struct planner *p, int i) {
    const struct net_node *n = &p->net->nodes[i];
    struct plan_step *s = &p->g->steps[p->g->nsteps];
    memset(s, 0, sizeof *s);
    s->kind = kind_of(n->op);
    s->node = i;
    s->before.node = s->before.value = s->front = s->behind = -1;
    s->in_value = n->in[0];
    s->res_value = -1;
    if (n->op == NET_ADD) {
        s->has_res = 1;
        s->res_value = n->in[1];
    } else if (n->op == NET_ACT) {
        s->act = n->act;
        s->alpha = n->alpha;
        s->slope = n->slope;
    }
    p->v[i].claimed = 1;
    for (int j = n->next_sibling; j >= 0; j = p->net->nodes[j].next_sibling) p->v[j].claimed = 1;
    int end = i, next;
    int fusable = n->next_sibling < 0 &&
                  (s->kind == PLAN_CONV || s->kind == PLAN_AFFINE || s->kind == PLAN_POINTWISE);
    while (fusable &&
           ((next = fuse_next(p, s, end)) >= 0 || (next = fuse_pointwise(p, s, end)) >= 0)) {
        end = next;
        p->v[end].claimed = 1;
    }
    s->out_value = end;
    p->g->nsteps++;
}

/* A group runs where its last node stands: only there are all its inputs ready. */
static void order_steps(struct planner *p) {
    struct plan_graph *g = p->g;
    for (int i = 1; i < g->nsteps; i++) {
        struct plan_step s = g->steps[i];
        int j = i;
        for (; j > 0 && g->steps[j - 1].out_value > s.out_value; j--) g->steps[j] = g->steps[j - 1];
        g->steps[j] = s;
    }
    for (int i = 0; i < p->net->count; i++) p->v[i].step = -1;
    for (int i = 0; i < g->nsteps; i++)
        for (int v = g->steps[i].out_value; v >= 0; v = p->net->nodes[v].next_sibling)
            p->v[v].step = i;
    for (int i = 0; i < g->nsteps; i++) {
        if (!p->v[g->steps[i].node].fronted) continue;
        g->steps[i].front = p->v[g->steps[i].in_value].step;
        g->steps[g->steps[i].front].behind = i;
    }
}

static int make_steps(struct planner *p) {
    const struct net *net = p->net;
    int *uses = malloc(sizeof(int) * (size_t)net->count);
    if (!uses) return err_set(MIEN_ENOMEM, "out of memory");
    fold_count_uses(net, uses);
    for (int i = 0; i < net->count; i++) p->v[i].uses = uses[i];
    free(uses);
    find_consumers(p);
    /* Convolutions first: an activation or sum must find its convolution before it becomes a step.
     */
    for (int i = 0; i < net->count; i++)
        if (net->nodes[i].op == NET_CONV && p->v[i].uses > 0 && !p->v[i].claimed) make_step(p, i);
    for (int i = 0; i < net->count; i++) {
        enum net_op op = net->nodes[i].op;
        if (!p->v[i].claimed && p->v[i].uses > 0 && op != NET_INPUT && op != NET_CONCAT &&
            op != NET_CONV)
            make_step(p, i);
    }
    order_steps(p);
    return MIEN_OK;
}

/* ----------------------------------------------------------------- buffers */

static int max_int(int a, int b) {
    return a > b ? a : b;
}

/* The node of a step that reads its input. */
static int first_node(const struct plan_step *s) {
    return s->before.node >= 0 ? s->before.node : s->node;
}

/* The halo a convolution's input must carry. */
static void need_halo(struct planner *p, const struct plan_step *s) {
    const struct net_node *n = &p->net->nodes[first_node(s)];
    struct value *x = &p->v[s->in_value];
    const struct value *y = &p->v[first_node(s)];
    int top = pad_before(&n->window, n->window.kh, x->h, y->h);
    int left = pad_before(&n->window, n->window.kw, x->w, y->w);
    x->top = max_int(x->top, top);
    x->left = max_int(x->left, left);
    x->bottom = max_int(x->bottom, (y->h - 1) * n->window.stride + n->window.kh - top - x->h);
    x->right = max_int(x->right, (y->w - 1) * n->window.stride + n->window.kw - left - x->w);
}

/* Elements from pixel to pixel for c channels. */
static int pixel_pitch(const struct plan_rules *rules, int c, enum kern_type type) {
    size_t bytes = (size_t)c * kern_type_size(type), align = 1;
    while (align < bytes && align < (size_t)rules->pixel_align) align *= 2;
    return (int)((bytes + align - 1) / align * align / kern_type_size(type));
}

static int new_buffer(struct planner *p, int value) {
    struct plan_buffer *b = &p->g->buffers[p->g->nbuffers];
    memset(b, 0, sizeof *b);
    b->h = p->v[value].h;
    b->w = p->v[value].w;
    b->c = fold_outputs(p->net, &p->net->nodes[value]);
    b->type = p->net->nodes[value].stored.type;
    b->px = pixel_pitch(&p->rules, b->c, b->type);
    int channel = 0;
    for (int v = value; v >= 0; v = p->net->nodes[v].next_sibling) {
        p->v[v].buffer = p->g->nbuffers;
        p->v[v].channel = channel;
        channel += p->net->nodes[v].channels;
    }
    return p->g->nbuffers++;
}

/* Makes the parts of a concatenation slices of its buffer. Later concatenations come first, so that
 * one that is itself a part already has its place. */
static int place_concats(struct planner *p) {
    const struct net *net = p->net;
    for (int i = net->count - 1; i >= 0; i--) {
        const struct net_node *n = &net->nodes[i];
        if (n->op != NET_CONCAT || p->v[i].uses == 0) continue;
        if (p->v[i].buffer < 0) new_buffer(p, i);
        int channel = p->v[i].channel;
        for (int j = 0; j < n->inputs; j++) {
            int part = n->in[j];
            if (p->v[part].buffer >= 0 ||
                (p->v[part].step < 0 && net->nodes[part].op != NET_CONCAT))
                return err_set(MIEN_EUNSUPPORTED, "%s: %s of a value that is already part of one",
                               blob_label(net->blob), n->name);
            p->v[part].buffer = p->v[i].buffer;
            p->v[part].channel = channel;
            channel += net->nodes[part].channels;
        }
    }
    return MIEN_OK;
}

static void touch(struct planner *p, int value, int step) {
    struct plan_buffer *b = &p->g->buffers[p->v[value].buffer];
    if (step < b->first) b->first = step;
    if (step > b->last) b->last = step;
}

static void find_lifetimes(struct planner *p) {
    struct plan_graph *g = p->g;
    for (int i = 0; i < g->nbuffers; i++) {
        g->buffers[i].first = g->nsteps;
        g->buffers[i].last = -1;
    }
    for (int i = 0; i < p->net->count; i++)
        if (p->net->nodes[i].op == NET_INPUT && p->v[i].buffer >= 0) touch(p, i, 0);
    for (int i = 0; i < g->nsteps; i++) {
        touch(p, g->steps[i].in_value, i);
        touch(p, g->steps[i].out_value, i);
        if (g->steps[i].has_res) touch(p, g->steps[i].res_value, i);
        if (g->steps[i].front >= 0) touch(p, g->steps[g->steps[i].front].in_value, i);
    }
    for (int i = 0; i < p->net->noutputs; i++) touch(p, p->net->outputs[i].value, g->nsteps);
}

static int place_buffers(struct planner *p) {
    struct plan_graph *g = p->g;
    for (int i = 0; i < p->net->count;
         i++) { /* a buffer's halo serves the readers of every slice */
        const struct value *v = &p->v[i];
        if (v->buffer < 0) continue;
        struct plan_buffer *b = &g->buffers[v->buffer];
        b->top = max_int(b->top, v->top);
        b->left = max_int(b->left, v->left);
        b->bottom = max_int(b->bottom, v->bottom);
        b->right = max_int(b->right, v->right);
    }
    struct memory_block *blocks = calloc((size_t)g->nbuffers, sizeof *blocks);
    if (!blocks) return err_set(MIEN_ENOMEM, "out of memory");
    uint64_t all = 0;
    for (int i = 0; i < g->nbuffers; i++) {
        struct plan_buffer *b = &g->buffers[i];
        uint64_t bytes = (uint64_t)g->batch * (uint64_t)(b->h + b->top + b->bottom) *
                         (uint64_t)(b->w + b->left + b->right) * (uint64_t)b->px *
                         kern_type_size(b->type);
        all += bytes;
        if (all > MAX_ARENA) {
            free(blocks);
            return err_set(MIEN_ETOOBIG, "%s: a plan for %d x %dx%d pixels needs more than %llu GB",
                           blob_label(p->net->blob), g->batch, g->width, g->height,
                           (unsigned long long)(MAX_ARENA >> 30));
        }
        b->bytes = (size_t)bytes;
        blocks[i] = (struct memory_block){.size = b->bytes, .first = b->first, .last = b->last};
    }
    g->no_reuse_bytes = (size_t)all;
    int rc = memory_place(blocks, g->nbuffers, &g->arena_bytes);
    for (int i = 0; i < g->nbuffers; i++) g->buffers[i].offset = blocks[i].offset;
    free(blocks);
    return rc;
}

static struct plan_view view_of(const struct planner *p, int value) {
    const struct plan_buffer *b = &p->g->buffers[p->v[value].buffer];
    const struct net_storage *stored = &p->net->nodes[value].stored;
    struct plan_view v = {.type = b->type,
                          .scale = stored->scale,
                          .zero = stored->zero,
                          .h = b->h,
                          .w = b->w,
                          .c = p->net->nodes[value].channels,
                          .top = b->top,
                          .left = b->left,
                          .bottom = b->bottom,
                          .right = b->right};
    v.px = b->px;
    v.row = (ptrdiff_t)(b->w + b->left + b->right) * v.px;
    v.image = (ptrdiff_t)(b->h + b->top + b->bottom) * v.row;
    v.offset =
        b->offset + ((size_t)(b->top * v.row + b->left * v.px) + (size_t)p->v[value].channel) *
                        kern_type_size(b->type);
    return v;
}

static uint64_t count_macs(const struct planner *p, const struct plan_step *s) {
    const struct net_node *n = &p->net->nodes[s->node];
    if (s->kind != PLAN_CONV) return 0;
    uint64_t pixels = (uint64_t)p->g->batch * (uint64_t)s->out.h * (uint64_t)s->out.w;
    uint64_t macs = (uint64_t)fold_outputs(p->net, n) * (uint64_t)fold_group_inputs(p->net, n) *
                    (uint64_t)(n->window.kh * n->window.kw);
    if (s->before.node >= 0) {
        const struct net_window *w = &p->net->nodes[s->before.node].window;
        macs += (uint64_t)s->before.out.c * (uint64_t)(w->kh * w->kw);
    }
    return pixels * macs;
}

/* What a depthwise convolution in front hands over. */
static void fill_before(struct planner *p, struct plan_step *s) {
    struct plan_before *b = &s->before;
    const struct net_node *n = &p->net->nodes[b->value];
    const struct value *v = &p->v[b->value];
    const struct net_window *w = &p->net->nodes[b->node].window;
    b->out = (struct plan_view){.type = n->stored.type,
                                .scale = n->stored.scale,
                                .zero = n->stored.zero,
                                .h = v->h,
                                .w = v->w,
                                .c = n->channels,
                                .px = n->channels,
                                .row = (ptrdiff_t)v->w * n->channels};
    b->pad_top = pad_before(w, w->kh, s->in.h, v->h);
    b->pad_left = pad_before(w, w->kw, s->in.w, v->w);
}

static void fill_views(struct planner *p) {
    struct plan_graph *g = p->g;
    for (int i = 0; i < g->nsteps; i++) {
        struct plan_step *s = &g->steps[i];
        const struct net_node *n = &p->net->nodes[s->node];
        s->in = view_of(p, s->in_value);
        s->out = view_of(p, s->out_value);
        if (s->has_res) s->res = view_of(p, s->res_value);
        if (s->kind == PLAN_CONV) s->out.c = fold_outputs(p->net, &p->net->nodes[s->out_value]);
        if (s->before.node >= 0) fill_before(p, s);
        if ((s->kind == PLAN_CONV && s->before.node < 0) ||
            (s->kind == PLAN_POOL && !n->window.global)) {
            s->pad_top = pad_before(&n->window, n->window.kh, s->in.h, s->out.h);
            s->pad_left = pad_before(&n->window, n->window.kw, s->in.w, s->out.w);
        }
        s->macs = count_macs(p, s);
        g->macs += s->macs;
    }
    for (int i = 0; i < p->net->count; i++)
        if (p->net->nodes[i].op == NET_INPUT) g->input = view_of(p, i);
    for (int i = 0; i < p->net->noutputs; i++) g->outputs[i] = view_of(p, p->net->outputs[i].value);
}

/* A calibration of another version of the network would leave bytes without a meaning. */
static int check_scales(const struct planner *p) {
    int rc = MIEN_OK;
    for (int i = 0; i < p->net->count && !rc; i++)
        if (p->v[i].buffer >= 0 || p->v[i].inside) rc = precision_check(p->net, i);
    return rc;
}

static int make_buffers(struct planner *p) {
    const struct net *net = p->net;
    for (int i = 0; i < net->count; i++) p->v[i].buffer = -1;
    int rc = place_concats(p);
    if (rc) return rc;
    for (int i = 0; i < net->count; i++)
        if (p->v[i].buffer < 0 && (p->v[i].step >= 0 || net->nodes[i].op == NET_INPUT))
            new_buffer(p, i);
    for (int i = 0; i < p->g->nsteps; i++)
        if (p->g->steps[i].kind == PLAN_CONV) need_halo(p, &p->g->steps[i]);
    find_lifetimes(p);
    rc = check_scales(p);
    return rc ? rc : place_buffers(p);
}

/* -------------------------------------------------------------------- plan */

static int make(struct planner *p) {
    int rc = infer(p->net, p->g->width, p->g->height, p->v);
    if (!rc) rc = make_steps(p);
    if (!rc) rc = make_buffers(p);
    if (!rc) fill_views(p);
    return rc;
}

int plan_make(const struct net *net, const struct plan_rules *rules, int batch, int width,
              int height, struct plan_graph **out) {
    *out = NULL;
    if (batch < 1 || batch > 4096)
        return err_set(MIEN_EINVAL, "a batch of %d; 1 to 4096 are possible", batch);
    struct planner p = {.net = net};
    if (rules) p.rules = *rules;
    size_t n = (size_t)net->count;
    struct plan_graph *g = calloc(1, sizeof *g);
    p.g = g;
    p.v = calloc(n, sizeof *p.v);
    if (g) {
        g->net = net;
        g->batch = batch;
        g->width = width;
        g->height = height;
        g->steps = calloc(n, sizeof *g->steps);
        g->buffers = calloc(n, sizeof *g->buffers);
        g->outputs = calloc((size_t)net->noutputs, sizeof *g->outputs);
    }
    int rc = !g || !p.v || !g->steps || !g->buffers || !g->outputs
                 ? err_set(MIEN_ENOMEM, "out of memory")
                 : make(&p);
    free(p.v);
    if (rc) {
        plan_free(g);
        return rc;
    }
    *out = g;
    return MIEN_OK;
}

void plan_free(struct plan_graph *g) {
    if (!g) return;
    free(g->steps);
    free(g->buffers);
    free(g->outputs);
    free(g);
}

int plan_output_shape(const struct net *net, int i, int width, int height, int *h, int *w, int *c) {
    struct value *v = calloc((size_t)net->count, sizeof *v);
    if (!v) return err_set(MIEN_ENOMEM, "out of memory");
    int rc = infer(net, width, height, v);
    int value = net->outputs[i].value;
    *h = v[value].h;
    *w = v[value].w;
    *c = net->nodes[value].channels;
    free(v);
    return rc;
}

int plan_pixels(const struct net *net, int *pixels) {
    struct value *v = calloc((size_t)net->count, sizeof *v);
    if (!v) return err_set(MIEN_ENOMEM, "out of memory");
    int rc = infer(net, net->input_width, net->input_height, v);
    for (int i = 0; i < net->count; i++) pixels[i] = v[i].h * v[i].w;
    free(v);
    return rc;
}
