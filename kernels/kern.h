/*
 * kern.h - the arithmetic of the engine as one table of function pointers.
 *
 * A kernel works on plain arrays: it allocates nothing, starts no thread, does no I/O and cannot
 * fail. Every slot has a plain C function (kernels/c/); faster ones, a folder an instruction set,
 * overwrite the slots they have. Tests compare every slot, the plain C ones too, with sums in
 * double on random shapes (tests/checkkern/).
 *
 * Layout: NHWC. A "pixel" is c consecutive elements; `*_px` is the distance between pixels and
 * `*_row` between rows, in elements, so that views into haloed tensors and channel slices of a
 * concatenation need no copies. Unless said otherwise no array may overlap another.
 *
 * Element types: sums are always kept in fp32, or in exact 32-bit integers for products of bytes.
 */
#ifndef MIEN_KERNELS_KERN_H
#define MIEN_KERNELS_KERN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum kern_type {
    KERN_F32,
    KERN_BF16, /* the upper half of an fp32, rounded to nearest even */
    KERN_U8,   /* quantised: the value is scale[channel] (stored - zero) */
    KERN_F16   /* IEEE half; GPUs' alone: no table here has it */
};
enum { KERN_TYPES = KERN_F16 + 1 };

static inline size_t kern_type_size(enum kern_type t) {
    return t == KERN_F32 ? 4 : t == KERN_U8 ? 1 : 2;
}

static inline float kern_bf16_to_f32(uint16_t v) {
    uint32_t bits = (uint32_t)v << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* To nearest, ties to even; a NaN stays one. */
static inline uint16_t kern_bf16_from_f32(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    if ((bits & 0x7FFFFFFF) > 0x7F800000) return (uint16_t)(bits >> 16 | 64);
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

enum kern_act {
    KERN_ACT_NONE,
    KERN_ACT_RELU,         /* max(x, 0) */
    KERN_ACT_LEAKY,        /* x < 0 ? alpha x : x */
    KERN_ACT_PRELU,        /* the same with a slope a channel */
    KERN_ACT_SIGMOID,      /* 1 / (1 + exp(-x)) */
    KERN_ACT_CLIP,         /* min(max(x, alpha), beta) */
    KERN_ACT_HARD_SIGMOID, /* min(max(alpha x + beta, 0), 1) */
    KERN_ACT_HARD_SWISH,   /* x times that */
    KERN_ACT_SILU,         /* x / (1 + exp(-x)) */
    KERN_ACT_TANH,
    KERN_ACT_GELU, /* x (1 + erf(x / sqrt 2)) / 2 */
    KERN_ACT_MISH, /* x tanh(log(1 + exp(x))) */
    KERN_ACT_ERF,
    KERN_ACT_EXP,    /* of x within -87 and 88 */
    KERN_ACT_ROOT,   /* sqrt(max(x, 0)) */
    KERN_ACT_INVERSE /* 1 / x */
};
enum { KERN_ACTS = KERN_ACT_INVERSE + 1 };

/*
 * What happens to an accumulator on its way out: act(acc + bias [+ res]) or act(acc + bias) + res,
 * or with res_mul a product with the residual in place of those sums, where integer accumulators
 * are multiplied by acc_scale first and the result is stored as dst_type: bytes are x
 * dst_inverse[j] + dst_zero, rounded to nearest and clamped to 0..255. All zeros but act: floats
 * in, floats out.
 */
struct kern_epi {
    enum kern_act act;
    float alpha, beta;  /* of the activation, where its formula has them */
    const float *bias;  /* [c]; NULL: zeros */
    const float *slope; /* [c]; KERN_ACT_PRELU */
    int res_after;      /* the residual comes after the activation */
    int res_mul;        /* it is multiplied with, not added */

    const float *acc_scale; /* [c]: the accumulators are int32_t; NULL: they are floats */
    enum kern_type res_type, dst_type;
    const float *res_scale;   /* [c]; res_type KERN_U8 */
    const float *dst_inverse; /* [c], 1 / scale; dst_type KERN_U8 */
    int res_zero, dst_zero;
};

/* c[i][j] = sum over l of a[i][l] b[l][j].
 * a: [m][k], row pitch lda; b: [k][n], row pitch ldb; c: [m][n], row pitch ldc. */
typedef void kern_gemm_f32_fn(int m, int n, int k, const float *a, ptrdiff_t lda, const float *b,
                              ptrdiff_t ldb, float *c, ptrdiff_t ldc);

/* y[b][j] = sum over l of w[j][l] x[b][l], in an order that does not depend on m. w: [n][k],
 * contiguous; x: [m][k], row pitch ldx; y: [m][n], row pitch ldy. The weights are read once for all
 * m, m <= KERN_MAX_GEMV. */
typedef void kern_gemv_f32_fn(int m, int n, int k, const float *w, const float *x, ptrdiff_t ldx,
                              float *y, ptrdiff_t ldy);
typedef void kern_gemv_bf16_fn(int m, int n, int k, const uint16_t *w, const float *x,
                               ptrdiff_t ldx, float *y, ptrdiff_t ldy);
enum { KERN_MAX_GEMV = 8 };

/*
 * A tile of an implicit-GEMM convolution: m pixels of an output row, 1 <= m <= igemm.mr, by
 * igemm.nr channels. No matrix is ever built: with tap t starting offset[t] elements after a
 * window's first, out[i][j] = sum over t, l of src[i * src_px + offset[t] + l] weight[t][l][j].
 * offset: [taps]; out: [m][nr] floats (int32_t for bytes), contiguous, 64-byte aligned.
 *
 * Weights are packed in panels of nr channels, 64-byte aligned. Instructions multiply `group`
 * neighbouring elements at once, and matrix instructions `block` groups, so a panel is
 * [taps][ceil(k / group / block)][nr / 16][block][16][group], zeros beyond k, where 16 stands for
 * nr if that is less. No element of src beyond k is read.
 *
 * Matrix instructions (`matrix`) take all the time of a tile of 16 or 32 pixels also for fewer.
 * Such a tile may read beyond k up to the end of a block, and so for mr pixels whatever m is,
 * without any effect on the m results; out has room for [mr][nr], and rows from m on are undefined.
 * Between enter() and leave() a thread calls nothing but such tiles and functions without matrix
 * instructions.
 *
 * Floats as two bf16 (`split`; type KERN_F32): src is the high halves and offset[taps] elements
 * further the low ones, src_px and offset count bf16; a panel holds, in place of each block's
 * [nr / 16][block][16][group], [2] of them, high and low. Relative error 5e-6.
 */
typedef void kern_tile_fn(int m, int taps, int k, const ptrdiff_t *offset, const void *src,
                          ptrdiff_t src_px, const void *panel, void *out);
struct kern_igemm {
    int mr, nr, group, block;
    int least;           /* pixels fewer than which take no less time: their sums are too few for
                          * additions that wait for each other; 0: not known */
    enum kern_type type; /* of src: floats by floats, bf16 by bf16, or u8 by int8_t */
    kern_tile_fn *tile;  /* NULL: this table has none */
    float rate;          /* products a cycle, relative to those of the AVX-512 fp32 tile */
    int matrix, split;
    void (*enter)(void), (*leave)(void); /* called around a thread's tiles; NULL: nothing to do */
};
enum { KERN_MAX_MR = 32, KERN_MAX_NR = 64, KERN_MAX_GROUP = 4, KERN_LANES = 16 };

static inline int kern_panel_blocks(const struct kern_igemm *g, int k) {
    return (k + g->group * g->block - 1) / (g->group * g->block);
}

/* Weights, with their padding, of a panel; split ones count once. */
static inline size_t kern_panel_size(const struct kern_igemm *g, int taps, int k) {
    return (size_t)taps * (size_t)kern_panel_blocks(g, k) * (size_t)(g->block * g->group * g->nr);
}

/* Where weight l of a tap for channel j stands, in elements of the panel; low: of a split one's low
 * half. */
static inline size_t kern_panel_at(const struct kern_igemm *g, int k, int tap, int l, int j,
                                   int low) {
    int deep = g->group * g->block, in_block = l % deep;
    int at = tap * kern_panel_blocks(g, k) + l / deep;
    at = g->split ? 2 * at + low : at;
    int lanes = g->nr < KERN_LANES ? g->nr : KERN_LANES;
    at = at * (g->nr / lanes) + j / lanes;
    at = at * g->block + in_block / g->group;
    return (size_t)(at * lanes + j % lanes) * (size_t)g->group + (size_t)(in_block % g->group);
}

/*
 * Winograd's F(4x4, 3x3): a 3x3 convolution of stride 1 in 36 products a 4x4 tile of outputs
 * instead of 144. Transform the input's 6x6 windows, multiply plane by plane with the transformed
 * weights (igemm tiles with one tap), transform back.
 *
 * input: one window of c channels; rows and columns beyond `rows`, `columns` count as zero. Plane p
 * of its 36 goes to dst + p * plane. output: plane p of c channels at src + p * plane; dst:
 * [4][4][c].
 */
typedef void kern_winograd_input_f32_fn(int c, int rows, int columns, const float *src,
                                        ptrdiff_t src_row, ptrdiff_t src_px, float *dst,
                                        ptrdiff_t plane);
typedef void kern_winograd_output_f32_fn(int c, const float *src, ptrdiff_t plane, float *dst);
enum { KERN_WINOGRAD_OUT = 4, KERN_WINOGRAD_IN = 6, KERN_WINOGRAD_PLANES = 36 };
/* Transforms one filter w: [3][3]; plane p goes to out[p * plane]. */
void kern_winograd_weights(const float *w, float *out, ptrdiff_t plane);

/* One row of output pixels of a convolution as rows of a matrix for gemm: dst[x] is the window of
 * output pixel x, [kh][kw][c] floats in a row. src points at the window's first element for x = 0.
 * dst: [w][kh*kw*c], contiguous. */
typedef void kern_im2col_f32_fn(int w, int kh, int kw, int c, int stride, const float *src,
                                ptrdiff_t src_row, ptrdiff_t src_px, float *dst);

/* One row of a depthwise convolution: dst[x][j] = sum over taps of src window times wt[tap][j].
 * wt: [kh*kw][c]; dst: [w][c], contiguous. src as for im2col, of any type; bytes count as they are
 * stored. */
typedef void kern_dwconv_fn(enum kern_type type, int w, int kh, int kw, int c, int stride,
                            const void *src, ptrdiff_t src_row, ptrdiff_t src_px, const float *wt,
                            float *dst);

/* One row of a grouped convolution with cin inputs and cout outputs in all, cin/groups inputs a
 * group. wt: [kh*kw][cin/groups][cout]; dst: [w][cout], contiguous. src as for im2col. */
typedef void kern_gconv_f32_fn(int w, int kh, int kw, int cin, int cout, int groups, int stride,
                               const float *src, ptrdiff_t src_row, ptrdiff_t src_px,
                               const float *wt, float *dst);

/* w pixels of c channels from acc to dst through e. res may be NULL; pixel x of it is
 * res[(x >> res_shift) * res_px]: a shift of 1 reads a map of half the width (nearest-neighbour
 * upsampling), a res_px of 0 the same pixel for all. acc == dst is allowed where both are floats
 * and the pitches agree. */
typedef void kern_epilogue_fn(int w, int c, const void *acc, ptrdiff_t acc_px,
                              const struct kern_epi *e, const void *res, ptrdiff_t res_px,
                              int res_shift, void *dst, ptrdiff_t dst_px);

/* w pixels of c channels of any type as floats. scale: [c], used for KERN_U8. dst: [w][c],
 * contiguous. */
typedef void kern_widen_fn(int w, int c, enum kern_type type, const float *scale, int zero,
                           const void *src, ptrdiff_t src_px, float *dst);

/* w pixels of c floats as sums of two bf16, x = high + low up to 2^-17 of x; where the high half is
 * not finite the low one is zero. high, low: [w][c], contiguous. */
typedef void kern_split_f32_fn(int w, int c, const float *src, ptrdiff_t src_px, uint16_t *high,
                               uint16_t *low);

/* dst[x][j] = scale[j] src[x][j] + shift[j]; the epilogue of a batch norm nothing could take up. */
typedef void kern_affine_f32_fn(int w, int c, const float *src, ptrdiff_t src_px,
                                const float *scale, const float *shift, float *dst,
                                ptrdiff_t dst_px);

/* w windows side by side, of kh x kw pixels of c channels. Distances are in elements. */
struct kern_windows {
    int w, kh, kw, c;
    ptrdiff_t row, px; /* of what is read: from row to row, from pixel to pixel */
    ptrdiff_t next;    /* from one window to the next */
    ptrdiff_t dst_px;
};
/* dst[x][j] = the largest of window x's pixels. src: first pixel of the first window. */
typedef void kern_maxpool_f32_fn(const struct kern_windows *p, const float *src, float *dst);
typedef void kern_maxpool_bf16_fn(const struct kern_windows *p, const uint16_t *src, uint16_t *dst);
typedef void kern_maxpool_u8_fn(const struct kern_windows *p, const uint8_t *src, uint8_t *dst);
/* dst[j] = sum times `factor` over the kh x kw pixels of a window. src: first pixel. */
typedef void kern_avgpool_f32_fn(int kh, int kw, int c, float factor, const float *src,
                                 ptrdiff_t src_row, ptrdiff_t src_px, float *dst);

/* dst[j] = src[from[j]], elements of `type`. from: [c] */
typedef void kern_gather_fn(enum kern_type type, int c, const int32_t *from, const void *src,
                            void *dst);
/* dst[j] = sum over k < 4 of share[k] src[k][j]: what lies between four pixels. */
typedef void kern_blend_f32_fn(int c, const float *const src[4], const float share[4], float *dst);

/* sum[j] = sum over w pixels of src[x][j], or of the square of what it is above mean[j] where mean
 * is not NULL. */
typedef void kern_moments_f32_fn(int w, int c, const float *src, ptrdiff_t src_px,
                                 const float *mean, float *sum);
/* (x - mean) / sqrt(variance + epsilon) over each of `groups` runs of neighbouring channels of each
 * of w pixels. */
typedef void kern_normalise_f32_fn(int w, int c, int groups, float epsilon, const float *src,
                                   ptrdiff_t src_px, float *dst, ptrdiff_t dst_px);

/* In place over n values: exp(x - max) / sum. */
typedef void kern_softmax_f32_fn(int n, float *x);

/*
 * Scaling a picture of RGB bytes, in two passes over tables of taps (vision/resize.h). The first
 * makes one row of pixels of four floats, the fourth anything finite, out of `taps` rows of the
 * picture: dst[x][c] = sum over t of weight[t] src[t * src_row + 3 x + c]. dst: [w][4], 64-byte
 * aligned, with room for w rounded up to 16 pixels.
 */
typedef void kern_scale_rows_fn(int w, int taps, const float *weight, const uint8_t *src,
                                ptrdiff_t src_row, float *dst);
/* The second gathers w pixels of three elements of `type`, fp32 or bf16, out of such a row:
 * dst[x][c] = sum over t < taps of weight[x / 4][t][x % 4] src[first[x] + t][c].
 * weight: [ceil(w / 4)][taps][4]. */
typedef void kern_scale_columns_fn(int w, int taps, const int *first, const float *weight,
                                   const float *src, enum kern_type type, void *dst);
/* n bytes as elements of `type`, fp32 or bf16: both hold every byte exactly. */
typedef void kern_from_bytes_fn(int n, const uint8_t *src, enum kern_type type, void *dst);

/*
 * A look at KERN_SCAN_ROWS quantised vectors for each of n queries: what a search asks of all it
 * has (gallery/). A row's bytes are integers of -127..127 with 128 added, a query's are integers of
 * -127..127, so sums are exact in 32 bits for k up to 65536.
 *
 * sums[i][r] = start[i] + sum over l of row r's byte l times query i's; bit r of above[i]:
 * (float)sums[i][r] * scale[r] >= least[i]. Returns all of above or'ed together.
 *
 * rows: [k / 4][KERN_SCAN_ROWS][4], 64-byte aligned, k a multiple of 4: four bytes of a row lie
 * together, so that one instruction multiplies as many rows as it has lanes and no sum has to be
 * gathered across lanes. scale: [KERN_SCAN_ROWS] bf16, 64-byte aligned. sums: [n][KERN_SCAN_ROWS],
 * 64-byte aligned; above: [n].
 */
enum { KERN_SCAN_ROWS = 32 };
struct kern_queries {
    int n, k;
    const int8_t *values; /* [n][k], contiguous */
    const int32_t *start; /* [n] */
    const float *least;   /* [n] */
};
typedef uint32_t kern_scan_u8_fn(const struct kern_queries *q, const uint8_t *rows,
                                 const uint16_t *scale, int32_t *sums, uint32_t *above);

struct kern {
    const char *name; /* of the fastest part, e.g. "c" or "avx2" */
    /* [kern_type][narrow]: narrow ones are for layers of few channels. Where a type has no tile
     * here, networks of that precision compute in fp32. */
    struct kern_igemm igemm[KERN_TYPES][2];
    kern_winograd_input_f32_fn *winograd_input_f32;
    kern_winograd_output_f32_fn *winograd_output_f32;
    kern_gemm_f32_fn *gemm_f32;
    kern_gemv_f32_fn *gemv_f32;
    kern_gemv_bf16_fn *gemv_bf16;
    kern_im2col_f32_fn *im2col_f32;
    kern_dwconv_fn *dwconv;
    kern_gconv_f32_fn *gconv_f32;
    kern_epilogue_fn *epilogue;
    kern_widen_fn *widen;
    kern_split_f32_fn *split_f32;
    kern_affine_f32_fn *affine_f32;
    kern_maxpool_f32_fn *maxpool_f32;
    kern_maxpool_bf16_fn *maxpool_bf16;
    kern_maxpool_u8_fn *maxpool_u8;
    kern_avgpool_f32_fn *avgpool_f32;
    kern_gather_fn *gather;
    kern_blend_f32_fn *blend_f32;
    kern_moments_f32_fn *moments_f32;
    kern_normalise_f32_fn *normalise_f32;
    kern_softmax_f32_fn *softmax_f32;
    kern_scale_rows_fn *scale_rows;
    kern_scale_columns_fn *scale_columns;
    kern_from_bytes_fn *from_bytes;
    kern_scan_u8_fn *scan_u8;
};

/* Fills *k from plain C upward. cap: the table of kernels/tables.def to stop at: "c", "avx2",
 * "avx512" (with VNNI and BF16 where there are) or "amx"; "amx-bf16x3" is AMX for floats, too,
 * which costs accuracy; "blas" is plain C with OpenBLAS's matrix products; NULL or "" takes the
 * best this processor has. Returns 0, or -1 where cap names nothing that this build and processor
 * have.
 */
int kern_init(struct kern *k, const char *cap);
/* The tile for a type and number of output channels; NULL where this table has none. */
const struct kern_igemm *kern_igemm_for(const struct kern *k, enum kern_type type, int cout);
/* The names kern_init() may be given, fastest first, whether or not this processor has them; NULL
 * past the end. */
const char *kern_table_name(int i);
/* Those it takes here, for messages: "c, blas, avx2". */
void kern_names(char *text, size_t size);

/* The rows of tables.def: each fills in what it has. AMX's take up only tiles that pass a small
 * test on this processor. */
#define KERN_TABLE(fill, folder, flags, name, use, supported) void kern_init_##fill(struct kern *k);
#include "kernels/tables.def"
#undef KERN_TABLE
/* May this process use AMX? Asks the processor, and Linux for its permission. */
int kern_amx_permitted(void);
/* Name, version and chosen core of the BLAS, e.g. "OpenBLAS 0.3.21 Cooperlake"; "" without one. */
const char *kern_blas_name(void);

#endif
