/*
 * mien_draw_face() and mien_draw_caption(). Sizes follow the picture: letters are about a fiftieth
 * of its long side, but no smaller than can be read, and smaller faces get smaller labels.
 */
#include "engine/err.h"
#include "vision/font.h"
#include "vision/image.h"
#include "vision/raster.h"

#include <math.h>
#include <string.h>

#define MIN_EM 11.0f
/* Heights of the font, in em: capitals, and what hangs below the line. */
#define CAP_HEIGHT 0.73f
#define DESCENT    0.21f

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

/* The glyph of the next letter of *text, which moves on; NULL at the end of the line. What is not
 * ASCII becomes one question mark a character. */
static const struct font_glyph *next_glyph(const char **text) {
    unsigned char c = (unsigned char)**text;
    if (c == '\0' || c == '\n') return NULL;
    (*text)++;
    while (c >= 0xc0 && ((unsigned char)**text & 0xc0) == 0x80) (*text)++;
    if (c == '\t') c = ' ';
    if (c < FONT_FIRST || c > FONT_LAST) c = '?';
    return &font_glyphs[c - FONT_FIRST];
}

static float text_width(const char *text, float em) {
    int units = 0;
    for (const struct font_glyph *g; (g = next_glyph(&text)) != NULL;) units += g->advance;
    return (float)units * em / (float)font_units;
}

/* The outline of a glyph whose origin is at x on the base line y. */
static void glyph_path(const struct font_glyph *g, float x, float y, float em,
                       struct raster_path *p) {
    float unit = em / (float)font_units, px = 0, py = 0, sx = 0, sy = 0;
    p->n = 0;
    for (int i = 0; i < g->count; i++) {
        const struct font_point *f = &font_points[g->first + i];
        float fx = x + (float)f->x * unit, fy = y - (float)f->y * unit;
        if (f->kind == FONT_CONTROL) { /* the end follows */
            const struct font_point *end = &font_points[g->first + ++i];
            float ex = x + (float)end->x * unit, ey = y - (float)end->y * unit;
            path_curve(p, px, py, fx, fy, ex, ey);
            fx = ex;
            fy = ey;
        } else if (f->kind == FONT_LINE) {
            path_line(p, px, py, fx, fy);
        } else {
            path_line(p, px, py, sx, sy); /* closes the contour before; nothing for the first */
            sx = fx;
            sy = fy;
        }
        px = fx;
        py = fy;
    }
    path_line(p, px, py, sx, sy);
}

/* Draws one line of text with its base line at y. */
static int draw_text(mien_image *img, const char *text, float x, float y, float em,
                     const uint8_t rgb[3]) {
    struct raster_path path;
    int rc = MIEN_OK;
    for (const struct font_glyph *g; rc == MIEN_OK && (g = next_glyph(&text)) != NULL;) {
        glyph_path(g, x, y, em, &path);
        rc = raster_fill(img, &path, rgb, 1);
        x += (float)g->advance * em / (float)font_units;
    }
    return rc;
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

/* A tag above the box, or inside its top where there is no room above; always within the picture
 * where it fits there. */
static int draw_tag(mien_image *img, const char *text, const float b[4], float line, float em,
                    const uint8_t rgb[3]) {
    float pad = 0.35f * em, w = text_width(text, em) + 2 * pad, h = 1.35f * em;
    float x = b[0] - line / 2, y = b[1] - h - line * 0.25f;
    if (x + w > (float)img->width) x = (float)img->width - w;
    if (x < 0) x = 0;
    if (y < 0) y = fmaxf(b[1], 0) + line;
    if (y + h > (float)img->height) y = (float)img->height - h;
    int rc = fill_rounded(img, x, y, x + w, y + h, 0.25f * em, rgb, 0.94f);
    if (rc != MIEN_OK) return rc;
    return draw_text(img, text, x + pad, y + (h + CAP_HEIGHT * em) / 2, em, text_colour(rgb));
}

static int finite_face(const mien_face *f) {
    float sum = 0;
    for (int i = 0; i < 4; i++) sum += f->box[i];
    for (int i = 0; i < 5; i++) sum += f->landmarks[i][0] + f->landmarks[i][1];
    return isfinite(sum);
}

int mien_draw_face(mien_image *img, const mien_face *face, const char *label, int index) {
    int rc = image_check(img);
    if (rc != MIEN_OK) return rc;
    mien_image_forget(img); /* a copy on a device would not have what is drawn */
    if (!face || !finite_face(face))
        return err_set(MIEN_EINVAL, "mien_draw_face: a face with finite coordinates is needed");
    double scale[2];
    image_scale(img, scale);
    float b[4], side = (float)(img->width > img->height ? img->width : img->height);
    for (int i = 0; i < 4; i++) b[i] = face->box[i] / (float)scale[i & 1];
    float width = fmaxf(b[2] - b[0], 0), line = fmaxf(side / 450, 1.5f);
    line = fminf(line, fmaxf(width / 16, 1.2f));
    float em = fminf(fmaxf(0.15f * width, side / 80), side / 45), r = 0.07f * width;
    const uint8_t *rgb = palette[(unsigned)index % COLOURS].rgb;

    rc = draw_frame(img, b, line * 2, r, ink.rgb, 0.3f); /* a shadow, for light backgrounds */
    if (rc == MIEN_OK) rc = draw_frame(img, b, line, r, rgb, 1);
    float dot = fmaxf(fminf(0.018f * width, 1.6f * line), 0.8f);
    for (int i = 0; rc == MIEN_OK && i < 5; i++)
        rc = draw_dot(img, face->landmarks[i][0] / (float)scale[0],
                      face->landmarks[i][1] / (float)scale[1], dot, rgb);
    if (rc != MIEN_OK || !label || !*label) return rc;
    return draw_tag(img, label, b, line, fmaxf(em, MIN_EM), rgb);
}

int mien_draw_caption(mien_image *img, const char *text) {
    int rc = image_check(img);
    if (rc != MIEN_OK) return rc;
    mien_image_forget(img); /* a copy on a device would not have what is drawn */
    if (!text || !*text) return MIEN_OK;
    float side = (float)(img->width > img->height ? img->width : img->height);
    float em = fmaxf(side / 48, MIN_EM), widest = 0;
    int lines = 0;
    for (const char *at = text; at; lines++) {
        widest = fmaxf(widest, text_width(at, em));
        at = strchr(at, '\n');
        if (at && !*++at) at = NULL; /* a newline at the very end starts no line */
    }
    float margin = 0.6f, pad = 0.7f; /* em */
    float room = (float)img->width - 2 * (margin + pad) * em;
    if (widest > room) { /* narrower letters, down to what can be read */
        float shrunk = fmaxf(em * fmaxf(room, 1) / widest, fminf(em, MIN_EM));
        widest *= shrunk / em;
        em = shrunk;
    }
    float leading = 1.4f * em, corner = margin * em;
    float h = (float)(lines - 1) * leading + (CAP_HEIGHT + DESCENT + 2 * pad) * em;
    rc = fill_rounded(img, corner, corner, corner + widest + 2 * pad * em, corner + h, 0.4f * em,
                      ink.rgb, 0.72f);
    const char *at = text;
    for (int i = 0; rc == MIEN_OK && i < lines; i++) {
        float base = corner + (pad + CAP_HEIGHT) * em + (float)i * leading;
        rc = draw_text(img, at, corner + pad * em, base, em, white.rgb);
        at = strchr(at, '\n');
        at = at ? at + 1 : text + strlen(text);
    }
    return rc;
}
