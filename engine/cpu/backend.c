#include "engine/backend.h"

#include "engine/clock.h"
#include "engine/cpu/load.h"
#include "engine/cpu/steps.h"
#include "engine/err.h"
#include "engine/pages.h"
#include "engine/pool.h"
#include "kernels/number.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct backend {
    struct kern kern;
    struct pool *pool;
    struct pages_pool pages;
    int use_cache;
    char text[160];
};

/* What one run needs to itself: tensors and scratch. Kept for the next run. */
struct workspace {
    char *arena;
    float *scratch;
    size_t arena_bytes, scratch_bytes; /* that there are */
    struct workspace *next;
};

struct backend_plan {
    struct backend *backend;
    const struct plan_graph *graph;
    struct cpu_step *steps;
    int cut;        /* how many of them cpu_cut() has seen */
    size_t scratch; /* floats a worker */
    size_t slack;   /* bytes behind the arena that may be read */
    pthread_mutex_t lock;
    struct workspace *idle;
};

static void cpu_supports(const struct backend *b, struct precision_support *out) {
    *out = (struct precision_support){.bf16 = kern_igemm_for(&b->kern, KERN_BF16, 1) != NULL,
                                      .u8 = kern_igemm_for(&b->kern, KERN_U8, 1) != NULL};
}

/* "cpu avx512, 2 threads, int8"; and what is computed in fp32 because it is faster here. */
static void describe(struct backend *b, enum mien_precision precision, int threads) {
    struct precision_support has;
    int blas = strcmp(b->kern.name, "blas") == 0;
    const char *type = "";
    cpu_supports(b, &has);
    if (precision == MIEN_BF16) type = has.bf16 ? ", bf16" : ", fp32 (faster here than bf16)";
    if (precision == MIEN_INT8) type = has.u8 ? ", int8" : ", fp32 (faster here than int8)";
    snprintf(b->text, sizeof b->text, "cpu %s%s%s%s, %d thread%s%s", b->kern.name, blas ? " (" : "",
             blas ? kern_blas_name() : "", blas ? ")" : "", threads, threads > 1 ? "s" : "", type);
}

static int cpu_open(const struct backend_options *opt, struct backend **out) {
    *out = NULL;
    if (opt->precision == MIEN_FP16)
        return err_set(MIEN_EUNSUPPORTED, "the CPU computes in fp32, bf16 or int8, not in fp16");
    const char *cap = opt->kernels ? opt->kernels : getenv("MIEN_CPU");
    struct backend *b = calloc(1, sizeof *b);
    if (!b) return err_set(MIEN_ENOMEM, "out of memory");
    if (kern_init(&b->kern, cap) != 0) {
        char names[160];
        kern_names(names, sizeof names);
        free(b);
        return err_set(MIEN_EINVAL, "no kernels called '%s'; this build has %s", cap, names);
    }
    int threads = opt->threads ? opt->threads : pool_cores();
    int rc = pool_open(threads, &b->pool);
    if (rc) {
        free(b);
        return rc;
    }
    pages_pool_init(&b->pages, opt->spare);
    b->use_cache = opt->use_cache;
    describe(b, opt->precision, threads);
    *out = b;
    return MIEN_OK;
}

static int cpu_load(struct backend *b, const struct net *net, struct backend_weights **out) {
    return cpu_load_weights(&b->kern, b->pool, net, b->use_cache, out);
}

static size_t arena_bytes(const struct backend_plan *p) {
    return p->graph->arena_bytes + p->slack + 64;
}

static size_t scratch_bytes(const struct backend_plan *p) {
    return p->scratch * sizeof(float) * (size_t)pool_threads(p->backend->pool) + 64;
}

static void free_workspace(const struct backend_plan *p, struct workspace *s) {
    pages_pool_free(&p->backend->pages, s->arena, s->arena_bytes);
    pages_pool_free(&p->backend->pages, s->scratch, s->scratch_bytes);
    free(s);
}

static struct workspace *new_workspace(const struct backend_plan *p) {
    struct workspace *s = calloc(1, sizeof *s);
    struct pages_pool *pages = &p->backend->pages;
    if (s) s->arena = pages_pool_alloc(pages, arena_bytes(p), &s->arena_bytes);
    if (s) s->scratch = pages_pool_alloc(pages, scratch_bytes(p), &s->scratch_bytes);
    if (s && s->arena && s->scratch) return s;
    if (s) free_workspace(p, s);
    err_set(MIEN_ENOMEM, "out of memory for a plan of %zu bytes", p->graph->arena_bytes);
    return NULL;
}

static void free_plan(struct backend_plan *p) {
    if (!p) return;
    while (p->idle) {
        struct workspace *next = p->idle->next;
        free_workspace(p, p->idle);
        p->idle = next;
    }
    pthread_mutex_destroy(&p->lock);
    for (int i = 0; i < p->cut; i++) cpu_uncut(&p->steps[i]);
    free(p->steps);
    free(p);
}

/* The packed slopes of a fused PReLU, which are its own node's. */
static const float *slope_of(const struct backend_weights *w, const struct net *net,
                             const struct blob_tensor *slope) {
    int node = net_slope_node(net, slope);
    return node < 0 ? NULL : w->layers[node].slope;
}

static int cpu_plan(struct backend *b, const struct backend_weights *w, const struct plan_graph *g,
                    struct backend_plan **out) {
    *out = NULL;
    struct backend_plan *p = calloc(1, sizeof *p);
    if (!p || !(p->steps = calloc((size_t)g->nsteps + 1, sizeof *p->steps))) {
        free(p);
        return err_set(MIEN_ENOMEM, "out of memory");
    }
    p->backend = b;
    p->graph = g;
    pthread_mutex_init(&p->lock, NULL);
    for (int i = 0; i < g->nsteps; i++) {
        struct cpu_step *s = &p->steps[i];
        s->plan = g->steps[i];
        s->layer = &w->layers[s->plan.node];
        s->inverse = w->layers[s->plan.out_value].inverse;
        if (s->plan.kind == PLAN_POOL) s->window = g->net->nodes[s->plan.node].window;
        s->slope = slope_of(w, g->net, s->plan.slope);
        if (s->plan.fused.node >= 0) {
            s->fused.layer = &w->layers[s->plan.fused.node];
            s->fused.slope = slope_of(w, g->net, s->plan.fused.slope);
            s->fused.inverse = w->layers[s->plan.fused.value].inverse;
        }
        p->cut = i + 1;
        if (cpu_cut(s, &g->net->nodes[s->plan.node], g->batch)) {
            free_plan(p);
            return MIEN_ENOMEM;
        }
        size_t aligned = round_up_size(s->scratch, 16);
        if (aligned > p->scratch) p->scratch = aligned;
        if (s->slack > p->slack) p->slack = s->slack;
    }
    p->idle = new_workspace(p); /* the first run allocates nothing */
    if (!p->idle) {
        free_plan(p);
        return MIEN_ENOMEM;
    }
    *out = p;
    return MIEN_OK;
}

static struct workspace *acquire_workspace(struct backend_plan *p) {
    pthread_mutex_lock(&p->lock);
    struct workspace *s = p->idle;
    if (s) p->idle = s->next;
    pthread_mutex_unlock(&p->lock);
    return s ? s : new_workspace(p);
}

static void release_workspace(struct backend_plan *p, struct workspace *s) {
    pthread_mutex_lock(&p->lock);
    s->next = p->idle;
    p->idle = s;
    pthread_mutex_unlock(&p->lock);
}

struct region {
    const struct backend_plan *plan;
    const struct cpu_step *step;
    struct workspace *workspace;
    const struct backend_input *input;
};

static void step_task(void *context, int task, int worker) {
    const struct region *r = context;
    const struct cpu_task t = {
        .kern = &r->plan->backend->kern,
        .step = r->step,
        .arena = r->workspace->arena,
        .scratch = r->workspace->scratch + (size_t)worker * r->plan->scratch,
        .range = cpu_task_range(r->step, task),
    };
    cpu_run_task(&t);
}

enum { INPUT_ROWS = 16 }; /* a task */

static int input_tasks(const struct plan_graph *g) {
    return g->batch * ceil_div(g->input.h, INPUT_ROWS);
}

/* The border colour around row y of the picture, or in all of a row above or below it. */
static void input_border(const struct region *r, int image, int y) {
    const struct kern *k = &r->plan->backend->kern;
    const struct plan_view *v = &r->plan->graph->input;
    const struct kern_epi store = {.dst_type = v->type};
    int inside = y >= 0 && y < v->h;
    for (int x = -v->left; x < v->w + v->right; x++) {
        if (inside && x == 0) x = v->w;
        if (x < v->w + v->right)
            k->epilogue(1, v->c, r->plan->graph->net->input_border, 0, &store, NULL, 0, 0,
                        cpu_pixel(r->workspace->arena, v, image, y, x), 0);
    }
}

/* Some rows of an image of the input, with the border around them. Its pixels lie side by side: in
 * a row there are no gaps. */
static void input_task(void *context, int task, int worker) {
    const struct region *r = context;
    const struct plan_view *v = &r->plan->graph->input;
    int bands = ceil_div(v->h, INPUT_ROWS), image = task / bands;
    int y0 = task % bands * INPUT_ROWS, y1 = y0 + INPUT_ROWS < v->h ? y0 + INPUT_ROWS : v->h;
    struct cpu_range range = {.image = image, .y0 = y0, .y1 = y1, .c1 = v->c};
    cpu_zero_halo(v, r->workspace->arena, &range);
    r->input->rows(r->input->context,
                   &(struct backend_rows){.kern = &r->plan->backend->kern,
                                          .image = image,
                                          .y0 = y0,
                                          .y1 = y1,
                                          .worker = worker,
                                          .type = v->type,
                                          .dst = cpu_pixel(r->workspace->arena, v, image, y0, 0),
                                          .row = v->row});
    if (!r->plan->graph->net->input_border) return;
    for (int y = y0 == 0 ? -v->top : y0; y < (y1 == v->h ? v->h + v->bottom : y1); y++)
        input_border(r, image, y);
}

/* A row of floats. A loop, because pixels of a few channels are too small for memcpy. */
static void copy_row(const struct plan_view *v, const float *pixel, float *dst) {
    for (int x = 0; x < v->w; x++, pixel += v->px, dst += v->c)
        for (int c = 0; c < v->c; c++) dst[c] = pixel[c];
}

/* The network's outputs are floats, what others want of its values is as it is stored. */
static void copy_output(const struct kern *k, const struct plan_view *v, char *arena, int batch,
                        float *dst) {
    for (int b = 0; b < batch; b++)
        for (int y = 0; y < v->h; y++, dst += (ptrdiff_t)v->w * v->c) {
            const void *row = cpu_pixel(arena, v, b, y, 0);
            if (v->type == KERN_F32)
                copy_row(v, row, dst);
            else
                k->widen(v->w, v->c, v->type, v->scale, v->zero, row, v->px, dst);
        }
}

/* Shows the observer what the step has just stored. */
static void show(const struct backend_observer *o, const struct cpu_step *s, char *arena,
                 int batch) {
    const struct plan_view *v = &s->plan.out;
    for (int b = 0; b < batch; b++)
        for (int y = 0; y < v->h; y++)
            o->row(o->context, s->plan.out_value, v->w, v->c, cpu_pixel(arena, v, b, y, 0), v->px);
}

static int cpu_run(struct backend_plan *p, struct backend_input *input, float *const *outputs,
                   const struct backend_observer *observer) {
    const struct plan_graph *g = p->graph;
    struct workspace *workspace = acquire_workspace(p);
    if (!workspace) return MIEN_ENOMEM;
    struct region r = {.plan = p, .workspace = workspace, .input = input};
    int session = pool_begin(p->backend->pool);
    double begin = clock_now();
    pool_run(p->backend->pool, input_tasks(g), input_task, &r);
    input->seconds = clock_now() - begin;
    for (int i = 0; i < g->nsteps; i++) {
        r.step = &p->steps[i];
        pool_run(p->backend->pool, r.step->tasks, step_task, &r);
        if (observer) show(observer, r.step, workspace->arena, g->batch);
    }
    if (session) pool_end(p->backend->pool);
    for (int i = 0; i < g->noutputs; i++)
        if (outputs[i])
            copy_output(&p->backend->kern, &g->outputs[i], workspace->arena, g->batch, outputs[i]);
    release_workspace(p, workspace);
    return MIEN_OK;
}

/* A core a network: no step ends with a wait for other cores, and what a core wrote it reads again.
 * Within an item cpu_run finds the pool taken, and runs in the item's thread. */
static int cpu_lanes(const struct backend *b) {
    return pool_threads(b->pool);
}

static int cpu_reserve(struct backend_plan *p, int count) {
    int rc = MIEN_OK, threads = pool_threads(p->backend->pool);
    struct workspace *held = NULL;
    for (int i = 0; i < threads && i < count; i++) {
        struct workspace *s = acquire_workspace(p);
        if (!s) {
            rc = MIEN_ENOMEM;
            break;
        }
        s->next = held;
        held = s;
    }
    while (held) {
        struct workspace *next = held->next;
        release_workspace(p, held);
        held = next;
    }
    return rc;
}

static void cpu_each(struct backend *b, int count, backend_item *fn, void *context) {
    pool_run(b->pool, count, fn, context);
}

static int cpu_wait(struct backend_plan *p) {
    (void)p;
    return MIEN_OK;
}

static void cpu_close(struct backend *b, struct backend_weights *w, struct backend_plan *p) {
    free_plan(p);
    cpu_free_weights(w);
    if (b) pages_pool_destroy(&b->pages);
    if (b) pool_close(b->pool);
    free(b);
}

static const char *cpu_describe(const struct backend *b) {
    return b->text;
}

static void cpu_sizes(const struct backend_weights *w, const struct backend_plan *p,
                      struct backend_sizes *out) {
    out->weight_bytes = w ? w->bytes : 0;
    out->arena_bytes = p ? p->graph->arena_bytes : 0;
    out->scratch_bytes =
        p ? p->scratch * sizeof(float) * (size_t)pool_threads(p->backend->pool) : 0;
    out->run_bytes = p ? arena_bytes(p) + scratch_bytes(p) : 0;
}

static const char *cpu_algorithm_name(const struct backend_plan *p, int step) {
    const struct cpu_step *s = &p->steps[step];
    if (s->plan.kind != PLAN_CONV) return "direct";
    switch (s->layer->algorithm) {
    case CPU_IGEMM:
        return s->layer->igemm->split        ? "igemm bf16x3"
               : s->layer->type == KERN_U8   ? "igemm int8"
               : s->layer->type == KERN_BF16 ? "igemm bf16"
                                             : "igemm";
    case CPU_WINOGRAD: return "winograd";
    case CPU_GEMM: return "gemm";
    case CPU_IM2COL: return "im2col+gemm";
    case CPU_DEPTHWISE: return "depthwise";
    case CPU_GROUPED: return "grouped";
    case CPU_GEMV: return "gemv";
    default: return "none";
    }
}

const struct backend_ops cpu_backend = {
    .name = "cpu",
    .batch = 8,
    .open = cpu_open,
    .supports = cpu_supports,
    .load = cpu_load,
    .plan = cpu_plan,
    .run = cpu_run,
    .wait = cpu_wait,
    .lanes = cpu_lanes,
    .reserve = cpu_reserve,
    .each = cpu_each,
    .close = cpu_close,
    .kernels = kern_table_name,
    .describe = cpu_describe,
    .sizes = cpu_sizes,
    .algorithm = cpu_algorithm_name,
};
