#include "eval/canvas.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Okabe and Ito's colours, which people who see fewer of them can tell apart. */
const uint32_t CANVAS_SERIES[CANVAS_COLOURS] = {0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7,
                                                0xe69f00, 0x56b4e9, 0x000000, 0x999999};

static void note(struct canvas *c, int rc) {
    if (c->rc == MIEN_OK) c->rc = rc;
}

void canvas_begin(struct canvas *c, int width, int height) {
    c->rc = mien_image_new(width, height, &c->image);
    canvas_rect(c, 0, 0, (float)width, (float)height, CANVAS_WHITE, 1);
}

void canvas_rect(struct canvas *c, float x0, float y0, float x1, float y1, uint32_t rgb,
                 float alpha) {
    const float corners[4][2] = {{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}};

    if (c->rc == MIEN_OK) note(c, mien_draw_polygon(c->image, corners, 4, rgb, alpha));
}

void canvas_line(struct canvas *c, float x0, float y0, float x1, float y1, float width,
                 uint32_t rgb) {
    const float ends[2][2] = {{x0, y0}, {x1, y1}};

    canvas_curve(c, ends, 2, width, rgb);
}

void canvas_curve(struct canvas *c, const float (*points)[2], int n, float width, uint32_t rgb) {
    if (c->rc == MIEN_OK) note(c, mien_draw_line(c->image, points, n, width, rgb));
}

void canvas_dashes(struct canvas *c, float x0, float y0, float x1, float y1, float width,
                   uint32_t rgb) {
    const float dash = 9, gap = 8, length = hypotf(x1 - x0, y1 - y0);

    for (float at = 0; at < length; at += dash + gap) {
        float from = at / length, to = fminf(at + dash, length) / length;
        canvas_line(c, x0 + from * (x1 - x0), y0 + from * (y1 - y0), x0 + to * (x1 - x0),
                    y0 + to * (y1 - y0), width, rgb);
    }
}

void canvas_dot(struct canvas *c, float x, float y, float radius, uint32_t rgb) {
    enum { CORNERS = 32 };
    float corners[CORNERS][2];

    for (int i = 0; i < CORNERS; i++) {
        double angle = 2 * acos(-1.0) * i / CORNERS;
        corners[i][0] = x + radius * (float)cos(angle);
        corners[i][1] = y + radius * (float)sin(angle);
    }
    if (c->rc == MIEN_OK)
        note(c, mien_draw_polygon(c->image, (const float(*)[2])corners, CORNERS, rgb, 1));
}

void canvas_text(struct canvas *c, const char *text, float x, float y, float em,
                 enum canvas_place place, float most, uint32_t rgb) {
    char shown[128];
    float width;

    snprintf(shown, sizeof shown, "%s", text);
    for (char *p = shown; *p; p++)
        if (*p == '_') *p = ' ';
    width = mien_text_width(shown, em);
    if (most > 0 && width > most) {
        em *= most / width;
        width = most;
    }
    if (place == PLACE_MIDDLE) x -= width / 2;
    if (place == PLACE_RIGHT) x -= width;
    if (c->rc == MIEN_OK && *shown) note(c, mien_draw_text(c->image, shown, x, y, em, rgb));
}

uint32_t canvas_mix(uint32_t a, uint32_t b, double t) {
    uint32_t mixed = 0;

    for (int shift = 0; shift < 24; shift += 8) {
        double x = a >> shift & 255, y = b >> shift & 255;
        mixed |= (uint32_t)(x + t * (y - x) + 0.5) << shift;
    }
    return mixed;
}

float axes_x(const struct axes *a, double v) {
    return a->x0 + (float)v * (a->x1 - a->x0);
}

float axes_y(const struct axes *a, double v) {
    return a->y1 - (float)v * (a->y1 - a->y0);
}

void canvas_axes(struct canvas *c, const struct axes *a) {
    const float em = 19;
    char number[16];

    for (int i = 0; i <= 5; i++) {
        float x = axes_x(a, i / 5.0), y = axes_y(a, i / 5.0);
        canvas_line(c, x, a->y0, x, a->y1, 1.2f, CANVAS_GRID);
        canvas_line(c, a->x0, y, a->x1, y, 1.2f, CANVAS_GRID);
        snprintf(number, sizeof number, "%d", 20 * i);
        canvas_text(c, number, x, a->y1 + 28, em, PLACE_MIDDLE, 0, CANVAS_GREY);
        canvas_text(c, number, a->x0 - 12, y + 7, em, PLACE_RIGHT, 0, CANVAS_GREY);
    }
    canvas_text(c, a->xname, (a->x0 + a->x1) / 2, a->y1 + 60, 21, PLACE_MIDDLE, 0, CANVAS_INK);
    canvas_text(c, a->yname, a->x0 - 48, a->y0 - 18, 21, PLACE_LEFT, 0, CANVAS_INK);
}
