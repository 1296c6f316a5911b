#include "engine/cpu/task.h"

#include "kernels/number.h"

#include <string.h>

struct cpu_rows cpu_input_rows(const struct cpu_task *t, int y0, int y1) {
    const struct plan_view *in = &t->step->plan.in;
    int b = t->range.image;
    if (!t->step->widened)
        return (struct cpu_rows){.origin = cpu_pixel(t->arena, in, b, 0, 0),
                                 .row = in->row,
                                 .px = in->px,
                                 .size = (ptrdiff_t)kern_type_size(in->type)};
    y0 = max_int(y0, -in->top);
    y1 = min_int(y1, in->h + in->bottom);
    int full = in->left + in->w + in->right;
    ptrdiff_t row = (ptrdiff_t)full * in->c;
    for (int y = y0; y < y1; y++)
        t->kern->widen(full, in->c, in->type, in->scale, in->zero,
                       cpu_pixel(t->arena, in, b, y, -in->left), in->px,
                       t->scratch + (y - y0) * row);
    return (struct cpu_rows){.origin = (const char *)(t->scratch + in->left * in->c - y0 * row),
                             .row = row,
                             .px = in->c,
                             .size = sizeof(float)};
}

struct kern_epi cpu_epilogue(const struct cpu_step *s, const float *bias, int c0) {
    const struct plan_step *p = &s->plan;
    return (struct kern_epi){
        .act = p->act,
        .alpha = p->alpha,
        .beta = p->beta,
        .bias = bias ? bias + c0 : NULL,
        .slope = s->slope ? s->slope + c0 : NULL,
        .res_after = p->res_after,
        .res_mul = p->res_mul,
        .acc_scale = s->layer->acc_scale ? s->layer->acc_scale + c0 : NULL,
        .res_type = p->res.type,
        .res_scale = p->res.scale ? p->res.scale + c0 : NULL,
        .res_zero = p->res.zero,
        .dst_type = p->out.type,
        .dst_inverse = s->inverse ? s->inverse + c0 : NULL,
        .dst_zero = p->out.zero,
    };
}

const void *cpu_residual(const struct cpu_task *t, int y, int x, int c0) {
    const struct plan_step *p = &t->step->plan;
    if (!p->has_res) return NULL;
    const char *pixel =
        cpu_pixel(t->arena, &p->res, t->range.image, y >> p->res_shift, x >> p->res_shift);
    return pixel + c0 * (ptrdiff_t)kern_type_size(p->res.type);
}

void *cpu_output(const struct cpu_task *t, int y, int x) {
    const struct plan_view *out = &t->step->plan.out;
    char *pixel = cpu_pixel(t->arena, out, t->range.image, y, x);
    return pixel + t->range.c0 * (ptrdiff_t)kern_type_size(out->type);
}

void cpu_store_row(const struct cpu_task *t, int y, const float *src, ptrdiff_t src_px) {
    const struct plan_step *p = &t->step->plan;
    int c0 = t->range.c0;
    struct kern_epi e = cpu_epilogue(t->step, NULL, c0);
    t->kern->epilogue(p->out.w, t->range.c1 - c0, src, src_px, &e, cpu_residual(t, y, 0, c0),
                      p->res.px, p->res_shift, cpu_output(t, y, 0), p->out.px);
}

/* Channels c0..c1-1 of n pixels from p on, of elements of `size` bytes. */
static void fill_pixels(char *p, ptrdiff_t px, size_t size, int n, int c0, int c1, int value) {
    if (c1 - c0 == px) {
        memset(p, value, size * (size_t)n * (size_t)px);
        return;
    }
    for (int x = 0; x < n; x++)
        memset(p + (x * px + c0) * (ptrdiff_t)size, value, size * (size_t)(c1 - c0));
}

void cpu_zero_halo(const struct plan_view *v, char *arena, const struct cpu_range *r) {
    if (!(v->top | v->left | v->bottom | v->right)) return;
    int full = v->left + v->w + v->right, zero = v->type == KERN_U8 ? v->zero : 0;
    int y0 = r->y0 == 0 ? -v->top : r->y0, y1 = r->y1 == v->h ? v->h + v->bottom : r->y1;
    size_t size = kern_type_size(v->type);
    for (int y = y0; y < y1; y++) {
        char *row = cpu_pixel(arena, v, r->image, y, -v->left);
        char *right = cpu_pixel(arena, v, r->image, y, v->w);
        if (y < 0 || y >= v->h) {
            fill_pixels(row, v->px, size, full, r->c0, r->c1, zero);
        } else {
            fill_pixels(row, v->px, size, v->left, r->c0, r->c1, zero);
            fill_pixels(right, v->px, size, v->right, r->c0, r->c1, zero);
        }
    }
}
