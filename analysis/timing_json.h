/*
 * timing_json.h - timing_ms: what a picture's time was spent on.
 */
#ifndef MIEN_ANALYSIS_TIMING_JSON_H
#define MIEN_ANALYSIS_TIMING_JSON_H

#include "analysis/stages.h"

#include <jansson.h>

/* An object of the stages that `shown` has a bit for, in the order of things, and "total".
 * seconds: [STAGES_MAX]. *failed as in result_json.h. */
json_t *timing_json(const double *seconds, unsigned shown, double total, int *failed);
/* The stages of tasks, and aligning. */
unsigned timing_tasks(void);

#endif
