/*
 * mien_draw_polygon(), mien_draw_line() and mien_draw_text(): what charts are made of. Unlike what
 * is drawn over a face, nothing here follows the size of the picture.
 */
#include "engine/err.h"
#include "vision/draw.h"
#include "vision/raster.h"
#include "vision/text.h"

#include <math.h>

#define PI 3.14159265358979f

enum { JOINT_CORNERS = 8, SEGMENT_LINES = 4 + JOINT_CORNERS };

struct shade {
    uint8_t rgb[3];
};

static struct shade shade_of(uint32_t rgb) {
    return (struct shade){{(uint8_t)(rgb >> 16), (uint8_t)(rgb >> 8), (uint8_t)rgb}};
}

/* MIEN_OK where n points are numbers and the image can be drawn into. */
static int begin(mien_image *img, const float (*points)[2], int n) {
    if (n < 0 || (n > 0 && !points)) return err_set(MIEN_EINVAL, "%d points to draw", n);
    for (int i = 0; i < n; i++)
        if (!isfinite(points[i][0] + points[i][1]))
            return err_set(MIEN_EINVAL, "a point to draw is not finite");
    return draw_begin(img, NULL, 0);
}

int mien_draw_polygon(mien_image *img, const float (*points)[2], int n, uint32_t rgb, float alpha) {
    int rc = begin(img, points, n);
    if (rc != MIEN_OK) return rc;
    if (n > RASTER_LINES)
        return err_set(MIEN_EINVAL, "a polygon of %d corners, at most %d are drawn", n,
                       RASTER_LINES);
    if (!(alpha >= 0 && alpha <= 1)) return err_set(MIEN_EINVAL, "an opacity is 0 to 1");
    struct raster_path path = {0};
    for (int i = 0; i < n; i++) {
        const float *a = points[i], *b = points[(i + 1) % n];
        path_line(&path, a[0], a[1], b[0], b[1]);
    }
    return raster_fill(img, &path, shade_of(rgb).rgb, alpha);
}

/* A disc as an octagon, with its corners the other way round than angles go: as those of segments,
 * so that what overlaps adds up. */
static void add_joint(struct raster_path *path, const float at[2], float r) {
    float x = at[0] + r, y = at[1];
    for (int i = 1; i <= JOINT_CORNERS; i++) {
        float angle = -2 * PI * (float)i / JOINT_CORNERS;
        float nx = at[0] + r * cosf(angle), ny = at[1] + r * sinf(angle);
        path_line(path, x, y, nx, ny);
        x = nx;
        y = ny;
    }
}

/* A piece of a line, of direction d (of length 1) and half of its width. */
static void add_segment(struct raster_path *path, const float a[2], const float b[2],
                        const float d[2], float r) {
    float nx = -d[1] * r, ny = d[0] * r;
    path_line(path, a[0] + nx, a[1] + ny, b[0] + nx, b[1] + ny);
    path_line(path, b[0] + nx, b[1] + ny, b[0] - nx, b[1] - ny);
    path_line(path, b[0] - nx, b[1] - ny, a[0] - nx, a[1] - ny);
    path_line(path, a[0] - nx, a[1] - ny, a[0] + nx, a[1] + ny);
}

int mien_draw_line(mien_image *img, const float (*points)[2], int n, float width, uint32_t rgb) {
    int rc = begin(img, points, n);
    if (rc == MIEN_OK && !(width > 0 && width < 1e6f))
        return err_set(MIEN_EINVAL, "a line %g pixels wide", (double)width);
    const struct shade shade = shade_of(rgb);
    struct raster_path path = {0};
    float r = width / 2, before[2] = {0, 0};
    for (int i = 1, last = 0; rc == MIEN_OK && i < n; i++) {
        const float *from = points[last], *to = points[i];
        float d[2] = {to[0] - from[0], to[1] - from[1]}, length = hypotf(d[0], d[1]);
        /* Many short pieces would cover the same edge many times over. */
        if (!(length > 0) || (i + 1 < n && length < width / 4)) continue;
        d[0] /= length;
        d[1] /= length;
        if (d[0] * before[0] + d[1] * before[1] < 0.98f) add_joint(&path, from, r); /* it turns */
        add_segment(&path, from, to, d, r);
        before[0] = d[0];
        before[1] = d[1];
        last = i;
        if (path.n + 2 * SEGMENT_LINES <= RASTER_LINES) continue;
        rc = raster_fill(img, &path, shade.rgb, 1);
        path.n = 0;
    }
    if (n > 0) add_joint(&path, points[n - 1], r);
    return rc == MIEN_OK ? raster_fill(img, &path, shade.rgb, 1) : rc;
}

int mien_draw_text(mien_image *img, const char *text, float x, float y, float em, uint32_t rgb) {
    const float at[1][2] = {{x, y}};
    if (!text) return err_null("mien_draw_text");
    int rc = begin(img, at, 1);
    if (rc == MIEN_OK && !(em > 0 && em < 1e4f))
        return err_set(MIEN_EINVAL, "letters of %g pixels", (double)em);
    return rc == MIEN_OK ? text_draw(img, text, x, y, em, shade_of(rgb).rgb) : rc;
}

float mien_text_width(const char *text, float em) {
    return text ? text_width(text, em) : 0;
}
