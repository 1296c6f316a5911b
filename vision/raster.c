/*
 * Exact area coverage, row by row: every line adds its signed area to the pixels it crosses, and a
 * running sum along the row turns edges into coverage. After Raph Levien's font-rs ("Inside the
 * fastest font renderer in the world").
 */
#include "vision/raster.h"

#include "engine/err.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CURVE_STEPS  8
#define CORNER_STEPS 12
#define PI           3.14159265358979f

void path_line(struct raster_path *p, float x0, float y0, float x1, float y1) {
    if (p->n == RASTER_LINES) return;
    float *line = p->line[p->n++];
    line[0] = x0;
    line[1] = y0;
    line[2] = x1;
    line[3] = y1;
}

void path_curve(struct raster_path *p, float x0, float y0, float cx, float cy, float x1, float y1) {
    float px = x0, py = y0;
    for (int i = 1; i <= CURVE_STEPS; i++) {
        float t = (float)i / CURVE_STEPS, a = (1 - t) * (1 - t), b = 2 * t * (1 - t), c = t * t;
        float x = a * x0 + b * cx + c * x1, y = a * y0 + b * cy + c * y1;
        path_line(p, px, py, x, y);
        px = x;
        py = y;
    }
}

void path_rounded(struct raster_path *p, float x0, float y0, float x1, float y1, float r,
                  int reversed) {
    float most = fminf(x1 - x0, y1 - y0) / 2, px = 0, py = 0, fx = 0, fy = 0;
    if (r > most) r = most;
    if (r < 0) r = 0;
    /* The four corners clockwise from the top left, each a quarter circle. */
    const float cx[4] = {x0 + r, x1 - r, x1 - r, x0 + r};
    const float cy[4] = {y0 + r, y0 + r, y1 - r, y1 - r};
    for (int i = 0; i <= 4 * CORNER_STEPS + 3; i++) {
        int corner = i / (CORNER_STEPS + 1), step = i % (CORNER_STEPS + 1);
        float angle = PI + PI / 2 * ((float)corner + (float)step / CORNER_STEPS);
        float x = cx[corner] + r * cosf(angle), y = cy[corner] + r * sinf(angle);
        if (i == 0) {
            fx = x;
            fy = y;
        } else if (reversed) {
            path_line(p, x, y, px, py);
        } else {
            path_line(p, px, py, x, y);
        }
        px = x;
        py = y;
    }
    if (reversed)
        path_line(p, fx, fy, px, py);
    else
        path_line(p, px, py, fx, fy);
}

void path_circle(struct raster_path *p, float x, float y, float r) {
    path_rounded(p, x - r, y - r, x + r, y + r, r, 0);
}

/* Adds a line that crosses a row from xa to xb while it goes down by d (signed, at most 1) to the
 * row's sums. acc: [width + 2]; 0 <= xa, xb <= width. */
static void add_to_row(float *acc, float xa, float xb, float d) {
    float x0 = fminf(xa, xb), x1 = fmaxf(xa, xb), left = floorf(x0);
    int i0 = (int)left, i1 = (int)ceilf(x1);
    if (i1 <= i0 + 1) { /* within one pixel */
        float mean = (x0 + x1) / 2 - left;
        acc[i0] += d * (1 - mean);
        acc[i0 + 1] += d * mean;
        return;
    }
    float slope = 1 / (x1 - x0), in = x0 - left, out = x1 - (float)(i1 - 1);
    float first = 0.5f * slope * (1 - in) * (1 - in), last = 0.5f * slope * out * out;
    acc[i0] += d * first;
    if (i1 == i0 + 2) {
        acc[i0 + 1] += d * (1 - first - last);
    } else {
        float second = slope * (1.5f - in), upto = second + (float)(i1 - i0 - 3) * slope;
        acc[i0 + 1] += d * (second - first);
        for (int i = i0 + 2; i < i1 - 1; i++) acc[i] += d * slope;
        acc[i1 - 1] += d * (1 - upto - last);
    }
    acc[i1] += d * last;
}

static float limit(float v, float low, float high) {
    return v < low ? low : v > high ? high : v;
}

/* Adds the part of a line that lies in row y. x of the sums starts at column x0. */
static void add_line(float *acc, const float line[4], int y, int x0, int width) {
    float dir = 1, ax = line[0], ay = line[1], bx = line[2], by = line[3];
    if (ay > by) {
        dir = -1;
        ax = line[2];
        ay = line[3];
        bx = line[0];
        by = line[1];
    }
    float top = fmaxf(ay, (float)y), bottom = fminf(by, (float)y + 1);
    if (!(top < bottom)) return;
    float slope = (bx - ax) / (by - ay);
    float xt = limit(ax + (top - ay) * slope - (float)x0, 0, (float)width);
    float xb = limit(ax + (bottom - ay) * slope - (float)x0, 0, (float)width);
    add_to_row(acc, xt, xb, dir * (bottom - top));
}

static void blend_row(uint8_t *px, const float *acc, int width, const uint8_t rgb[3], float alpha) {
    float sum = 0;
    for (int x = 0; x < width; x++, px += 3) {
        sum += acc[x];
        float cover = alpha * fminf(fabsf(sum), 1);
        if (cover < 1.0f / 512) continue;
        for (int c = 0; c < 3; c++)
            px[c] = (uint8_t)((float)px[c] + cover * ((float)rgb[c] - (float)px[c]) + 0.5f);
    }
}

int raster_fill(mien_image *img, const struct raster_path *p, const uint8_t rgb[3], float alpha) {
    float lo_x = INFINITY, lo_y = INFINITY, hi_x = -INFINITY, hi_y = -INFINITY;
    for (int i = 0; i < p->n; i++) {
        const float *l = p->line[i];
        lo_x = fminf(lo_x, fminf(l[0], l[2]));
        hi_x = fmaxf(hi_x, fmaxf(l[0], l[2]));
        lo_y = fminf(lo_y, fminf(l[1], l[3]));
        hi_y = fmaxf(hi_y, fmaxf(l[1], l[3]));
    }
    int x0 = (int)limit(floorf(lo_x), 0, (float)img->width);
    int x1 = (int)limit(ceilf(hi_x), 0, (float)img->width);
    int y0 = (int)limit(floorf(lo_y), 0, (float)img->height);
    int y1 = (int)limit(ceilf(hi_y), 0, (float)img->height);
    int width = x1 - x0;
    if (width <= 0 || y1 <= y0) return MIEN_OK;
    float *acc = malloc(((size_t)width + 2) * sizeof *acc);
    if (!acc) return err_set(MIEN_ENOMEM, "no memory to draw a row of %d pixels", width);
    for (int y = y0; y < y1; y++) {
        memset(acc, 0, ((size_t)width + 2) * sizeof *acc);
        for (int i = 0; i < p->n; i++) add_line(acc, p->line[i], y, x0, width);
        blend_row(img->pixels + y * img->pitch + 3 * (ptrdiff_t)x0, acc, width, rgb, alpha);
    }
    free(acc);
    return MIEN_OK;
}
