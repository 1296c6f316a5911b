#include "analysis/crop.h"

int crop_png(const struct analysis *a, int i, void **bytes, size_t *size) {
    uint8_t own[FACES_CROP_BYTES];
    const uint8_t *pixels = a->options->aligned ? a->crop : own;
    mien_image *image = NULL;
    int rc = MIEN_OK;

    *bytes = NULL;
    if (!a->options->aligned)
        rc = mien_align(a->upright ? a->upright : a->image,
                        a->upright ? &a->upright_faces[i] : &a->faces[i], 1, own);
    if (rc == MIEN_OK)
        rc = mien_image_from(pixels, MIEN_RGB, MIEN_CROP_SIDE, MIEN_CROP_SIDE, 0, &image);
    if (rc == MIEN_OK) rc = mien_image_encode(image, "png", bytes, size);
    mien_image_free(image);
    return rc;
}
