/*
 * kern.h - the arithmetic of the engine as one table of function pointers.
 *
 * A kernel works on plain arrays: it allocates nothing, starts no thread, does no I/O and cannot
 * fail. Every slot has a plain C function (kernels/c/) that defines what the slot means; faster
 * ones (kernels/blas/, later one folder an instruction set) overwrite the slots they have. Tests
 * compare every slot with the plain C one on random shapes (tests/checkkern/).
 *
 * Layout: NHWC. A "pixel" is c consecutive floats; `*_px` is the distance between pixels and
 * `*_row` between rows, in floats, so that views into haloed tensors and channel slices of a
 * concatenation need no copies. Unless said otherwise no array may overlap another.
 */
#ifndef MIEN_KERNELS_KERN_H
#define MIEN_KERNELS_KERN_H

#include <stddef.h>

enum kern_act {
    KERN_ACT_NONE,
    KERN_ACT_RELU,    /* max(x, 0) */
    KERN_ACT_RELU6,   /* min(max(x, 0), 6) */
    KERN_ACT_LEAKY,   /* x < 0 ? alpha x : x */
    KERN_ACT_PRELU,   /* the same with a slope a channel */
    KERN_ACT_SIGMOID, /* 1 / (1 + exp(-x)) */
    KERN_ACT_SWISH    /* x sigmoid(x) */
};

/* What happens to an accumulator on its way out: act(acc + bias [+ res]) or act(acc + bias) + res.
 */
struct kern_epi {
    enum kern_act act;
    float alpha;        /* KERN_ACT_LEAKY */
    const float *bias;  /* [c]; NULL: zeros */
    const float *slope; /* [c]; KERN_ACT_PRELU */
    int res_after;      /* the residual is added after the activation */
};

/* c[i][j] = sum over l of a[i][l] b[l][j].
 * a: [m][k], row pitch lda; b: [k][n], row pitch ldb; c: [m][n], row pitch ldc. */
typedef void kern_gemm_f32_fn(int m, int n, int k, const float *a, ptrdiff_t lda, const float *b,
                              ptrdiff_t ldb, float *c, ptrdiff_t ldc);

/* y[j] = sum over l of w[j][l] x[l]. w: [n][k], contiguous; x: [k]; y: [n]. */
typedef void kern_gemv_f32_fn(int n, int k, const float *w, const float *x, float *y);

/*
 * A tile of an implicit-GEMM convolution: m pixels of an output row, 1 <= m <= igemm.mr, by
 * igemm.nr channels. No matrix is ever built: with tap t starting offset[t] floats after a window's
 * first, out[i][j] = sum over t, l of src[i * src_px + offset[t] + l] panel[t * k + l][j]. offset:
 * [taps]; panel: [taps * k][nr], 64-byte aligned; out: [m][nr], contiguous, 64-byte aligned.
 */
typedef void kern_tile_f32_fn(int m, int taps, int k, const ptrdiff_t *offset, const float *src,
                              ptrdiff_t src_px, const float *panel, float *out);
struct kern_igemm {
    int mr, nr;
    kern_tile_f32_fn *tile; /* NULL: this table multiplies by gemm_f32 instead */
};
enum { KERN_MAX_MR = 16, KERN_MAX_NR = 64 };

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
 * wt: [kh*kw][c]; dst: [w][c], contiguous. src as for im2col. */
typedef void kern_dwconv_f32_fn(int w, int kh, int kw, int c, int stride, const float *src,
                                ptrdiff_t src_row, ptrdiff_t src_px, const float *wt, float *dst);

/* One row of a grouped convolution with cin inputs and cout outputs in all, cin/groups inputs a
 * group. wt: [kh*kw][cin/groups][cout]; dst: [w][cout], contiguous. src as for im2col. */
typedef void kern_gconv_f32_fn(int w, int kh, int kw, int cin, int cout, int groups, int stride,
                               const float *src, ptrdiff_t src_row, ptrdiff_t src_px,
                               const float *wt, float *dst);

/* w pixels of c channels from acc to dst through e. res may be NULL; pixel x of it is
 * res[(x >> res_shift) * res_px]: a shift of 1 reads a map of half the width (nearest-neighbour
 * upsampling). acc == dst is allowed where the pitches agree. */
typedef void kern_epilogue_f32_fn(int w, int c, const float *acc, ptrdiff_t acc_px,
                                  const struct kern_epi *e, const float *res, ptrdiff_t res_px,
                                  int res_shift, float *dst, ptrdiff_t dst_px);

/* dst[x][j] = scale[j] src[x][j] + shift[j]; the epilogue of a batch norm nothing could take up. */
typedef void kern_affine_f32_fn(int w, int c, const float *src, ptrdiff_t src_px,
                                const float *scale, const float *shift, float *dst,
                                ptrdiff_t dst_px);

/* dst[j] = max (or sum times `factor`) over the kh x kw pixels of a window. src: first pixel. */
typedef void kern_maxpool_f32_fn(int kh, int kw, int c, const float *src, ptrdiff_t src_row,
                                 ptrdiff_t src_px, float *dst);
typedef void kern_avgpool_f32_fn(int kh, int kw, int c, float factor, const float *src,
                                 ptrdiff_t src_row, ptrdiff_t src_px, float *dst);

/* In place over n values: exp(x - max) / sum. */
typedef void kern_softmax_f32_fn(int n, float *x);

struct kern {
    const char *name;                              /* of the fastest part, e.g. "c" or "avx2" */
    struct kern_igemm igemm_f32, igemm_narrow_f32; /* narrow: for layers of few channels */
    kern_winograd_input_f32_fn *winograd_input_f32;
    kern_winograd_output_f32_fn *winograd_output_f32;
    kern_gemm_f32_fn *gemm_f32;
    kern_gemv_f32_fn *gemv_f32;
    kern_im2col_f32_fn *im2col_f32;
    kern_dwconv_f32_fn *dwconv_f32;
    kern_gconv_f32_fn *gconv_f32;
    kern_epilogue_f32_fn *epilogue_f32;
    kern_affine_f32_fn *affine_f32;
    kern_maxpool_f32_fn *maxpool_f32;
    kern_avgpool_f32_fn *avgpool_f32;
    kern_softmax_f32_fn *softmax_f32;
};

/* Fills *k from plain C upward. cap: "c", "avx2" or "avx512" stops there; "blas" is plain C with
 * OpenBLAS's matrix products; NULL or "" takes the best this processor has. Returns 0, or -1 where
 * cap names nothing that this build and processor have. */
int kern_init(struct kern *k, const char *cap);
/* The names kern_init takes here, for messages: "c, blas, avx2". */
const char *kern_names(void);

/* Each implementation fills in what it has. */
void kern_init_c(struct kern *k);
void kern_init_blas(struct kern *k);
void kern_init_avx2(struct kern *k);
void kern_init_avx512(struct kern *k);
/* Name, version and chosen core of the BLAS, e.g. "OpenBLAS 0.3.21 Cooperlake"; "" without one. */
const char *kern_blas_name(void);

#endif
