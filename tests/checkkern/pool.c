#include "tests/checkkern/checkkern.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double max_of(const struct kern_windows *p, enum kern_type type, const void *src, int x,
                     int j) {
    double top = -1e30; /* mostly negative values: no implicit zero may win */
    for (int i = 0; i < p->kh * p->kw; i++) {
        ptrdiff_t at = x * p->next + i / p->kw * p->row + i % p->kw * p->px + j;
        double v = check_element(src, type, (size_t)at);
        top = v > top ? v : top;
    }
    return top;
}

/* A maximum is one of the values, exactly, in windows apart or one over the other. */
static void check_maxpool(struct check *k, enum kern_type type) {
    const char *slot = type == KERN_F32    ? "maxpool_f32"
                       : type == KERN_BF16 ? "maxpool_bf16"
                                           : "maxpool_u8";
    struct kern_windows p = {.w = check_int(k, 1, 9), .c = check_int(k, 1, 150)};
    p.kh = check_int(k, 1, 7);
    p.kw = check_int(k, 0, 1) ? p.kh : check_int(k, 1, 7);
    p.px = p.c + check_int(k, 0, 5);
    p.next = p.px * check_int(k, 1, 4);
    p.row = (p.w - 1) * p.next + p.kw * p.px + check_int(k, 0, 9);
    p.dst_px = p.c + check_int(k, 0, 5);
    size_t ns, nd, n = (size_t)((p.w - 1) * p.dst_px + p.c);
    void *src = check_elements(
        k, type, (size_t)((p.kh - 1) * p.row + (p.w - 1) * p.next + (p.kw - 1) * p.px + p.c), &ns);
    void *dst = check_elements(k, type, n, &nd);
    float *got = check_guarded(k, n), *want = check_guarded(k, n);
    for (size_t i = 0; i < n; i++)
        want[i] = (float)check_element(dst, type, i); /* between pixels */
    if (type == KERN_F32)
        k->kern.maxpool_f32(&p, src, dst);
    else if (type == KERN_BF16)
        k->kern.maxpool_bf16(&p, src, dst);
    else
        k->kern.maxpool_u8(&p, src, dst);
    for (int x = 0; x < p.w; x++)
        for (int j = 0; j < p.c; j++) want[x * p.dst_px + j] = (float)max_of(&p, type, src, x, j);
    for (size_t i = 0; i < n; i++) got[i] = (float)check_element(dst, type, i);
    char shape[48];
    snprintf(shape, sizeof shape, "%d of %dx%d, %d channels", p.w, p.kh, p.kw, p.c);
    check_equal(k, slot, shape, got, want, n, 0);
    check_guarded_free(k, slot, src, ns);
    check_guarded_free(k, slot, dst, nd);
    check_guarded_free(k, slot, got, n);
    check_guarded_free(k, slot, want, n);
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
    check_maxpool(k, KERN_F32);
    check_maxpool(k, KERN_BF16);
    check_maxpool(k, KERN_U8);
    int kh = check_int(k, 1, 7), kw = check_int(k, 1, 7), c = check_int(k, 1, 70);
    ptrdiff_t px = c + check_int(k, 0, 5), row = px * kw + check_int(k, 0, 9);
    size_t ns = (size_t)((kh - 1) * row + (kw - 1) * px + c), n = (size_t)c;
    float *src = check_guarded(k, ns), *average = check_guarded(k, n), *want = check_guarded(k, n);
    for (int j = 0; j < c; j++) {
        double sum = 0;
        for (int y = 0; y < kh; y++)
            for (int x = 0; x < kw; x++) sum += src[y * row + x * px + j];
        want[j] = (float)(sum / (kh * kw));
    }
    k->kern.avgpool_f32(kh, kw, c, 1.0f / (float)(kh * kw), src, row, px, average);
    char shape[48];
    snprintf(shape, sizeof shape, "%dx%d, %d channels", kh, kw, c);
    check_equal(k, "avgpool_f32", shape, average, want, n, 1e-6);
    check_guarded_free(k, "avgpool_f32", src, ns);
    check_guarded_free(k, "avgpool_f32", average, n);
    check_guarded_free(k, "avgpool_f32", want, n);
}
