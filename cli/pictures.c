/* The commands analyze, detect, classify and embed: inputs through the pipeline to standard output.
 */
#include "commands.h"
#include "draw.h"
#include "inputs.h"
#include "output.h"
#include "pipeline.h"
#include "prefetch.h"
#include "progress.h"
#include "result.h"
#include "say.h"
#include "targets.h"

#include <stdlib.h>
#include <unistd.h>

/* Prints one picture's result and draws it. Returns its exit status. */
static int finish(const struct pipeline *p, struct picture *picture, const char *target) {
    int status = picture->error[0] ? EXIT_FAILED : EXIT_OK;

    if (output_json(result_json(picture), p->opt->pretty)) return status;
    if (target && status == EXIT_OK) status = draw_picture(picture, target);
    return status;
}

/* targets may be NULL. */
static int run_all(const struct pipeline *p, const struct inputs *inputs, char *const *targets) {
    int batch = p->opt->batch, failed = 0, stop = 0;
    struct picture *pictures = calloc((size_t)batch, sizeof *pictures);
    int threads = p->opt->threads ? p->opt->threads : mien_cores();
    struct prefetch *ahead = prefetch_open(p, inputs, threads > 1 ? threads : 0);
    struct progress progress;

    if (!pictures || !ahead) {
        prefetch_close(ahead);
        free(pictures);
        return say_no_memory();
    }
    progress_start(&progress, inputs->count);
    for (int first = 0; first < inputs->count && !stop; first += batch) {
        int n = inputs->count - first < batch ? inputs->count - first : batch;
        for (int i = 0; i < n; i++) prefetch_take(ahead, &pictures[i]);
        if (first == 0) pictures[0].seconds[STAGE_START] = p->start_seconds;
        pipeline_run(p, pictures, n);
        progress_hide(&progress);
        for (int i = 0; i < n; i++) {
            const char *target = targets ? targets[first + i] : NULL;
            if (!stop && finish(p, &pictures[i], target)) failed++;
            picture_free(&pictures[i]);
            stop = stop || output_broken();
        }
        if (!stop) progress_show(&progress, first + n, failed);
    }
    progress_end(&progress);
    prefetch_close(ahead);
    free(pictures);
    return failed ? EXIT_FAILED : EXIT_OK;
}

static int check_stdin(const struct options *opt, const struct inputs *inputs) {
    int uses = 0;

    for (int i = 0; i < inputs->count; i++) uses += inputs->items[i].is_stdin;
    if (uses > 1) return say_usage(opt->command_name, "standard input (-) can be read only once");
    if (uses && isatty(STDIN_FILENO))
        return say_usage(opt->command_name, "standard input (-) is a terminal, not a picture");
    return EXIT_OK;
}

int cmd_pictures(const struct options *opt) {
    struct pipeline pipeline = {0};
    struct inputs inputs;
    char **targets = NULL;
    int status;

    if (inputs_expand(opt->args, opt->nargs, opt->draw, &inputs)) return say_no_memory();
    if (inputs.skipped)
        say("passed over %d %s in folders, hidden or without a picture's extension", inputs.skipped,
            inputs.skipped == 1 ? "file" : "files");
    status = check_stdin(opt, &inputs);
    if (status == EXIT_OK && opt->draw) status = targets_make(opt, &inputs, &targets);
    if (status == EXIT_OK) status = pipeline_open(&pipeline, opt, pipeline_steps(opt));
    if (status == EXIT_OK) status = run_all(&pipeline, &inputs, targets);
    pipeline_close(&pipeline);
    targets_free(targets, inputs.count);
    inputs_free(&inputs);
    return status;
}
