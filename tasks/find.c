/* mien_detect(): its options, and an image looked at once, or as search.c has it. */
#include "engine/err.h"
#include "engine/sized.h"
#include "tasks/detect.h"
#include "tasks/net.h"
#include "tasks/search.h"
#include "vision/image.h"

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
    if (o->search > MIEN_SEARCH_THOROUGH)
        return err_set(MIEN_EINVAL, "there is no search %d", (int)o->search);
    return MIEN_OK;
}

/* Each image looked at once, without taking memory. */
static int detect_once(mien_net *net, const mien_image *const *images, int n, int size,
                       const struct look_want *want, mien_face *faces, int *counts) {
    enum { AT_ONCE = 256 };
    struct look looks[AT_ONCE];
    int rc = MIEN_OK;
    for (int i = 0, count; i < n && !rc; i += count) {
        count = n - i < AT_ONCE ? n - i : AT_ONCE;
        for (int k = 0; k < count; k++)
            looks[k] = (struct look){images[i + k], look_side(net, images[i + k], size)};
        rc = looks_run(net, looks, count, want, faces + (size_t)i * (size_t)want->row, counts + i);
    }
    return rc;
}

int mien_detect(mien_net *net, const mien_image *const *images, int n,
                const mien_detect_options *opt, int capacity, mien_face *faces, int *counts) {
    mien_detect_options o;
    if (!net || (n > 0 && (!images || !faces || !counts))) return err_null("mien_detect");
    for (int i = 0; i < n; i++) counts[i] = 0;
    int rc = net_check_result(net, MIEN_RESULT_FACES, task_detect.verb);
    if (!rc) rc = check_options(opt, &o);
    if (rc) return rc;
    if (n < 0 || capacity < 1)
        return err_set(MIEN_EINVAL, "%d pictures, room for %d faces", n, capacity);
    for (int i = 0; i < n; i++)
        if ((rc = image_check(images[i]))) return rc;
    for (int i = 0; o.turned && i < n; i++) o.turned[i] = 0;
    struct look_want want = {.threshold = o.threshold,
                             .nms = o.nms,
                             .most = capacity < o.max_faces ? capacity : o.max_faces,
                             .row = capacity,
                             .stop = o.stop,
                             .stop_context = o.stop_context};
    if (o.search == MIEN_SEARCH_FAST)
        rc = detect_once(net, images, n, o.size, &want, faces, counts);
    else
        rc = search_run(net, images, n, &o, &want, faces, counts);
    for (int i = 0; rc && i < n; i++) counts[i] = 0;
    return rc;
}

int mien_detect_min_side(const mien_net *net, const mien_detect_options *opt, int *side) {
    mien_detect_options o;
    if (!net || !side) return err_null("mien_detect_min_side");
    *side = 0;
    int rc = net_check_result(net, MIEN_RESULT_FACES, task_detect.verb);
    if (!rc) rc = check_options(opt, &o);
    if (rc) return rc;
    if (o.search != MIEN_SEARCH_FAST)
        *side = search_side(net, &o);
    else
        *side = o.size < 0 ? net->info.width : o.size;
    return MIEN_OK;
}
