#include "engine/cpu/matmul.h"

#include "kernels/number.h"

/* The second matrices, as floats. */
static const float *second(const struct cpu_task *t) {
    const struct plan_view *v = &t->step->plan.res;
    const void *src = cpu_pixel(t->arena, v, t->range.image, 0, 0);
    float *dst = t->scratch + t->step->matmul.scratch;
    if (v->type == KERN_F32) return src;
    t->kern->widen(1, v->c, v->type, v->scale, v->zero, src, v->c, dst);
    return dst;
}

/* To a fully connected layer the rows of the first matrix are images, those of the second weights.
 */
void cpu_matmul(const struct cpu_task *t) {
    const struct net_matmul *m = &t->step->matmul.of;
    struct cpu_rows in = cpu_input_rows(t, 0, 1);
    const float *a = cpu_rows_at(&in, 0, 0), *b = second(t);
    int floats = t->step->plan.out.type == KERN_F32;
    float *dst = floats ? cpu_output(t, 0, 0) : t->scratch + t->step->widened;
    int first = t->range.c0 / m->columns, end = t->range.c1 / m->columns;
    for (int row = first, n; row < end; row += n) {
        int pair = row / m->rows;
        n = min_int(min_int(end, (pair + 1) * m->rows) - row, KERN_MAX_GEMV);
        t->kern->gemv_f32(n, m->columns, m->inner, b + (ptrdiff_t)pair * m->columns * m->inner,
                          a + (ptrdiff_t)row * m->inner, m->inner,
                          dst + (ptrdiff_t)(row - first) * m->columns, m->columns);
    }
    if (!floats) cpu_store_row(t, 0, dst, t->range.c1 - t->range.c0);
}
