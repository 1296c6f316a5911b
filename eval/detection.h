/*
 * detection.h - how good a detector's boxes are, by the protocol of WIDER FACE.
 *
 * After its evaluation code (wider_eval.m): scores are stretched over the whole set to 0..1, 1000
 * thresholds are tried, a box is a face from an overlap of 0.5 on, and faces outside of the
 * difficulty that is measured neither help nor hurt. The tests' twin is tests/accuracy/metrics.py.
 */
#ifndef MIEN_EVAL_DETECTION_H
#define MIEN_EVAL_DETECTION_H

#include "eval/metrics.h"

enum { DETECTION_STEPS = 1000 };

/* Overlap of two boxes x1, y1, x2, y2, whose sides count a pixel more than their difference. */
double detection_overlap(const double a[4], const double b[4]);

/* What a box did, as 0 or 1. */
struct detection_event {
    double score;
    int face;   /* which face it found that none before it had; -1: none */
    int judged; /* counted by WIDER's code, which leaves out pictures without a face */
    int alarm;  /* stands where no face is, or where one was found before */
};
/* Judges n boxes, best first, of a picture with m faces, of which those that count[m] count.
 * events: [n]. */
void detection_judge(const double (*boxes)[4], const double *scores, int n,
                     const double (*faces)[4], const unsigned char *count, int m,
                     struct detection_event *events);

/* The events of a picture, best first, and the faces that count in it. */
struct detection_picture {
    struct detection_event *events; /* [n] */
    int n, faces;
};
/* Faces that count in n pictures. */
int detection_faces(const struct detection_picture *pictures, int n);
/* Average precision of n pictures; NAN where no face counts. low, high: of all scores of the run.
 * curve: recall and precision at each threshold, from the highest; may be NULL. */
double detection_ap(const struct detection_picture *pictures, int n, double low, double high,
                    double (*curve)[2]);
/* The same with an interval: the middle 95 % of `draws` sets of as many pictures drawn at random
 * (bootstrap). Returns a MIEN_E code. */
int detection_figure(const struct detection_picture *pictures, int n, double low, double high,
                     int draws, uint64_t seed, struct figure *out);
/* Boxes of at least this score: faces found, and false alarms among them. */
void detection_at(const struct detection_picture *picture, double score, int *found, int *alarms);

#endif
