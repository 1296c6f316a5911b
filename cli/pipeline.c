#include "pipeline.h"

#include "common/clock.h"
#include "inputs.h"
#include "networks.h"
#include "progress.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_none(const char *name) {
    return strcmp(name, "none") == 0;
}

static int is_whole(const struct options *opt) {
    return (opt->command & (CMD_ANALYZE | CMD_BENCH_ANALYZE | CMD_EVAL_ATTRIBUTES | CMD_WORKER)) !=
           0;
}

/* A command called as a task does what it needs; the others do all, but embeddings take room. */
steps_t pipeline_steps(const struct options *opt) {
    struct networks tasks;
    steps_t steps = 0;

    networks_init(&tasks, NULL);
    for (int i = 0; i < tasks.n; i++)
        if (is_whole(opt) || strcmp(opt->command_name, tasks.at[i].task.name) == 0)
            steps |= 1U << i;
    if (opt->command == CMD_ANALYZE && !opt->embeddings)
        steps &= ~analysis_steps(&tasks, MIEN_RESULT_EMBEDDING);
    return steps;
}

static int load_all(struct pipeline *p, steps_t steps) {
    const struct options *opt = p->opt;
    struct networks *all = &p->networks;
    int loaded = 0;

    for (int i = 0; i < networks_tasks(); i++) {
        const mien_task_info *task = &all->at[i].task;
        int status;
        if (!(steps >> i & 1)) continue;
        if (is_none(opt->network[i])) {
            if (is_whole(opt)) continue;
            return say_usage(opt->command_name, "--%s none leaves nothing to do", task->option);
        }
        /* What is told of faces is told of those that were found. */
        if (task->item == MIEN_ITEM_FACE && !opt->aligned &&
            !networks_giving(all, MIEN_RESULT_FACES))
            continue;
        status = networks_load_task(opt, all, i);
        if (status) return status;
        loaded++;
    }
    if (!loaded) return say_usage(opt->command_name, "all networks are 'none': nothing to do");
    return EXIT_OK;
}

/* The steps of a task are those of all its networks. */
static steps_t with_others(const struct networks *all, steps_t steps) {
    for (int i = networks_tasks(); i < all->n; i++)
        if (steps >> (all->at[i].task.task - 1) & 1) steps |= 1U << i;
    return steps;
}

static int read_told(struct pipeline *p) {
    char why[512];
    const char *list = p->opt->attributes;

    if (networks_tell(&p->networks, list, &p->analysis.told, why, sizeof why) == 0) return EXIT_OK;
    return say_usage(p->opt->command_name, "--attributes: %s", why);
}

int pipeline_open(struct pipeline *p, const struct options *opt, steps_t steps) {
    const struct network *classifier;
    mien_ctx *ctx;
    int status;

    memset(p, 0, sizeof *p);
    p->opt = opt;
    status = context_open(opt, &ctx);
    networks_init(&p->networks, ctx);
    if (status) return status;
    steps = analysis_with_needs(&p->networks, steps);
    if (opt->aligned) steps &= ~analysis_steps(&p->networks, MIEN_RESULT_FACES);
    status = load_all(p, steps);
    if (status) return status;
    p->analysis = (struct analysis_options){.steps = with_others(&p->networks, steps),
                                            .top = opt->top,
                                            .pick = (enum face_pick)opt->face,
                                            .aligned = opt->aligned,
                                            .quality = opt->quality,
                                            .all_pixels = is_whole(opt) || opt->draw};
    detect_options(opt, &p->analysis.detect);
    status = read_told(p);
    if (status) return status;
    classifier = networks_giving(&p->networks, MIEN_RESULT_CLASSES);
    if (classifier && opt->top > classifier->info.classes)
        p->analysis.top = classifier->info.classes;
    p->decode = (mien_decode_options){.struct_size = sizeof p->decode,
                                      .min_side = analysis_min_side(&p->networks, &p->analysis),
                                      .shrink_to_limit = 1,
                                      .salvage = opt->salvage};
    p->start_seconds = progress_since_start();
    return EXIT_OK;
}

void pipeline_close(struct pipeline *p) {
    mien_ctx *ctx = p->networks.ctx;

    networks_free(&p->networks);
    mien_close(ctx);
    memset(p, 0, sizeof *p);
}

static void fail(struct picture *picture, int rc, const char *sentence) {
    if (picture->error[0]) return; /* the first cause is the one to tell */
    picture->rc = rc;
    snprintf(picture->error, sizeof picture->error, "%s",
             sentence && *sentence ? sentence : "out of memory");
}

static void decode_stdin(const struct pipeline *p, struct picture *picture) {
    char *error, text[sizeof picture->error];
    uint8_t *bytes;
    size_t size;
    int rc = inputs_read_stdin(&bytes, &size, &error);

    if (rc) {
        fail(picture, rc, error);
        free(error);
        return;
    }
    rc = mien_image_decode(p->networks.ctx, bytes, size, &p->decode, &picture->image);
    if (rc) {
        snprintf(text, sizeof text, "standard input: %s", mien_error());
        fail(picture, rc, text);
    }
    free(bytes);
}

static void decode_bytes(const struct pipeline *p, struct picture *picture) {
    const struct input *input = picture->input;
    char text[sizeof picture->error];
    int rc = mien_image_decode(p->networks.ctx, input->bytes, input->nbytes, &p->decode,
                               &picture->image);

    if (!rc) return;
    snprintf(text, sizeof text, "%s: %s", input->path, mien_error());
    fail(picture, rc, text);
}

void pipeline_decode(const struct pipeline *p, struct picture *picture) {
    const struct input *input = picture->input;
    mien_image *image;
    double start = clock_seconds();
    int rc;

    if (input->error) {
        fail(picture, MIEN_EIO, input->error);
    } else if (input->is_stdin) {
        decode_stdin(p, picture);
    } else if (input->bytes) {
        decode_bytes(p, picture);
    } else {
        rc = mien_image_load(p->networks.ctx, input->path, &p->decode, &picture->image);
        if (rc) fail(picture, rc, mien_error());
    }
    image = picture->image;
    if (!image) return;
    picture->width = image->full_width ? image->full_width : image->width;
    picture->height = image->full_height ? image->full_height : image->height;
    /* What several networks will look at travels to a GPU once. Where it has no room, each network
     * takes what it needs: the results are the same. */
    if (analysis_looks(&p->networks, &p->analysis) > 1)
        (void)mien_image_upload(p->networks.ctx, image);
    picture->seconds[STAGE_DECODE] = clock_seconds() - start;
}

static int begin(const struct pipeline *p, struct picture *picture, struct runner *runner) {
    char text[sizeof picture->error];

    if (picture->error[0] || !picture->image) return -1;
    if (p->opt->aligned &&
        (picture->width != MIEN_CROP_SIDE || picture->height != MIEN_CROP_SIDE)) {
        snprintf(text, sizeof text, "%s: %dx%d pixels, --aligned takes crops of %dx%d",
                 picture->input->path, picture->width, picture->height, MIEN_CROP_SIDE,
                 MIEN_CROP_SIDE);
        fail(picture, MIEN_EINVAL, text);
        return -1;
    }
    picture->analysis = malloc(sizeof *picture->analysis);
    if (!picture->analysis) {
        fail(picture, MIEN_ENOMEM, NULL);
        return -1;
    }
    analysis_begin(picture->analysis, &p->networks, picture->asked ? picture->asked : &p->analysis,
                   picture->image, runner);
    return 0;
}

static void take(const struct pipeline *p, struct picture *picture) {
    const struct analysis *a = picture->analysis;

    if (a->rc) fail(picture, a->rc, a->why);
    picture->seconds[STAGE_ALIGN] = a->aligning;
    for (int i = 0; i < p->networks.n; i++)
        picture->seconds[STAGE_TASK + p->networks.at[i].task.task - 1] += a->seconds[i];
}

void pipeline_run(const struct pipeline *p, struct picture *pictures, int n) {
    struct analysis **list = calloc((size_t)n, sizeof *list);
    struct direct_runner direct;
    int m = 0;

    direct_runner_init(&direct);
    for (int i = 0; i < n; i++) {
        if (!list)
            fail(&pictures[i], MIEN_ENOMEM, NULL);
        else if (begin(p, &pictures[i], &direct.runner) == 0)
            list[m++] = pictures[i].analysis;
    }
    if (m > 0) analysis_end(list, m, &direct.runner);
    for (int i = 0; i < n; i++)
        if (pictures[i].analysis) take(p, &pictures[i]);
    free(list);
}

void picture_free(struct picture *picture) {
    if (picture->analysis) analysis_free(picture->analysis);
    free(picture->analysis);
    mien_image_free(picture->image);
    memset(picture, 0, sizeof *picture);
}
