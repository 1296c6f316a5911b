#include "tasks/faces.h"

#include "engine/err.h"
#include "engine/json_text.h"
#include "tasks/net.h"
#include "vision/align.h"
#include "vision/image.h"

#include <jansson.h>
#include <string.h>

int face_crop_read(const struct mien_net *net, struct face_crop *out) {
    const char *text = blob_meta(net->blob, "preprocess");
    json_t *j = json_text(text ? text : "{}", NULL);
    const char *crop = json_string_value(json_object_get(j, "crop"));
    out->aligned = crop && strcmp(crop, "aligned") == 0;
    out->margin = (float)json_number_value(json_object_get(j, "margin"));
    int good =
        crop && (out->aligned || strcmp(crop, "box") == 0) && out->margin >= 0 && out->margin <= 4;
    json_decref(j);
    if (good) return MIEN_OK;
    return err_set(MIEN_EWEIGHTS, "%s: metadata preprocess does not say how faces are cut out",
                   blob_label(net->blob));
}

/* A device that runs on images warps them itself. */
static int fill_aligned(const struct task_call *c, int i, struct resized *image) {
    if (c->crops) {
        size_t n = (size_t)MIEN_CROP_SIDE * MIEN_CROP_SIDE * 3;
        resize_none(image, c->crops + n * (size_t)i, (ptrdiff_t)MIEN_CROP_SIDE * 3, MIEN_CROP_SIDE,
                    MIEN_CROP_SIDE);
        return MIEN_OK;
    }
    int rc = align_prepare(image, c->images[i], &c->faces[i], c->net->ctx->ops->upload != NULL);
    return rc ? err_prefix(rc, "face %d", i) : MIEN_OK;
}

int face_crop_fill(const struct face_crop *f, const struct task_call *c, int i, int workers,
                   struct resized *image) {
    if (f->aligned) return fill_aligned(c, i, image);
    return crop_square(image, c->images[i], c->faces[i].box, f->margin, c->net->info.width,
                       c->net->info.height, workers);
}

int face_crop_check_side(const struct mien_net *net) {
    if (net->info.width == MIEN_CROP_SIDE && net->info.height == MIEN_CROP_SIDE) return MIEN_OK;
    return err_set(MIEN_EUNSUPPORTED, "network '%s' does not take %dx%d crops", net->info.name,
                   MIEN_CROP_SIDE, MIEN_CROP_SIDE);
}

int face_crop_check_items(const mien_image *const *images, const mien_face *faces, int n,
                          const void *out) {
    if (n < 0 || (n > 0 && (!images || !faces || !out))) return err_set(MIEN_EINVAL, "%d faces", n);
    int rc = MIEN_OK;
    for (int i = 0; i < n && !rc; i++) rc = image_check(images[i]);
    return rc;
}
