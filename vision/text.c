#include "vision/text.h"

#include "vision/font.h"
#include "vision/raster.h"

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

float text_width(const char *text, float em) {
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

int text_draw(mien_image *img, const char *text, float x, float y, float em, const uint8_t rgb[3]) {
    struct raster_path path;
    int rc = MIEN_OK;
    for (const struct font_glyph *g; rc == MIEN_OK && (g = next_glyph(&text)) != NULL;) {
        glyph_path(g, x, y, em, &path);
        rc = raster_fill(img, &path, rgb, 1);
        x += (float)g->advance * em / (float)font_units;
    }
    return rc;
}
