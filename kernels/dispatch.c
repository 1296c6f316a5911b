/* Which kernels run: the rows of tables.def that this build and this processor have. */
#include "kernels/kern.h"

#include <stdio.h>
#include <string.h>

/* MIEN_HAVE_<folder> is 1 where the folder's kernels are part of the build, else 0; what a row says
 * is not even compiled then. */
#define MIEN_HAVE_c 1
#ifdef MIEN_AMX_EMULATED
#define MIEN_HAVE_amx_emulated 1
#endif
#define IF_0(...)           0
#define IF_1(...)           (__VA_ARGS__)
#define IF_EXPANDED(n, ...) IF_##n(__VA_ARGS__)
#define IF(n, ...)          IF_EXPANDED(n, __VA_ARGS__)

#define HAS(fill)    has_##fill()
#define CPU(feature) __builtin_cpu_supports(feature)

#define KERN_TABLE(fill, folder, flags, name, use, supported) static int has_##fill(void);
#include "kernels/tables.def"
#undef KERN_TABLE

#define KERN_TABLE(fill, folder, flags, name, use, supported)                                      \
    static int has_##fill(void) {                                                                  \
        return IF(MIEN_HAVE_##folder, supported);                                                  \
    }
#include "kernels/tables.def"
#undef KERN_TABLE

enum use { BASE, TOP, ASKED };
static const struct table {
    const char *name;
    enum use use;
    int (*has)(void);
    void (*fill)(struct kern *k);
} tables[] = {
#define KERN_TABLE(fill, folder, flags, name, use, supported)                                      \
    {name, use, has_##fill, IF(MIEN_HAVE_##folder, kern_init_##fill)},
#include "kernels/tables.def"
#undef KERN_TABLE
};
enum { TABLES = sizeof tables / sizeof tables[0] };

const char *kern_table_name(int i) {
    for (int row = 0; row < TABLES; row++)
        if (tables[row].name && i-- == 0) return tables[row].name;
    return NULL;
}

/* The row of that name, or the fastest one; -1: there is none here. */
static int find(const char *name) {
    for (int i = 0; i < TABLES; i++) {
        if (!tables[i].name) continue;
        int wanted = name && *name ? strcmp(name, tables[i].name) == 0 : tables[i].use != ASKED;
        if (wanted && tables[i].has()) return i;
    }
    return -1;
}

int kern_init(struct kern *k, const char *cap) {
    int top = find(cap);
    if (top < 0) return -1;
    *k = (struct kern){0};
    int first = top; /* of the rows that are part of it */
    while (first > 0 && !tables[first - 1].name) first--;
    for (int i = TABLES - 1; i >= first; i--)
        if (i == top || (tables[i].use == BASE && tables[i].has())) tables[i].fill(k);
    return 0;
}

const struct kern_igemm *kern_igemm_for(const struct kern *k, enum kern_type type, int cout) {
    const struct kern_igemm *g = &k->igemm[type][cout <= k->igemm[type][1].nr];
    return g->tile ? g : NULL;
}

void kern_names(char *text, size_t size) {
    size_t n = 0;
    text[0] = '\0';
    for (int i = TABLES - 1; i >= 0 && n < size; i--)
        if (tables[i].name && tables[i].has())
            n += (size_t)snprintf(text + n, size - n, "%s%s", n ? ", " : "", tables[i].name);
}

/* A build without OpenBLAS has none to name. */
#if !MIEN_HAVE_blas
const char *kern_blas_name(void) {
    return "";
}
#endif
