/*
 * report.h - what an evaluation found, whatever was evaluated: a table of figures by group,
 * calibrations, confusion matrices, curves, and the worst mistakes.
 *
 * Tasks fill it, writers (report_text.h, report_json.h, plots.h) read it, and neither knows the
 * other: another task is a file that fills a report. Texts belong to whoever filled it in, and live
 * as long as the evaluation.
 */
#ifndef MIEN_EVAL_REPORT_H
#define MIEN_EVAL_REPORT_H

#include "eval/metrics.h"

#include <stddef.h>

enum { BY_MAX = 3 }; /* columns that groups are made by */

enum report_unit { UNIT_SHARE, UNIT_YEARS, UNIT_DEGREES, UNIT_NUMBER };

/* A figure of something: "gender" "accuracy". */
struct report_column {
    const char *subject, *name;
    enum report_unit unit;
};

/* A group: all that have this value of each column; of none: all. */
struct report_row {
    int nby, n;
    const char *by[BY_MAX], *value[BY_MAX];
    struct figure *figures; /* [columns] */
};

struct report_calibration {
    const char *subject;
    struct calibration bins;
};

/* counts[truth * (n + 1) + answer]; the answer n is none of the labels, or no answer. */
struct report_confusion {
    const char *subject;
    int n;
    const char **labels; /* [n] */
    int *counts;
};

struct report_curve {
    const char *name, *x, *y;
    const char *title; /* of what is drawn on logarithmic axes; NULL: it is not */
    double area;       /* NAN: means nothing */
    int n;
    double (*points)[2]; /* 0..1 */
};

struct report_mistake {
    const char *file, *subject, *truth, *answer;
    double confidence; /* NAN: there is none */
    double badness;    /* the worst first */
};

struct report {
    int ncolumns, nrows, ncalibrations, nconfusions, ncurves, nmistakes;
    struct report_column *columns;
    struct report_row *rows;
    struct report_calibration *calibrations;
    struct report_confusion *confusions;
    struct report_curve *curves;
    struct report_mistake *mistakes;
    const char *unanswered; /* "without a face"; NULL: there is no such thing */
    int nunanswered;
};

void report_free(struct report *r);
/* Each adds one of its kind, all zeros but what is given, with its arrays; NULL: no memory. Columns
 * come before rows. */
struct report_column *report_add_column(struct report *r, const char *subject, const char *name,
                                        enum report_unit unit);
struct report_row *report_add_row(struct report *r);
struct report_calibration *report_add_calibration(struct report *r, const char *subject);
struct report_confusion *report_add_confusion(struct report *r, const char *subject, int n,
                                              const char *const *labels);
struct report_curve *report_add_curve(struct report *r, const char *name, int n);
/* Adds the detection error tradeoff: for rates x from 1e-4 on, which of n others at least one makes
 * up, what share y is missed. 0: done, -1: no memory. */
int report_add_tradeoff(struct report *r, const char *x, const char *y, const char *title, int n,
                        double (*missed)(const void *context, double rate), const void *context);
/* Keeps the `most` worst mistakes of each subject, the worst first; subjects come one after the
 * other. 0: done, -1: no memory. */
int report_add_mistake(struct report *r, const struct report_mistake *mistake, int most);

/* "93.4" of a share (in percent), "4.62" of years; "-" where the value is not known. Returns out.
 */
char *report_value(enum report_unit unit, double v, char *out, size_t room);

#endif
