/*
 * canvas.h - what charts are drawn on: a white picture, rectangles, lines and text that is placed
 * by its middle or end. Errors are sticky, so that charts contain no checks.
 */
#ifndef MIEN_EVAL_CANVAS_H
#define MIEN_EVAL_CANVAS_H

#include "mien.h"

/* Colours of all charts, 0xRRGGBB. */
#define CANVAS_INK   0x0f172aU
#define CANVAS_GREY  0x64748bU
#define CANVAS_GRID  0xe2e8f0U
#define CANVAS_BLUE  0x2563ebU
#define CANVAS_RED   0xdc2626U
#define CANVAS_WHITE 0xffffffU

enum { CANVAS_COLOURS = 8 };
/* Of series, apart from each other for those who see fewer colours, too. */
extern const uint32_t CANVAS_SERIES[CANVAS_COLOURS];

enum canvas_place { PLACE_LEFT, PLACE_MIDDLE, PLACE_RIGHT };

struct canvas {
    mien_image *image;
    int rc; /* of the first call that failed */
};

/* A white one; free its image in any case. */
void canvas_begin(struct canvas *c, int width, int height);
void canvas_rect(struct canvas *c, float x0, float y0, float x1, float y1, uint32_t rgb,
                 float alpha);
void canvas_line(struct canvas *c, float x0, float y0, float x1, float y1, float width,
                 uint32_t rgb);
void canvas_curve(struct canvas *c, const float (*points)[2], int n, float width, uint32_t rgb);
void canvas_dashes(struct canvas *c, float x0, float y0, float x1, float y1, float width,
                   uint32_t rgb);
void canvas_dot(struct canvas *c, float x, float y, float radius, uint32_t rgb);
/* y: of the base line; `most` pixels at most, smaller letters where it would take more (0: any).
 * What is not ASCII becomes question marks, and underscores blanks. */
void canvas_text(struct canvas *c, const char *text, float x, float y, float em,
                 enum canvas_place place, float most, uint32_t rgb);
/* A colour between two, t from 0 to 1. */
uint32_t canvas_mix(uint32_t a, uint32_t b, double t);

/* A square or other field with two axes from 0 to 1. */
struct axes {
    float x0, y0, x1, y1;      /* pixels: left, top, right, bottom */
    const char *xname, *yname; /* in words */
};
/* Draws grid, frame, numbers in percent and names. */
void canvas_axes(struct canvas *c, const struct axes *a);
float axes_x(const struct axes *a, double v);
float axes_y(const struct axes *a, double v);

#endif
