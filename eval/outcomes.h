/*
 * outcomes.h - what was answered of each sample, against what is true: from there to a report.
 *
 * A subject is one question that is asked of all samples: the gender, the class of a picture. Each
 * answer has marks: 1 or 0 (right, within one group, among the first five), or a distance (years),
 * whose means over all samples and over groups are the figures.
 */
#ifndef MIEN_EVAL_OUTCOMES_H
#define MIEN_EVAL_OUTCOMES_H

#include "eval/groups.h"
#include "eval/report.h"

#include <stdio.h>

enum { MARKS_MAX = 3, NO_ANSWER = -1 };

struct outcome {
    int sample;
    int truth, answer;        /* positions in labels; NO_ANSWER */
    double true_value, value; /* of a subject without labels; NAN: no answer */
    double confidence;        /* of the answer, 0..1; NAN: none */
    double badness;           /* of a wrong answer, to sort them by */
    double marks[MARKS_MAX];  /* NAN: does not count */
};

struct subject {
    const char *name;
    int nlabels; /* 0: answers are numbers, and no mark is one of being right */
    const char *const *labels;
    int nmarks; /* with labels the first is whether the answer is right */
    const char *mark[MARKS_MAX];
    enum report_unit unit[MARKS_MAX]; /* of UNIT_SHARE a mark is 0 or 1 */
    int n, capacity;
    struct outcome *at;
};

/* Returns a MIEN_E code. */
int subject_add(struct subject *s, const struct outcome *outcome);
void subject_free(struct subject *s);

/* Fills the report's table, calibrations, confusion matrices and mistakes. judged[samples->n]:
 * those that count in groups' sizes. */
int outcomes_report(const struct subject *const *subjects, int n, const struct samples *samples,
                    const struct groups *groups, const unsigned char *judged, int mistakes,
                    struct report *r);
/* Writes a CSV: of each outcome file, subject, truth, answer, confidence, and its marks. */
void outcomes_write(const struct subject *const *subjects, int n, const struct samples *samples,
                    FILE *out);

#endif
