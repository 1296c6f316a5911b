/* Curves of shares against each other, as precision against recall. */
#include "eval/plots.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 960 };

static void draw_curve(struct canvas *c, const struct axes *a, const struct report_curve *curve,
                       uint32_t rgb) {
    float(*points)[2] = malloc(((size_t)curve->n + 1) * sizeof *points);
    int n = 0;

    if (!points && c->rc == MIEN_OK) c->rc = MIEN_ENOMEM;
    for (int i = 0; points && i < curve->n; i++) {
        if (curve->points[i][0] <= 0) continue; /* nothing found: no precision either */
        points[n][0] = axes_x(a, curve->points[i][0]);
        points[n++][1] = axes_y(a, curve->points[i][1]);
    }
    canvas_curve(c, (const float(*)[2])points, n, 3, rgb);
    free(points);
}

void plot_curves(struct canvas *c, const struct report *r) {
    struct axes a = {110, 130, SIDE - 50, SIDE - 100, NULL, NULL};
    char name[64], title[96], x[64], y[64];
    float top = a.y1 - 34 * (float)r->ncurves - 16, wide = 0;

    canvas_begin(c, SIDE, SIDE);
    snprintf(title, sizeof title, "%s and %s", r->curves[0].y, r->curves[0].x);
    if (title[0] >= 'a' && title[0] <= 'z') title[0] = (char)(title[0] - 'a' + 'A');
    canvas_text(c, title, 60, 58, 34, PLACE_LEFT, SIDE - 100, CANVAS_INK);
    snprintf(x, sizeof x, "%s, %%", r->curves[0].x);
    snprintf(y, sizeof y, "%s, %%", r->curves[0].y);
    a.xname = x;
    a.yname = y;
    canvas_axes(c, &a);
    for (int i = 0; i < r->ncurves; i++)
        draw_curve(c, &a, &r->curves[i], CANVAS_SERIES[i % CANVAS_COLOURS]);
    for (int i = 0; i < r->ncurves; i++) {
        snprintf(name, sizeof name, "%s   area %.1f %%", r->curves[i].name,
                 100 * r->curves[i].area);
        wide = fmaxf(wide, mien_text_width(name, 21));
    }
    canvas_rect(c, a.x0 + 12, top - 10, a.x0 + 84 + wide, a.y1 - 12, CANVAS_WHITE, 0.85f);
    for (int i = 0; i < r->ncurves; i++) {
        float at = top + 18 + 34 * (float)i;
        snprintf(name, sizeof name, "%s   area %.1f %%", r->curves[i].name,
                 100 * r->curves[i].area);
        canvas_line(c, a.x0 + 24, at - 7, a.x0 + 54, at - 7, 5, CANVAS_SERIES[i % CANVAS_COLOURS]);
        canvas_text(c, name, a.x0 + 68, at, 21, PLACE_LEFT, 0, CANVAS_INK);
    }
}
