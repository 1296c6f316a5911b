#include "tests/checkkern/checkkern.h"

#include <stdio.h>

/* n bytes in an array of their own, which ends where reading must end. */
static uint8_t *bytes(struct check *k, size_t n, size_t *words) {
    void *p = check_elements(k, KERN_U8, n, words);
    return p;
}

static void check_scale_rows(struct check *k) {
    int w = check_int(k, 1, 70), taps = check_int(k, 1, 9), room = (w + 15) / 16 * 16;
    ptrdiff_t row = 3 * w + check_int(k, 0, 40);
    size_t n = 4 * (size_t)w, ns, nd = 4 * (size_t)room;
    uint8_t *src = bytes(k, (size_t)((taps - 1) * row + 3 * w), &ns);
    float *weight = check_guarded(k, (size_t)taps), *dst = check_guarded(k, nd);
    float *want = check_guarded(k, n);
    k->kern.scale_rows(w, taps, weight, src, row, dst);
    for (int x = 0; x < w; x++)
        for (int c = 0; c < 4; c++) {
            double sum = 0;
            for (int t = 0; c < 3 && t < taps; t++)
                sum += (double)weight[t] * src[t * row + 3 * x + c];
            want[4 * x + c] = (float)sum;
            if (c == 3) dst[4 * x + c] *= 0; /* anything, but a number */
        }
    char shape[32];
    snprintf(shape, sizeof shape, "%d of %d rows", w, taps);
    check_equal(k, "scale_rows", shape, dst, want, n, 1e-4);
    check_guarded_free(k, "scale_rows", (float *)(void *)src, ns);
    check_guarded_free(k, "scale_rows", weight, (size_t)taps);
    check_guarded_free(k, "scale_rows", dst, nd);
    check_guarded_free(k, "scale_rows", want, n);
}

static void check_scale_columns(struct check *k) {
    enum kern_type type = check_int(k, 0, 1) ? KERN_BF16 : KERN_F32;
    int w = check_int(k, 1, 40), taps = check_int(k, 1, 14), pixels = taps + check_int(k, 0, 90);
    size_t n = 3 * (size_t)w, nw = (size_t)((w + 3) / 4 * taps * 4), nd;
    float *src = check_guarded(k, 4 * (size_t)pixels), *weight = check_guarded(k, nw);
    float *got = check_guarded(k, n), *want = check_guarded(k, n);
    int *first = (int *)(void *)check_guarded(k, (size_t)w);
    void *dst = check_elements(k, type, n, &nd);
    for (int x = 0; x < w; x++) first[x] = check_int(k, 0, pixels - taps);
    k->kern.scale_columns(w, taps, first, weight, src, type, dst);
    for (int i = 0; i < 3 * w; i++) {
        int x = i / 3;
        double sum = 0;
        for (int t = 0; t < taps; t++)
            sum += (double)weight[(x / 4 * taps + t) * 4 + x % 4] * src[4 * (first[x] + t) + i % 3];
        want[i] = (float)sum;
        got[i] = (float)check_element(dst, type, (size_t)i);
    }
    char shape[48];
    snprintf(shape, sizeof shape, "%d of %d columns, to type %d", w, taps, type);
    check_equal(k, "scale_columns", shape, got, want, n, type == KERN_BF16 ? 1 / 256.0 : 2e-6);
    check_guarded_free(k, "scale_columns", src, 4 * (size_t)pixels);
    check_guarded_free(k, "scale_columns", weight, nw);
    check_guarded_free(k, "scale_columns", (float *)(void *)first, (size_t)w);
    check_guarded_free(k, "scale_columns", dst, nd);
    check_guarded_free(k, "scale_columns", got, n);
    check_guarded_free(k, "scale_columns", want, n);
}

static void check_from_bytes(struct check *k) {
    enum kern_type type = check_int(k, 0, 1) ? KERN_BF16 : KERN_F32;
    size_t n = (size_t)check_int(k, 1, 200), ns, nd;
    uint8_t *src = bytes(k, n, &ns);
    float *got = check_guarded(k, n), *want = check_guarded(k, n);
    void *dst = check_elements(k, type, n, &nd);
    k->kern.from_bytes((int)n, src, type, dst);
    for (size_t i = 0; i < n; i++) {
        want[i] = src[i];
        got[i] = (float)check_element(dst, type, i);
    }
    char shape[32];
    snprintf(shape, sizeof shape, "%zu, to type %d", n, type);
    check_equal(k, "from_bytes", shape, got, want, n, 0);
    check_guarded_free(k, "from_bytes", (float *)(void *)src, ns);
    check_guarded_free(k, "from_bytes", dst, nd);
    check_guarded_free(k, "from_bytes", got, n);
    check_guarded_free(k, "from_bytes", want, n);
}

void check_scale(struct check *k) {
    check_scale_rows(k);
    for (int i = 0; i < 4; i++) check_scale_columns(k);
    check_from_bytes(k);
}
