/* The task detect: an image to the faces in it. */
#include "engine/err.h"
#include "engine/sized.h"
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
        640 * 640,   /* larger inputs are run one by one: they fill the cores alone, and memory */
    NMS_PLUS_ONE = 1 /* widths count the last pixel (nms.h) */
};

/* What a call of mien_detect() gives its items. */
struct detection {
    mien_detect_options options;
    int capacity;
    mien_face *faces; /* [images][capacity] */
    int *counts;      /* -1: not looked for yet */
};

void mien_detect_options_default(mien_detect_options *opt, size_t size) {
    const mien_detect_options own = {
        .struct_size = sizeof own, .threshold = 0.5f, .nms = 0.4f, .size = -1, .max_faces = 750};
    if (!opt || size < sizeof opt->struct_size) return;
    opt->struct_size = size;
    (void)sized_write(opt, &own, sizeof own, "mien_detect_options");
}

static int check_options(const mien_detect_options *given, mien_detect_options *o) {
    mien_detect_options d;
    mien_detect_options_default(&d, sizeof d);
    *o = d;
    int rc = sized_read(o, sizeof *o, given, "mien_detect_options");
    if (rc) return rc;
    if (o->threshold == 0) o->threshold = d.threshold;
    if (o->nms == 0) o->nms = d.nms;
    if (o->max_faces == 0) o->max_faces = d.max_faces;
    if (!(o->threshold > 0 && o->threshold <= 1) || !(o->nms > 0 && o->nms <= 1))
        return err_set(MIEN_EINVAL, "threshold and nms must be above 0 and at most 1");
    if (o->max_faces < 0 || o->size < -1 || o->size > 16384)
        return err_set(MIEN_EINVAL, "max_faces must not be negative, size must be -1 to 16384");
    return MIEN_OK;
}

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

/* The network's input for one image: the image lies at the top left, the rest is black. */
struct input_size {
    int w, h;
    struct letterbox box;
};

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

static const mien_detect_options *options_of(const struct task_call *c) {
    return &((const struct detection *)c->options)->options;
}

static void image_size(const struct task_call *c, int i, int *width, int *height) {
    struct input_size size = input_for(c->net, c->images[i], options_of(c));
    *width = size.w;
    *height = size.h;
}

/* Plain bilinear, as the detectors' publishers do; below half size it would skip pixels, and what
 * aliases looks like small faces. */
static int fill_image(const struct task_call *c, int i, int workers, struct resized *image) {
    const mien_image *img = c->images[i];
    struct input_size size = input_for(c->net, img, options_of(c));
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
    const mien_image *img = c->images[i];
    struct letterbox box = input_for(c->net, img, options_of(c)).box;
    double scale[2];
    int full_width, full_height;
    image_scale(img, scale);
    image_full_size(img, &full_width, &full_height);
    out->scale[0] = (float)(scale[0] / box.scale_x);
    out->scale[1] = (float)(scale[1] / box.scale_y);
    out->size[0] = (float)full_width;
    out->size[1] = (float)full_height;
}

static int most_faces(const struct detection *d) {
    return d->capacity < d->options.max_faces ? d->capacity : d->options.max_faces;
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
    int rc = anchors_decode(anchors, out, d->options.threshold, found);
    if (rc) return rc;
    struct faces_place place;
    place_of((void *)(uintptr_t)c, i, &place);
    candidates_scale(found, place.scale[0], place.scale[1]);
    struct nms_limit limit = {
        .width = place.size[0], .height = place.size[1], .most = most_faces(d)};
    candidates_keep_best(found, CANDIDATES_BEST);
    candidates_sort(found);
    candidates_nms(found, d->options.nms, NMS_PLUS_ONE, &limit);
    candidates_clip(found, limit.width, limit.height);
    int n = found->n;
    mien_face *faces = d->faces + (size_t)i * (size_t)d->capacity;
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
                               .threshold = d->options.threshold,
                               .iou = d->options.nms,
                               .plus_one = NMS_PLUS_ONE,
                               .place = place_of,
                               .context = c,
                               .most = most_faces(d),
                               .row = d->capacity,
                               .faces = d->faces,
                               .counts = d->counts};
    for (int l = 0; l < anchors->levels; l++) {
        int stride = anchors->level[l].stride;
        out->head[l].score = head_index(c->net, "score", stride);
        out->head[l].box = head_index(c->net, "box", stride);
        out->head[l].landmark = head_index(c->net, "landmark", stride);
    }
}

/* Images that run as one call. */
static int detect(mien_net *net, const mien_image *const *images, int n, struct detection *d) {
    struct faces_post want;
    struct backend_post post = {.name = FACES_POST, .want = &want};
    struct task_call c = {.net = net, .n = n, .images = images, .options = d, .post = &post};
    for (int i = 0; i < n; i++) d->counts[i] = -1;
    ask_faces(&c, d, &want);
    return task_run(&c);
}

/* How many images from the first on are small; 1 where that one is not. */
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
    struct detection d = {.capacity = capacity};
    if (!net || (n > 0 && (!images || !faces || !counts))) return err_null("mien_detect");
    for (int i = 0; i < n; i++) counts[i] = 0;
    int rc = net_check_result(net, MIEN_RESULT_FACES, task_detect.verb);
    if (!rc) rc = check_options(opt, &d.options);
    if (rc) return rc;
    if (n < 0 || capacity < 1)
        return err_set(MIEN_EINVAL, "%d pictures, room for %d faces", n, capacity);
    for (int i = 0; i < n; i++)
        if ((rc = image_check(images[i]))) return rc;
    for (int i = 0, step; i < n && !rc; i += step) {
        step = small_ones(net, images + i, n - i, &d.options);
        d.faces = faces + (size_t)i * (size_t)capacity;
        d.counts = counts + i;
        rc = detect(net, images + i, step, &d);
    }
    for (int i = 0; rc && i < n; i++) counts[i] = 0;
    return rc;
}
