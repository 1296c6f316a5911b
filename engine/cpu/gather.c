#include "engine/cpu/gather.h"

#include "kernels/number.h"

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

/* Between the four rows and the four columns around each pixel: along columns, then rows. */
static void cubic_row(const struct cpu_task *t, int y, float *dst, ptrdiff_t dst_px) {
    const struct cpu_gather *g = &t->step->gather;
    int c = t->step->plan.out.c, ys[PLACES_TAPS], xs[PLACES_TAPS];
    float down[PLACES_TAPS], right[PLACES_TAPS], *sums = t->scratch + g->scratch;
    places_cubic(&g->rows, y, ys, down);
    struct cpu_rows rows = cpu_input_rows(t, ys[0], ys[PLACES_TAPS - 1] + 1);
    for (int x = 0; x < t->step->plan.out.w; x++, dst += dst_px) {
        places_cubic(&g->columns, x, xs, right);
        const float *between[PLACES_TAPS];
        for (int i = 0; i < PLACES_TAPS; i++) {
            const float *taps[PLACES_TAPS];
            for (int k = 0; k < PLACES_TAPS; k++) taps[k] = cpu_rows_at(&rows, ys[i], xs[k]);
            t->kern->blend_f32(c, taps, right, sums + (ptrdiff_t)i * c);
            between[i] = sums + (ptrdiff_t)i * c;
        }
        t->kern->blend_f32(c, between, down, dst);
    }
}

/* All values as they lie; dst: a row of pixels `px` elements apart, as the values are stored or as
 * floats. */
static void flat_row(const struct cpu_task *t, int y, char *dst, ptrdiff_t px) {
    const struct plan_view *in = &t->step->plan.in, *out = &t->step->plan.out;
    int raw = t->step->gather.raw, last = -1;
    ptrdiff_t size = raw ? (ptrdiff_t)kern_type_size(out->type) : (ptrdiff_t)sizeof(float);
    ptrdiff_t at = (ptrdiff_t)y * out->w * out->c; /* of all of the image's values */
    struct cpu_rows rows = {NULL, 0, in->px, size};
    for (int x = 0; x < out->w; x++)
        for (int done = 0; done < out->c;) {
            int channel = (int)(at % in->c), column = (int)(at / in->c % in->w);
            int row = (int)(at / in->c / in->w);
            if (!raw && row != last) rows = cpu_input_rows(t, row, row + 1);
            last = row;
            int there = rows.px == in->c ? (in->w - column) * in->c : in->c;
            const char *src = raw ? cpu_pixel(t->arena, in, t->range.image, row, column)
                                  : cpu_rows_at(&rows, row, column);
            int n = min_int(out->c - done, there - channel);
            memcpy(dst + (x * px + done) * size, src + channel * size, (size_t)(n * size));
            done += n;
            at += n;
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
    int kind = t->step->gather.rows.kind;
    if (t->step->gather.raw) {
        if (kind == PLACES_FLAT)
            flat_row(t, y, cpu_pixel(t->arena, out, t->range.image, y, 0), out->px);
        else
            copy_row(t, y);
        return;
    }
    int floats = out->type == KERN_F32;
    float *row =
        floats ? cpu_pixel(t->arena, out, t->range.image, y, 0) : t->scratch + t->step->widened;
    ptrdiff_t px = floats ? out->px : out->c;
    if (kind == PLACES_LINEAR)
        blend_row(t, y, row, px);
    else if (kind == PLACES_CUBIC)
        cubic_row(t, y, row, px);
    else if (kind == PLACES_FLAT)
        flat_row(t, y, (char *)row, px);
    else
        widened_row(t, y, row, px);
    if (!floats) cpu_store_row(t, y, row, px);
}
