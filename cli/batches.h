/*
 * batches.h - all pictures of a run through the pipeline, a batch at a time, in order.
 *
 * Meanwhile the next ones are decoded, and a person sees how far it is.
 */
#ifndef MIEN_CLI_BATCHES_H
#define MIEN_CLI_BATCHES_H

#include "feed.h"
#include "inputs.h"
#include "pipeline.h"

/* Calls take(context, picture, i) for the i-th picture of the feed, which has run or failed and is
 * freed afterwards; not 0: to stop there. *failed, which take counts, is shown. Returns an exit
 * status: EXIT_OK, whatever became of pictures. */
int batches_feed(const struct pipeline *p, struct feed *feed,
                 int (*take)(void *context, struct picture *picture, int i), void *context,
                 const int *failed);
/* The same of a list. */
int batches_run(const struct pipeline *p, const struct inputs *inputs,
                int (*take)(void *context, struct picture *picture, int i), void *context,
                const int *failed);

#endif
