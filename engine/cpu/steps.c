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

static void maxpool(const struct kern *k, enum kern_type type, int kh, int kw, int c,
                    const void *src, ptrdiff_t row, ptrdiff_t px, void *dst) {
    switch (type) {
    case KERN_F32: k->maxpool_f32(kh, kw, c, src, row, px, dst); break;
    case KERN_BF16: k->maxpool_bf16(kh, kw, c, src, row, px, dst); break;
    case KERN_U8: k->maxpool_u8(kh, kw, c, src, row, px, dst); break;
    case KERN_F16: break; /* GPUs' alone */
    }
}

/* Windows are cut at the map's edges: what lies outside neither wins a maximum nor is summed; an
 * average that counts it divides by the whole window. */
static void pool_row(const struct cpu_task *t, int y) {
    const struct plan_step *p = &t->step->plan;
    const struct net_window *w = &t->step->window;
    int kh = w->global ? p->in.h : w->kh, kw = w->global ? p->in.w : w->kw;
    int top = y * w->stride - p->pad_top;
    int y0 = max_int(top, 0), y1 = min_int(top + kh, p->in.h);
    struct cpu_rows rows = cpu_input_rows(t, y0, y1);
    float *averages = p->out.type == KERN_F32 ? NULL : t->scratch + t->step->widened;
    int c = t->range.c1 - t->range.c0;
    for (int x = 0; x < p->out.w; x++) {
        int left = x * w->stride - p->pad_left;
        int x0 = max_int(left, 0), x1 = min_int(left + kw, p->in.w);
        const void *src = (const char *)cpu_rows_at(&rows, y0, x0) + t->range.c0 * rows.size;
        void *dst = cpu_output(t, y, x);
        if (w->average)
            t->kern->avgpool_f32(y1 - y0, x1 - x0, c,
                                 1.0f / (float)(w->count_padding ? kh * kw : (y1 - y0) * (x1 - x0)),
                                 src, rows.row, rows.px, averages ? averages + x * c : dst);
        else
            maxpool(t->kern, p->in.type, y1 - y0, x1 - x0, c, src, rows.row, rows.px, dst);
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
