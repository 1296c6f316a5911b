/*
 * plots.h - a report as pictures: curves, reliability diagrams, confusion matrices, and figures of
 * groups with their intervals.
 */
#ifndef MIEN_EVAL_PLOTS_H
#define MIEN_EVAL_PLOTS_H

#include "eval/canvas.h"
#include "eval/report.h"

enum { PLOT_NAME = 128 };

/* How many plots a report makes. */
int plots_count(const struct report *r);
/* Draws plot i, 0 .. plots_count() - 1: *out is the caller's to free, NULL on failure. name: of its
 * file, "confusion-gender.png". Returns a MIEN_E code. */
int plots_draw(const struct report *r, int i, mien_image **out, char name[PLOT_NAME]);

/* Each kind; canvas_begin() is theirs. */
void plot_curves(struct canvas *c, const struct report *r);
void plot_det(struct canvas *c, const struct report *r);
void plot_calibration(struct canvas *c, const struct report_calibration *calibration);
void plot_confusion(struct canvas *c, const struct report_confusion *confusion);
void plot_groups(struct canvas *c, const struct report *r, int column);

#endif
