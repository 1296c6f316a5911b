/*
 * runner.h - who runs items: the tool at once and by itself, the server in batches of all requests.
 */
#ifndef MIEN_ANALYSIS_RUNNER_H
#define MIEN_ANALYSIS_RUNNER_H

#include "analysis/items.h"

struct runner {
    /* The item and what it points to stay where they are until wait() has returned. */
    void (*submit)(struct runner *r, struct item *item);
    /* All that were submitted have run: 0; -1 where they were given up, and none of them runs any
     * more. */
    int (*wait)(struct runner *r);
};

/* Runs what was submitted when it is waited for, in the caller's thread: items that may join run
 * together. */
struct direct_runner {
    struct runner runner;
    struct item *first, **last;
};
void direct_runner_init(struct direct_runner *r);

#endif
