#include "tests/checkkern/checkkern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sums in double: the oracle of the plain C kernel. */
static void gemm_oracle(int m, int n, int k, const float *a, ptrdiff_t lda, const float *b,
                        ptrdiff_t ldb, float *c, ptrdiff_t ldc) {
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double s = 0;
            for (int l = 0; l < k; l++) s += (double)a[i * lda + l] * b[l * ldb + j];
            c[i * ldc + j] = (float)s;
        }
}

static void check_gemm_slot(struct check *k) {
    int m = check_int(k, 1, 40), n = check_int(k, 1, 70), depth = check_int(k, 1, 300);
    int lda = depth + check_int(k, 0, 5), ldb = n + check_int(k, 0, 9),
        ldc = n + check_int(k, 0, 3);
    size_t na = (size_t)m * (size_t)lda, nb = (size_t)depth * (size_t)ldb,
           nc = (size_t)m * (size_t)ldc;
    float *a = check_guarded(k, na), *b = check_guarded(k, nb), *c = check_guarded(k, nc);
    float *expected = check_guarded(k, nc);
    for (size_t i = 0; i < nc; i++) expected[i] = c[i]; /* the gaps between rows must stay */
    k->kern.gemm_f32(m, n, depth, a, lda, b, ldb, c, ldc);
    gemm_oracle(m, n, depth, a, lda, b, ldb, expected, ldc);
    char shape[64];
    snprintf(shape, sizeof shape, "%dx%dx%d lda %d ldb %d ldc %d", m, n, depth, lda, ldb, ldc);
    check_equal(k, "gemm_f32", shape, c, expected, nc, 1e-5);
    check_guarded_free(k, "gemm_f32", a, na);
    check_guarded_free(k, "gemm_f32", b, nb);
    check_guarded_free(k, "gemm_f32", c, nc);
    check_guarded_free(k, "gemm_f32", expected, nc);
}

/* Every row of y must be what it is alone, bit for bit: a batch changes nothing. */
static void check_gemv_slot(struct check *k, enum kern_type type) {
    const char *slot = type == KERN_BF16 ? "gemv_bf16" : "gemv_f32";
    int m = check_int(k, 1, KERN_MAX_GEMV), n = check_int(k, 1, 70), depth = check_int(k, 1, 700);
    int ldx = depth + check_int(k, 0, 5), ldy = n + check_int(k, 0, 5);
    size_t nx = (size_t)((m - 1) * ldx + depth), ny = (size_t)((m - 1) * ldy + n), nw;
    void *w = check_elements(k, type, (size_t)n * (size_t)depth, &nw);
    float *x = check_guarded(k, nx), *y = check_guarded(k, ny);
    float *expected = check_guarded(k, ny), *alone = check_guarded(k, (size_t)n);
    memcpy(expected, y, sizeof *y * ny);
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double s = 0;
            for (int l = 0; l < depth; l++)
                s += check_element(w, type, (size_t)j * (size_t)depth + (size_t)l) *
                     (double)x[i * ldx + l];
            expected[i * ldy + j] = (float)s;
        }
    if (type == KERN_BF16) {
        k->kern.gemv_bf16(m, n, depth, w, x, ldx, y, ldy);
        k->kern.gemv_bf16(1, n, depth, w, x + (m - 1) * ldx, 0, alone, 0);
    } else {
        k->kern.gemv_f32(m, n, depth, w, x, ldx, y, ldy);
        k->kern.gemv_f32(1, n, depth, w, x + (m - 1) * ldx, 0, alone, 0);
    }
    char shape[48];
    snprintf(shape, sizeof shape, "%d by %dx%d", m, n, depth);
    check_equal(k, slot, shape, y, expected, ny, 1e-5);
    check_equal(k, slot, "the last row alone", y + (m - 1) * ldy, alone, (size_t)n, 0);
    check_guarded_free(k, slot, w, nw);
    check_guarded_free(k, slot, x, nx);
    check_guarded_free(k, slot, y, ny);
    check_guarded_free(k, slot, expected, ny);
    check_guarded_free(k, slot, alone, (size_t)n);
}

void check_gemm(struct check *k) {
    check_gemm_slot(k);
    check_gemv_slot(k, KERN_F32);
    check_gemv_slot(k, KERN_BF16);
}
