/*
 * question_labels.h - from a column of texts to classes, groups of years or numbers.
 */
#ifndef MIEN_EVAL_QUESTION_LABELS_H
#define MIEN_EVAL_QUESTION_LABELS_H

#include "eval/question.h"

/* Sets truth, number, labels, member and first of a question, and its subject's nlabels. */
int question_read_labels(struct question *q, const struct samples *samples, int column,
                         char why[EVAL_WHY]);

#endif
