/*
 * Frames, dots, tags and panels. Sizes follow the picture: letters are about a fiftieth of its long
 * side, but no smaller than can be read, and smaller faces get smaller labels.
 */
#include "vision/draw.h"

#include "engine/err.h"
#include "vision/image.h"
#include "vision/raster.h"
#include "vision/text.h"

#include <math.h>
#include <string.h>

/* Heights of the font, in em: capitals, and what hangs below the line. */
#define CAP_HEIGHT 0.73f
#define DESCENT    0.21f
/* Of tags and panels, in em. */
#define TAG_PAD       0.35f
#define PANEL_MARGIN  0.6f
#define PANEL_PAD     0.7f
#define PANEL_LEADING 1.4f

struct colour {
    uint8_t rgb[3];
};

static const struct colour white = {{255, 255, 255}}, ink = {{15, 23, 42}};
static const struct colour palette[] = {
    {{34, 197, 94}}, {{59, 130, 246}}, {{245, 158, 11}}, {{236, 72, 153}},
    {{6, 182, 212}}, {{168, 85, 247}}, {{239, 68, 68}},  {{163, 230, 53}},
};
#define COLOURS ((int)(sizeof palette / sizeof *palette))

/* White letters where they stand out, dark ones on light colours (Rec. 601 luma). */
static const uint8_t *text_colour(const uint8_t rgb[3]) {
    int luma = (299 * rgb[0] + 587 * rgb[1] + 114 * rgb[2]) / 1000;
    return luma > 150 ? ink.rgb : white.rgb;
}

static int fill_rounded(mien_image *img, float x0, float y0, float x1, float y1, float r,
                        const uint8_t rgb[3], float alpha) {
    struct raster_path path = {0};
    path_rounded(&path, x0, y0, x1, y1, r, 0);
    return raster_fill(img, &path, rgb, alpha);
}

/* A rounded frame whose middle line is the box. */
static int draw_frame(mien_image *img, const float b[4], float line, float r, const uint8_t rgb[3],
                      float alpha) {
    struct raster_path path = {0};
    float h = line / 2;
    path_rounded(&path, b[0] - h, b[1] - h, b[2] + h, b[3] + h, r + h, 0);
    if (b[2] - b[0] > line && b[3] - b[1] > line)
        path_rounded(&path, b[0] + h, b[1] + h, b[2] - h, b[3] - h, fmaxf(r - h, 0), 1);
    return raster_fill(img, &path, rgb, alpha);
}

static int draw_dot(mien_image *img, float x, float y, float r, const uint8_t rgb[3]) {
    struct raster_path path = {0};
    path_circle(&path, x, y, r * 1.6f);
    int rc = raster_fill(img, &path, white.rgb, 0.9f);
    path.n = 0;
    path_circle(&path, x, y, r);
    return rc == MIEN_OK ? raster_fill(img, &path, rgb, 1) : rc;
}

static int finite_face(const mien_face *f) {
    float sum = 0;
    for (int i = 0; i < 4; i++) sum += f->box[i];
    for (int i = 0; i < 5; i++) sum += f->landmarks[i][0] + f->landmarks[i][1];
    return isfinite(sum);
}

int draw_begin(mien_image *img, const mien_face *faces, int n) {
    int rc = image_check(img);
    if (rc != MIEN_OK) return rc;
    for (int i = 0; i < n; i++)
        if (!faces || !finite_face(&faces[i]))
            return err_set(MIEN_EINVAL, "drawing a face needs one of finite coordinates");
    mien_image_forget(img); /* a copy on a device would not have what is drawn */
    return MIEN_OK;
}

static float long_side(const mien_image *img) {
    return (float)(img->width > img->height ? img->width : img->height);
}

void draw_look_of(const mien_image *img, const mien_face *face, int index, struct draw_look *look) {
    double scale[2];
    image_scale(img, scale);
    float *b = look->box, side = long_side(img);
    for (int i = 0; i < 4; i++) b[i] = face->box[i] / (float)scale[i & 1];
    look->width = fmaxf(b[2] - b[0], 0);
    look->line = fminf(fmaxf(side / 450, 1.5f), fmaxf(look->width / 16, 1.2f));
    look->em = fmaxf(fminf(fmaxf(0.15f * look->width, side / 80), side / 45), DRAW_MIN_EM);
    look->rgb = palette[(unsigned)index % COLOURS].rgb;
}

int draw_outline(mien_image *img, const mien_face *face, const struct draw_look *look) {
    double scale[2];
    image_scale(img, scale);
    float line = look->line, r = 0.07f * look->width;
    float dot = fmaxf(fminf(0.018f * look->width, 1.6f * line), 0.8f);
    /* a shadow, for light backgrounds */
    int rc = draw_frame(img, look->box, line * 2, r, ink.rgb, 0.3f);
    if (rc == MIEN_OK) rc = draw_frame(img, look->box, line, r, look->rgb, 1);
    for (int i = 0; rc == MIEN_OK && i < 5; i++)
        rc = draw_dot(img, face->landmarks[i][0] / (float)scale[0],
                      face->landmarks[i][1] / (float)scale[1], dot, look->rgb);
    return rc;
}

int mien_draw_points(mien_image *img, const mien_face *face, const float *points, int n, int dims,
                     int index) {
    if (n < 0 || dims < 2 || (n > 0 && !points))
        return err_set(MIEN_EINVAL, "%d points of %d values to draw", n, dims);
    int rc = face ? draw_begin(img, face, 1) : err_null("mien_draw_points");
    if (rc != MIEN_OK) return rc;
    double scale[2];
    struct draw_look look = {0};
    image_scale(img, scale);
    draw_look_of(img, face, index, &look);
    float dot = fmaxf(fminf(0.008f * look.width, look.line), 0.6f);
    for (int i = 0; rc == MIEN_OK && i < n; i++) {
        float x = points[i * dims], y = points[i * dims + 1];
        if (!isfinite(x + y)) return err_set(MIEN_EINVAL, "a point to draw is not finite");
        rc = draw_dot(img, x / (float)scale[0], y / (float)scale[1], dot, look.rgb);
    }
    return rc;
}

void draw_tag_size(const char *text, float em, float size[2]) {
    size[0] = text_width(text, em) + 2 * TAG_PAD * em;
    size[1] = 1.35f * em;
}

int draw_tag(mien_image *img, const char *text, float x, float y, float em, const uint8_t rgb[3]) {
    float size[2];
    draw_tag_size(text, em, size);
    int rc = fill_rounded(img, x, y, x + size[0], y + size[1], 0.25f * em, rgb, 0.94f);
    if (rc != MIEN_OK) return rc;
    return text_draw(img, text, x + TAG_PAD * em, y + (size[1] + CAP_HEIGHT * em) / 2, em,
                     text_colour(rgb));
}

void draw_panel_of(const mien_image *img, const char *text, struct draw_panel *p) {
    p->em = fmaxf(long_side(img) / 48, DRAW_MIN_EM);
    p->lines = 0;
    float widest = 0;
    for (const char *at = text; at; p->lines++) {
        widest = fmaxf(widest, text_width(at, p->em));
        at = strchr(at, '\n');
        if (at && !*++at) at = NULL; /* a newline at the very end starts no line */
    }
    float room = (float)img->width - 2 * (PANEL_MARGIN + PANEL_PAD) * p->em;
    if (widest > room) { /* narrower letters, down to what can be read */
        float shrunk = fmaxf(p->em * fmaxf(room, 1) / widest, fminf(p->em, DRAW_MIN_EM));
        widest *= shrunk / p->em;
        p->em = shrunk;
    }
    p->margin = PANEL_MARGIN * p->em;
    p->size[0] = widest + 2 * PANEL_PAD * p->em;
    p->size[1] = (float)(p->lines - 1) * PANEL_LEADING * p->em +
                 (CAP_HEIGHT + DESCENT + 2 * PANEL_PAD) * p->em;
}

int draw_panel(mien_image *img, const char *text, const struct draw_panel *p, float x, float y) {
    int rc = fill_rounded(img, x, y, x + p->size[0], y + p->size[1], 0.4f * p->em, ink.rgb, 0.72f);
    const char *at = text;
    for (int i = 0; rc == MIEN_OK && i < p->lines; i++) {
        float base = y + (PANEL_PAD + CAP_HEIGHT + (float)i * PANEL_LEADING) * p->em;
        rc = text_draw(img, at, x + PANEL_PAD * p->em, base, p->em, white.rgb);
        at = strchr(at, '\n');
        at = at ? at + 1 : text + strlen(text);
    }
    return rc;
}

int mien_draw_caption(mien_image *img, const char *text) {
    int rc = draw_begin(img, NULL, 0);
    if (rc != MIEN_OK || !text || !*text) return rc;
    struct draw_panel panel;
    draw_panel_of(img, text, &panel);
    return draw_panel(img, text, &panel, panel.margin, panel.margin);
}
