/* Pictures to faces. */
#include "engine/err.h"
#include "vision/image.h"
#include "vision/nms.h"
#include "vision/resize.h"
#include "vision/tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    MIN_SIDE = 32,  /* the smallest input detectors are run at; smaller pictures are padded */
    SIZE_STEP = 16, /* scaled pictures are padded to multiples of this: few plans for many shapes */
    BATCH_PIXELS = 640 * 640 /* larger inputs are run one by one: they fill the cores alone */
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

/* dst: [h][w][3]. Plain bilinear, as the detectors' publishers do; below half size it would skip
 * pixels, and what aliases looks like small faces. */
static int fill_input(const mien_image *img, const struct input_size *size, float *dst,
                      struct resize_scratch *scratch) {
    enum resize_filter filter = 2 * size->box.w < img->width ? RESIZE_TRIANGLE : RESIZE_BILINEAR;
    return resize_letterbox(img, &size->box, dst, (ptrdiff_t)size->w * 3, size->w, size->h, filter,
                            scratch);
}

/* Buffers of one call, grown as needed. */
struct work {
    float *input;
    size_t input_count;
    float **outputs; /* [noutputs] */
    size_t *output_counts;
    int noutputs;
    struct candidates candidates;
    struct resize_scratch scratch;
};

static int grow(float **p, size_t *have, size_t want) {
    if (*have >= want) return MIEN_OK;
    free(*p);
    *have = 0;
    *p = malloc(want * sizeof(float));
    if (!*p) return err_set(MIEN_ENOMEM, "out of memory");
    *have = want;
    return MIEN_OK;
}

static int work_open(struct work *w, int noutputs) {
    memset(w, 0, sizeof *w);
    w->noutputs = noutputs;
    w->outputs = calloc((size_t)noutputs, sizeof *w->outputs);
    w->output_counts = calloc((size_t)noutputs, sizeof *w->output_counts);
    return w->outputs && w->output_counts ? MIEN_OK : err_set(MIEN_ENOMEM, "out of memory");
}

static void work_close(struct work *w) {
    for (int i = 0; w->outputs && i < w->noutputs; i++) free(w->outputs[i]);
    free(w->outputs);
    free(w->output_counts);
    free(w->input);
    candidates_free(&w->candidates);
    resize_scratch_free(&w->scratch);
}

/* Output `name`_<stride> of image b in a batch; NULL where the network has none. */
static const float *head(const mien_net *net, const struct net_plan *p, const struct work *w,
                         const char *name, int stride, int b, struct anchor_output *out) {
    char full[32];
    snprintf(full, sizeof full, "%s_%d", name, stride);
    int i = tasks_output(net, full);
    if (i < 0) return NULL;
    out->h = p->graph->outputs[i].h;
    out->w = p->graph->outputs[i].w;
    return w->outputs[i] + tasks_output_count(p, i) / (size_t)p->batch * (size_t)b;
}

static int decode_image(const mien_net *net, const struct net_plan *p, struct work *w, int b,
                        const mien_image *img, const struct letterbox *box,
                        const mien_detect_options *o, int capacity, mien_face *faces, int *count) {
    struct anchor_output out[ANCHOR_LEVELS];
    for (int l = 0; l < net->anchors.levels; l++) {
        int stride = net->anchors.level[l].stride;
        out[l].score = head(net, p, w, "score", stride, b, &out[l]);
        out[l].box = head(net, p, w, "box", stride, b, &out[l]);
        out[l].landmark = head(net, p, w, "landmark", stride, b, &out[l]);
    }
    w->candidates.n = 0;
    int rc = anchors_decode(&net->anchors, out, o->threshold, &w->candidates);
    if (rc) return rc;
    double scale[2];
    int full_width, full_height;
    image_scale(img, scale);
    image_full_size(img, &full_width, &full_height);
    candidates_scale(&w->candidates, scale[0] / box->scale_x, scale[1] / box->scale_y);
    candidates_sort(&w->candidates, 0);
    candidates_nms(&w->candidates, o->nms, 1, 0);
    candidates_clip(&w->candidates, (float)full_width, (float)full_height);
    int n = w->candidates.n;
    if (n > capacity) n = capacity;
    if (n > o->max_faces) n = o->max_faces;
    for (int i = 0; i < n; i++) faces[i] = w->candidates.at[i].face;
    *count = n;
    return MIEN_OK;
}

/* n pictures of one input size. */
static int detect_batch(mien_net *net, struct work *w, const mien_image *const *images, int n,
                        const mien_detect_options *o, int capacity, mien_face *faces, int *counts) {
    struct input_size size = input_for(net, images[0], o);
    size_t per_image = (size_t)size.w * (size_t)size.h * 3;
    struct net_plan *p;
    int rc = tasks_plan_get(net, n, size.w, size.h, &p);
    if (rc) return rc;
    rc = grow(&w->input, &w->input_count, per_image * (size_t)n);
    for (int i = 0; i < w->noutputs && !rc; i++)
        rc = grow(&w->outputs[i], &w->output_counts[i], tasks_output_count(p, i));
    for (int b = 0; b < n && !rc; b++) {
        size = input_for(net, images[b], o);
        rc = fill_input(images[b], &size, w->input + per_image * (size_t)b, &w->scratch);
    }
    if (!rc) rc = net->ctx->ops->run(p->plan, w->input, w->outputs, net->observer);
    if (!rc) rc = net->ctx->ops->wait(p->plan);
    for (int b = 0; b < n && !rc; b++) {
        size = input_for(net, images[b], o);
        rc = decode_image(net, p, w, b, images[b], &size.box, o, capacity,
                          faces + (size_t)b * (size_t)capacity, &counts[b]);
    }
    tasks_plan_put(net, p);
    return rc;
}

/* How many pictures from the first on can share a run. */
static int run_length(const mien_net *net, const mien_image *const *images, int n,
                      const mien_detect_options *o) {
    struct input_size first = input_for(net, images[0], o);
    if (first.w * first.h > BATCH_PIXELS) return 1;
    int same = 1;
    for (; same < n; same++) {
        struct input_size s = input_for(net, images[same], o);
        if (s.w != first.w || s.h != first.h) break;
    }
    return tasks_batch(same);
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
    struct work w;
    rc = work_open(&w, net->net->noutputs);
    for (int i = 0, step; i < n && !rc; i += step) {
        step = run_length(net, images + i, n - i, &o);
        rc = detect_batch(net, &w, images + i, step, &o, capacity,
                          faces + (size_t)i * (size_t)capacity, counts + i);
    }
    work_close(&w);
    for (int i = 0; rc && i < n; i++) counts[i] = 0;
    return rc;
}
