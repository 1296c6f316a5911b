/* The commands analyze, detect, classify and embed: inputs through the pipeline to standard output.
 */
#include "batches.h"
#include "commands.h"
#include "draw.h"
#include "files.h"
#include "inputs.h"
#include "line.h"
#include "output.h"
#include "pipeline.h"
#include "result.h"
#include "say.h"
#include "summary.h"
#include "targets.h"
#include "terminal.h"

#include <stdlib.h>
#include <unistd.h>

/* Where results go. */
struct outlet {
    const struct options *opt;
    const struct target *targets; /* an input each */
    int as_lines;                 /* for people, instead of JSON */
    struct lines lines;
    struct summary summary;
};

static void outlet_begin(struct outlet *o, const struct pipeline *p, const struct inputs *inputs,
                         const struct target *targets) {
    const struct options *opt = p->opt;

    *o = (struct outlet){.opt = opt, .targets = targets};
    o->as_lines = !opt->json && !opt->pretty && isatty(STDOUT_FILENO);
    lines_begin(&o->lines, inputs, terminal_columns(STDOUT_FILENO));
    summary_begin(&o->summary, p);
}

/* Prints and writes the result of input i. Failures are told in any case: who redirects the output
 * would not see them else. Returns its exit status. */
static int finish_json(const struct outlet *o, const struct picture *picture, int i) {
    int status = EXIT_OK, wanted = !o->as_lines || o->targets[i].json;
    json_t *result = wanted ? result_json(picture) : NULL;

    if (wanted && !result) status = say_no_memory();
    if (result && o->targets[i].json)
        status = files_write_json(o->targets[i].json, result, o->opt->pretty);
    if (result && !o->as_lines)
        output_json(result, o->opt->pretty);
    else
        json_decref(result);
    return status;
}

static void finish(struct outlet *o, struct picture *picture, int i) {
    int failed = picture->error[0] != '\0', status;

    if (failed) {
        say("%s", picture->error);
    } else if (o->as_lines) {
        if (picture->image->warning[0])
            say("%s: %s", picture->input->path, picture->image->warning);
        lines_print(&o->lines, picture, stdout);
        output_flush();
    }
    status = finish_json(o, picture, i);
    if (o->targets[i].drawn && !failed && !output_broken() &&
        draw_picture(picture, o->targets[i].drawn))
        status = EXIT_FAILED;
    summary_add(&o->summary, picture, failed || status);
}

/* Of batches_run(). */
static int take(void *context, struct picture *picture, int i) {
    struct outlet *outlet = context;

    finish(outlet, picture, i);
    return output_broken();
}

static int run_all(const struct pipeline *p, const struct inputs *inputs, struct outlet *outlet) {
    int status = batches_run(p, inputs, take, outlet, &outlet->summary.failed);

    if (status) return status;
    if (inputs->count > 1 && !output_broken()) summary_say(&outlet->summary);
    return outlet->summary.failed ? EXIT_FAILED : EXIT_OK;
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
    const char *const written[INPUTS_SKIP_MAX] = {opt->draw, opt->output};
    struct target *targets = NULL;
    struct outlet outlet;
    int status;

    if (inputs_expand(opt->args, opt->nargs, written, &inputs)) return say_no_memory();
    if (inputs.skipped)
        say("passed over %d %s in folders, hidden or without a picture's extension", inputs.skipped,
            inputs.skipped == 1 ? "file" : "files");
    status = check_stdin(opt, &inputs);
    if (status == EXIT_OK) status = targets_make(opt, &inputs, &targets);
    if (status == EXIT_OK) status = pipeline_open(&pipeline, opt, pipeline_steps(opt));
    if (status == EXIT_OK) {
        outlet_begin(&outlet, &pipeline, &inputs, targets);
        status = run_all(&pipeline, &inputs, &outlet);
    }
    pipeline_close(&pipeline);
    targets_free(targets, inputs.count);
    inputs_free(&inputs);
    return status;
}
