/* The command calibrate: measures the ranges int8 needs on pictures, and keeps them in the blob. */
#include "commands.h"
#include "inputs.h"
#include "networks.h"
#include "pipeline.h"
#include "progress.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>

/* With less the range of a value is that of a few pictures, and int8 cuts off the rest. */
enum { FEWEST_PICTURES = 50 };

/* Options of the pipeline that runs this network, with what those commands' own options would
 * say. */
static void as_pictures(const struct options *opt, int task, struct options *out) {
    *out = *opt;
    out->threshold = 0.5;
    out->nms = 0.4;
    out->side = -1;
    out->search = MIEN_SEARCH_FAST; /* ranges are those of pictures in the detector's own size */
    out->max_faces = 750;
    out->top = 1;
    out->batch = 1;
    out->attributes = "all";
    out->network[task] = opt->args[0];
}

/* *task: the position of its task in a list of networks; *path: its file. */
static int task_of(const struct options *opt, int *task, char **path) {
    mien_ctx *ctx;
    mien_blob *blob;
    mien_net_info info = {.struct_size = sizeof info};
    int status = context_open(opt, &ctx);

    if (status) return status;
    if (mien_net_path(ctx, opt->args[0], path)) {
        status = say_no_memory();
    } else if (mien_blob_open(*path, &blob)) {
        status = say_network_error(ctx, opt->args[0]);
    } else {
        if (mien_blob_info(blob, &info)) {
            say("%s", mien_error());
            status = EXIT_FAILED;
        }
        *task = (int)info.task - 1;
        if (status == EXIT_OK && info.task == MIEN_TASK_RAW) {
            say("%s has no task (raw), so what it would look at of a picture is not known: "
                "mien-weights add --task says what it is for",
                info.name);
            status = EXIT_FAILED;
        }
        mien_blob_close(blob);
    }
    mien_close(ctx);
    return status;
}

/* Pictures that cannot be read are named, counted in *failed and passed over. Returns how many were
 * measured. */
static int run_all(const struct pipeline *p, int needs_faces, const struct inputs *inputs,
                   int *failed) {
    struct progress progress;
    int measured = 0;

    progress_start(&progress, inputs->count);
    for (int i = 0; i < inputs->count; i++) {
        struct picture picture = {.input = &inputs->items[i]};
        pipeline_decode(p, &picture);
        pipeline_run(p, &picture, 1);
        progress_hide(&progress);
        *failed += picture.error[0] != '\0';
        if (picture.error[0])
            say("%s", picture.error);
        else
            measured += needs_faces ? picture.analysis->nfaces > 0 : 1;
        picture_free(&picture);
        progress_show(&progress, i + 1, 0, 0);
    }
    progress_end(&progress);
    return measured;
}

/* kind: "", or which pictures count. What was measured before stays. */
static int say_too_few(int n, const char *kind) {
    say("%d picture%s%s %s too few to measure ranges on: give %d or more of what the network is "
        "for, or --force",
        n, n == 1 ? "" : "s", kind, n == 1 ? "is" : "are", FEWEST_PICTURES);
    return EXIT_FAILED;
}

static int calibrate(const struct pipeline *p, const struct network *network,
                     const struct inputs *inputs, const char *path) {
    int needs_faces = network->task.item == MIEN_ITEM_FACE && !p->opt->aligned, failed = 0;
    int measured;
    mien_net *net = network->net;

    if (mien_calibrate_begin(net)) {
        say("%s", mien_error());
        return EXIT_FAILED;
    }
    measured = run_all(p, needs_faces, inputs, &failed);
    if (measured == 0) {
        say("no %s, so that nothing could be measured",
            needs_faces ? "face was found in the pictures" : "picture could be read");
        return EXIT_FAILED;
    }
    if (measured < FEWEST_PICTURES && !p->opt->force)
        return say_too_few(measured, needs_faces ? " with a face" : " that can be read");
    if (mien_calibrate_save(net, path)) {
        say("%s", mien_error());
        return EXIT_FAILED;
    }
    printf("%s: calibrated for int8 on %d picture%s\n", path, measured, measured == 1 ? "" : "s");
    return failed ? EXIT_FAILED : EXIT_OK;
}

int cmd_calibrate(const struct options *opt) {
    struct options pictures;
    struct pipeline p = {0};
    struct inputs inputs = {0};
    char *path = NULL;
    int task = 0, status = task_of(opt, &task, &path);

    if (status == EXIT_OK) as_pictures(opt, task, &pictures);
    if (status == EXIT_OK && inputs_expand(opt->args + 1, opt->nargs - 1, NULL, &inputs))
        status = say_no_memory();
    if (status == EXIT_OK && inputs.count < FEWEST_PICTURES && !opt->force)
        status = say_too_few(inputs.count, "");
    if (status == EXIT_OK) status = pipeline_open(&p, &pictures, 1U << task);
    if (status == EXIT_OK)
        status = calibrate(&p, &p.networks.at[task], &inputs, opt->output ? opt->output : path);
    pipeline_close(&p);
    inputs_free(&inputs);
    free(path);
    return status;
}
