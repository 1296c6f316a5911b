#include "engine/cpu/steps.h"

#include "engine/cpu/conv.h"
#include "engine/cpu/gather.h"
#include "engine/cpu/matmul.h"
#include "engine/cpu/norm.h"
#include "kernels/number.h"

#include <string.h>

static void pointwise_row(const struct cpu_task *t, int y) {
    const struct plan_step *p = &t->step->plan;
    struct cpu_rows rows = cpu_input_rows(t, y, y + 1);
    const float *src = cpu_rows_at(&rows, y, 0);
    ptrdiff_t src_px = rows.px;
    if (p->kind == PLAN_AFFINE) {
        int floats = p->out.type == KERN_F32;
        float *dst = floats ? cpu_pixel(t->arena, &p->out, t->range.image, y, 0)
                            : t->scratch + t->step->widened;
        ptrdiff_t dst_px = floats ? p->out.px : p->out.c;
        t->kern->affine_f32(p->out.w, p->out.c, src, src_px, t->step->layer->scale,
                            t->step->layer->shift, dst, dst_px);
        if (floats && p->act == KERN_ACT_NONE && !p->has_res) return;
        src = dst;
        src_px = dst_px;
    }
    cpu_store_row(t, y, src, src_px);
}

static void maxpool(const struct kern *k, enum kern_type type, const struct kern_windows *p,
                    const void *src, void *dst) {
    switch (type) {
    case KERN_F32: k->maxpool_f32(p, src, dst); break;
    case KERN_BF16: k->maxpool_bf16(p, src, dst); break;
    case KERN_U8: k->maxpool_u8(p, src, dst); break;
    case KERN_F16: break; /* GPUs' alone */
    }
}

/* How many windows from column x on lie within the map's columns like the first: 1 where that one
 * is cut. */
static int like_windows(const struct plan_step *p, const struct plan_view *in, int kw, int stride,
                        int x) {
    int left = x * stride - p->pad_left;
    if (left < 0 || left + kw > in->w) return 1;
    return min_int((in->w - left - kw) / stride + 1, p->out.w - x);
}

/* Windows are cut at the map's edges: what lies outside neither wins a maximum nor is summed; an
 * average that counts it divides by the whole window. */
static void pool_row(const struct cpu_task *t, int y) {
    const struct plan_step *p = &t->step->plan;
    const struct net_window *w = &t->step->window;
    const struct plan_view *in = t->step->fused.layer ? &p->fused.out : &p->in;
    int kh = w->global ? in->h : w->kh, kw = w->global ? in->w : w->kw;
    int top = y * w->stride - p->pad_top;
    int y0 = max_int(top, 0), y1 = min_int(top + kh, in->h);
    struct cpu_rows rows =
        t->step->fused.layer ? cpu_fused_rows(t, y0, y1) : cpu_input_rows(t, y0, y1);
    float *averages = p->out.type == KERN_F32 ? NULL : t->scratch + t->step->widened;
    int c = t->range.c1 - t->range.c0;
    for (int x = 0, n; x < p->out.w; x += n) {
        int left = x * w->stride - p->pad_left;
        int x0 = max_int(left, 0), x1 = min_int(left + kw, in->w);
        const void *src = (const char *)cpu_rows_at(&rows, y0, x0) + t->range.c0 * rows.size;
        void *dst = cpu_output(t, y, x);
        n = w->average ? 1 : like_windows(p, in, kw, w->stride, x);
        if (w->average)
            t->kern->avgpool_f32(y1 - y0, x1 - x0, c,
                                 1.0f / (float)(w->count_padding ? kh * kw : (y1 - y0) * (x1 - x0)),
                                 src, rows.row, rows.px, averages ? averages + x * c : dst);
        else
            maxpool(t->kern, in->type,
                    &(struct kern_windows){.w = n,
                                           .kh = y1 - y0,
                                           .kw = x1 - x0,
                                           .c = c,
                                           .row = rows.row,
                                           .px = rows.px,
                                           .next = w->stride * rows.px,
                                           .dst_px = p->out.px},
                    src, dst);
    }
    if (w->average && averages) cpu_store_row(t, y, averages, c);
}

static void upsample_row(const struct cpu_task *t, int y) {
    const struct plan_step *p = &t->step->plan;
    for (int x = 0; x < p->out.w; x++)
        memcpy(cpu_pixel(t->arena, &p->out, t->range.image, y, x),
               cpu_pixel(t->arena, &p->in, t->range.image, y / 2, x / 2),
               kern_type_size(p->out.type) * (size_t)p->out.c);
}

static void softmax_row(const struct cpu_task *t, int y) {
    const struct plan_step *p = &t->step->plan;
    struct cpu_rows rows = cpu_input_rows(t, y, y + 1);
    float *shares = p->out.type == KERN_F32 ? NULL : t->scratch + t->step->widened;
    for (int x = 0; x < p->out.w; x++) {
        float *dst =
            shares ? shares + x * p->out.c : cpu_pixel(t->arena, &p->out, t->range.image, y, x);
        memcpy(dst, cpu_rows_at(&rows, y, x), sizeof(float) * (size_t)p->out.c);
        t->kern->softmax_f32(p->out.c, dst);
    }
    if (shares) cpu_store_row(t, y, shares, p->out.c);
}

static void run_row(const struct cpu_task *t, int y) {
    switch (t->step->plan.kind) {
    case PLAN_AFFINE:
    case PLAN_POINTWISE: pointwise_row(t, y); break;
    case PLAN_POOL: pool_row(t, y); break;
    case PLAN_UPSAMPLE: upsample_row(t, y); break;
    case PLAN_GATHER: cpu_gather_row(t, y); break;
    case PLAN_SOFTMAX: softmax_row(t, y); break;
    case PLAN_NORM:
    case PLAN_MATMUL:
    case PLAN_CONV: break; /* a task at a time */
    }
}

void cpu_run_task(const struct cpu_task *t) {
    struct cpu_range r = t->range;
    if (t->step->plan.kind == PLAN_CONV)
        cpu_conv(t);
    else if (t->step->plan.kind == PLAN_NORM)
        cpu_norm(t);
    else if (t->step->plan.kind == PLAN_MATMUL)
        cpu_matmul(t);
    else
        for (int y = r.y0; y < r.y1; y++) run_row(t, y);
    for (int i = 0; i < r.images; i++, r.image++) cpu_zero_halo(&t->step->plan.out, t->arena, &r);
}
