#include "engine/cpu/norm.h"

#include <math.h>
#include <string.h>

/* Where row y of floats goes: to the output, or to scratch on its way there. */
static float *floats_of(const struct cpu_task *t, int y, ptrdiff_t *px) {
    const struct plan_view *out = &t->step->plan.out;
    int floats = out->type == KERN_F32;
    *px = floats ? out->px : t->range.c1 - t->range.c0;
    return floats ? cpu_output(t, y, 0) : t->scratch + t->step->widened;
}

static void pixels_row(const struct cpu_task *t, int y) {
    const struct plan_view *out = &t->step->plan.out;
    ptrdiff_t px;
    float *dst = floats_of(t, y, &px);
    struct cpu_rows rows = cpu_input_rows(t, y, y + 1);
    t->kern->normalise_f32(out->w, out->c, t->step->norm.groups, t->step->norm.epsilon,
                           cpu_rows_at(&rows, y, 0), rows.px, dst, px);
    if (out->type != KERN_F32) cpu_store_row(t, y, dst, px);
}

/* What a task needs of each channel of a map. */
struct map_sums {
    double *total;       /* [c] */
    float *row, *factor; /* [c] */
    float *mean;         /* [c]; at the end the shift */
};

static const float *input_row(const struct cpu_task *t, int y, ptrdiff_t *px) {
    struct cpu_rows rows = cpu_input_rows(t, y, y + 1);
    *px = rows.px;
    return (const float *)cpu_rows_at(&rows, y, 0) + t->range.c0;
}

/* Sums of all pixels, of their squared distances from the mean where there is one, averaged over
 * each group. */
static void sum_map(const struct cpu_task *t, const struct map_sums *m, const float *mean,
                    float *out) {
    const struct plan_view *in = &t->step->plan.in;
    int c = t->range.c1 - t->range.c0, group = in->c / t->step->norm.groups;
    memset(m->total, 0, sizeof *m->total * (size_t)c);
    for (int y = 0; y < in->h; y++) {
        ptrdiff_t px;
        const float *src = input_row(t, y, &px);
        t->kern->moments_f32(in->w, c, src, px, mean, m->row);
        for (int j = 0; j < c; j++) m->total[j] += (double)m->row[j];
    }
    for (int j = 0; j < c; j += group) {
        double sum = 0;
        for (int i = 0; i < group; i++) sum += m->total[j + i];
        for (int i = 0; i < group; i++) out[j + i] = (float)(sum / group / in->h / in->w);
    }
}

static void map(const struct cpu_task *t) {
    const struct plan_view *out = &t->step->plan.out;
    int c = t->range.c1 - t->range.c0;
    float *scratch = t->scratch + t->step->norm.scratch;
    struct map_sums m = {(double *)(void *)scratch, scratch + 2 * c, scratch + 3 * c,
                         scratch + 4 * c};
    sum_map(t, &m, NULL, m.mean);
    sum_map(t, &m, m.mean, m.factor);
    for (int j = 0; j < c; j++) {
        m.factor[j] = 1 / sqrtf(m.factor[j] + t->step->norm.epsilon);
        m.mean[j] *= -m.factor[j];
    }
    for (int y = 0; y < out->h; y++) {
        ptrdiff_t px, src_px;
        float *dst = floats_of(t, y, &px);
        const float *src = input_row(t, y, &src_px);
        t->kern->affine_f32(out->w, c, src, src_px, m.factor, m.mean, dst, px);
        if (out->type != KERN_F32) cpu_store_row(t, y, dst, px);
    }
}

void cpu_norm(const struct cpu_task *t) {
    if (!t->step->norm.pixels)
        map(t);
    else
        for (int y = t->range.y0; y < t->range.y1; y++) pixels_row(t, y);
}
