#include "cuda/algorithms.h"

#include "cuda/depthwise.h"
#include "cuda/hopper.h"
#include "cuda/mma.h"
#include "cuda/separable.h"
#include "engine/hash.h"

/* Algorithms of both families, the most promising first. Their cycles are not estimates by one
 * model: on Hopper the best two of mma.sync come last. */
static int list_algorithms(const struct cuda_run *run, const struct cuda_conv *c,
                           struct cuda_algorithm out[CUDA_MOST_ALGORITHMS]) {
    struct cuda_algorithm others[CUDA_MOST_ALGORITHMS];
    int count = cuda_hopper_list(&run->machine, c, out);
    if (!count) return cuda_mma_list(&run->machine, c, out);
    int more = cuda_mma_list(&run->machine, c, others);
    if (count > CUDA_MOST_ALGORITHMS - 2) count = CUDA_MOST_ALGORITHMS - 2;
    for (int i = 0; i < more && i < 2; i++) out[count++] = others[i];
    return count;
}

static void sign_view(struct hash *h, const struct cuda_view *v) {
    int64_t shape[] = {v->image,  v->row,   v->px,   v->h,
                       v->w,      v->c,     v->top,  v->left,
                       v->bottom, v->right, v->type, (int64_t)((uintptr_t)v->data % 16)};
    hash_add(h, shape, sizeof shape);
}

static uint64_t sign(const struct cuda_view *in, const struct cuda_epilogue *e,
                     const int64_t *shape, size_t bytes) {
    int64_t rest[] = {e->bias_classes, e->act,       e->has_res, e->res_after,
                      e->res_mul,      e->res_shift, e->batch};
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
    int64_t shape[] = {p->kh, p->kw, p->stride, p->pad_top, p->pad_left, p->groups, p->gap};
    return sign(&p->in, &p->e, shape, sizeof shape);
}

/* on_hopper: its algorithms count, too, which --backend may have ruled out. */
static uint64_t sign_conv(const struct cuda_conv *p, int on_hopper) {
    int64_t shape[] = {p->taps,   p->across,  p->depth,    p->depth_pad, p->k_pad,
                       p->stride, p->pad_top, p->pad_left, p->gap,       on_hopper};
    return sign(&p->in, &p->e, shape, sizeof shape);
}

int cuda_step_algorithms(const struct cuda_run *run, int step,
                         struct cuda_algorithm out[CUDA_MOST_ALGORITHMS], uint64_t *signature) {
    const struct plan_step *s = &run->graph->steps[step];
    *signature = 0;
    if (s->kind != PLAN_CONV) return 0;
    if (run->layers->layers[s->node].groups > 1) {
        struct cuda_gconv g = cuda_describe_gconv(run, s);
        *signature = sign_gconv(&g);
        return cuda_depthwise_list(&run->machine, &g, out);
    }
    struct cuda_conv c = cuda_describe_conv(run, s);
    int count = list_algorithms(run, &c, out);
    *signature = sign_conv(&c, count > 0 && out[0].family == CUDA_WGMMA);
    return count;
}

int cuda_pair_algorithms(const struct cuda_run *run, int step,
                         struct cuda_algorithm out[CUDA_MOST_ALGORITHMS], uint64_t *signature) {
    const struct plan_step *s = &run->graph->steps[step];
    uint64_t parts[2];
    struct hash h;
    *signature = 0;
    if (s->producer < 0) return 0;
    cuda_step_algorithms(run, s->producer, out, &parts[0]);
    cuda_step_algorithms(run, step, out, &parts[1]);
    hash_start(&h);
    hash_add(&h, parts, sizeof parts);
    *signature = hash_end(&h);
    struct cuda_separable p = cuda_describe_separable(run, s);
    return cuda_separable_list(&run->machine, &p, out);
}

/* By the model: is it faster to compute it together with its producer than by `apart`?
 */
static int is_faster_together(const struct cuda_run *run, int step,
                              const struct cuda_algorithm *apart,
                              const struct cuda_algorithm *together) {
    const struct plan_step *s = &run->graph->steps[step];
    struct cuda_gconv producer = cuda_describe_gconv(run, &run->graph->steps[s->producer]);
    return together->cycles < apart->cycles + cuda_depthwise_cycles(&run->machine, &producer);
}

void cuda_choose_algorithms(const struct cuda_run *run, struct cuda_algorithm *out) {
    for (int step = 0; step < run->graph->nsteps; step++) {
        struct cuda_algorithm list[CUDA_MOST_ALGORITHMS];
        uint64_t signature;
        out[step] = (struct cuda_algorithm){.family = CUDA_PLAIN};
        if (cuda_step_algorithms(run, step, list, &signature) == 0) continue;
        out[step] = list[0];
        if (run->vendor || cuda_pair_algorithms(run, step, list, &signature) == 0) continue;
        if (is_faster_together(run, step, &out[step], &list[0])) out[step] = list[0];
    }
}
