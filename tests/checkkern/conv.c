#include "tests/checkkern/checkkern.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One output row over a random view: pixel pitch above the channels, row pitch above the pixels. */
struct shape {
    int w, kh, kw, cin, cout, groups, stride;
    ptrdiff_t px, row;
    size_t source;
    char text[96];
};

static struct shape random_shape(struct check *k, int groups, int cin, int cout) {
    struct shape s = {.w = check_int(k, 1, 20),
                      .kh = check_int(k, 1, 7),
                      .kw = check_int(k, 1, 7),
                      .cin = cin,
                      .cout = cout,
                      .groups = groups,
                      .stride = check_int(k, 1, 2)};
    s.px = cin + (check_int(k, 0, 1) ? check_int(k, 1, 9) : 0);
    int pixels = (s.w - 1) * s.stride + s.kw;
    s.row = s.px * pixels + check_int(k, 0, 7);
    /* exactly what the window reads: the last pixel of the last row ends the array */
    s.source = (size_t)((s.kh - 1) * s.row + (pixels - 1) * s.px + cin);
    snprintf(s.text, sizeof s.text, "w %d, %dx%d, %d to %d channels, %d groups, stride %d, px %td",
             s.w, s.kh, s.kw, cin, cout, groups, s.stride, s.px);
    return s;
}

static const float *window(const struct shape *s, const float *src, int x, int ky, int kx) {
    return src + ky * s->row + (x * s->stride + kx) * s->px;
}

static void check_im2col(struct check *k) {
    int c = check_int(k, 1, 40);
    struct shape s = random_shape(k, 1, c, c);
    size_t n = (size_t)(s.w * s.kh * s.kw * c);
    float *src = check_guarded(k, s.source), *dst = check_guarded(k, n),
          *want = check_guarded(k, n);
    k->kern.im2col_f32(s.w, s.kh, s.kw, c, s.stride, src, s.row, s.px, dst);
    float *p = want;
    for (int x = 0; x < s.w; x++)
        for (int ky = 0; ky < s.kh; ky++)
            for (int kx = 0; kx < s.kw; kx++)
                for (int j = 0; j < c; j++) *p++ = window(&s, src, x, ky, kx)[j];
    check_equal(k, "im2col_f32", s.text, dst, want, n, 0);
    check_guarded_free(k, "im2col_f32", src, s.source);
    check_guarded_free(k, "im2col_f32", dst, n);
    check_guarded_free(k, "im2col_f32", want, n);
}

/* Output o of pixel x by the definition, in double. wt: [taps][cin/groups][cout]. */
static float oracle(const struct shape *s, const float *src, const float *wt, int x, int o) {
    int gi = s->cin / s->groups, g = o / (s->cout / s->groups);
    double sum = 0;
    for (int ky = 0; ky < s->kh; ky++)
        for (int kx = 0; kx < s->kw; kx++)
            for (int i = 0; i < gi; i++)
                sum += (double)window(s, src, x, ky, kx)[g * gi + i] *
                       wt[((ky * s->kw + kx) * gi + i) * s->cout + o];
    return (float)sum;
}

/* Depthwise convolutions read any type, grouped ones floats. */
static void check_grouped(struct check *k, int depthwise) {
    enum kern_type type = depthwise ? (enum kern_type)check_int(k, KERN_F32, KERN_U8) : KERN_F32;
    int groups = check_int(k, 1, depthwise ? 100 : 40), gi = depthwise ? 1 : check_int(k, 1, 5);
    int go = depthwise ? 1 : check_int(k, 1, 4);
    struct shape s = random_shape(k, groups, groups * gi, groups * go);
    if (depthwise && check_int(k, 0, 2) > 0)
        s.kh = s.kw = 3 + 2 * check_int(k, 0, 2); /* have code of their own */
    s.source = (size_t)((s.kh - 1) * s.row + ((s.w - 1) * s.stride + s.kw - 1) * s.px + s.cin);
    const char *slot = depthwise ? "dwconv" : "gconv_f32";
    size_t nw = (size_t)(s.kh * s.kw * gi * s.cout), n = (size_t)(s.w * s.cout), ns;
    void *src = check_elements(k, type, s.source, &ns);
    float *wt = check_guarded(k, nw), *values = check_guarded(k, s.source);
    float *dst = check_guarded(k, n), *want = check_guarded(k, n);
    for (size_t i = 0; i < s.source; i++) values[i] = (float)check_element(src, type, i);
    if (depthwise)
        k->kern.dwconv(type, s.w, s.kh, s.kw, s.cout, s.stride, src, s.row, s.px, wt, dst);
    else
        k->kern.gconv_f32(s.w, s.kh, s.kw, s.cin, s.cout, groups, s.stride, src, s.row, s.px, wt,
                          dst);
    for (int x = 0; x < s.w; x++)
        for (int o = 0; o < s.cout; o++) want[x * s.cout + o] = oracle(&s, values, wt, x, o);
    check_equal(k, slot, s.text, dst, want, n, type == KERN_U8 ? 3e-4 : 1e-5);
    check_guarded_free(k, slot, src, ns);
    check_guarded_free(k, slot, values, s.source);
    check_guarded_free(k, slot, wt, nw);
    check_guarded_free(k, slot, dst, n);
    check_guarded_free(k, slot, want, n);
}

/* Where weight l of tap t for channel j stands in a panel, as kern_tile_fn's contract says. */
static size_t panel_at(const struct kern_igemm *g, int k, int t, int l, int j, int low) {
    int lanes = g->nr < 16 ? g->nr : 16, deep = g->group * g->block, halves = g->split ? 2 : 1;
    int blocks = (k + deep - 1) / deep, one = g->nr * deep; /* elements of a block, or its half */
    return (size_t)(((t * blocks + l / deep) * halves + low) * one + j / lanes * (lanes * deep) +
                    l % deep / g->group * (lanes * g->group) + j % lanes * g->group + l % g->group);
}

/* src as floats to two planes of halves; `pixels` beyond what a tile needs are not numbers. */
static void *split_source(struct check *k, const float *src, size_t used, size_t plane,
                          size_t *words) {
    uint16_t *p = check_elements(k, KERN_BF16, 2 * plane, words);
    memset(p, 0xFF, 4 * plane);
    k->kern.split_f32(1, (int)used, src, 0, p, p + plane);
    return p;
}

/* Weights w: [taps][k][nr] as a panel. */
static void fill_panel(const struct kern_igemm *g, int taps, int k, const float *w, void *panel) {
    for (int i = 0; i < taps * k * g->nr; i++) {
        int t = i / g->nr / k, l = i / g->nr % k, j = i % g->nr;
        size_t at = panel_at(g, k, t, l, j, 0);
        uint16_t high = kern_bf16_from_f32(w[i]);
        if (g->type == KERN_U8)
            ((int8_t *)panel)[at] = (int8_t)w[i];
        else if (g->split || g->type == KERN_BF16)
            ((uint16_t *)panel)[at] = high;
        else
            ((float *)panel)[at] = w[i];
        if (g->split)
            ((uint16_t *)panel)[panel_at(g, k, t, l, j, 1)] =
                kern_bf16_from_f32(w[i] - kern_bf16_to_f32(high));
    }
}

/* Floats in halves: every product has an error of its own, so it is their mean that is small. */
static void check_rms(struct check *k, const char *slot, const char *text, const float *out,
                      const float *want, size_t n) {
    const float zero = 0;
    double error = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        error += ((double)out[i] - want[i]) * ((double)out[i] - want[i]);
        norm += (double)want[i] * want[i];
    }
    float relative = norm > 0 ? (float)sqrt(error / norm) : 0;
    check_equal(k, slot, text, &relative, &zero, 1, 8e-6);
}

struct tile_case {
    int m, taps, depth, px;
    ptrdiff_t offset[10];
    size_t used, source; /* elements: the last run ends where `used` does; behind, where allowed */
};

static struct tile_case random_tile(struct check *k, const struct kern_igemm *g) {
    struct tile_case c = {.m = check_int(k, 1, g->mr),
                          .taps = check_int(k, 1, 9),
                          .depth = check_int(k, 1, g->matrix ? 200 : 90),
                          .px = check_int(k, 1, 2) * check_int(k, 1, 70)};
    ptrdiff_t last = 0;
    for (int t = 0; t < c.taps; t++) {
        c.offset[t] = check_int(k, 0, 500);
        last = c.offset[t] > last ? c.offset[t] : last;
    }
    c.used = c.source = (size_t)(last + (c.m - 1) * c.px + c.depth);
    if (g->matrix)
        c.source += (size_t)((g->mr - c.m) * c.px + kern_panel_blocks(g, c.depth) * 64 - c.depth);
    c.offset[c.taps] = (ptrdiff_t)c.source;
    return c;
}

/* A tile: m windows some elements apart, as runs (taps) of neighbouring elements. The last run ends
 * where the array ends, so that a read beyond it is one beyond the array; where tiles may read
 * further, what they find there are not numbers. */
static void check_tile(struct check *k, const struct kern_igemm *g) {
    if (!g->tile) return;
    static const char *const slots[] = {"igemm.tile f32", "igemm.tile bf16", "igemm.tile u8"};
    struct tile_case c = random_tile(k, g);
    size_t nb = kern_panel_size(g, c.taps, c.depth), nw = (size_t)(c.taps * c.depth * g->nr);
    size_t rows = (size_t)(g->matrix ? g->mr : c.m), no = rows * (size_t)g->nr, sw, bw, hw = 0;
    void *src = check_elements(k, g->type, c.source, &sw);
    void *panel = check_elements(k, g->type, nb, &bw), *halves = NULL;
    float *w = check_guarded(k, nw), *out = check_guarded(k, no), *want = check_guarded(k, no);
    size_t wanted = (size_t)(c.m * g->nr), size = kern_type_size(g->type);
    memset((char *)src + c.used * size, 0xFF, (c.source - c.used) * size);
    for (size_t i = 0; i < nw; i++) {
        if (g->type == KERN_U8) w[i] = (float)check_int(k, -128, 127);
        if (g->type == KERN_BF16) w[i] = kern_bf16_to_f32(kern_bf16_from_f32(w[i]));
    }
    memset(panel, 0, nb * size);
    fill_panel(g, c.taps, c.depth, w, panel);
    if (g->split) halves = split_source(k, src, c.used, c.source, &hw);
    if (g->enter) g->enter();
    g->tile(c.m, c.taps, c.depth, c.offset, halves ? halves : src, c.px, panel, out);
    if (g->leave) g->leave();
    for (size_t i = 0; i < wanted && g->type == KERN_U8; i++) {
        int32_t sum;
        memcpy(&sum, &out[i], sizeof sum);
        out[i] = (float)sum;
    }
    for (int i = 0; i < c.m; i++)
        for (int j = 0; j < g->nr; j++) {
            double sum = 0;
            for (int e = 0; e < c.taps * c.depth; e++)
                sum += check_element(src, g->type,
                                     (size_t)(i * c.px + c.offset[e / c.depth] + e % c.depth)) *
                       (double)w[e * g->nr + j];
            want[i * g->nr + j] = (float)sum;
        }
    char text[64];
    snprintf(text, sizeof text, "m %d, %d taps of %d, px %d", c.m, c.taps, c.depth, c.px);
    if (g->split)
        check_rms(k, slots[g->type], text, out, want, wanted);
    else
        check_equal(k, slots[g->type], text, out, want, wanted, g->type == KERN_U8 ? 0 : 2e-5);
    check_guarded_free(k, slots[g->type], src, sw);
    if (halves) check_guarded_free(k, slots[g->type], halves, hw);
    check_guarded_free(k, slots[g->type], panel, bw);
    check_guarded_free(k, slots[g->type], w, nw);
    check_guarded_free(k, slots[g->type], out, no);
    check_guarded_free(k, slots[g->type], want, no);
}

/* The three transforms together are a convolution: one tile, one output channel at a time. */
static void check_winograd(struct check *k) {
    int c = check_int(k, 1, 40), rows = check_int(k, 1, 8), columns = check_int(k, 1, 8);
    int px = c + check_int(k, 0, 5), height = rows < 6 ? rows : 6,
        width = columns < 6 ? columns : 6;
    ptrdiff_t row = (ptrdiff_t)px * 6 + check_int(k, 0, 7), plane = c + check_int(k, 0, 9);
    size_t ns = (size_t)((height - 1) * row + (width - 1) * px + c), nv = (size_t)(35 * plane + c);
    size_t no = 16 * (size_t)c, nw = 9 * (size_t)c;
    float *src = check_guarded(k, ns), *v = check_guarded(k, nv), *w = check_guarded(k, nw);
    float *out = check_guarded(k, no), *want = check_guarded(k, no);
    k->kern.winograd_input_f32(c, rows, columns, src, row, px, v, plane);
    for (int j = 0; j < c; j++) { /* a depthwise product: channel j by filter j */
        float u[36];
        kern_winograd_weights(w + 9 * j, u, 1);
        for (int p = 0; p < 36; p++) v[p * plane + j] *= u[p];
    }
    k->kern.winograd_output_f32(c, v, plane, out);
    for (int y = 0; y < 4; y++)
        for (int x = 0; x < 4; x++)
            for (int j = 0; j < c; j++) {
                double sum = 0;
                for (int t = 0; t < 9; t++) {
                    int sy = y + t / 3, sx = x + t % 3;
                    if (sy < height && sx < width)
                        sum += (double)src[sy * row + sx * px + j] * w[9 * j + t];
                }
                want[(y * 4 + x) * c + j] = (float)sum;
            }
    char text[64];
    snprintf(text, sizeof text, "%d channels, window %d x %d", c, rows, columns);
    check_equal(k, "winograd_f32", text, out, want, no, 1e-5);
    check_guarded_free(k, "winograd_f32", src, ns);
    check_guarded_free(k, "winograd_f32", v, nv);
    check_guarded_free(k, "winograd_f32", w, nw);
    check_guarded_free(k, "winograd_f32", out, no);
    check_guarded_free(k, "winograd_f32", want, no);
}

void check_conv(struct check *k) {
    check_winograd(k);
    for (int type = KERN_F32; type <= KERN_U8; type++) {
        check_tile(k, &k->kern.igemm[type][0]);
        check_tile(k, &k->kern.igemm[type][1]);
    }
    check_im2col(k);
    check_grouped(k, 1);
    check_grouped(k, 0);
}
