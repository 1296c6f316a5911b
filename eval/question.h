/*
 * question.h - one attribute against one column of labels: what the labels mean to the network, and
 * whether its answers are right.
 */
#ifndef MIEN_EVAL_QUESTION_H
#define MIEN_EVAL_QUESTION_H

#include "eval/outcomes.h"
#include "eval/truths.h"

struct question {
    int network; /* the caller's */
    int part;    /* of several values of an attribute */
    mien_attribute attribute;
    struct truths truths;
    struct subject subject;
};

/* What a column says of an attribute. *out is NULL on failure: MIEN_EINVAL, with file and line,
 * where a label means nothing to it. name and samples must stay. */
int question_make(struct question **out, const char *name, const mien_attribute *attribute,
                  int part, const struct samples *samples, int column, char why[EVAL_WHY]);
void question_free(struct question *q);
/* Judges the values told of a sample: all of the item's; NULL: nothing was told. A sample whose
 * label is not known is passed over. Returns a MIEN_E code. */
int question_judge(struct question *q, int sample, const float *values);

#endif
