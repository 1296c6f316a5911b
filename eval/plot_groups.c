/* A figure of every group, with its interval: those that overlap are not known to differ. */
#include "eval/plots.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ROWS_MAX = 80, LEFT = 400, WIDTH = 1100, ROW = 34, TOP = 150, GAP = 14 };

/* Rows as in the table for people: all, single columns, and pairs of the first two. */
static int shown_rows(const struct report *r, int rows[ROWS_MAX]) {
    const struct report_row *pair = NULL;
    int n = 0;

    for (int i = 0; i < r->nrows && n < ROWS_MAX; i++) {
        const struct report_row *row = &r->rows[i];
        if (row->nby == 2 && !pair) pair = row;
        if (row->nby > 2 || (row->nby == 2 && (strcmp(row->by[0], pair->by[0]) != 0 ||
                                               strcmp(row->by[1], pair->by[1]) != 0)))
            continue;
        rows[n++] = i;
    }
    return n;
}

/* 1 where both rows are of groups by the same columns. */
static int same_columns(const struct report_row *a, const struct report_row *b) {
    return a->nby == b->nby && (a->nby == 0 || strcmp(a->by[0], b->by[0]) == 0);
}

/* What the axis reaches from and to. */
struct scale {
    double low, high, step;
    enum report_unit unit;
};

static struct scale scale_of(const struct report *r, const int *rows, int n, int column) {
    struct scale s = {INFINITY, -INFINITY, 0, r->columns[column].unit};

    for (int i = 0; i < n; i++) {
        const struct figure *f = &r->rows[rows[i]].figures[column];
        if (!f->n || isnan(f->low)) continue;
        s.low = fmin(s.low, f->low);
        s.high = fmax(s.high, f->high);
    }
    if (!(s.high > s.low)) s = (struct scale){0, 1, 0, s.unit};
    s.step = pow(10, floor(log10(s.high - s.low)));
    if ((s.high - s.low) / s.step > 5) s.step *= 2;
    if ((s.high - s.low) / s.step < 2.5) s.step /= 2;
    s.low = s.step * floor(s.low / s.step);
    s.high = s.step * ceil(s.high / s.step);
    return s;
}

static float place(const struct scale *s, double v) {
    return LEFT + (float)((v - s->low) / (s->high - s->low)) * (WIDTH - LEFT - 150);
}

static void draw_scale(struct canvas *c, const struct scale *s, float bottom) {
    int steps = (int)((s->high - s->low) / s->step + 0.5);
    char text[16];

    for (int i = 0; i <= steps; i++) {
        double v = s->low + i * s->step;
        canvas_line(c, place(s, v), TOP - 10, place(s, v), bottom, 1.2f, CANVAS_GRID);
        snprintf(text, sizeof text, "%g", s->unit == UNIT_SHARE ? 100 * v : v);
        canvas_text(c, text, place(s, v), TOP - 22, 19, PLACE_MIDDLE, 0, CANVAS_GREY);
    }
}

static void draw_row(struct canvas *c, const struct scale *s, const struct report_row *row,
                     const struct figure *f, float y) {
    uint32_t rgb = row->nby == 0 ? CANVAS_INK : CANVAS_SERIES[row->nby - 1];
    char text[128], value[16];

    snprintf(text, sizeof text, "%s%s%s", row->nby ? row->value[0] : "all",
             row->nby > 1 ? ", " : "", row->nby > 1 ? row->value[1] : "");
    canvas_text(c, text, 40, y + 7, 20, PLACE_LEFT, LEFT - 130, CANVAS_INK);
    snprintf(text, sizeof text, "%d", f->n);
    canvas_text(c, text, LEFT - 22, y + 7, 18, PLACE_RIGHT, 60, CANVAS_GREY);
    if (!f->n || isnan(f->value)) return;
    canvas_line(c, place(s, f->low), y, place(s, f->high), y, 3, canvas_mix(rgb, 0xffffff, 0.45));
    canvas_dot(c, place(s, f->value), y, 6.5f, rgb);
    canvas_text(c, report_value(s->unit, f->value, value, sizeof value), WIDTH - 40, y + 7, 20,
                PLACE_RIGHT, 100, CANVAS_INK);
}

void plot_groups(struct canvas *c, const struct report *r, int column) {
    static const char *const units[] = {"%", "years", "degrees", ""};
    int rows[ROWS_MAX], n = shown_rows(r, rows);
    struct scale s = scale_of(r, rows, n, column);
    float y = TOP + ROW / 2.0f, bottom = (float)(TOP + ROW * n + GAP * (BY_MAX + 1));
    char text[128];

    canvas_begin(c, WIDTH, TOP + ROW * n + GAP * (BY_MAX + 3));
    snprintf(text, sizeof text, "%s: %s, %s", r->columns[column].subject, r->columns[column].name,
             units[s.unit]);
    canvas_text(c, text, 40, 58, 34, PLACE_LEFT, WIDTH - 80, CANVAS_INK);
    canvas_text(c, "with 95 % intervals, and of how many", 40, 92, 21, PLACE_LEFT, 0, CANVAS_GREY);
    draw_scale(c, &s, bottom);
    for (int i = 0; i < n; i++) { /* how far all of them together are */
        const struct figure *f = &r->rows[rows[i]].figures[column];
        if (r->rows[rows[i]].nby == 0 && f->n && !isnan(f->value))
            canvas_dashes(c, place(&s, f->value), TOP - 10, place(&s, f->value), bottom, 1.5f,
                          CANVAS_GREY);
    }
    for (int i = 0; i < n; i++) {
        const struct report_row *row = &r->rows[rows[i]];
        if (i && !same_columns(row, &r->rows[rows[i - 1]])) y += GAP;
        draw_row(c, &s, row, &row->figures[column], y);
        y += ROW;
    }
}
