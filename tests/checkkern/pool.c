#include "tests/checkkern/checkkern.h"

#include <stdio.h>

/* The maximum of bytes and bf16 is one of them, exactly. */
static void check_maxpool(struct check *k, enum kern_type type) {
    const char *slot = type == KERN_BF16 ? "maxpool_bf16" : "maxpool_u8";
    int kh = check_int(k, 1, 7), kw = check_int(k, 1, 7), c = check_int(k, 1, 150);
    ptrdiff_t px = c + check_int(k, 0, 5), row = px * kw + check_int(k, 0, 9);
    size_t ns, nd;
    void *src = check_elements(k, type, (size_t)((kh - 1) * row + (kw - 1) * px + c), &ns);
    void *dst = check_elements(k, type, (size_t)c, &nd);
    float *got = check_guarded(k, (size_t)c), *want = check_guarded(k, (size_t)c);
    if (type == KERN_BF16)
        k->kern.maxpool_bf16(kh, kw, c, src, row, px, dst);
    else
        k->kern.maxpool_u8(kh, kw, c, src, row, px, dst);
    for (int j = 0; j < c; j++) {
        double top = -1e30;
        for (int i = 0; i < kh * kw; i++) {
            double v = check_element(src, type, (size_t)(i / kw * row + i % kw * px + j));
            top = v > top ? v : top;
        }
        want[j] = (float)top;
        got[j] = (float)check_element(dst, type, (size_t)j);
    }
    char shape[48];
    snprintf(shape, sizeof shape, "%dx%d, %d channels", kh, kw, c);
    check_equal(k, slot, shape, got, want, (size_t)c, 0);
    check_guarded_free(k, slot, src, ns);
    check_guarded_free(k, slot, dst, nd);
    check_guarded_free(k, slot, got, (size_t)c);
    check_guarded_free(k, slot, want, (size_t)c);
}

void check_pool(struct check *k) {
    check_maxpool(k, KERN_BF16);
    check_maxpool(k, KERN_U8);
    int kh = check_int(k, 1, 7), kw = check_int(k, 1, 7), c = check_int(k, 1, 70);
    ptrdiff_t px = c + check_int(k, 0, 5), row = px * kw + check_int(k, 0, 9);
    size_t ns = (size_t)((kh - 1) * row + (kw - 1) * px + c), n = (size_t)c;
    float *src = check_guarded(k, ns), *max = check_guarded(k, n), *average = check_guarded(k, n);
    float *want_max = check_guarded(k, n), *want_average = check_guarded(k, n);
    for (size_t i = 0; i < ns; i++) src[i] -= 0.5f; /* mostly negative: no implicit zero may win */
    for (int j = 0; j < c; j++) {
        double top = -1e30, sum = 0;
        for (int y = 0; y < kh; y++)
            for (int x = 0; x < kw; x++) {
                double v = src[y * row + x * px + j];
                top = v > top ? v : top;
                sum += v;
            }
        want_max[j] = (float)top;
        want_average[j] = (float)(sum / (kh * kw));
    }
    k->kern.maxpool_f32(kh, kw, c, src, row, px, max);
    k->kern.avgpool_f32(kh, kw, c, 1.0f / (float)(kh * kw), src, row, px, average);
    char shape[48];
    snprintf(shape, sizeof shape, "%dx%d, %d channels", kh, kw, c);
    check_equal(k, "maxpool_f32", shape, max, want_max, n, 0);
    check_equal(k, "avgpool_f32", shape, average, want_average, n, 1e-6);
    check_guarded_free(k, "maxpool_f32", src, ns);
    check_guarded_free(k, "maxpool_f32", max, n);
    check_guarded_free(k, "avgpool_f32", average, n);
    check_guarded_free(k, "maxpool_f32", want_max, n);
    check_guarded_free(k, "avgpool_f32", want_average, n);
}
