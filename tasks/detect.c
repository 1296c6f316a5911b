/* Pictures to faces. */
#include "engine/err.h"
#include "vision/image.h"
#include "vision/nms.h"
#include "vision/resize.h"
#include "tasks/tasks.h"

#include <stdio.h>

enum {
    MIN_SIDE = 32,  /* the smallest input detectors are run at; smaller pictures are padded */
    SIZE_STEP = 16, /* scaled pictures are padded to multiples of this: few plans for many shapes */
    BATCH_PIXELS =
        640 * 640,   /* larger inputs are run one by one: they fill the cores alone, and memory */
    NMS_PLUS_ONE = 1 /* widths count the last pixel (nms.h) */
};

void mien_detect_options_default(mien_detect_options *opt) {
    *opt = (mien_detect_options){.threshold = 0.5f, .nms = 0.4f, .size = -1, .max_faces = 750};
}

static int check_options(const mien_detect_options *in, mien_detect_options *o) {
    mien_detect_options d;
    mien_detect_options_default(&d);
    *o = in ? *in : d;
    if (o->threshold == 0) o->threshold = d.threshold;
    if (o->nms == 0) o->nms = d.nms;
    if (o->max_faces == 0) o->max_faces = d.max_faces;
    if (!(o->threshold > 0 && o->threshold <= 1) || !(o->nms > 0 && o->nms <= 1))
        return err_set(MIEN_EINVAL, "threshold and nms must be above 0 and at most 1");
    if (o->max_faces < 0 || o->size < -1 || o->size > 16384)
        return err_set(MIEN_EINVAL, "max_faces must not be negative, size must be -1 to 16384");
    return MIEN_OK;
}

/* The network's input for one picture: the picture lies at the top left, the rest is black. */
struct input_size {
    int w, h;
    struct letterbox box;
};

static int round_up(int n, int step) {
    return (n + step - 1) / step * step;
}

static struct input_size input_for(const mien_net *net, const mien_image *img,
                                   const mien_detect_options *o) {
    int side = o->size < 0 ? net->info.width : o->size;
    int step = net->net->min_stride;
    if (side > 0 && step < SIZE_STEP) step = SIZE_STEP;
    struct letterbox box = side > 0
                               ? letterbox_fit(img->width, img->height, side, side)
                               : letterbox_fit(img->width, img->height, img->width, img->height);
    return (struct input_size){.w = round_up(box.w < MIN_SIDE ? MIN_SIDE : box.w, step),
                               .h = round_up(box.h < MIN_SIDE ? MIN_SIDE : box.h, step),
                               .box = box};
}

/* Pictures that run as one job. */
struct detect_job {
    const mien_net *net;
    const mien_image *const *images;
    const mien_detect_options *options;
    int capacity;
    mien_face *faces; /* [pictures][capacity] */
    int *counts;
};

/* Plain bilinear, as the detectors' publishers do; below half size it would skip pixels, and what
 * aliases looks like small faces. */
static int fill_picture(void *context, int i, int workers, struct resized *picture) {
    const struct detect_job *d = context;
    const mien_image *img = d->images[i];
    struct input_size size = input_for(d->net, img, d->options);
    enum resize_filter filter = 2 * size.box.w < img->width ? RESIZE_TRIANGLE : RESIZE_BILINEAR;
    return resize_letterbox(picture, img, &size.box, size.w, size.h, filter, workers);
}

static int head_index(const mien_net *net, const char *name, int stride) {
    char full[32];
    snprintf(full, sizeof full, "%s_%d", name, stride);
    return tasks_output(net, full);
}

/* Output `name`_<stride> of a picture; NULL where the network has none. */
static const float *head(const mien_net *net, const struct net_plan *p, const float *const *outputs,
                         const char *name, int stride, struct anchor_output *out) {
    int i = head_index(net, name, stride);
    if (i < 0) return NULL;
    out->h = p->graph->outputs[i].h;
    out->w = p->graph->outputs[i].w;
    return outputs[i];
}

/* Pixels of the network's input to those of the original, which ends at size. */
static void place_of(void *context, int i, struct backend_place *out) {
    const struct detect_job *d = context;
    const mien_image *img = d->images[i];
    struct letterbox box = input_for(d->net, img, d->options).box;
    double scale[2];
    int full_width, full_height;
    image_scale(img, scale);
    image_full_size(img, &full_width, &full_height);
    out->scale[0] = (float)(scale[0] / box.scale_x);
    out->scale[1] = (float)(scale[1] / box.scale_y);
    out->size[0] = (float)full_width;
    out->size[1] = (float)full_height;
}

static int take_faces(void *context, int i, struct tasks_slot *slot, const float *const *outputs) {
    const struct detect_job *d = context;
    const mien_net *net = d->net;
    struct candidates *c = &slot->candidates;
    struct anchor_output out[ANCHOR_LEVELS];
    for (int l = 0; l < net->anchors.levels; l++) {
        int stride = net->anchors.level[l].stride;
        out[l].score = head(net, slot->plan, outputs, "score", stride, &out[l]);
        out[l].box = head(net, slot->plan, outputs, "box", stride, &out[l]);
        out[l].landmark = head(net, slot->plan, outputs, "landmark", stride, &out[l]);
    }
    c->n = 0;
    int rc = anchors_decode(&net->anchors, out, d->options->threshold, c);
    if (rc) return rc;
    struct backend_place place;
    place_of(context, i, &place);
    candidates_scale(c, place.scale[0], place.scale[1]);
    candidates_sort(c, 0);
    candidates_nms(c, d->options->nms, NMS_PLUS_ONE, 0);
    candidates_clip(c, place.size[0], place.size[1]);
    int n = c->n;
    if (n > d->capacity) n = d->capacity;
    if (n > d->options->max_faces) n = d->options->max_faces;
    mien_face *faces = d->faces + (size_t)i * (size_t)d->capacity;
    for (int k = 0; k < n; k++) faces[k] = c->at[k].face;
    d->counts[i] = n;
    return MIEN_OK;
}

/* The same of a device: scaling, sorting, suppressing, clipping as take_faces() does. */
static void ask_faces(void *context, int first, struct backend_faces *out) {
    const struct detect_job *d = context;
    *out = (struct backend_faces){
        .anchors = &d->net->anchors,
        .threshold = d->options->threshold,
        .iou = d->options->nms,
        .plus_one = NMS_PLUS_ONE,
        .place = place_of,
        .context = context,
        .first = first,
        .most = d->capacity < d->options->max_faces ? d->capacity : d->options->max_faces,
        .row = d->capacity,
        .faces = d->faces + (size_t)first * (size_t)d->capacity,
        .counts = d->counts + first};
    for (int l = 0; l < d->net->anchors.levels; l++) {
        int stride = d->net->anchors.level[l].stride;
        out->head[l].score = head_index(d->net, "score", stride);
        out->head[l].box = head_index(d->net, "box", stride);
        out->head[l].landmark = head_index(d->net, "landmark", stride);
    }
}

static void picture_size(void *context, int i, int *width, int *height) {
    const struct detect_job *d = context;
    struct input_size size = input_for(d->net, d->images[i], d->options);
    *width = size.w;
    *height = size.h;
}

/* How many pictures from the first on are small; 1 where that one is not. */
static int small_ones(const mien_net *net, const mien_image *const *images, int n,
                      const mien_detect_options *o) {
    int small = 0;
    for (; small < n; small++) {
        struct input_size s = input_for(net, images[small], o);
        if ((int64_t)s.w * s.h > BATCH_PIXELS) break;
    }
    return small > 0 ? small : 1;
}

int mien_detect(mien_net *net, const mien_image *const *images, int n,
                const mien_detect_options *opt, int capacity, mien_face *faces, int *counts) {
    for (int i = 0; i < n; i++) counts[i] = 0;
    mien_detect_options o;
    int rc = tasks_check(net, MIEN_TASK_DETECT);
    if (!rc) rc = check_options(opt, &o);
    if (rc) return rc;
    if (n < 0 || capacity < 1)
        return err_set(MIEN_EINVAL, "%d pictures, room for %d faces", n, capacity);
    for (int i = 0; i < n; i++)
        if ((rc = image_check(images[i]))) return rc;
    for (int i = 0, step; i < n && !rc; i += step) {
        step = small_ones(net, images + i, n - i, &o);
        struct detect_job d = {
            net, images + i, &o, capacity, faces + (size_t)i * (size_t)capacity, counts + i};
        struct tasks_job j = {.net = net,
                              .n = step,
                              .size = picture_size,
                              .fill = fill_picture,
                              .take = take_faces,
                              .faces = ask_faces,
                              .context = &d};
        rc = tasks_run_all(&j);
    }
    for (int i = 0; rc && i < n; i++) counts[i] = 0;
    return rc;
}
