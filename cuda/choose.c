#include "cuda/choose.h"

#include "cuda/kernels/tiles.h"

#include <string.h>

enum { PLAIN_THREADS = 256, MOST_SPLITS = 16 };

/* Plain kernels and others whose threads walk the grid need no more blocks than fill the device
 * many times over. */
enum { MOST_BLOCKS = 1 << 20 };

static int64_t pixels_of(const struct cuda_view *v, int batch) {
    return (int64_t)batch * v->h * v->w;
}

static int64_t divide_up(int64_t a, int64_t b) {
    return (a + b - 1) / b;
}

static void set(struct cuda_launch *out, const char *kernel, int64_t blocks, unsigned block) {
    memset(out, 0, sizeof *out);
    out->kernel = kernel;
    out->grid[0] = (unsigned)(blocks < 1 ? 1 : blocks > MOST_BLOCKS ? MOST_BLOCKS : blocks);
    out->grid[1] = out->grid[2] = 1;
    out->block = block;
    out->splits = 1;
}

static void set_plain(struct cuda_launch *out, const char *kernel, int64_t threads) {
    set(out, kernel, divide_up(threads, PLAIN_THREADS), PLAIN_THREADS);
}

int cuda_is_fast(const struct cuda_machine *m) {
    return m->capability >= 80 && !(m->cap && strcmp(m->cap, "plain") == 0);
}

int cuda_type_index(int type) {
    return type == CUDA_F16 ? 0 : type == CUDA_F32 ? 1 : type == CUDA_U8 ? 2 : -1;
}

int cuda_type_size(int type) {
    return type == CUDA_F32 ? 4 : type == CUDA_F16 ? 2 : 1;
}

/* Groups of WIDE channels of a tensor; kernels count them in 32 bits. */
static int64_t groups_of(const struct cuda_view *v, int batch) {
    return pixels_of(v, batch) * divide_up(v->c, WIDE);
}

int cuda_fits_wide(const struct cuda_view *v, int batch) {
    int64_t all = (int64_t)batch * (v->top + v->h + v->bottom) * (v->left + v->w + v->right);
    return all * divide_up(v->c, WIDE) < (int64_t)1 << 31;
}

static int takes_wide(const struct cuda_machine *m, const struct cuda_view *v, int batch) {
    return cuda_is_fast(m) && cuda_fits_wide(v, batch);
}

/* ------------------------------------------------------------ convolutions */

struct tile {
    int pixels, channels, threads, stages;
};

#define TILE(bm, bn, wm, wn, stages) {bm, bn, (wm) * (wn)*32, stages},
static const struct tile tiles[CUDA_CONV_TILE_COUNT] = {CUDA_CONV_TILES(TILE)};

/* Kernels of a tile for inputs aligned to a unit, by cuda_type_index(). */
struct tile_names {
    int pixels, channels, unit;
    const char *names[3];
};

#define NAMES(bm, bn, unit)                                                                        \
    {bm,                                                                                           \
     bn,                                                                                           \
     unit,                                                                                         \
     {"conv_f16_" #bm "x" #bn "_v" #unit, "conv_f32_" #bm "x" #bn "_v" #unit,                      \
      "conv_u8_" #bm "x" #bn "_v" #unit}},
#define WHOLE(bm, bn, wm, wn, stages)  NAMES(bm, bn, 16)
#define NARROW(bm, bn, wm, wn, stages) NAMES(bm, bn, 8) NAMES(bm, bn, 4)
static const struct tile_names conv_names[] = {CUDA_CONV_TILES(WHOLE)
                                                   CUDA_CONV_NARROW_TILES(NARROW)};

static const char *conv_name(const struct tile *t, int type, int unit) {
    for (size_t i = 0; i < sizeof conv_names / sizeof *conv_names; i++) {
        const struct tile_names *n = &conv_names[i];
        if (n->pixels == t->pixels && n->channels == t->channels && n->unit == unit)
            return n->names[type];
    }
    return NULL;
}

/* Bytes, 16 at most, that all runs of a convolution's input start at multiples of. */
static int alignment(const struct cuda_conv *p) {
    const struct cuda_view *v = &p->in;
    int64_t size = cuda_type_size(v->type);
    int64_t first = (int64_t)(uintptr_t)v->data -
                    ((int64_t)p->pad_top * v->row + (int64_t)p->pad_left * v->px) * size;
    uint64_t bits = (uint64_t)first | (uint64_t)(v->image * size) | 16;
    bits |= (uint64_t)((int64_t)p->stride * v->row * size);
    bits |= (uint64_t)((int64_t)p->stride * v->px * size);
    if (p->across > 1) bits |= (uint64_t)(v->px * size);
    if (p->taps > p->across) bits |= (uint64_t)(v->row * size);
    return (int)(bits & -bits);
}

/* Offsets into the input are 32-bit words in the kernels. */
static int fits_conv(const struct cuda_conv *p) {
    int64_t reach = (p->e.batch + 1) * p->in.image * cuda_type_size(p->in.type) / 4;
    return reach < (int64_t)1 << 31 && cuda_fits_wide(&p->e.out, p->e.batch);
}

/* No more of a tile's ring than has steps to hold: what is left lets other blocks in. */
static int shared_for(const struct tile *t, int steps) {
    int stages = steps < 1 ? 1 : steps < t->stages ? steps : t->stages;
    return CONV_SHARED(t->pixels, t->channels, stages);
}

void cuda_share_tiles(struct cuda_launch *out, int64_t count, int sums, int splits) {
    out->splits = splits;
    if (splits == 1) return;
    out->partial_bytes = (size_t)count * (size_t)splits * (size_t)sums * sizeof(float);
    out->arrived_bytes = (size_t)count * sizeof(unsigned);
}

int cuda_shape_conv(const struct cuda_conv *p, int tile, int splits, struct cuda_launch *out) {
    const struct tile *t = &tiles[tile];
    int type = cuda_type_index(p->in.type), aligned = alignment(p);
    if (type < 0 || aligned < 4 || !fits_conv(p)) return 0;
    const char *name = conv_name(t, type, aligned);
    if (!name) return 0;
    int64_t count =
        divide_up(pixels_of(&p->e.out, p->e.batch), t->pixels) * divide_up(p->e.out.c, t->channels);
    if (count > 0x7FFFFFFF) return 0;
    set(out, name, 1, (unsigned)t->threads);
    out->grid[0] = (unsigned)count;
    out->grid[2] = (unsigned)splits;
    int steps = p->k_pad * cuda_type_size(p->in.type) / CONV_STEP;
    out->shared = (unsigned)shared_for(t, (int)divide_up(steps, splits));
    cuda_share_tiles(out, count, t->pixels * t->channels, splits);
    return 1;
}

/* Shared memory of a multiprocessor, bytes that blocks can have. */
static int shared_of(int capability) {
    switch (capability) {
    case 80:
    case 87: return 163 << 10;
    case 86:
    case 89:
    case 120:
    case 121: return 99 << 10;
    default: return 227 << 10;
    }
}

/* Rounds of as many blocks as are resident, and the rest. */
double cuda_cycles(const struct cuda_machine *m, const struct cuda_cost *c) {
    int64_t round = (int64_t)m->processors * c->resident;
    int64_t rounds = c->blocks / round, rest = c->blocks % round;
    double full = c->resident * c->steps * c->step, least = c->steps * c->alone;
    double once = 1500 + c->sums / 16;
    if (c->splits > 1) once += 1500 + c->sums * 4 * c->splits / 64;
    double cycles = (double)rounds * ((full < least ? least : full) + once);
    if (!rest) return cycles;
    double last = (double)divide_up(rest, m->processors) * c->steps * c->step;
    return cycles + (last < least ? least : last) + once;
}

/*
 * Cycles a launch takes, roughly; what matters is the order of the answers.
 *
 * A multiprocessor multiplies 1024 fp16 (2048 bytes, a sixth of it in fp32) a cycle and is fed some
 * 64 bytes a cycle by the L2 cache. Blocks on it share both. A block alone cannot be faster than
 * memory answers (about 700 cycles, stages - 1 steps of which are asked for at a time), nor than a
 * barrier, the loads of fragments and their products follow each other. To these come once a block
 * the first loads and the epilogue, and with splits a round through memory.
 */
static double conv_cycles(const struct cuda_machine *m, const struct cuda_conv *p, int tile,
                          int splits, const struct cuda_launch *l) {
    const struct tile *t = &tiles[tile];
    int steps = p->k_pad * cuda_type_size(p->in.type) / CONV_STEP, f32 = p->in.type == CUDA_F32;
    double part = (double)divide_up(steps, splits), area = (double)t->pixels * t->channels;
    double multiply = area / 16 * (f32 ? 3 : 1),
           fetch = (t->pixels + t->channels) * CONV_STEP / 64.0;
    double step = multiply > fetch ? multiply : fetch;
    double alone = 700.0 / (t->stages - 1), chain = 120 + multiply;
    if (alone < chain) alone = chain;

    int resident = shared_of(m->capability) / ((int)l->shared + 1024);
    int most = f32 && area > 64 * 64 ? 1 : CONV_BLOCKS(t->pixels, t->channels);
    if (resident > most) resident = most;
    if (resident < 1) return 1e30;
    return cuda_cycles(m, &(struct cuda_cost){.blocks = (int64_t)l->grid[0] * splits,
                                              .resident = resident,
                                              .splits = splits,
                                              .steps = part,
                                              .step = step,
                                              .alone = alone,
                                              .sums = area});
}

int cuda_shape_fc(const struct cuda_conv *p, struct cuda_launch *out) {
    static const char *const names[3][3] = {{"fc_f16_r1", "fc_f16_r4", "fc_f16_r8"},
                                            {"fc_f32_r1", "fc_f32_r4", "fc_f32_r8"},
                                            {"fc_u8_r1", NULL, NULL}};
    int64_t rows = pixels_of(&p->e.out, p->e.batch);
    int type = cuda_type_index(p->in.type), form = rows <= 1 ? 0 : rows <= 4 ? 1 : 2;
    if (type < 0 || rows > FC_MOST_ROWS || !names[type][form] || alignment(p) < 16) return 0;
    int outputs = form == 0 ? 2 : 4, most = form == 0 ? 1 : form == 1 ? 4 : 8;
    set(out, names[type][form], divide_up(p->e.out.c, outputs), FC_THREADS);
    out->shared = (unsigned)(FC_THREADS / 32 * most * outputs) * sizeof(float);
    return out->grid[0] < MOST_BLOCKS;
}

/* --------------------------------------------------------------------- algorithms */

void cuda_add_algorithm(struct cuda_algorithm algorithms[CUDA_MOST_ALGORITHMS], int *count,
                        const struct cuda_algorithm *algorithm) {
    int at = 0, alike = 0, n = *count;
    for (; at < n && algorithms[at].cycles <= algorithm->cycles; at++)
        alike +=
            algorithms[at].family == algorithm->family && algorithms[at].tile == algorithm->tile;
    if (alike >= 2 || at == CUDA_MOST_ALGORITHMS) return;
    int drop = n < CUDA_MOST_ALGORITHMS ? n : n - 1; /* whose place is taken */
    for (int i = at; i < n; i++) {
        alike += algorithms[i].family == algorithm->family && algorithms[i].tile == algorithm->tile;
        if (alike < 2) continue;
        drop = i;
        break;
    }
    if (drop == n) (*count)++;
    memmove(&algorithms[at + 1], &algorithms[at], (size_t)(drop - at) * sizeof *algorithms);
    algorithms[at] = *algorithm;
}

int cuda_trim_algorithms(const struct cuda_algorithm algorithms[CUDA_MOST_ALGORITHMS], int count) {
    while (count > 1 && algorithms[count - 1].cycles > 3 * algorithms[0].cycles) count--;
    return count;
}

int cuda_shape_algorithm(const struct cuda_conv *p, const struct cuda_algorithm *algorithm,
                         struct cuda_launch *out) {
    if (algorithm->family == CUDA_FC) return cuda_shape_fc(p, out);
    return algorithm->family == CUDA_MMA &&
           cuda_shape_conv(p, algorithm->tile, algorithm->splits, out);
}

int cuda_list_conv(const struct cuda_machine *m, const struct cuda_conv *p,
                   struct cuda_algorithm out[CUDA_MOST_ALGORITHMS]) {
    static const int splits[] = {1, 2, 3, 4, 6, 8, 12, MOST_SPLITS};
    struct cuda_launch one;
    int count = 0, steps = p->k_pad * cuda_type_size(p->in.type) / CONV_STEP;
    if (!cuda_is_fast(m)) return 0;
    /* A few rows are a matter of reading weights fast: nothing else is expected to be better. */
    if (cuda_shape_fc(p, &one))
        cuda_add_algorithm(out, &count, &(struct cuda_algorithm){.family = CUDA_FC, .splits = 1});
    for (int tile = 0; tile < CUDA_CONV_TILE_COUNT; tile++)
        for (size_t i = 0; i < sizeof splits / sizeof *splits; i++) {
            struct cuda_algorithm algorithm = {
                .family = CUDA_MMA, .tile = tile, .splits = splits[i]};
            int s = splits[i]; /* none without work of its own */
            if (s > 1 && (s * 2 > steps || divide_up(steps, divide_up(steps, s)) != s)) continue;
            if (!cuda_shape_conv(p, tile, s, &one)) continue;
            algorithm.cycles = conv_cycles(m, p, tile, s, &one);
            if (algorithm.cycles < 1e29) cuda_add_algorithm(out, &count, &algorithm);
        }
    if (count > 1 && out[0].family == CUDA_FC) out[0].cycles = out[1].cycles;
    return cuda_trim_algorithms(out, count);
}

void cuda_choose_conv(const struct cuda_machine *m, const struct cuda_conv *p,
                      struct cuda_launch *out) {
    struct cuda_algorithm algorithms[CUDA_MOST_ALGORITHMS];
    if (cuda_list_conv(m, p, algorithms) == 0 || !cuda_shape_algorithm(p, &algorithms[0], out))
        set_plain(out, "conv_plain", pixels_of(&p->e.out, p->e.batch) * p->e.out.c);
}

int cuda_shape_depthwise(const struct cuda_gconv *p, int form, struct cuda_launch *out) {
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
    if (type < 0 || p->groups != p->in.c || p->groups != v->c) return 0;
    int64_t places = groups_of(v, p->e.batch);
    if (form == CUDA_ANY_WINDOW) {
        set(out, any[type], divide_up(places, WIDE_THREADS), WIDE_THREADS);
        return 1;
    }
    if (form == CUDA_SHARED_WINDOW) {
        set(out, shared[type], divide_up(places, SHARE_GROUPS), SHARE_LANES * SHARE_GROUPS);
        out->shared = SHARE_LANES * SHARE_GROUPS / 32 * SHARE_GROUPS * WIDE * sizeof(float);
        return 1;
    }
    if (p->kh != 3 || p->kw != 3 || p->stride < 1 || p->stride > 2) return 0;
    places = (int64_t)p->e.batch * v->h * divide_up(v->w, form) * divide_up(v->c, WIDE);
    set(out, named[type][p->stride - 1][form == CUDA_FOUR_OUTPUTS], divide_up(places, WIDE_THREADS),
        WIDE_THREADS);
    return 1;
}

static void add_form(struct cuda_algorithm out[CUDA_MOST_ALGORITHMS], int *count, int form,
                     double cycles) {
    cuda_add_algorithm(out, count, &(struct cuda_algorithm){CUDA_DEPTHWISE, form, 1, cycles});
}

/* The model's numbers are no cycles here: they order two at a time. */
int cuda_list_gconv(const struct cuda_machine *m, const struct cuda_gconv *p,
                    struct cuda_algorithm out[CUDA_MOST_ALGORITHMS]) {
    struct cuda_launch one;
    int count = 0;
    unsigned processors = (unsigned)m->processors;
    if (!takes_wide(m, &p->e.out, p->e.batch)) return 0;
    if (cuda_shape_depthwise(p, CUDA_FOUR_OUTPUTS, &one)) {
        /* where that still gives every multiprocessor four blocks */
        add_form(out, &count, CUDA_FOUR_OUTPUTS, one.grid[0] >= 4 * processors ? 1 : 2);
        add_form(out, &count, CUDA_ONE_OUTPUT, 1.5);
    } else if (cuda_shape_depthwise(p, CUDA_ANY_WINDOW, &one)) {
        add_form(out, &count, CUDA_ANY_WINDOW, one.grid[0] >= 2 * processors ? 1 : 2);
        if (p->kh * p->kw > SHARE_LANES / 2) add_form(out, &count, CUDA_SHARED_WINDOW, 1.5);
    }
    return count;
}

void cuda_choose_gconv(const struct cuda_machine *m, const struct cuda_gconv *p,
                       struct cuda_launch *out) {
    struct cuda_algorithm algorithms[CUDA_MOST_ALGORITHMS];
    if (cuda_list_gconv(m, p, algorithms) == 0 || !cuda_shape_depthwise(p, algorithms[0].tile, out))
        set_plain(out, "gconv_plain", pixels_of(&p->e.out, p->e.batch) * p->e.out.c);
}

/* ------------------------------------------------------------- all the rest */

static void choose_wide(const struct cuda_machine *m, const struct cuda_view *v, int batch,
                        const char *wide, const char *plain, struct cuda_launch *out) {
    if (takes_wide(m, v, batch))
        set(out, wide, divide_up(groups_of(v, batch), WIDE_THREADS), WIDE_THREADS);
    else
        set_plain(out, plain, pixels_of(v, batch) * v->c);
}

void cuda_choose_pointwise(const struct cuda_machine *m, const struct cuda_pointwise *p,
                           struct cuda_launch *out) {
    choose_wide(m, &p->e.out, p->e.batch, "pointwise_wide", "pointwise_plain", out);
}

void cuda_choose_upsample(const struct cuda_machine *m, const struct cuda_pointwise *p,
                          struct cuda_launch *out) {
    choose_wide(m, &p->e.out, p->e.batch, "upsample_wide", "upsample_plain", out);
}

void cuda_choose_softmax(const struct cuda_machine *m, const struct cuda_pointwise *p,
                         struct cuda_launch *out) {
    (void)m; /* a warp a pixel: outputs of a few classes, there is nothing to gain */
    set_plain(out, "softmax_plain", pixels_of(&p->in, p->e.batch) * 32);
}

void cuda_choose_pool(const struct cuda_machine *m, const struct cuda_pool *p,
                      struct cuda_launch *out) {
    choose_wide(m, &p->e.out, p->e.batch, "pool_wide", "pool_plain", out);
    int whole = p->e.out.h == 1 && p->e.out.w == 1 && p->pad_top == 0 && p->pad_left == 0 &&
                p->kh >= p->in.h && p->kw >= p->in.w;
    int64_t blocks = (int64_t)p->e.batch * divide_up(p->in.c, WIDE * POOL_GROUPS);
    if (!whole || p->in.h * p->in.w < POOL_LANES / 2 || blocks > MOST_BLOCKS) return;
    if (!takes_wide(m, &p->e.out, p->e.batch)) return;
    set(out, "pool_global", blocks, POOL_LANES * POOL_GROUPS);
    out->shared = POOL_LANES * POOL_GROUPS * WIDE * sizeof(float);
}

/* With the halo. */
static int64_t all_pixels_of(const struct cuda_view *v, int batch) {
    return (int64_t)batch * (v->top + v->h + v->bottom) * (v->left + v->w + v->right);
}

void cuda_choose_input(const struct cuda_machine *m, const struct cuda_input *p,
                       struct cuda_launch *out) {
    (void)m;
    set_plain(out, "input_plain", all_pixels_of(&p->out, p->batch));
}

void cuda_choose_pictures(const struct cuda_machine *m, const struct cuda_pictures *p,
                          struct cuda_launch *out) {
    (void)m;
    set_plain(out, "input_pictures", all_pixels_of(&p->out, p->batch));
}

void cuda_choose_decode(const struct cuda_machine *m, const struct cuda_decode *p,
                        struct cuda_launch *out) {
    (void)m;
    set_plain(out, "faces_decode", (int64_t)p->batch * p->anchors);
}

void cuda_choose_select(const struct cuda_machine *m, int batch, struct cuda_launch *out) {
    (void)m;
    set(out, "faces_select", batch, CUDA_FACE_THREADS);
}

void cuda_choose_halo(const struct cuda_machine *m, const struct cuda_halo *p,
                      struct cuda_launch *out) {
    (void)m;
    const struct cuda_view *v = &p->out;
    int64_t full = (int64_t)(v->top + v->h + v->bottom) * (v->left + v->w + v->right);
    set_plain(out, "halo_plain", p->batch * (full - (int64_t)v->h * v->w) * v->c);
}

void cuda_choose_output(const struct cuda_machine *m, const struct cuda_output *p,
                        struct cuda_launch *out) {
    (void)m;
    set_plain(out, "output_plain", pixels_of(&p->in, p->batch) * p->in.c);
}
