#include "kernels/kern.h"

#include <string.h>

/* What this processor can run, as far as the build has kernels for it. Feature bits, not model
 * numbers: virtual machines mask features. */
static int has_avx2(void) {
#ifdef MIEN_HAVE_AVX2
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return 0;
#endif
}

static int has_avx512(void) {
#ifdef MIEN_HAVE_AVX512
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
    return 0;
#endif
}

static int has_vnni(void) {
#ifdef MIEN_HAVE_AVX512VNNI
    return has_avx512() && __builtin_cpu_supports("avx512vnni");
#else
    return 0;
#endif
}

static int has_bf16(void) {
#ifdef MIEN_HAVE_AVX512BF16
    return has_avx512() && __builtin_cpu_supports("avx512bf16");
#else
    return 0;
#endif
}

/* Processors with AMX have all that comes before it. */
static int has_amx(void) {
#ifdef MIEN_HAVE_AMX
    return has_vnni() && has_bf16() && kern_amx_permitted();
#else
    return 0;
#endif
}

/* Asking loads it: only where it may be used or named. */
static int has_blas(void) {
    return kern_blas_name()[0] != '\0';
}

/* AVX-512 with what extends it. */
static void init_avx512(struct kern *k) {
    kern_init_avx2(k);
    kern_init_avx512(k);
    if (has_vnni()) kern_init_avx512vnni(k);
    if (has_bf16()) kern_init_avx512bf16(k);
}

int kern_init(struct kern *k, const char *cap) {
    const char *best = has_amx()      ? "amx"
                       : has_avx512() ? "avx512"
                       : has_avx2()   ? "avx2"
                       : has_blas()   ? "blas"
                                      : "c";
    if (!cap || !*cap) cap = best;
    kern_init_c(k);
    if (strcmp(cap, "c") == 0) return 0;
    if (strcmp(cap, "blas") == 0 && has_blas()) {
        kern_init_blas(k);
        return 0;
    }
    if (strcmp(cap, "avx2") == 0 && has_avx2()) {
        kern_init_avx2(k);
        return 0;
    }
    if (strcmp(cap, "avx512") == 0 && has_avx512()) {
        init_avx512(k);
        return 0;
    }
    if ((strcmp(cap, "amx") == 0 || strcmp(cap, "amx-bf16x3") == 0) && has_amx()) {
        init_avx512(k);
        kern_init_amx(k, strcmp(cap, "amx") != 0);
        return 0;
    }
#ifdef MIEN_AMX_EMULATED
    if (strcmp(cap, "amx-emulated") == 0 || strcmp(cap, "amx-bf16x3-emulated") == 0) {
        if (has_avx2()) kern_init_avx2(k);
        if (has_avx512()) init_avx512(k);
        kern_init_amx_emulated(k, strcmp(cap, "amx-emulated") != 0);
        return 0;
    }
#endif
    return -1;
}

const struct kern_igemm *kern_igemm_for(const struct kern *k, enum kern_type type, int cout) {
    const struct kern_igemm *g = &k->igemm[type][cout <= k->igemm[type][1].nr];
    return g->tile ? g : NULL;
}

const char *kern_names(void) {
    static const char *const names[2][4] = {
        {"c", "c, avx2", "c, avx2, avx512", "c, avx2, avx512, amx, amx-bf16x3"},
        {"c, blas", "c, blas, avx2", "c, blas, avx2, avx512",
         "c, blas, avx2, avx512, amx, amx-bf16x3"}};
    return names[has_blas()][has_avx2() + has_avx512() + has_amx()];
}

#ifndef MIEN_HAVE_OPENBLAS
void kern_init_blas(struct kern *k) {
    (void)k;
}
const char *kern_blas_name(void) {
    return "";
}
#endif

#ifndef MIEN_HAVE_AVX2
void kern_init_avx2(struct kern *k) {
    (void)k;
}
#endif
#ifndef MIEN_HAVE_AVX512
void kern_init_avx512(struct kern *k) {
    (void)k;
}
#endif
#ifndef MIEN_HAVE_AVX512VNNI
void kern_init_avx512vnni(struct kern *k) {
    (void)k;
}
#endif
#ifndef MIEN_HAVE_AVX512BF16
void kern_init_avx512bf16(struct kern *k) {
    (void)k;
}
#endif
#ifndef MIEN_HAVE_AMX
void kern_init_amx(struct kern *k, int bf16x3) {
    (void)k;
    (void)bf16x3;
}
#endif
