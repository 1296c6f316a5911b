/* OpenBLAS behind the gemm slots: the fast path of processors we have no kernels for, and a rival
 * in the benchmarks. Threads are ours, so the library's own are switched off. */
#ifdef MIEN_HAVE_OPENBLAS

#include "kernels/kern.h"

#include <cblas.h>
#include <stdio.h>
#include <string.h>

static void gemm_f32_blas(int m, int n, int k, const float *a, ptrdiff_t lda, const float *b,
                          ptrdiff_t ldb, float *c, ptrdiff_t ldc) {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1.0f, a, (int)lda, b, (int)ldb,
                0.0f, c, (int)ldc);
}

/* One product an image: the order of OpenBLAS's sums in a matrix product depends on m. */
static void gemv_f32_blas(int m, int n, int k, const float *w, const float *x, ptrdiff_t ldx,
                          float *y, ptrdiff_t ldy) {
    for (int i = 0; i < m; i++)
        cblas_sgemv(CblasRowMajor, CblasNoTrans, n, k, 1.0f, w, k, x + i * ldx, 1, 0.0f,
                    y + i * ldy, 1);
}

const char *kern_blas_name(void) {
    static _Thread_local char name[64];
    const char *config = openblas_get_config(); /* "OpenBLAS 0.3.21 NO_LAPACKE ..." */
    int words = 0, n = 0;
    while (n < 40 && config[n] && !(config[n] == ' ' && ++words == 2)) n++;
    snprintf(name, sizeof name, "%.*s %s", n, config, openblas_get_corename());
    return name;
}

void kern_init_blas(struct kern *k) {
    /* A sequential build (Debian's libopenblas0-serial) has one unlocked work buffer: two threads
     * that multiply at once get wrong products now and then. Slow and right is better. */
    if (openblas_get_parallel() == OPENBLAS_SEQUENTIAL) return;
    openblas_set_num_threads(1);
    k->name = "blas";
    for (int type = KERN_F32; type <= KERN_U8; type++)
        k->igemm[type][0].tile = k->igemm[type][1].tile = NULL;
    k->gemm_f32 = gemm_f32_blas;
    k->gemv_f32 = gemv_f32_blas;
}

#endif
