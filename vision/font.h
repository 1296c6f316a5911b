/*
 * font.h - the letters labels are drawn with.
 *
 * Outlines rather than bitmaps, because a label must be readable on a picture 300 pixels wide and
 * on one of 6000: the printable ASCII letters of one font, as data. A program that draws needs no
 * font file where it runs.
 */
#ifndef MIEN_VISION_FONT_H
#define MIEN_VISION_FONT_H

#include <stdint.h>

enum font_kind {
    FONT_MOVE,   /* starts a contour */
    FONT_LINE,   /* a line to here, or the end of a curve */
    FONT_CONTROL /* the control point of a quadratic curve that ends at the next point */
};

/* x to the right, y up, 0 on the base line; font_units units are one em. */
struct font_point {
    uint8_t kind;
    int16_t x, y;
};

struct font_glyph {
    uint16_t first, count; /* its points */
    int16_t advance;       /* to the next letter, font units */
};

#define FONT_FIRST 32 /* the space */
#define FONT_LAST  126

extern const int font_units;
extern const struct font_point font_points[];
extern const struct font_glyph font_glyphs[FONT_LAST - FONT_FIRST + 1];

#endif
