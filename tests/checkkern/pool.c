#include "tests/checkkern/checkkern.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

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

static void check_gather(struct check *k, enum kern_type type) {
    int c = check_int(k, 1, 150), have = check_int(k, 1, 200);
    size_t ns, nd, n = (size_t)c;
    void *src = check_elements(k, type, (size_t)have, &ns);
    void *dst = check_elements(k, type, n, &nd);
    int32_t from[150];
    for (int j = 0; j < c; j++) from[j] = check_int(k, 0, have - 1);
    k->kern.gather(type, c, from, src, dst);
    float *got = check_guarded(k, n), *want = check_guarded(k, n);
    for (int j = 0; j < c; j++) {
        want[j] = (float)check_element(src, type, (size_t)from[j]);
        got[j] = (float)check_element(dst, type, (size_t)j);
    }
    char shape[48];
    snprintf(shape, sizeof shape, "%d of %d channels", c, have);
    check_equal(k, "gather", shape, got, want, n, 0);
    check_guarded_free(k, "gather", src, ns);
    check_guarded_free(k, "gather", dst, nd);
    check_guarded_free(k, "gather", got, n);
    check_guarded_free(k, "gather", want, n);
}

static void check_blend(struct check *k) {
    int c = check_int(k, 1, 150);
    size_t n = (size_t)c;
    float *src[4], *dst = check_guarded(k, n), *want = check_guarded(k, n);
    float share[4] = {0.5f, 0.25f, -0.125f, 2};
    for (int i = 0; i < 4; i++) src[i] = check_guarded(k, n);
    for (int j = 0; j < c; j++) {
        double sum = 0;
        for (int i = 0; i < 4; i++) sum += (double)share[i] * (double)src[i][j];
        want[j] = (float)sum;
    }
    k->kern.blend_f32(c, (const float *const[]){src[0], src[1], src[2], src[3]}, share, dst);
    char shape[48];
    snprintf(shape, sizeof shape, "%d channels", c);
    check_equal(k, "blend_f32", shape, dst, want, n, 1e-6);
    for (int i = 0; i < 4; i++) check_guarded_free(k, "blend_f32", src[i], n);
    check_guarded_free(k, "blend_f32", dst, n);
    check_guarded_free(k, "blend_f32", want, n);
}

/* Of a few pixels, group by group, in the order of its channels. */
static void check_norm(struct check *k) {
    int w = check_int(k, 1, 9), groups = check_int(k, 1, 5), n = check_int(k, 1, 40);
    int c = groups * n;
    ptrdiff_t px = c + check_int(k, 0, 5);
    size_t ns = (size_t)((w - 1) * px + c), nc = (size_t)c;
    float *src = check_guarded(k, ns), *dst = check_guarded(k, ns), *want = check_guarded(k, ns);
    float *mean = check_guarded(k, nc), *sums = check_guarded(k, nc), *total = check_guarded(k, nc);
    memcpy(want, dst, ns * sizeof *want); /* what lies between pixels stays */
    for (int x = 0; x < w; x++)
        for (int g = 0; g < c; g += n) {
            double sum = 0, squares = 0;
            for (int j = g; j < g + n; j++) sum += (double)src[x * px + j];
            for (int j = g; j < g + n; j++) squares += pow((double)src[x * px + j] - sum / n, 2);
            for (int j = g; j < g + n; j++)
                want[x * px + j] =
                    (float)(((double)src[x * px + j] - sum / n) / sqrt(squares / n + 0.01));
        }
    k->kern.normalise_f32(w, c, groups, 0.01f, src, px, dst, px);
    char shape[48];
    snprintf(shape, sizeof shape, "%d pixels, %d groups of %d channels", w, groups, n);
    check_equal(k, "normalise_f32", shape, dst, want, ns, 1e-5);
    for (int squares = 0; squares < 2; squares++) {
        for (int j = 0; j < c; j++) {
            double sum = 0;
            for (int x = 0; x < w; x++) {
                double v = (double)src[x * px + j];
                sum += squares ? pow(v - (double)mean[j], 2) : v;
            }
            total[j] = (float)sum;
        }
        k->kern.moments_f32(w, c, src, px, squares ? mean : NULL, sums);
        check_equal(k, "moments_f32", shape, sums, total, nc, 1e-6);
    }
    check_guarded_free(k, "normalise_f32", src, ns);
    check_guarded_free(k, "normalise_f32", dst, ns);
    check_guarded_free(k, "normalise_f32", want, ns);
    check_guarded_free(k, "moments_f32", mean, nc);
    check_guarded_free(k, "moments_f32", sums, nc);
    check_guarded_free(k, "moments_f32", total, nc);
}

void check_pool(struct check *k) {
    check_norm(k);
    check_gather(k, KERN_F32);
    check_gather(k, KERN_BF16);
    check_gather(k, KERN_U8);
    check_blend(k);
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
