/*
 * report_text.h - a report as a table for people.
 */
#ifndef MIEN_EVAL_REPORT_TEXT_H
#define MIEN_EVAL_REPORT_TEXT_H

#include "eval/report.h"

#include <stdio.h>

/* Figures of all, of each group of one column, and of the pairs of the first two; calibrations; the
 * worst mistakes. What three columns make together is in the JSON alone. */
void report_print(const struct report *r, FILE *out);

#endif
