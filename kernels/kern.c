#include "kernels/kern.h"

#include <string.h>

int kern_init(struct kern *k, const char *cap) {
    int best = !cap || !*cap;
    kern_init_c(k);
    if (!best && strcmp(cap, "c") == 0) return 0;
#ifdef MIEN_HAVE_OPENBLAS
    kern_init_blas(k);
    if (best || strcmp(cap, k->name) == 0) return 0;
#endif
    return best ? 0 : -1;
}

const char *kern_names(void) {
#ifdef MIEN_HAVE_OPENBLAS
    return "c, blas";
#else
    return "c";
#endif
}

#ifndef MIEN_HAVE_OPENBLAS
void kern_init_blas(struct kern *k) {
    (void)k;
}
const char *kern_blas_name(void) {
    return "";
}
#endif
