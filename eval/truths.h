/*
 * truths.h - from a column of texts to what is true of each sample: a class, a group of years, a
 * number.
 *
 * Labels of the data become classes: "Asian" is the network's "east_asian" and "southeast_asian"
 * together. Labels that the data do not have stay classes of their own, so that a network is not
 * helped by what the data leave out. Years are in the data's groups, or in FairFace's where the
 * data have years themselves.
 */
#ifndef MIEN_EVAL_TRUTHS_H
#define MIEN_EVAL_TRUTHS_H

#include "eval/samples.h"

enum truth_kind {
    TRUTH_LABEL, /* a distribution */
    TRUTH_YES,   /* a probability that it is so: yes or no */
    TRUTH_YEARS, /* a value in years */
    TRUTH_NUMBER /* another value, or an angle */
};

struct truths {
    enum truth_kind kind;
    int *label;            /* [samples] position in labels; -1: not known */
    double *number;        /* [samples] years or degrees; NAN: not known, or a group */
    int nlabels;           /* 0 of numbers */
    const char **labels;   /* [nlabels] */
    unsigned char *member; /* of TRUTH_LABEL: [nlabels][attribute.count] */
    double *first;         /* of TRUTH_YEARS: [nlabels] first years of the groups */
};

/* What a column says of an attribute. MIEN_EINVAL, with file and line, where a label means nothing
 * to it. samples must stay; free in any case. */
int truths_read(struct truths *t, const mien_attribute *attribute, const struct samples *samples,
                int column, char why[EVAL_WHY]);
void truths_free(struct truths *t);

#endif
