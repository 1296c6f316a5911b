/* Of a build without hiredis' headers: says so. */
#include "queue/queue.h"

#include <stdio.h>

static int open_queue(const struct queue_options *options, struct queue **out,
                      char why[QUEUE_WHY]) {
    (void)options;
    (void)out;
    snprintf(why, QUEUE_WHY, "this mien was built without Redis (Debian: libhiredis-dev)");
    return QUEUE_EFAILED;
}

const struct queue_ops QUEUE_REDIS = {.open = open_queue};
