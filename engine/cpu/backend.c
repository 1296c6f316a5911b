#include "engine/backend.h"

#include "engine/clock.h"
#include "engine/cpu/load.h"
#include "engine/cpu/steps.h"
#include "engine/err.h"
#include "engine/pages.h"
#include "engine/pool.h"
#include "kernels/number.h"

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

/* What one run needs to itself: tensors, and scratch behind them. All plans share what there is. */
struct workspace {
    struct pages_piece piece;
    char *arena;
    float *scratch;
};

struct backend_plan {
    struct backend *backend;
    const struct plan_graph *graph;
    struct cpu_step *steps;
    int cut;        /* how many of them cpu_cut() has seen */
    size_t scratch; /* floats a worker */
    size_t slack;   /* bytes behind the arena that may be read */
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
    pages_pool_init(&b->pages);
    b->use_cache = opt->use_cache;
    describe(b, opt->precision, threads);
    *out = b;
    return MIEN_OK;
}

static int cpu_load(struct backend *b, const struct net *net, struct backend_weights **out) {
    return cpu_load_weights(&b->kern, b->pool, net, b->use_cache, out);
}

/* Bytes from the arena's start to the scratch. */
static size_t arena_bytes(const struct backend_plan *p) {
    return round_up_size(p->graph->arena_bytes + p->slack + 64, PAGES_ALIGN);
}

static size_t run_bytes(const struct backend_plan *p) {
    return arena_bytes(p) + p->scratch * sizeof(float) * (size_t)pool_threads(p->backend->pool) +
           64;
}

static int acquire_workspace(const struct backend_plan *p, struct workspace *w) {
    pages_pool_alloc(&p->backend->pages, run_bytes(p), &w->piece);
    if (!w->piece.p)
        return err_set(MIEN_ENOMEM, "out of memory for a plan of %zu bytes", p->graph->arena_bytes);
    w->arena = w->piece.p;
    w->scratch = (float *)(void *)(w->arena + arena_bytes(p));
    return MIEN_OK;
}

static void release_workspace(const struct backend_plan *p, struct workspace *w) {
    pages_pool_free(&p->backend->pages, &w->piece);
}

static size_t cpu_spare(struct backend *b, size_t keep, size_t most) {
    return pages_pool_keep(&b->pages, keep, most);
}

static void free_plan(struct backend_plan *p) {
    if (!p) return;
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
    *out = p;
    return MIEN_OK;
}

struct region {
    const struct backend_plan *plan;
    const struct cpu_step *step;
    struct workspace *workspace;
    struct backend_input *input;
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

/* What a run is asked to stop for may run other plans: they have the session's workers, too. */
static int is_stopped(const struct backend_input *input) {
    return input->stop && input->stop(input->stop_context);
}

static int run_steps(struct region *r, const struct backend_observer *observer) {
    const struct backend_plan *p = r->plan;
    double begin = clock_now();
    pool_run(p->backend->pool, input_tasks(p->graph), input_task, r);
    r->input->seconds = clock_now() - begin;
    for (int i = 0; i < p->graph->nsteps; i++) {
        if (is_stopped(r->input)) return err_set(MIEN_ETOOBIG, "given up while a network ran");
        r->step = &p->steps[i];
        pool_run(p->backend->pool, r->step->tasks, step_task, r);
        if (observer) show(observer, r->step, r->workspace->arena, p->graph->batch);
    }
    return MIEN_OK;
}

static int cpu_run(struct backend_plan *p, struct backend_input *input, float *const *outputs,
                   const struct backend_observer *observer) {
    const struct plan_graph *g = p->graph;
    struct workspace workspace;
    struct region r = {.plan = p, .workspace = &workspace, .input = input};
    int rc = acquire_workspace(p, &workspace);
    if (rc) return rc;
    int session = pool_begin(p->backend->pool);
    rc = run_steps(&r, observer);
    if (session) pool_end(p->backend->pool);
    for (int i = 0; i < g->noutputs && !rc; i++)
        if (outputs[i])
            copy_output(&p->backend->kern, &g->outputs[i], workspace.arena, g->batch, outputs[i]);
    release_workspace(p, &workspace);
    return rc;
}

/* A core a network: no step ends with a wait for other cores, and what a core wrote it reads again.
 * Within an item cpu_run finds the pool taken, and runs in the item's thread. */
static int cpu_lanes(const struct backend *b) {
    return pool_threads(b->pool);
}

/* Which lane takes which item is chance; when memory is taken is not. */
static int cpu_reserve(struct backend_plan *p, int count) {
    int rc = MIEN_OK, n = 0, lanes = pool_threads(p->backend->pool);
    struct workspace held[POOL_MOST_THREADS];
    for (; n < lanes && n < count && !rc; n += !rc) rc = acquire_workspace(p, &held[n]);
    while (n > 0) release_workspace(p, &held[--n]);
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
    out->run_bytes = p ? run_bytes(p) : 0;
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
    .spare = cpu_spare,
    .lanes = cpu_lanes,
    .reserve = cpu_reserve,
    .each = cpu_each,
    .close = cpu_close,
    .kernels = kern_table_name,
    .describe = cpu_describe,
    .sizes = cpu_sizes,
    .algorithm = cpu_algorithm_name,
};
