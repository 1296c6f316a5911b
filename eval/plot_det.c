/* A detection error tradeoff: shares against each other, both axes logarithmic. */
#include "common/ascii.h"
#include "eval/plots.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 960, DECADES = 4 /* from 0.01 % to all */, NAME = 16 };

static double place_of(double share) {
    return fmax(0, 1 + log10(fmax(share, 1e-9)) / DECADES);
}

static void draw_grid(struct canvas *c, const struct axes *a) {
    for (int i = 0; i <= DECADES; i++) {
        float x = axes_x(a, (double)i / DECADES), y = axes_y(a, (double)i / DECADES);
        char number[16];
        canvas_line(c, x, a->y0, x, a->y1, 1.2f, CANVAS_GRID);
        canvas_line(c, a->x0, y, a->x1, y, 1.2f, CANVAS_GRID);
        snprintf(number, sizeof number, "%g", pow(10, i - DECADES + 2));
        canvas_text(c, number, x, a->y1 + 28, 19, PLACE_MIDDLE, 0, CANVAS_GREY);
        canvas_text(c, number, a->x0 - 12, y + 7, 19, PLACE_RIGHT, 0, CANVAS_GREY);
    }
}

/* "FPIR, %" of "fpir". */
static const char *name_of(const char *rate, char out[NAME]) {
    size_t n = 0;

    for (; n < NAME - 4 && rate[n]; n++) out[n] = ascii_upper(rate[n]);
    snprintf(out + n, NAME - n, ", %%");
    return out;
}

void plot_det(struct canvas *c, const struct report *r) {
    const struct axes a = {110, 130, SIDE - 50, SIDE - 100, NULL, NULL};
    const struct report_curve *curve = &r->curves[0];
    char name[NAME];
    float(*points)[2] = malloc(((size_t)curve->n + 1) * sizeof *points);

    canvas_begin(c, SIDE, SIDE);
    if (!points && c->rc == MIEN_OK) c->rc = MIEN_ENOMEM;
    canvas_text(c, curve->title, 60, 58, 34, PLACE_LEFT, SIDE - 100, CANVAS_INK);
    canvas_text(c, name_of(curve->x, name), (a.x0 + a.x1) / 2, a.y1 + 60, 21, PLACE_MIDDLE, 0,
                CANVAS_INK);
    canvas_text(c, name_of(curve->y, name), a.x0 - 48, a.y0 - 18, 21, PLACE_LEFT, 0, CANVAS_INK);
    draw_grid(c, &a);
    for (int i = 0; points && i < curve->n; i++) {
        points[i][0] = axes_x(&a, place_of(curve->points[i][0]));
        points[i][1] = axes_y(&a, place_of(curve->points[i][1]));
    }
    canvas_curve(c, (const float(*)[2])points, points ? curve->n : 0, 3, CANVAS_SERIES[0]);
    free(points);
}
