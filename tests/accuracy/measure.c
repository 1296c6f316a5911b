/*
 * The measures of `mien eval` on numbers instead of pictures, for test_twin.py: reads one JSON
 * object and prints another.
 *
 * {"pictures": [{"boxes": [[x1, y1, x2, y2], ...], "scores": [...], "faces": [...],
 *                "count": [0 or 1, ...]}, ...],
 *  "answers": [[confidence, right], ...], "shares": [[right, n], ...], "values": [...]}
 * gives
 * {"ap": ..., "curve": [[recall, precision], ...], "ece": ..., "shares": [[low, high], ...],
 *  "mean": [value, low, high]}
 */
#include "eval/detection.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double at(const json_t *list, size_t i) {
    return json_number_value(json_array_get(list, i));
}

static void fill_boxes(const json_t *list, double (*boxes)[4]) {
    for (size_t i = 0; i < json_array_size(list); i++)
        for (size_t k = 0; k < 4; k++) boxes[i][k] = at(json_array_get(list, i), k);
}

/* The events of a picture, which are never freed. */
static struct detection_picture judge(const json_t *entry, double *low, double *high) {
    const json_t *scores = json_object_get(entry, "scores"),
                 *faces = json_object_get(entry, "faces");
    size_t n = json_array_size(scores), m = json_array_size(faces);
    double(*boxes)[4] = calloc(n + 1, sizeof *boxes), *score = calloc(n + 1, sizeof *score);
    double(*truth)[4] = calloc(m + 1, sizeof *truth);
    unsigned char *count = calloc(m + 1, 1);
    struct detection_picture picture = {calloc(n + 1, sizeof *picture.events), (int)n, 0};

    if (!boxes || !score || !truth || !count || !picture.events) exit(1);
    fill_boxes(json_object_get(entry, "boxes"), boxes);
    fill_boxes(faces, truth);
    for (size_t i = 0; i < n; i++) {
        score[i] = at(scores, i);
        *low = fmin(*low, score[i]);
        *high = fmax(*high, score[i]);
    }
    for (size_t i = 0; i < m; i++)
        picture.faces += count[i] = at(json_object_get(entry, "count"), i) != 0;
    detection_judge((const double(*)[4])boxes, score, (int)n, (const double(*)[4])truth, count,
                    (int)m, picture.events);
    free(boxes);
    free(score);
    free(truth);
    free(count);
    return picture;
}

static json_t *pair(double a, double b) {
    return json_pack("[ff]", a, b);
}

static void add_detection(const json_t *in, json_t *out) {
    const json_t *list = json_object_get(in, "pictures");
    size_t n = json_array_size(list);
    struct detection_picture *pictures = calloc(n + 1, sizeof *pictures);
    double low = INFINITY, high = -INFINITY, curve[DETECTION_STEPS][2];
    json_t *points = json_array();

    if (!pictures) exit(1);
    for (size_t i = 0; i < n; i++) pictures[i] = judge(json_array_get(list, i), &low, &high);
    json_object_set_new(out, "ap", json_real(detection_ap(pictures, (int)n, low, high, curve)));
    for (int i = 0; i < DETECTION_STEPS; i++)
        json_array_append_new(points, pair(curve[i][0], curve[i][1]));
    json_object_set_new(out, "curve", points);
    for (size_t i = 0; i < n; i++) free(pictures[i].events);
    free(pictures);
}

static void add_figures(const json_t *in, json_t *out) {
    const json_t *entry, *list = json_object_get(in, "values");
    struct calibration calibration = {0};
    json_t *shares = json_array();
    double sum = 0, squares = 0;
    struct figure f;
    size_t i;

    json_array_foreach(json_object_get(in, "answers"), i, entry)
        calibration_add(&calibration, at(entry, 0), at(entry, 1) != 0);
    json_object_set_new(out, "ece", json_real(calibration_error(&calibration)));
    json_array_foreach(json_object_get(in, "shares"), i, entry) {
        f = metrics_share((int)at(entry, 0), (int)at(entry, 1));
        json_array_append_new(shares, pair(f.low, f.high));
    }
    json_object_set_new(out, "shares", shares);
    json_array_foreach(list, i, entry) {
        sum += at(list, i);
        squares += at(list, i) * at(list, i);
    }
    f = metrics_mean(sum, squares, (int)json_array_size(list));
    json_object_set_new(out, "mean", json_pack("[fff]", f.value, f.low, f.high));
}

int main(void) {
    json_error_t error;
    json_t *in = json_loadf(stdin, 0, &error), *out = json_object();

    if (!in) {
        fprintf(stderr, "measure: %s\n", error.text);
        return 1;
    }
    add_detection(in, out);
    add_figures(in, out);
    json_dumpf(out, stdout, JSON_REAL_PRECISION(17));
    json_decref(in);
    json_decref(out);
    return 0;
}
