#include "eval/report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void report_free(struct report *r) {
    for (int i = 0; i < r->nrows; i++) free(r->rows[i].figures);
    for (int i = 0; i < r->nconfusions; i++) {
        free(r->confusions[i].labels);
        free(r->confusions[i].counts);
    }
    for (int i = 0; i < r->ncurves; i++) free(r->curves[i].points);
    free(r->columns);
    free(r->rows);
    free(r->calibrations);
    free(r->confusions);
    free(r->curves);
    free(r->mistakes);
    memset(r, 0, sizeof *r);
}

/* A zeroed element behind the n of an array, which may move; NULL: no memory. */
static void *grow(void **array, int n, size_t size) {
    char *at = realloc(*array, ((size_t)n + 1) * size);

    if (!at) return NULL;
    *array = at;
    memset(at + (size_t)n * size, 0, size);
    return at + (size_t)n * size;
}

#define GROW(array, n) grow((void **)&(array), n, sizeof *(array))

struct report_column *report_add_column(struct report *r, const char *subject, const char *name,
                                        enum report_unit unit) {
    struct report_column *column = GROW(r->columns, r->ncolumns);

    if (!column) return NULL;
    *column = (struct report_column){subject, name, unit};
    r->ncolumns++;
    return column;
}

struct report_row *report_add_row(struct report *r) {
    struct report_row *row = GROW(r->rows, r->nrows);

    if (!row) return NULL;
    row->figures = calloc((size_t)r->ncolumns + 1, sizeof *row->figures);
    if (!row->figures) return NULL;
    for (int c = 0; c < r->ncolumns; c++) row->figures[c] = metrics_share(0, 0);
    r->nrows++;
    return row;
}

struct report_calibration *report_add_calibration(struct report *r, const char *subject) {
    struct report_calibration *one = GROW(r->calibrations, r->ncalibrations);

    if (!one) return NULL;
    one->subject = subject;
    r->ncalibrations++;
    return one;
}

struct report_confusion *report_add_confusion(struct report *r, const char *subject, int n,
                                              const char *const *labels) {
    struct report_confusion *one = GROW(r->confusions, r->nconfusions);

    if (!one) return NULL;
    one->subject = subject;
    one->n = n;
    one->labels = calloc((size_t)n + 1, sizeof *one->labels);
    one->counts = calloc((size_t)n * ((size_t)n + 1) + 1, sizeof *one->counts);
    r->nconfusions++;
    if (!one->labels || !one->counts) return NULL;
    for (int i = 0; i < n; i++) one->labels[i] = labels[i];
    return one;
}

struct report_curve *report_add_curve(struct report *r, const char *name, int n) {
    struct report_curve *one = GROW(r->curves, r->ncurves);

    if (!one) return NULL;
    one->name = name;
    one->n = n;
    one->points = calloc((size_t)n + 1, sizeof *one->points);
    if (!one->points) return NULL;
    r->ncurves++;
    return one;
}

int report_add_tradeoff(struct report *r, const char *x, const char *y, const char *title, int n,
                        double (*missed)(const void *context, double rate), const void *context) {
    enum { POINTS = 121 }; /* 30 a power of ten */
    struct report_curve *curve = report_add_curve(r, "all", POINTS);

    if (!curve) return -1;
    curve->x = x;
    curve->y = y;
    curve->title = title;
    curve->area = NAN;
    curve->n = 0;
    for (int i = 0; i < POINTS; i++) {
        double rate = pow(10, -4 + 4.0 * i / (POINTS - 1));
        if (rate * n < 1) continue;
        curve->points[curve->n][0] = rate;
        curve->points[curve->n++][1] = missed(context, rate);
    }
    return 0;
}

int report_add_mistake(struct report *r, const struct report_mistake *mistake, int most) {
    int first = r->nmistakes, i;

    while (first > 0 && strcmp(r->mistakes[first - 1].subject, mistake->subject) == 0) first--;
    i = r->nmistakes - first;
    if (most < 1 || (i == most && !(mistake->badness > r->mistakes[r->nmistakes - 1].badness)))
        return 0;
    if (i < most) {
        if (!GROW(r->mistakes, r->nmistakes)) return -1;
        r->nmistakes++;
    }
    for (i = r->nmistakes - 1; i > first && mistake->badness > r->mistakes[i - 1].badness; i--)
        r->mistakes[i] = r->mistakes[i - 1];
    r->mistakes[i] = *mistake;
    return 0;
}

char *report_value(enum report_unit unit, double v, char *out, size_t room) {
    if (isnan(v))
        snprintf(out, room, "-");
    else if (unit == UNIT_SHARE)
        snprintf(out, room, "%.1f", 100 * v);
    else
        snprintf(out, room, "%.2f", v);
    return out;
}
