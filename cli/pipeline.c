#include "pipeline.h"

#include "common/clock.h"
#include "common/faces.h"
#include "networks.h"
#include "progress.h"
#include "say.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const STAGE_NAMES[STAGES] = {"start", "decode",     "detect",  "align",
                                         "embed", "age_gender", "classify"};

/* ---- opening ---- */

static int is_none(const char *name) {
    return strcmp(name, "none") == 0;
}

static int load_all(struct pipeline *p) {
    const struct options *opt = p->opt;
    unsigned command = opt->command, whole = command & (CMD_ANALYZE | CMD_BENCH_ANALYZE);
    struct {
        int wanted;
        const char *name, *option;
        enum mien_task task;
        mien_net **net;
    } all[] = {
        {command != CMD_CLASSIFY && !opt->aligned, opt->detector, "detector", MIEN_TASK_DETECT,
         &p->detector},
        {command & (CMD_EMBED | CMD_BENCH_ANALYZE) || opt->embeddings, opt->embedder, "embedder",
         MIEN_TASK_EMBED, &p->embedder},
        {whole != 0, opt->age_gender, "age-gender", MIEN_TASK_AGE_GENDER, &p->age_gender},
        {whole || command == CMD_CLASSIFY, opt->classifier, "classifier", MIEN_TASK_CLASSIFY,
         &p->classifier},
    };

    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int status;
        if (!all[i].wanted) continue;
        if (is_none(all[i].name)) {
            if (whole) continue;
            return say_usage(opt->command_name, "--%s none leaves nothing to do", all[i].option);
        }
        /* Age, gender and embeddings are those of faces that were found. */
        if (i > 0 && all[i].task != MIEN_TASK_CLASSIFY && !p->detector && !opt->aligned) continue;
        status =
            network_load_task(opt, p->ctx, all[i].name, all[i].task, all[i].option, all[i].net);
        if (status) return status;
    }
    if (!p->detector && !p->embedder && !p->classifier)
        return say_usage(opt->command_name, "all networks are 'none': nothing to do");
    return EXIT_OK;
}

/* Detection alone may work on a JPEG decoded at a reduced scale; everything else, drawing too,
 * wants all pixels. */
static int smallest_side(const struct pipeline *p, const mien_net_info *detector) {
    if (p->opt->command != CMD_DETECT || p->opt->draw || p->opt->side == 0) return 0;
    if (p->opt->side > 0) return p->opt->side;
    return detector->width > detector->height ? detector->width : detector->height;
}

int pipeline_open(struct pipeline *p, const struct options *opt) {
    mien_net_info info;
    int status;

    memset(p, 0, sizeof *p);
    p->opt = opt;
    status = context_open(opt, &p->ctx);
    if (status == EXIT_OK) status = load_all(p);
    if (status) return status;
    detect_options(opt, &p->detect);
    if (p->detector && mien_net_info_get(p->detector, &info) == MIEN_OK)
        p->decode.min_side = smallest_side(p, &info);
    if (p->embedder && mien_net_info_get(p->embedder, &info) == MIEN_OK)
        p->embedding_size = info.embedding_size;
    if (p->classifier && mien_net_info_get(p->classifier, &info) == MIEN_OK)
        p->top = opt->top < info.classes ? opt->top : info.classes;
    p->start_ms = 1e3 * progress_since_start();
    return EXIT_OK;
}

void pipeline_close(struct pipeline *p) {
    mien_net_free(p->detector);
    mien_net_free(p->embedder);
    mien_net_free(p->age_gender);
    mien_net_free(p->classifier);
    mien_close(p->ctx);
    memset(p, 0, sizeof *p);
}

/* ---- one step each ---- */

static double milliseconds(void) {
    return 1e3 * clock_seconds();
}

static void fail(struct picture *picture, const char *sentence) {
    if (picture->error[0]) return; /* the first cause is the one to tell */
    if (!sentence || !*sentence) sentence = "out of memory";
    snprintf(picture->error, sizeof picture->error, "%s", sentence);
}

static void decode_stdin(const struct pipeline *p, struct picture *picture) {
    char *error, text[sizeof picture->error];
    uint8_t *bytes;
    size_t size;

    if (inputs_read_stdin(&bytes, &size, &error)) {
        fail(picture, error);
        free(error);
        return;
    }
    if (mien_image_decode(p->ctx, bytes, size, &p->decode, &picture->image)) {
        snprintf(text, sizeof text, "standard input: %s", mien_error());
        fail(picture, text);
    }
    free(bytes);
}

/* What several networks will look at travels to a GPU once. Where it has no room, each network
 * takes what it needs: the results are the same. */
static void upload(const struct pipeline *p, mien_image *image) {
    int networks = (p->detector != NULL) + (p->embedder != NULL) + (p->age_gender != NULL) +
                   (p->classifier != NULL);

    if (networks > 1) (void)mien_image_upload(p->ctx, image);
}

void pipeline_decode(const struct pipeline *p, struct picture *picture) {
    const struct input *input = picture->input;
    mien_image *image;
    double start = milliseconds();

    if (input->error)
        fail(picture, input->error);
    else if (input->is_stdin)
        decode_stdin(p, picture);
    else if (mien_image_load(p->ctx, input->path, &p->decode, &picture->image))
        fail(picture, mien_error());
    image = picture->image;
    if (!image) return;
    picture->width = image->full_width ? image->full_width : image->width;
    picture->height = image->full_height ? image->full_height : image->height;
    upload(p, image);
    picture->ms[STAGE_DECODE] = milliseconds() - start;
}

static void take_aligned(struct picture *picture) {
    char text[sizeof picture->error];

    if (picture->width != FACES_CROP || picture->height != FACES_CROP) {
        snprintf(text, sizeof text, "%s: %dx%d pixels, --aligned takes crops of %dx%d",
                 picture->input->path, picture->width, picture->height, FACES_CROP, FACES_CROP);
        fail(picture, text);
        return;
    }
    picture->faces = calloc(1, sizeof *picture->faces);
    if (!picture->faces) {
        fail(picture, NULL);
        return;
    }
    picture->nfaces = 1;
    *picture->faces = faces_of_crop();
}

static void detect(const struct pipeline *p, struct picture *const *pictures, int n) {
    int capacity = p->opt->max_faces;
    const mien_image **images = calloc((size_t)n, sizeof *images);
    mien_face *faces = calloc((size_t)n * (size_t)capacity, sizeof *faces);
    int *counts = calloc((size_t)n, sizeof *counts), status = MIEN_ENOMEM;
    double start = milliseconds(), each;

    if (images && faces && counts) {
        for (int i = 0; i < n; i++) images[i] = pictures[i]->image;
        status = mien_detect(p->detector, images, n, &p->detect, capacity, faces, counts);
    }
    each = (milliseconds() - start) / n;
    for (int i = 0; i < n; i++) {
        struct picture *picture = pictures[i];
        if (status && n > 1) {
            detect(p, &pictures[i], 1); /* one may be at fault: find out which */
        } else if (status) {
            fail(picture, images && faces && counts ? mien_error() : NULL);
        } else {
            size_t bytes = (size_t)counts[i] * sizeof *faces;
            picture->ms[STAGE_DETECT] = each;
            picture->faces = malloc(bytes + 1);
            if (!picture->faces) {
                fail(picture, NULL);
                continue;
            }
            memcpy(picture->faces, faces + (size_t)i * (size_t)capacity, bytes);
            picture->nfaces = faces_pick(picture->faces, counts[i], (enum face_pick)p->opt->face,
                                         picture->width, picture->height);
        }
    }
    free(images);
    free(faces);
    free(counts);
}

static double sum_of(const mien_times *t) {
    return t->align + t->input + t->network + t->results;
}

/* Aligning is part of the embedder's call: it gets its share of the time. */
static void split_embed(const struct pipeline *p, struct picture *picture, const mien_times *before,
                        double ms) {
    mien_times now;
    double all;

    mien_net_times(p->embedder, &now);
    all = sum_of(&now) - sum_of(before);
    picture->ms[STAGE_ALIGN] = all > 0 ? ms * (now.align - before->align) / all : 0;
    picture->ms[STAGE_EMBED] = ms - picture->ms[STAGE_ALIGN];
}

/* The picture once for each of its faces, as mien.h wants it; NULL after a failure. */
static const mien_image **image_of_faces(struct picture *picture) {
    size_t n = (size_t)picture->nfaces;
    const mien_image **images = calloc(n + 1, sizeof *images);

    if (!images) fail(picture, NULL);
    for (size_t i = 0; images && i < n; i++) images[i] = picture->image;
    return images;
}

static int embed_crop(const struct pipeline *p, struct picture *picture) {
    uint8_t crop[FACES_CROP_BYTES];

    faces_copy_crop(picture->image, crop);
    return mien_embed(p->embedder, crop, 1, picture->embeddings);
}

static void embed(const struct pipeline *p, struct picture *picture) {
    int n = picture->nfaces, status = MIEN_OK;
    const mien_image **images = image_of_faces(picture);
    double start = milliseconds();
    mien_times before;

    picture->embeddings = calloc((size_t)n * (size_t)p->embedding_size + 1, sizeof(float));
    mien_net_times(p->embedder, &before);
    if (!images || !picture->embeddings) {
        fail(picture, NULL);
    } else if (p->opt->aligned) {
        status = embed_crop(p, picture);
    } else if (n > 0) {
        status = mien_embed_faces(p->embedder, images, picture->faces, n, picture->embeddings);
    }
    if (status) fail(picture, mien_error());
    split_embed(p, picture, &before, milliseconds() - start);
    free(images);
}

static void estimate_age_gender(const struct pipeline *p, struct picture *picture) {
    const mien_image **images = image_of_faces(picture);
    double start = milliseconds();

    picture->age_gender = calloc((size_t)picture->nfaces + 1, sizeof *picture->age_gender);
    if (!images || !picture->age_gender)
        fail(picture, NULL);
    else if (mien_age_gender_run(p->age_gender, images, picture->faces, picture->nfaces,
                                 picture->age_gender))
        fail(picture, mien_error());
    free(images);
    picture->ms[STAGE_AGE_GENDER] = milliseconds() - start;
}

static void classify(const struct pipeline *p, struct picture *const *pictures, int n) {
    const mien_image **images = calloc((size_t)n, sizeof *images);
    size_t top = (size_t)p->top;
    mien_class *classes = calloc((size_t)n * top, sizeof *classes);
    int status = MIEN_ENOMEM;
    double start = milliseconds(), each;

    if (images && classes) {
        for (int i = 0; i < n; i++) images[i] = pictures[i]->image;
        status = mien_classify(p->classifier, images, n, p->top, classes);
    }
    each = (milliseconds() - start) / n;
    for (int i = 0; i < n; i++) {
        struct picture *picture = pictures[i];
        if (status && n > 1) {
            classify(p, &pictures[i], 1);
        } else if (status) {
            fail(picture, images && classes ? mien_error() : NULL);
        } else {
            picture->ms[STAGE_CLASSIFY] = each;
            picture->classes = malloc(top * sizeof *classes);
            if (picture->classes)
                memcpy(picture->classes, classes + (size_t)i * top, top * sizeof *classes);
            else
                fail(picture, NULL);
        }
    }
    free(images);
    free(classes);
}

/* ---- all of them ---- */

/* Collects the pictures that have not failed; returns how many. */
static int alive(struct picture *pictures, int n, struct picture **out) {
    int m = 0;

    for (int i = 0; i < n; i++)
        if (!pictures[i].error[0] && pictures[i].image) out[m++] = &pictures[i];
    return m;
}

void pipeline_run(const struct pipeline *p, struct picture *pictures, int n) {
    struct picture **list = calloc((size_t)n, sizeof *list);
    int m;

    if (!list) {
        for (int i = 0; i < n; i++) fail(&pictures[i], NULL);
        return;
    }
    m = alive(pictures, n, list);
    if (p->opt->aligned)
        for (int i = 0; i < m; i++) take_aligned(list[i]);
    else if (p->detector && m > 0)
        detect(p, list, m);
    m = alive(pictures, n, list);
    for (int i = 0; i < m; i++) {
        if (p->embedder) embed(p, list[i]);
        if (p->age_gender && !list[i]->error[0]) estimate_age_gender(p, list[i]);
    }
    m = alive(pictures, n, list);
    if (p->classifier && m > 0) classify(p, list, m);
    free(list);
}

void picture_free(struct picture *picture) {
    mien_image_free(picture->image);
    free(picture->faces);
    free(picture->embeddings);
    free(picture->age_gender);
    free(picture->classes);
    memset(picture, 0, sizeof *picture);
}
