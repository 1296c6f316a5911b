/* Matrix products, and the slots that go over values once. */
#include "tests/checkkern/bench.h"

/* w x (kh kw cin) times (kh kw cin) x cout: what the OpenBLAS path makes of a layer. */
static const struct bench_shape GEMM_SHAPES[] = {
    {.text = "512 x 576 x 64", .w = 512, .kh = 3, .kw = 3, .cin = 64, .cout = 64},
    {.text = "196 x 1024 x 256", .w = 196, .kh = 1, .kw = 1, .cin = 1024, .cout = 256},
    {.text = "49 x 4608 x 512", .w = 49, .kh = 3, .kw = 3, .cin = 512, .cout = 512},
    {.text = NULL},
};

static double call_gemm(const struct kern *k, const struct bench_shape *s,
                        const struct bench_arrays *a) {
    int depth = s->kh * s->kw * s->cin;
    k->gemm_f32(s->w, s->cout, depth, a->src, depth, a->weights, s->cout, a->dst, s->cout);
    return 2.0 * s->w * depth * s->cout;
}

/* Fully connected layers: weights come from memory, each once a picture. */
static const struct bench_shape GEMV_SHAPES[] = {
    {.text = "2048 to 1000", .cin = 2048, .cout = 1000},
    {.text = "25088 to 512", .cin = 25088, .cout = 512},
    {.text = NULL},
};

/* As many matrices as the array holds, one after the other, so that no cache holds the next. */
static double call_gemv(const struct kern *k, const struct bench_shape *s,
                        const struct bench_arrays *a) {
    int size = s->cin * s->cout, matrices = BENCH_WEIGHTS / size;
    for (int i = 0; i < matrices; i++)
        k->gemv_f32(1, s->cout, s->cin, a->weights + (ptrdiff_t)i * size, a->vector, 0, a->dst, 0);
    return sizeof(float) * (double)matrices * size;
}

/* Fourteen pixels of 32 channels are a tile's, on their way to a map of 256. */
enum { MAP_PX = 256 };
static const struct bench_shape EPILOGUE_SHAPES[] = {
    {.text = "tile, ReLU", .w = 14, .cin = 32, .act = KERN_ACT_RELU},
    {.text = "tile, ReLU, residual", .w = 14, .cin = 32, .act = KERN_ACT_RELU, .residual = 1},
    {.text = "tile, PReLU", .w = 14, .cin = 32, .act = KERN_ACT_PRELU},
    {.text = "tile, leaky", .w = 14, .cin = 32, .act = KERN_ACT_LEAKY},
    {.text = "56 px of 64, PReLU", .w = 56, .cin = 64, .act = KERN_ACT_PRELU},
    {.text = "14 px of 32, sigmoid", .w = 14, .cin = 32, .act = KERN_ACT_SIGMOID},
    {.text = NULL},
};

static double call_epilogue(const struct kern *k, const struct bench_shape *s,
                            const struct bench_arrays *a) {
    struct kern_epi e = {.act = s->act, .alpha = 0.1f, .bias = a->vector, .slope = a->vector + 512};
    k->epilogue(s->w, s->cin, a->src, s->cin, &e, s->residual ? a->res : NULL, MAP_PX, 0, a->dst,
                MAP_PX);
    return sizeof(float) * (double)(s->w * s->cin) * (s->residual ? 3 : 2);
}

/* Sums on their way to bf16. */
static const struct bench_shape BF16_EPILOGUE_SHAPES[] = {
    {.text = "tile, ReLU", .w = 14, .cin = 32, .act = KERN_ACT_RELU},
    {.text = "narrow tile, ReLU", .w = 14, .cin = 16, .act = KERN_ACT_RELU},
    {.text = NULL},
};

static double call_bf16_epilogue(const struct kern *k, const struct bench_shape *s,
                                 const struct bench_arrays *a) {
    struct kern_epi e = {.act = s->act, .bias = a->vector, .dst_type = KERN_BF16};
    k->epilogue(s->w, s->cin, a->src, s->cin, &e, NULL, 0, 0, a->dst, MAP_PX);
    return 6.0 * (s->w * s->cin);
}

/* Sums of products of bytes on their way to bytes. */
static const struct bench_shape BYTE_EPILOGUE_SHAPES[] = {
    {.text = "tile, ReLU", .w = 14, .cin = 32, .act = KERN_ACT_RELU},
    {.text = "tile, ReLU, residual", .w = 14, .cin = 32, .act = KERN_ACT_RELU, .residual = 1},
    {.text = "tile, PReLU", .w = 14, .cin = 32, .act = KERN_ACT_PRELU},
    {.text = NULL},
};

static double call_byte_epilogue(const struct kern *k, const struct bench_shape *s,
                                 const struct bench_arrays *a) {
    struct kern_epi e = {.act = s->act,
                         .bias = a->vector,
                         .slope = a->vector + 512,
                         .acc_scale = a->vector + 1024,
                         .res_type = KERN_U8,
                         .res_scale = a->vector + 1536,
                         .dst_type = KERN_U8,
                         .dst_inverse = a->vector + 2048};
    k->epilogue(s->w, s->cin, a->src, s->cin, &e, s->residual ? a->res : NULL, MAP_PX, 0, a->dst,
                MAP_PX);
    return (double)(s->w * s->cin) * (s->residual ? 6 : 5);
}

static const struct bench_shape ROW_SHAPES[] = {
    {.text = "56 px of 64", .w = 56, .cin = 64},
    {.text = NULL},
};

static double call_affine(const struct kern *k, const struct bench_shape *s,
                          const struct bench_arrays *a) {
    k->affine_f32(s->w, s->cin, a->src, s->cin, a->vector, a->vector + 512, a->dst, s->cin);
    return 2 * sizeof(float) * (double)(s->w * s->cin);
}

static const struct bench_shape MAXPOOL_SHAPES[] = {
    {.text = "56 px, 3x3 of 64, stride 2", .w = 56, .kh = 3, .kw = 3, .cin = 64, .stride = 2},
    {.text = "160 px, 2x2 of 16, stride 2", .w = 160, .kh = 2, .kw = 2, .cin = 16, .stride = 2},
    {.text = NULL},
};

static double call_maxpool(const struct kern *k, const struct bench_shape *s,
                           const struct bench_arrays *a) {
    const struct kern_windows p = {
        .w = s->w,
        .kh = s->kh,
        .kw = s->kw,
        .c = s->cin,
        .row = (ptrdiff_t)((s->w - 1) * s->stride + s->kw) * s->cin,
        .px = s->cin,
        .next = (ptrdiff_t)s->stride * s->cin,
        .dst_px = s->cin,
    };
    k->maxpool_f32(&p, a->src, a->dst);
    return sizeof(float) * (double)(s->w * s->cin) * (s->kh * s->kw + 1);
}

static const struct bench_shape AVGPOOL_SHAPES[] = {
    {.text = "7x7 of 2048", .kh = 7, .kw = 7, .cin = 2048},
    {.text = NULL},
};

static double call_avgpool(const struct kern *k, const struct bench_shape *s,
                           const struct bench_arrays *a) {
    k->avgpool_f32(s->kh, s->kw, s->cin, 1.0f / 49, a->src, (ptrdiff_t)s->kw * s->cin, s->cin,
                   a->dst);
    return sizeof(float) * (double)s->cin * (s->kh * s->kw + 1);
}

static const struct bench_shape SOFTMAX_SHAPES[] = {
    {.text = "1000 values", .cin = 1000},
    {.text = NULL},
};

/* In place, so the values converge to 1/1000 of each other: as much work as any others. */
static double call_softmax(const struct kern *k, const struct bench_shape *s,
                           const struct bench_arrays *a) {
    k->softmax_f32(s->cin, a->dst);
    return 2 * sizeof(float) * (double)s->cin;
}

const struct bench_slot bench_pointwise_slots[] = {
    {BENCH_SLOT(gemm_f32), BENCH_F32, GEMM_SHAPES, call_gemm},
    {BENCH_SLOT(gemv_f32), BENCH_MEMORY, GEMV_SHAPES, call_gemv},
    {BENCH_SLOT(epilogue), BENCH_COPY, EPILOGUE_SHAPES, call_epilogue},
    {.name = "epilogue to bf16",
     .field = offsetof(struct kern, epilogue),
     BENCH_COPY,
     BF16_EPILOGUE_SHAPES,
     call_bf16_epilogue},
    {.name = "epilogue to bytes",
     .field = offsetof(struct kern, epilogue),
     BENCH_COPY,
     BYTE_EPILOGUE_SHAPES,
     call_byte_epilogue},
    {BENCH_SLOT(affine_f32), BENCH_COPY, ROW_SHAPES, call_affine},
    {BENCH_SLOT(maxpool_f32), BENCH_READ, MAXPOOL_SHAPES, call_maxpool},
    {BENCH_SLOT(avgpool_f32), BENCH_READ, AVGPOOL_SHAPES, call_avgpool},
    {BENCH_SLOT(softmax_f32), BENCH_COPY, SOFTMAX_SHAPES, call_softmax},
    {.name = NULL},
};
