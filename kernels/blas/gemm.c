/* OpenBLAS behind the gemm slots: the fast path of processors we have no kernels for, and a rival
 * in the benchmarks. Most processes never use it, so it is loaded on first use rather than linked:
 * loading it starts threads and costs milliseconds. Threads are ours, so the library's own are
 * switched off. */
#include "kernels/kern.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>

/* cblas.h of OpenBLAS 0.3, as far as it is used: no header of its is needed to build. */
enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111, SEQUENTIAL = 0 };

static struct {
    void (*sgemm)(int order, int trans_a, int trans_b, int m, int n, int k, float alpha,
                  const float *a, int lda, const float *b, int ldb, float beta, float *c, int ldc);
    void (*sgemv)(int order, int trans, int m, int n, float alpha, const float *a, int lda,
                  const float *x, int incx, float beta, float *y, int incy);
    int (*get_parallel)(void);
    void (*set_num_threads)(int n);
    char *(*get_config)(void), *(*get_corename)(void);
    char name[64]; /* "": there is none */
} blas;

static int find_symbols(void *library) {
    const struct {
        const char *name;
        void *to;
    } wanted[] = {{"cblas_sgemm", &blas.sgemm},
                  {"cblas_sgemv", &blas.sgemv},
                  {"openblas_get_parallel", &blas.get_parallel},
                  {"openblas_set_num_threads", &blas.set_num_threads},
                  {"openblas_get_config", &blas.get_config},
                  {"openblas_get_corename", &blas.get_corename}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        if (!(*(void **)wanted[i].to = dlsym(library, wanted[i].name))) return 0;
    return 1;
}

/* Fills in blas, or leaves the library alone. */
static int take(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) return 0;
    /* A sequential build (Debian's libopenblas0-serial) has one unlocked work buffer: two threads
     * that multiply at once get wrong products now and then. Slow and right is better. */
    if (!find_symbols(library) || blas.get_parallel() == SEQUENTIAL) {
        dlclose(library);
        return 0;
    }
    blas.set_num_threads(1);
    const char *config = blas.get_config(); /* "OpenBLAS 0.3.21 NO_LAPACKE ..." */
    int words = 0, n = 0;
    while (n < 40 && config[n] && !(config[n] == ' ' && ++words == 2)) n++;
    snprintf(blas.name, sizeof blas.name, "%.*s %s", n, config, blas.get_corename());
    return 1;
}

/* Debian switches libopenblas.so.0 between variants by alternatives, whose choice is the
 * administrator's, so the folder of the threaded one is looked in first. */
static void load(void) {
    if (!take(MIEN_OPENBLAS_DIR "/libopenblas.so.0")) (void)take("libopenblas.so.0");
}

/* Loads once, whoever asks first; who asks meanwhile waits. */
const char *kern_blas_name(void) {
    enum { NEW, LOADING, LOADED };
    static atomic_int state = NEW;
    int found = NEW;
    if (atomic_compare_exchange_strong(&state, &found, LOADING)) {
        load();
        atomic_store(&state, LOADED);
    }
    while (atomic_load(&state) != LOADED) continue;
    return blas.name;
}

static void gemm_f32_blas(int m, int n, int k, const float *a, ptrdiff_t lda, const float *b,
                          ptrdiff_t ldb, float *c, ptrdiff_t ldc) {
    blas.sgemm(ROW_MAJOR, NO_TRANSPOSE, NO_TRANSPOSE, m, n, k, 1.0f, a, (int)lda, b, (int)ldb, 0.0f,
               c, (int)ldc);
}

/* One product an image: the order of OpenBLAS's sums in a matrix product depends on m. */
static void gemv_f32_blas(int m, int n, int k, const float *w, const float *x, ptrdiff_t ldx,
                          float *y, ptrdiff_t ldy) {
    for (int i = 0; i < m; i++)
        blas.sgemv(ROW_MAJOR, NO_TRANSPOSE, n, k, 1.0f, w, k, x + i * ldx, 1, 0.0f, y + i * ldy, 1);
}

void kern_init_blas(struct kern *k) {
    if (!kern_blas_name()[0]) return;
    k->name = "blas";
    for (int type = KERN_F32; type <= KERN_U8; type++)
        k->igemm[type][0].tile = k->igemm[type][1].tile = NULL;
    k->gemm_f32 = gemm_f32_blas;
    k->gemv_f32 = gemv_f32_blas;
}
