#include "eval/detection.h"

#include "mien.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

double detection_overlap(const double a[4], const double b[4]) {
    double w = fmin(a[2], b[2]) - fmax(a[0], b[0]) + 1, h = fmin(a[3], b[3]) - fmax(a[1], b[1]) + 1;
    double both = fmax(w, 0) * fmax(h, 0);
    double first = (a[2] - a[0] + 1) * (a[3] - a[1] + 1);
    double second = (b[2] - b[0] + 1) * (b[3] - b[1] + 1);

    return both / (first + second - both);
}

/* The face with the largest overlap, of equals the first. */
static int nearest(const double box[4], const double (*faces)[4], int m, double *overlap) {
    int best = 0;

    *overlap = detection_overlap(box, faces[0]);
    for (int k = 1; k < m; k++) {
        double o = detection_overlap(box, faces[k]);
        if (!(o > *overlap)) continue;
        *overlap = o;
        best = k;
    }
    return best;
}

void detection_judge(const double (*boxes)[4], const double *scores, int n,
                     const double (*faces)[4], const unsigned char *count, int m,
                     struct detection_event *events) {
    for (int i = 0; i < n; i++) {
        struct detection_event *e = &events[i];
        double overlap;
        *e = (struct detection_event){scores[i], -1, m > 0, 1};
        if (m == 0) continue;
        int best = nearest(boxes[i], faces, m, &overlap);
        if (!(overlap >= 0.5)) continue;
        if (!count[best]) {
            e->judged = e->alarm = 0;
            continue;
        }
        e->alarm = 0;
        for (int before = 0; before < i && !e->alarm; before++)
            e->alarm = events[before].face == best;
        if (!e->alarm) e->face = best;
    }
}

int detection_faces(const struct detection_picture *pictures, int n) {
    int faces = 0;

    for (int i = 0; i < n; i++) faces += pictures[i].faces;
    return faces;
}

/* The first of the thresholds 1 - 1/1000, 1 - 2/1000, ..., 0 that a score reaches. */
static int first_step(double score, double low, double high) {
    double s = high > low ? (score - low) / (high - low) : 1;
    int t = (int)((1 - s) * DETECTION_STEPS);

    if (t < 0) t = 0;
    if (t > DETECTION_STEPS - 1) t = DETECTION_STEPS - 1;
    while (t > 0 && s >= 1 - (double)t / DETECTION_STEPS) t--;
    while (t < DETECTION_STEPS - 1 && !(s >= 1 - (double)(t + 1) / DETECTION_STEPS)) t++;
    return t;
}

struct counts {
    int found[DETECTION_STEPS], judged[DETECTION_STEPS]; /* that begin to count there */
    int faces;
};

static void add_picture(struct counts *c, const struct detection_picture *picture, double low,
                        double high) {
    c->faces += picture->faces;
    for (int k = 0; k < picture->n; k++) {
        int t = first_step(picture->events[k].score, low, high);
        c->found[t] += picture->events[k].face >= 0;
        c->judged[t] += picture->events[k].judged;
    }
}

/* The area below the precision that is reached at some recall or beyond it (Pascal VOC 2010). */
static double area(const struct counts *c, double (*curve)[2]) {
    double recall[DETECTION_STEPS], precision[DETECTION_STEPS], best = 0, sum = 0;
    int found = 0, judged = 0;

    for (int t = 0; t < DETECTION_STEPS; t++) {
        found += c->found[t];
        judged += c->judged[t];
        recall[t] = (double)found / c->faces;
        precision[t] = (double)found / (judged > 0 ? judged : 1);
    }
    for (int t = 0; curve && t < DETECTION_STEPS; t++) {
        curve[t][0] = recall[t];
        curve[t][1] = precision[t];
    }
    for (int t = DETECTION_STEPS - 1; t >= 0; t--) {
        best = fmax(best, precision[t]);
        sum += (recall[t] - (t > 0 ? recall[t - 1] : 0)) * best;
    }
    return sum;
}

double detection_ap(const struct detection_picture *pictures, int n, double low, double high,
                    double (*curve)[2]) {
    struct counts c = {.faces = 0};

    for (int i = 0; i < n; i++) add_picture(&c, &pictures[i], low, high);
    return c.faces > 0 ? area(&c, curve) : NAN;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

int detection_figure(const struct detection_picture *pictures, int n, double low, double high,
                     int draws, uint64_t seed, struct figure *out) {
    double *aps = malloc((size_t)draws * sizeof *aps);
    int tail = draws / 40;

    *out = (struct figure){detection_faces(pictures, n), NAN, NAN, NAN};
    if (!aps) return MIEN_ENOMEM;
    out->value = detection_ap(pictures, n, low, high, NULL);
    for (int d = 0; d < draws && out->n > 0; d++) {
        struct counts c = {.faces = 0};
        for (int i = 0; i < n; i++) add_picture(&c, &pictures[random_below(&seed, n)], low, high);
        aps[d] = c.faces > 0 ? area(&c, NULL) : 0;
    }
    if (out->n > 0) {
        qsort(aps, (size_t)draws, sizeof *aps, compare);
        out->low = aps[tail];
        out->high = aps[draws - 1 - tail];
    }
    free(aps);
    return MIEN_OK;
}

void detection_at(const struct detection_picture *picture, double score, int *found, int *alarms) {
    *found = *alarms = 0;
    for (int k = 0; k < picture->n && picture->events[k].score >= score; k++) {
        *found += picture->events[k].face >= 0;
        *alarms += picture->events[k].alarm;
    }
}
