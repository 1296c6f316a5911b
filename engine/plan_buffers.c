/* Which values are stored, with which halo, and where in the arena. */
#include "engine/err.h"
#include "engine/fold.h"
#include "engine/memory.h"
#include "engine/planner.h"
#include "engine/precision.h"
#include "kernels/number.h"
#include "mien.h"

#include <stdlib.h>
#include <string.h>

static const uint64_t MAX_ARENA = (uint64_t)64 << 30;

/* The node of a step that reads its input. */
static int first_node(const struct plan_step *s) {
    return s->fused.node >= 0 ? s->fused.node : s->node;
}

/* The halo a convolution's input must carry. */
static void need_halo(struct planner *p, const struct plan_step *s) {
    const struct net_node *n = &p->net->nodes[first_node(s)];
    struct planner_value *x = &p->v[s->in_value];
    const struct planner_value *y = &p->v[first_node(s)];
    int top = planner_pad(&n->window, NET_TOP, n->window.kh, x->h, y->h);
    int left = planner_pad(&n->window, NET_LEFT, n->window.kw, x->w, y->w);
    x->top = max_int(x->top, top);
    x->left = max_int(x->left, left);
    int rows = (y->h - 1) * n->window.stride + net_reach(&n->window, n->window.kh);
    int columns = (y->w - 1) * n->window.stride + net_reach(&n->window, n->window.kw);
    x->bottom = max_int(x->bottom, rows - top - x->h);
    x->right = max_int(x->right, columns - left - x->w);
}

/* Elements from pixel to pixel for c channels. */
static int pixel_pitch(const struct plan_rules *rules, int c, enum kern_type type) {
    size_t bytes = (size_t)c * kern_type_size(type), align = 1;
    while (align < bytes && align < (size_t)rules->pixel_align) align *= 2;
    return (int)(round_up_size(bytes, align) / kern_type_size(type));
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

/* A slice lies where what it is a slice of does. */
static int place_slice(struct planner *p, int i) {
    const struct net_node *n = &p->net->nodes[i];
    const struct planner_value *x = &p->v[n->in[0]];
    if (p->v[i].buffer >= 0 || x->buffer < 0)
        return err_set(MIEN_EUNSUPPORTED, "%s: %s has a place of its own", blob_label(p->net->blob),
                       n->name);
    p->v[i].buffer = x->buffer;
    p->v[i].channel = x->channel + n->gather.channels.from;
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
        if (g->steps[i].res_value >= 0) touch(p, g->steps[i].res_value, i);
        if (g->steps[i].producer >= 0) touch(p, g->steps[g->steps[i].producer].in_value, i);
    }
    for (int i = 0; i < g->noutputs; i++) touch(p, g->output_values[i], g->nsteps);
}

static int place_buffers(struct planner *p) {
    struct plan_graph *g = p->g;
    for (int i = 0; i < p->net->count;
         i++) { /* a buffer's halo serves the readers of every slice */
        const struct planner_value *v = &p->v[i];
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

/* A calibration of another version of the network would leave bytes without a meaning. */
static int check_scales(const struct planner *p) {
    int rc = MIEN_OK;
    for (int i = 0; i < p->net->count && !rc; i++)
        if (p->v[i].buffer >= 0 || p->v[i].fused) rc = precision_check(p->net, i);
    return rc;
}

int planner_buffers(struct planner *p) {
    const struct net *net = p->net;
    for (int i = 0; i < net->count; i++) p->v[i].buffer = -1;
    int rc = place_concats(p);
    if (rc) return rc;
    for (int i = 0; i < net->count && !rc; i++) {
        if (net->nodes[i].op == NET_SLICE && p->v[i].uses > 0)
            rc = place_slice(p, i);
        else if (p->v[i].buffer < 0 && (p->v[i].step >= 0 || net->nodes[i].op == NET_INPUT))
            new_buffer(p, i);
    }
    if (rc) return rc;
    for (int i = 0; i < p->g->nsteps; i++)
        if (p->g->steps[i].kind == PLAN_CONV || p->g->steps[i].fused.node >= 0)
            need_halo(p, &p->g->steps[i]);
    find_lifetimes(p);
    rc = check_scales(p);
    return rc ? rc : place_buffers(p);
}
