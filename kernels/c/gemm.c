#include "kernels/c/c.h"

#include <string.h>

enum { MR = 4, NR = 16, NC = 256, KC = 256 };

/* mr x nr outputs, nr <= NR, added to c. The full tile has constant bounds so that the compiler
 * keeps it in registers. */
static void tile_full(int k, const float *a, ptrdiff_t lda, const float *b, ptrdiff_t ldb, float *c,
                      ptrdiff_t ldc) {
    float acc[MR][NR];
    for (int i = 0; i < MR; i++)
        for (int j = 0; j < NR; j++) acc[i][j] = c[i * ldc + j];
    for (int l = 0; l < k; l++)
        for (int i = 0; i < MR; i++)
            for (int j = 0; j < NR; j++) acc[i][j] += a[i * lda + l] * b[l * ldb + j];
    for (int i = 0; i < MR; i++)
        for (int j = 0; j < NR; j++) c[i * ldc + j] = acc[i][j];
}

static void tile_edge(int mr, int nr, int k, const float *a, ptrdiff_t lda, const float *b,
                      ptrdiff_t ldb, float *c, ptrdiff_t ldc) {
    for (int i = 0; i < mr; i++) {
        float acc[NR];
        for (int j = 0; j < nr; j++) acc[j] = c[i * ldc + j];
        for (int l = 0; l < k; l++)
            for (int j = 0; j < nr; j++) acc[j] += a[i * lda + l] * b[l * ldb + j];
        for (int j = 0; j < nr; j++) c[i * ldc + j] = acc[j];
    }
}

/* Blocks of KC x NC of b stay in the cache while all rows of a pass over them. */
static void gemm_f32_c(int m, int n, int k, const float *a, ptrdiff_t lda, const float *b,
                       ptrdiff_t ldb, float *c, ptrdiff_t ldc) {
    for (int i = 0; i < m; i++) memset(c + i * ldc, 0, sizeof(float) * (size_t)n);
    for (int n0 = 0; n0 < n; n0 += NC) {
        int ne = n0 + NC < n ? n0 + NC : n;
        for (int k0 = 0; k0 < k; k0 += KC) {
            int kc = k - k0 < KC ? k - k0 : KC;
            for (int i = 0; i < m; i += MR) {
                int mr = m - i < MR ? m - i : MR;
                for (int j = n0; j < ne; j += NR) {
                    int nr = ne - j < NR ? ne - j : NR;
                    const float *pa = a + i * lda + k0, *pb = b + k0 * ldb + j;
                    if (mr == MR && nr == NR)
                        tile_full(kc, pa, lda, pb, ldb, c + i * ldc + j, ldc);
                    else
                        tile_edge(mr, nr, kc, pa, lda, pb, ldb, c + i * ldc + j, ldc);
                }
            }
        }
    }
}

/* Sixteen partial sums: short error chains, and a loop the compiler can vectorise. */
static float dot_f32(int k, const float *w, const float *x) {
    float s[16] = {0}, total = 0;
    int l = 0;
    for (; l + 16 <= k; l += 16)
        for (int i = 0; i < 16; i++) s[i] += w[l + i] * x[l + i];
    for (int i = 0; l + i < k; i++) s[i] += w[l + i] * x[l + i];
    for (int i = 0; i < 16; i++) total += s[i];
    return total;
}

static float dot_bf16(int k, const uint16_t *w, const float *x) {
    float s[16] = {0}, total = 0;
    int l = 0;
    for (; l + 16 <= k; l += 16)
        for (int i = 0; i < 16; i++) s[i] += kern_bf16_to_f32(w[l + i]) * x[l + i];
    for (int i = 0; l + i < k; i++) s[i] += kern_bf16_to_f32(w[l + i]) * x[l + i];
    for (int i = 0; i < 16; i++) total += s[i];
    return total;
}

static void gemv_f32_c(int m, int n, int k, const float *w, const float *x, ptrdiff_t ldx, float *y,
                       ptrdiff_t ldy) {
    for (int j = 0; j < n; j++, w += k)
        for (int i = 0; i < m; i++) y[i * ldy + j] = dot_f32(k, w, x + i * ldx);
}

static void gemv_bf16_c(int m, int n, int k, const uint16_t *w, const float *x, ptrdiff_t ldx,
                        float *y, ptrdiff_t ldy) {
    for (int j = 0; j < n; j++, w += k)
        for (int i = 0; i < m; i++) y[i * ldy + j] = dot_bf16(k, w, x + i * ldx);
}

void kern_init_c_gemm(struct kern *k) {
    k->gemm_f32 = gemm_f32_c;
    k->gemv_f32 = gemv_f32_c;
    k->gemv_bf16 = gemv_bf16_c;
}
