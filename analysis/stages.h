/*
 * stages.h - what a picture's time is spent on: the names in timing_ms, Server-Timing and metrics.
 *
 * Some stages are of every program's, and each task is one of its own.
 */
#ifndef MIEN_ANALYSIS_STAGES_H
#define MIEN_ANALYSIS_STAGES_H

#include "analysis/networks.h"

enum stage {
    STAGE_START, /* of the program, until the networks are loaded */
    STAGE_QUEUE, /* waiting for a worker */
    STAGE_FETCH, /* pictures by URL */
    STAGE_DECODE,
    STAGE_BATCH, /* waiting for a batch to be run */
    STAGE_ALIGN,
    STAGE_INFER, /* raw tensors */
    STAGE_ENCODE,
    STAGE_TASK, /* + position of the task in networks.at */
    STAGES_MAX = STAGE_TASK + NETWORKS_MAX
};

/* Stages that there are. */
int stages_count(void);
/* The i-th in the order things happen in, 0 .. stages_count() - 1. */
int stages_at(int i);
/* "decode", "age_gender". Static storage. */
const char *stage_name(int stage);

#endif
