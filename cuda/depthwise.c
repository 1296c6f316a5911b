#include "cuda/depthwise.h"

#include "cuda/kernels/tiles.h"

int cuda_depthwise_shape(const struct cuda_gconv *p, int form, struct cuda_launch *out) {
    static const char *const any[3] = {"depthwise_f16_any", "depthwise_f32_any",
                                       "depthwise_u8_any"};
    static const char *const shared[3] = {"depthwise_f16_shared", "depthwise_f32_shared",
                                          "depthwise_u8_shared"};
    static const char *const named[3][2][2] = {
        {{"depthwise_f16_3x3_s1_x1", "depthwise_f16_3x3_s1_x4"},
         {"depthwise_f16_3x3_s2_x1", "depthwise_f16_3x3_s2_x4"}},
        {{"depthwise_f32_3x3_s1_x1", "depthwise_f32_3x3_s1_x4"},
         {"depthwise_f32_3x3_s2_x1", "depthwise_f32_3x3_s2_x4"}},
        {{"depthwise_u8_3x3_s1_x1", "depthwise_u8_3x3_s1_x4"},
         {"depthwise_u8_3x3_s2_x1", "depthwise_u8_3x3_s2_x4"}}};
    const struct cuda_view *v = &p->e.out;
    int type = cuda_type_index(p->in.type);
    if (type < 0 || p->gap || p->groups != p->in.c || p->groups != v->c) return 0;
    int64_t places = cuda_groups(v, p->e.batch);
    if (form == CUDA_ANY_WINDOW) {
        cuda_set_launch(out, any[type], cuda_ceil_div(places, WIDE_THREADS), WIDE_THREADS);
        return 1;
    }
    if (form == CUDA_SHARED_WINDOW) {
        cuda_set_launch(out, shared[type], cuda_ceil_div(places, SHARE_GROUPS),
                        SHARE_LANES * SHARE_GROUPS);
        out->shared = SHARE_LANES * SHARE_GROUPS / 32 * SHARE_GROUPS * WIDE * sizeof(float);
        return 1;
    }
    if (p->kh != 3 || p->kw != 3 || p->stride < 1 || p->stride > 2) return 0;
    places = (int64_t)p->e.batch * v->h * cuda_ceil_div(v->w, form) * cuda_ceil_div(v->c, WIDE);
    cuda_set_launch(out, named[type][p->stride - 1][form == CUDA_FOUR_OUTPUTS],
                    cuda_ceil_div(places, WIDE_THREADS), WIDE_THREADS);
    return 1;
}

static void add_form(struct cuda_algorithm out[CUDA_MOST_ALGORITHMS], int *count, int form,
                     double cycles) {
    cuda_add_algorithm(out, count, &(struct cuda_algorithm){CUDA_DEPTHWISE, form, 1, cycles});
}

/* The model's numbers are no cycles here: they order two at a time. */
int cuda_depthwise_list(const struct cuda_machine *m, const struct cuda_gconv *p,
                        struct cuda_algorithm out[CUDA_MOST_ALGORITHMS]) {
    struct cuda_launch one;
    int count = 0;
    unsigned processors = (unsigned)m->processors;
    if (!cuda_takes_wide(m, &p->e.out, p->e.batch)) return 0;
    if (cuda_depthwise_shape(p, CUDA_FOUR_OUTPUTS, &one)) {
        /* where that still gives every multiprocessor four blocks */
        add_form(out, &count, CUDA_FOUR_OUTPUTS, one.grid[0] >= 4 * processors ? 1 : 2);
        add_form(out, &count, CUDA_ONE_OUTPUT, 1.5);
    } else if (cuda_depthwise_shape(p, CUDA_ANY_WINDOW, &one)) {
        add_form(out, &count, CUDA_ANY_WINDOW, one.grid[0] >= 2 * processors ? 1 : 2);
        if (p->kh * p->kw > SHARE_LANES / 2) add_form(out, &count, CUDA_SHARED_WINDOW, 1.5);
    }
    return count;
}
