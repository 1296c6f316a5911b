#include "engine/cpu/gather.h"

#include <string.h>

/* Channels of output pixel y, x, each from where the rule says; those of a block differ. */
static const int32_t *channels_of(const struct cpu_gather *g, int y, int x, int c) {
    int phase = places_phase(&g->rows, y) * g->columns.block + places_phase(&g->columns, x);
    return g->channels + (ptrdiff_t)phase * c;
}

static void copy_pixel(const struct cpu_task *t, const int32_t *channels, enum kern_type type,
                       const char *src, char *dst) {
    const struct cpu_gather *g = &t->step->gather;
    size_t size = kern_type_size(type);
    int c = t->step->plan.out.c;
    if (g->run)
        memcpy(dst, src + (size_t)channels[0] * size, (size_t)c * size);
    else
        t->kern->gather(type, c, channels, src, dst);
}

/* Values as they are stored. */
static void copy_row(const struct cpu_task *t, int y) {
    const struct plan_view *in = &t->step->plan.in, *out = &t->step->plan.out;
    const struct cpu_gather *g = &t->step->gather;
    int row = places_at(&g->rows, y), zero = out->type == KERN_U8 ? out->zero : 0;
    for (int x = 0; x < out->w; x++) {
        int column = row < 0 ? -1 : places_at(&g->columns, x);
        char *dst = cpu_pixel(t->arena, out, t->range.image, y, x);
        if (column < 0)
            memset(dst, zero, (size_t)out->c * kern_type_size(out->type));
        else
            copy_pixel(t, channels_of(g, y, x, out->c), out->type,
                       cpu_pixel(t->arena, in, t->range.image, row, column), dst);
    }
}

/* Between the two rows and the two columns around each pixel. */
static void blend_row(const struct cpu_task *t, int y, float *dst, ptrdiff_t dst_px) {
    const struct plan_step *p = &t->step->plan;
    const struct cpu_gather *g = &t->step->gather;
    float down, right;
    int below, beside, top = places_between(&g->rows, y, &below, &down);
    struct cpu_rows rows = cpu_input_rows(t, top, below + 1);
    for (int x = 0; x < p->out.w; x++, dst += dst_px) {
        int left = places_between(&g->columns, x, &beside, &right);
        const float *corners[4] = {cpu_rows_at(&rows, top, left), cpu_rows_at(&rows, top, beside),
                                   cpu_rows_at(&rows, below, left),
                                   cpu_rows_at(&rows, below, beside)};
        const float shares[4] = {(1 - down) * (1 - right), (1 - down) * right, down * (1 - right),
                                 down * right};
        t->kern->blend_f32(p->out.c, corners, shares, dst);
    }
}

/* Values whose scale changes on their way. */
static void widened_row(const struct cpu_task *t, int y, float *dst, ptrdiff_t dst_px) {
    const struct plan_view *out = &t->step->plan.out;
    const struct cpu_gather *g = &t->step->gather;
    int row = places_at(&g->rows, y);
    struct cpu_rows rows = cpu_input_rows(t, row, row + 1);
    for (int x = 0; x < out->w; x++, dst += dst_px) {
        int column = row < 0 ? -1 : places_at(&g->columns, x);
        if (column < 0)
            memset(dst, 0, sizeof(float) * (size_t)out->c);
        else
            copy_pixel(t, channels_of(g, y, x, out->c), KERN_F32, cpu_rows_at(&rows, row, column),
                       (char *)dst);
    }
}

void cpu_gather_row(const struct cpu_task *t, int y) {
    const struct plan_view *out = &t->step->plan.out;
    if (t->step->gather.raw) {
        copy_row(t, y);
        return;
    }
    int floats = out->type == KERN_F32;
    float *row =
        floats ? cpu_pixel(t->arena, out, t->range.image, y, 0) : t->scratch + t->step->widened;
    ptrdiff_t px = floats ? out->px : out->c;
    if (t->step->gather.rows.kind == PLACES_LINEAR)
        blend_row(t, y, row, px);
    else
        widened_row(t, y, row, px);
    if (!floats) cpu_store_row(t, y, row, px);
}
