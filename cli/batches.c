#include "batches.h"

#include "prefetch.h"
#include "progress.h"
#include "say.h"

#include <stdlib.h>

static void run(const struct pipeline *p, const struct inputs *inputs, struct prefetch *ahead,
                struct picture *pictures,
                int (*take)(void *context, struct picture *picture, int i), void *context,
                const int *failed) {
    int batch = p->opt->batch, stop = 0;
    struct progress progress;

    progress_start(&progress, inputs->count);
    for (int first = 0; first < inputs->count && !stop; first += batch) {
        int n = inputs->count - first < batch ? inputs->count - first : batch;
        for (int i = 0; i < n; i++) prefetch_take(ahead, &pictures[i]);
        if (first == 0) pictures[0].seconds[STAGE_START] = p->start_seconds;
        pipeline_run(p, pictures, n);
        progress_hide(&progress);
        for (int i = 0; i < n; i++) {
            if (!stop) stop = take(context, &pictures[i], first + i);
            picture_free(&pictures[i]);
        }
        if (!stop) progress_show(&progress, first + n, *failed);
    }
    progress_end(&progress);
}

int batches_run(const struct pipeline *p, const struct inputs *inputs,
                int (*take)(void *context, struct picture *picture, int i), void *context,
                const int *failed) {
    struct picture *pictures = calloc((size_t)p->opt->batch, sizeof *pictures);
    int threads = p->opt->threads ? p->opt->threads : mien_cores();
    struct prefetch *ahead = prefetch_open(p, inputs, threads > 1 ? threads : 0);
    int status = pictures && ahead ? EXIT_OK : say_no_memory();

    if (status == EXIT_OK) run(p, inputs, ahead, pictures, take, context, failed);
    prefetch_close(ahead);
    free(pictures);
    return status;
}
