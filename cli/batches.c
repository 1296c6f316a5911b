#include "batches.h"

#include "prefetch.h"
#include "progress.h"
#include "say.h"

#include <stdlib.h>

/* Up to that many pictures; returns how many there were. */
static int fill(struct prefetch *ahead, struct picture *pictures, int batch) {
    int n = 0;

    while (n < batch && prefetch_take(ahead, &pictures[n])) n++;
    return n;
}

static void run(const struct pipeline *p, const struct feed *feed, struct prefetch *ahead,
                struct picture *pictures,
                int (*take)(void *context, struct picture *picture, int i), void *context,
                const int *failed) {
    struct progress progress;
    int n, first = 0, stop = 0;

    progress_start(&progress, feed->total);
    while (!stop && (n = fill(ahead, pictures, p->opt->batch)) > 0) {
        if (first == 0) pictures[0].seconds[STAGE_START] = p->start_seconds;
        pipeline_run(p, pictures, n);
        progress_hide(&progress);
        for (int i = 0; i < n; i++) {
            if (!stop) stop = take(context, &pictures[i], first + i);
            prefetch_done(ahead, &pictures[i]);
        }
        first += n;
        if (!stop) progress_show(&progress, first, feed->past, *failed);
    }
    progress_end(&progress);
}

int batches_feed(const struct pipeline *p, struct feed *feed,
                 int (*take)(void *context, struct picture *picture, int i), void *context,
                 const int *failed) {
    struct picture *pictures = calloc((size_t)p->opt->batch, sizeof *pictures);
    int threads = p->opt->threads ? p->opt->threads : mien_cores();
    struct prefetch *ahead = prefetch_open(p, feed, threads > 1 ? threads : 0);
    int status = pictures && ahead ? EXIT_OK : say_no_memory();

    if (status == EXIT_OK) run(p, feed, ahead, pictures, take, context, failed);
    prefetch_close(ahead);
    free(pictures);
    if (status == EXIT_OK && feed->no_memory) status = say_no_memory();
    return status;
}

int batches_run(const struct pipeline *p, const struct inputs *inputs,
                int (*take)(void *context, struct picture *picture, int i), void *context,
                const int *failed) {
    struct feed feed;
    int status;

    feed_of(&feed, inputs->items, inputs->count);
    status = batches_feed(p, &feed, take, context, failed);
    feed_close(&feed);
    return status;
}
