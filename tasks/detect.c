/* The task detect: images to the faces in them, a pass of the network an image. */
#include "tasks/detect.h"

#include "engine/err.h"
#include "kernels/number.h"
#include "tasks/net.h"
#include "tasks/run.h"
#include "tasks/workspace.h"
#include "vision/faces.h"
#include "vision/image.h"
#include "vision/nms.h"
#include "vision/resize.h"

#include <stdio.h>

enum {
    MIN_SIDE = 32,  /* the smallest input detectors are run at; smaller images are padded */
    SIZE_STEP = 16, /* scaled images are padded to multiples of this: few plans for many shapes */
    BATCH_PIXELS =
        640 * 640 /* larger inputs are run one by one: they fill the cores alone, and memory */
};

/* What a call of looks_run() gives its items. */
struct detection {
    const struct look *looks;
    const struct look_want *want;
    mien_face *faces; /* [looks][want->row] */
    int *counts;      /* -1: not looked for yet */
};

/* A detector's outputs must have the channels its anchors say. */
static int open_detector(struct mien_net *net) {
    struct anchor_spec *anchors = net->state;
    int rc = anchor_spec_from_json(net->info.arch, blob_meta(net->blob, "variant"), anchors);
    if (rc) return err_prefix(rc, "%s", blob_label(net->blob));
    for (int l = 0; l < anchors->levels; l++) {
        static const struct {
            const char *name;
            int values, optional;
        } heads[] = {{"score", 1, 0}, {"box", 4, 0}, {"landmark", 10, 1}};
        for (int h = 0; h < 3; h++) {
            char name[32];
            snprintf(name, sizeof name, "%s_%d", heads[h].name, anchors->level[l].stride);
            int i = net_output_index(net, name);
            if (i < 0 && heads[h].optional) continue;
            if (i < 0 || net_output_channels(net, i) != heads[h].values * anchors->level[l].anchors)
                return err_set(MIEN_EWEIGHTS, "%s: output %s does not fit the anchors",
                               blob_label(net->blob), name);
        }
    }
    return MIEN_OK;
}

int look_side(const mien_net *net, const mien_image *image, int size) {
    int side = image->width > image->height ? image->width : image->height;
    if (size < 0) size = net->info.width;
    return size == 0 || size < side ? size : side;
}

/* The network's input for one look: the image lies at the top left, the rest is black. */
struct input_size {
    int w, h;
    struct letterbox box;
};

static struct input_size input_for(const mien_net *net, const struct look *look) {
    const mien_image *img = look->image;
    int step = net->net->min_stride;
    int longer = img->width > img->height ? img->width : img->height;
    if (look->side > 0 && step < SIZE_STEP) step = SIZE_STEP;
    struct letterbox box =
        letterbox_fit(img->width, img->height, look->side > 0 ? look->side : longer);
    return (struct input_size){.w = round_up(box.w < MIN_SIDE ? MIN_SIDE : box.w, step),
                               .h = round_up(box.h < MIN_SIDE ? MIN_SIDE : box.h, step),
                               .box = box};
}

void look_input(const mien_net *net, const struct look *look, int *width, int *height) {
    struct input_size size = input_for(net, look);
    *width = size.w;
    *height = size.h;
}

static const struct look *look_of(const struct task_call *c, int i) {
    return &((const struct detection *)c->options)->looks[i];
}

static void image_size(const struct task_call *c, int i, int *width, int *height) {
    look_input(c->net, look_of(c, i), width, height);
}

/* Plain bilinear, as the detectors' publishers do; below half size it would skip pixels, and what
 * aliases looks like small faces. */
static int fill_image(const struct task_call *c, int i, int workers, struct resized *image) {
    const mien_image *img = look_of(c, i)->image;
    struct input_size size = input_for(c->net, look_of(c, i));
    enum resize_filter filter = 2 * size.box.w < img->width ? RESIZE_TRIANGLE : RESIZE_BILINEAR;
    return resize_letterbox(image, img, &size.box, size.w, size.h, filter, workers);
}

static int head_index(const mien_net *net, const char *name, int stride) {
    char full[32];
    snprintf(full, sizeof full, "%s_%d", name, stride);
    return net_output_index(net, full);
}

/* Output `name`_<stride> of an image; NULL where the network has none. */
static const float *head(const mien_net *net, const struct net_plan *p, const float *const *outputs,
                         const char *name, int stride, struct anchor_output *out) {
    int i = head_index(net, name, stride);
    if (i < 0) return NULL;
    out->h = p->graph->outputs[i].h;
    out->w = p->graph->outputs[i].w;
    return outputs[i];
}

/* Pixels of the network's input to those of the original, which ends at size. */
static void place_of(void *context, int i, struct faces_place *out) {
    const struct task_call *c = context;
    const mien_image *img = look_of(c, i)->image;
    struct letterbox box = input_for(c->net, look_of(c, i)).box;
    double scale[2];
    int full_width, full_height;
    image_scale(img, scale);
    image_full_size(img, &full_width, &full_height);
    out->scale[0] = (float)(scale[0] / box.scale_x);
    out->scale[1] = (float)(scale[1] / box.scale_y);
    out->size[0] = (float)full_width;
    out->size[1] = (float)full_height;
}

static int take_faces(const struct task_call *c, int i, struct workspace *w,
                      const float *const *outputs) {
    const struct detection *d = c->options;
    const struct anchor_spec *anchors = c->net->state;
    if (d->counts[i] >= 0) return MIEN_OK; /* the device has found them */
    struct candidates *found = w->scratch;
    struct anchor_output out[ANCHOR_LEVELS];
    for (int l = 0; l < anchors->levels; l++) {
        int stride = anchors->level[l].stride;
        out[l].score = head(c->net, w->plan, outputs, "score", stride, &out[l]);
        out[l].box = head(c->net, w->plan, outputs, "box", stride, &out[l]);
        out[l].landmark = head(c->net, w->plan, outputs, "landmark", stride, &out[l]);
    }
    found->n = 0;
    int rc = anchors_decode(anchors, out, d->want->threshold, found);
    if (rc) return rc;
    struct faces_place place;
    place_of((void *)(uintptr_t)c, i, &place);
    candidates_scale(found, place.scale[0], place.scale[1]);
    struct nms_limit limit = {
        .width = place.size[0], .height = place.size[1], .most = d->want->most};
    candidates_keep_best(found, CANDIDATES_BEST);
    candidates_sort(found);
    candidates_nms(found, d->want->nms, LOOK_PLUS_ONE, &limit);
    candidates_clip(found, limit.width, limit.height);
    int n = found->n;
    mien_face *faces = d->faces + (size_t)i * (size_t)d->want->row;
    for (int k = 0; k < n; k++) faces[k] = found->at[k].face;
    d->counts[i] = n;
    return MIEN_OK;
}

static void free_candidates(void *scratch) {
    candidates_free(scratch);
}

static void grow_candidates(void *scratch, const void *like) {
    (void)candidates_grow(scratch, ((const struct candidates *)like)->capacity);
}

const struct task task_detect = {
    .name = "detect",
    .verb = "detect faces",
    .item = MIEN_ITEM_IMAGE,
    .result = MIEN_RESULT_FACES,
    .option = "detector",
    .help = "finds the faces",
    .stage = "detect",
    .default_network = "retinaface-mnet025-v2",
    .state_size = sizeof(struct anchor_spec),
    .open = open_detector,
    .input_size = image_size,
    .fill = fill_image,
    .take = take_faces,
    .scratch_size = sizeof(struct candidates),
    .scratch_free = free_candidates,
    .scratch_grow = grow_candidates,
};

/* The same of a device: scaling, sorting, suppressing, clipping as take_faces() does. */
static void ask_faces(struct task_call *c, const struct detection *d, struct faces_post *out) {
    const struct anchor_spec *anchors = c->net->state;
    *out = (struct faces_post){.anchors = anchors,
                               .threshold = d->want->threshold,
                               .iou = d->want->nms,
                               .plus_one = LOOK_PLUS_ONE,
                               .place = place_of,
                               .context = c,
                               .most = d->want->most,
                               .row = d->want->row,
                               .faces = d->faces,
                               .counts = d->counts};
    for (int l = 0; l < anchors->levels; l++) {
        int stride = anchors->level[l].stride;
        out->head[l].score = head_index(c->net, "score", stride);
        out->head[l].box = head_index(c->net, "box", stride);
        out->head[l].landmark = head_index(c->net, "landmark", stride);
    }
}

/* Looks that run as one call. */
static int run_together(mien_net *net, int n, struct detection *d) {
    struct faces_post want;
    struct backend_post post = {.name = FACES_POST, .want = &want};
    struct task_call c = {.net = net,
                          .n = n,
                          .options = d,
                          .post = &post,
                          .stop = d->want->stop,
                          .stop_context = d->want->stop_context};
    for (int i = 0; i < n; i++) d->counts[i] = -1;
    ask_faces(&c, d, &want);
    return task_run(&c);
}

/* How many looks from the first on are small; 1 where that one is not. */
static int small_ones(const mien_net *net, const struct look *looks, int n) {
    int small = 0;
    for (; small < n; small++) {
        struct input_size s = input_for(net, &looks[small]);
        if ((int64_t)s.w * s.h > BATCH_PIXELS) break;
    }
    return small > 0 ? small : 1;
}

int looks_run(mien_net *net, const struct look *looks, int n, const struct look_want *want,
              mien_face *faces, int *counts) {
    int rc = MIEN_OK;
    for (int i = 0, step; i < n && !rc; i += step) {
        struct detection d = {.looks = looks + i,
                              .want = want,
                              .faces = faces + (size_t)i * (size_t)want->row,
                              .counts = counts + i};
        if (want->stop && want->stop(want->stop_context))
            return err_set(MIEN_ETOOBIG, "given up while faces were looked for");
        step = small_ones(net, looks + i, n - i);
        rc = run_together(net, step, &d);
    }
    return rc;
}
