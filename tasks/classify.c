/* The task classify: an image to what it shows. */
#include "engine/err.h"
#include "engine/json_text.h"
#include "tasks/net.h"
#include "tasks/run.h"
#include "vision/image.h"

#include <jansson.h>

struct classifier {
    int short_side;         /* what an image's short side is scaled to */
    json_t *labels, *wnids; /* arrays of strings, or NULL */
};

/* A metadata value that must be a JSON array of n strings where it is there at all. */
static int read_strings(const struct blob *b, const char *key, int n, json_t **out) {
    const char *text = blob_meta(b, key);
    if (!text) return MIEN_OK;
    json_t *a = json_text(text, NULL);
    int good = json_is_array(a) && json_array_size(a) == (size_t)n;
    for (int i = 0; good && i < n; i++) good = json_is_string(json_array_get(a, (size_t)i));
    if (good) {
        *out = a;
        return MIEN_OK;
    }
    json_decref(a);
    return err_set(MIEN_EWEIGHTS, "%s: metadata %s is not a list of %d names", blob_label(b), key,
                   n);
}

static int read_side(const struct mien_net *net, struct classifier *c) {
    const char *text = blob_meta(net->blob, "preprocess");
    json_t *j = json_text(text ? text : "{}", NULL);
    c->short_side = (int)json_integer_value(json_object_get(j, "short_side"));
    json_decref(j);
    if (c->short_side >= net->info.width && c->short_side <= 8192) return MIEN_OK;
    return err_set(MIEN_EWEIGHTS, "%s: metadata preprocess does not fit the task",
                   blob_label(net->blob));
}

static int open_classifier(struct mien_net *net) {
    struct classifier *c = net->state;
    int rc = net_check_output(net, "prob");
    if (rc) return rc;
    net->info.classes = net_output_channels(net, 0);
    rc = read_side(net, c);
    if (!rc) rc = read_strings(net->blob, "labels", net->info.classes, &c->labels);
    if (!rc) rc = read_strings(net->blob, "wnids", net->info.classes, &c->wnids);
    return rc;
}

static void close_classifier(void *state) {
    struct classifier *c = state;
    json_decref(c->labels);
    json_decref(c->wnids);
}

/* Short side to short_side, centre crop: as torchvision's Resize and CenterCrop, in one step. */
static int fill_image(const struct task_call *c, int i, int workers, struct resized *image) {
    const mien_image *img = c->images[i];
    int w = c->net->info.width, h = c->net->info.height;
    int side = ((const struct classifier *)c->net->state)->short_side;
    int portrait = img->width < img->height;
    int64_t longer = (int64_t)side * (portrait ? img->height : img->width) /
                     (portrait ? img->width : img->height);
    double rw = portrait ? side : (double)longer, rh = portrait ? (double)longer : side;
    double left = (double)(int64_t)((rw - w) / 2 + 0.5),
           top = (double)(int64_t)((rh - h) / 2 + 0.5);
    double sx = img->width / rw, sy = img->height / rh;
    struct rect_f box = {left * sx, top * sy, (left + w) * sx, (top + h) * sy};
    return resize_picture(image, img, &box, w, h, RESIZE_TRIANGLE, workers);
}

/* The top classes by insertion: top is small. */
static int take_classes(const struct task_call *c, int i, struct workspace *w,
                        const float *const *outputs) {
    int top = *(const int *)c->options, kept = 0;
    mien_class *best = (mien_class *)c->out + (size_t)i * (size_t)top;
    (void)w;
    for (int k = 0; k < c->net->info.classes; k++) {
        float score = outputs[0][k];
        if (kept == top && !(score > best[kept - 1].score)) continue;
        int at = kept < top ? kept++ : kept - 1;
        for (; at > 0 && score > best[at - 1].score; at--) best[at] = best[at - 1];
        best[at] = (mien_class){k, score, mien_class_label(c->net, k), mien_class_wnid(c->net, k)};
    }
    return MIEN_OK;
}

const struct task task_classify = {
    .name = "classify",
    .verb = "classify pictures",
    .item = MIEN_ITEM_IMAGE,
    .result = MIEN_RESULT_CLASSES,
    .option = "classifier",
    .help = "says what the picture shows",
    .stage = "classify",
    .default_network = "resnet50-imagenet",
    .state_size = sizeof(struct classifier),
    .open = open_classifier,
    .close = close_classifier,
    .fill = fill_image,
    .take = take_classes,
};

int mien_classify(mien_net *net, const mien_image *const *images, int n, int top, mien_class *out) {
    if (!net || (n > 0 && (!images || !out))) return err_null("mien_classify");
    int rc = net_check_result(net, MIEN_RESULT_CLASSES, task_classify.verb);
    if (rc) return rc;
    if (n < 0 || top < 1 || top > net->info.classes)
        return err_set(MIEN_EINVAL, "top %d of %d classes", top, net->info.classes);
    for (int i = 0; i < n; i++)
        if ((rc = image_check(images[i]))) return rc;
    return task_run(
        &(struct task_call){.net = net, .n = n, .images = images, .options = &top, .out = out});
}

static const char *string_at(const json_t *list, int i) {
    return i < 0 ? NULL : json_string_value(json_array_get(list, (size_t)i));
}

const char *mien_class_label(const mien_net *net, int i) {
    if (!net || net->task != &task_classify) return NULL;
    return string_at(((const struct classifier *)net->state)->labels, i);
}

const char *mien_class_wnid(const mien_net *net, int i) {
    if (!net || net->task != &task_classify) return NULL;
    return string_at(((const struct classifier *)net->state)->wnids, i);
}
