/*
 * question.h - one attribute against one column of labels: what the labels mean to the network, and
 * whether its answers are right.
 *
 * Labels of the data become classes: "Asian" is the network's "east_asian" and "southeast_asian"
 * together, whose probabilities add up. Labels that the data do not have stay classes of their own,
 * so that a network is not helped by what the data leave out. Years are judged by the data's
 * groups, or by FairFace's where the data have years themselves.
 */
#ifndef MIEN_EVAL_QUESTION_H
#define MIEN_EVAL_QUESTION_H

#include "eval/outcomes.h"

enum question_kind {
    QUESTION_LABEL, /* a distribution */
    QUESTION_TRUTH, /* a probability that it is so: yes or no */
    QUESTION_YEARS, /* a value in years */
    QUESTION_NUMBER /* another value, or an angle */
};

struct question {
    enum question_kind kind;
    int network; /* the caller's */
    int part;    /* of several values of an attribute */
    mien_attribute attribute;
    int *truth;            /* [samples] position in subject.labels; -1: not known */
    double *number;        /* [samples] years or degrees; NAN: not known, or a group */
    const char **labels;   /* [subject.nlabels] */
    unsigned char *member; /* of QUESTION_LABEL: [nlabels][attribute.count] */
    double *first;         /* of QUESTION_YEARS: [nlabels] first years of the groups */
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
