/* Pictures to classes. */
#include "engine/err.h"
#include "vision/image.h"
#include "tasks/tasks.h"

struct classify_job {
    const mien_net *net;
    const mien_image *const *images;
    int top;
    mien_class *out;
};

/* Short side to short_side, centre crop: as torchvision's Resize and CenterCrop, in one step. */
static int fill_picture(void *context, int i, int workers, struct resized *picture) {
    const struct classify_job *c = context;
    const mien_image *img = c->images[i];
    int w = c->net->info.width, h = c->net->info.height, side = c->net->short_side;
    int portrait = img->width < img->height;
    int64_t longer = (int64_t)side * (portrait ? img->height : img->width) /
                     (portrait ? img->width : img->height);
    double rw = portrait ? side : (double)longer, rh = portrait ? (double)longer : side;
    double left = (double)(int64_t)((rw - w) / 2 + 0.5),
           top = (double)(int64_t)((rh - h) / 2 + 0.5);
    double sx = img->width / rw, sy = img->height / rh;
    struct rect_f box = {left * sx, top * sy, (left + w) * sx, (top + h) * sy};
    return resize_picture(picture, img, &box, w, h, RESIZE_TRIANGLE, workers);
}

/* The top classes by insertion: top is small. */
static int take_classes(void *context, int i, struct tasks_slot *slot,
                        const float *const *outputs) {
    (void)slot;
    const struct classify_job *c = context;
    mien_class *best = c->out + (size_t)i * (size_t)c->top;
    int kept = 0;
    for (int k = 0; k < c->net->info.classes; k++) {
        float score = outputs[0][k];
        if (kept == c->top && !(score > best[kept - 1].score)) continue;
        int at = kept < c->top ? kept++ : kept - 1;
        for (; at > 0 && score > best[at - 1].score; at--) best[at] = best[at - 1];
        best[at] = (mien_class){k, score, mien_class_label(c->net, k), mien_class_wnid(c->net, k)};
    }
    return MIEN_OK;
}

int mien_classify(mien_net *net, const mien_image *const *images, int n, int top, mien_class *out) {
    int rc = tasks_check(net, MIEN_TASK_CLASSIFY);
    if (rc) return rc;
    if (n < 0 || top < 1 || top > net->info.classes)
        return err_set(MIEN_EINVAL, "top %d of %d classes", top, net->info.classes);
    for (int i = 0; i < n; i++)
        if ((rc = image_check(images[i]))) return rc;
    struct classify_job c = {.net = net, .images = images, .top = top, .out = out};
    struct tasks_job j = {.net = net,
                          .n = n,
                          .width = net->info.width,
                          .height = net->info.height,
                          .fill = fill_picture,
                          .take = take_classes,
                          .context = &c};
    return tasks_run_all(&j);
}
