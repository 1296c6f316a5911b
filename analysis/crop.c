#include "analysis/crop.h"

static int take(const struct analysis *a, int i, uint8_t *crop) {
    return mien_align(a->upright ? a->upright : a->image,
                      a->upright ? &a->upright_faces[i] : &a->faces[i], 1, crop);
}

int crop_keep(struct analysis *a, int i) {
    int rc = a->options->aligned ? MIEN_OK : take(a, i, a->crop);

    if (rc == MIEN_OK) a->cropped = 1 + i;
    return rc;
}

int crop_png(const struct analysis *a, int i, void **bytes, size_t *size) {
    uint8_t own[FACES_CROP_BYTES];
    int is_kept = a->options->aligned || a->cropped == 1 + i;
    const uint8_t *pixels = is_kept ? a->crop : own;
    mien_image *image = NULL;
    int rc = MIEN_OK;

    *bytes = NULL;
    if (!is_kept) rc = take(a, i, own);
    if (rc == MIEN_OK)
        rc = mien_image_from(pixels, MIEN_RGB, MIEN_CROP_SIDE, MIEN_CROP_SIDE, 0, &image);
    if (rc == MIEN_OK) rc = mien_image_encode(image, "png", bytes, size);
    mien_image_free(image);
    return rc;
}
