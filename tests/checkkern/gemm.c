#include "tests/checkkern/checkkern.h"

#include <stdio.h>
#include <stdlib.h>

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

static void check_gemv_slot(struct check *k) {
    int n = check_int(k, 1, 70), depth = check_int(k, 1, 700);
    size_t nw = (size_t)n * (size_t)depth;
    float *w = check_guarded(k, nw), *x = check_guarded(k, (size_t)depth);
    float *y = check_guarded(k, (size_t)n), *expected = check_guarded(k, (size_t)n);
    k->kern.gemv_f32(n, depth, w, x, y);
    for (int j = 0; j < n; j++) {
        double s = 0;
        for (int l = 0; l < depth; l++)
            s += (double)w[(size_t)j * (size_t)depth + (size_t)l] * x[l];
        expected[j] = (float)s;
    }
    char shape[32];
    snprintf(shape, sizeof shape, "%dx%d", n, depth);
    check_equal(k, "gemv_f32", shape, y, expected, (size_t)n, 1e-5);
    check_guarded_free(k, "gemv_f32", w, nw);
    check_guarded_free(k, "gemv_f32", x, (size_t)depth);
    check_guarded_free(k, "gemv_f32", y, (size_t)n);
    check_guarded_free(k, "gemv_f32", expected, (size_t)n);
}

void check_gemm(struct check *k) {
    check_gemm_slot(k);
    check_gemv_slot(k);
}
