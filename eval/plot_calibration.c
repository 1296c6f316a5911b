/*
 * Reliability diagrams: how often answers of some confidence are right, which for a network that
 * knows itself is as often as it says; below, how many answers have that confidence.
 */
#include "eval/plots.h"

#include <math.h>
#include <stdio.h>

enum { WIDTH = 960, HEIGHT = 1160 };

/* A bar up to its accuracy, lighter where it is more than was said and red where it is less, and an
 * interval. */
static void draw_bin(struct canvas *c, const struct axes *a, const struct calibration *bins,
                     int i) {
    double from = (double)i / CALIBRATION_BINS, to = (i + 1.0) / CALIBRATION_BINS;
    float x0 = axes_x(a, from) + 2, x1 = axes_x(a, to) - 2, middle = (x0 + x1) / 2;
    struct figure right = metrics_share(bins->bin[i].right, bins->bin[i].n);
    double says;

    if (!right.n) return;
    says = bins->bin[i].confidence / right.n;
    canvas_rect(c, x0, axes_y(a, fmin(says, right.value)), x1, a->y1, CANVAS_BLUE, 0.75f);
    if (says > right.value)
        canvas_rect(c, x0, axes_y(a, says), x1, axes_y(a, right.value), CANVAS_RED, 0.28f);
    else
        canvas_rect(c, x0, axes_y(a, right.value), x1, axes_y(a, says), CANVAS_BLUE, 0.4f);
    canvas_line(c, x0, axes_y(a, says), x1, axes_y(a, says), 2.5f, CANVAS_RED);
    canvas_line(c, middle, axes_y(a, right.low), middle, axes_y(a, right.high), 2, CANVAS_INK);
    canvas_line(c, middle - 6, axes_y(a, right.low), middle + 6, axes_y(a, right.low), 2,
                CANVAS_INK);
    canvas_line(c, middle - 6, axes_y(a, right.high), middle + 6, axes_y(a, right.high), 2,
                CANVAS_INK);
}

/* How many answers each bin has, as a part of the largest. */
static void draw_counts(struct canvas *c, const struct axes *a, const struct calibration *bins) {
    int most = 1;
    char text[32];

    for (int i = 0; i < CALIBRATION_BINS; i++)
        if (bins->bin[i].n > most) most = bins->bin[i].n;
    canvas_line(c, a->x0, a->y1, a->x1, a->y1, 1.5f, CANVAS_GREY);
    for (int i = 0; i < CALIBRATION_BINS; i++) {
        float x0 = axes_x(a, (double)i / CALIBRATION_BINS) + 2;
        float x1 = axes_x(a, (i + 1.0) / CALIBRATION_BINS) - 2;
        float top = axes_y(a, (double)bins->bin[i].n / most);
        if (!bins->bin[i].n) continue;
        canvas_rect(c, x0, fminf(top, a->y1 - 2), x1, a->y1, CANVAS_GREY, 0.8f);
        snprintf(text, sizeof text, "%d", bins->bin[i].n);
        canvas_text(c, text, (x0 + x1) / 2, top - 6, 16, PLACE_MIDDLE, x1 - x0 + 3, CANVAS_GREY);
    }
    canvas_text(c, "answers", a->x0 - 48, a->y0 - 26, 21, PLACE_LEFT, 0, CANVAS_INK);
}

static void draw_legend(struct canvas *c, const struct axes *a) {
    const float x = a->x0 + 24, y = a->y0 + 34;

    canvas_rect(c, x, y - 15, x + 26, y + 3, CANVAS_BLUE, 0.75f);
    canvas_text(c, "right, with its 95 % interval", x + 40, y, 20, PLACE_LEFT, 0, CANVAS_INK);
    canvas_rect(c, x, y + 17, x + 26, y + 35, CANVAS_RED, 0.28f);
    canvas_line(c, x, y + 17, x + 26, y + 17, 2.5f, CANVAS_RED);
    canvas_text(c, "says; red: more than is right", x + 40, y + 32, 20, PLACE_LEFT, 0, CANVAS_INK);
}

void plot_calibration(struct canvas *c, const struct report_calibration *calibration) {
    const struct calibration *bins = &calibration->bins;
    struct axes a = {110, 150, WIDTH - 50, 950, "what the network says, %", "right, %"};
    struct axes counts = {110, 1065, WIDTH - 50, 1130, "", ""};
    char text[128];

    canvas_begin(c, WIDTH, HEIGHT);
    snprintf(text, sizeof text, "Calibration: %s", calibration->subject);
    canvas_text(c, text, 60, 58, 34, PLACE_LEFT, WIDTH - 100, CANVAS_INK);
    snprintf(text, sizeof text, "%d answers, expected calibration error %.1f points",
             calibration_count(bins), 100 * calibration_error(bins));
    canvas_text(c, text, 60, 94, 21, PLACE_LEFT, WIDTH - 100, CANVAS_GREY);
    canvas_axes(c, &a);
    for (int i = 0; i < CALIBRATION_BINS; i++) draw_bin(c, &a, bins, i);
    canvas_dashes(c, a.x0, a.y1, a.x1, a.y0, 2, CANVAS_GREY);
    draw_legend(c, &a);
    draw_counts(c, &counts, bins);
}
