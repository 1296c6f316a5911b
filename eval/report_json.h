/*
 * report_json.h - a report as JSON (docs/eval.md): all of it, for programs.
 */
#ifndef MIEN_EVAL_REPORT_JSON_H
#define MIEN_EVAL_REPORT_JSON_H

#include "eval/report.h"

#include <jansson.h>

/* Adds the keys of a report to an object. *failed becomes 1 where memory ran out. */
void report_add_json(json_t *object, const struct report *r, int *failed);

#endif
