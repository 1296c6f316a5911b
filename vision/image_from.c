/* Images of pixels that a program has already. */
#include "engine/err.h"
#include "vision/codec.h"
#include "vision/image.h"

#include <stdlib.h>

static const int bytes_of[] = {
    [MIEN_RGB] = 3, [MIEN_BGR] = 3, [MIEN_RGBA] = 4, [MIEN_BGRA] = 4, [MIEN_GREY] = 1};

/* The image that stands for the pixels themselves. */
static int wrap(const uint8_t *pixels, int width, int height, ptrdiff_t pitch, mien_image **out) {
    mien_image *img = calloc(1, sizeof *img);
    if (!img) return err_set(MIEN_ENOMEM, "no memory for an image");
    img->pixels = (uint8_t *)(uintptr_t)pixels;
    img->width = img->full_width = width;
    img->height = img->full_height = height;
    img->pitch = pitch;
    img->borrowed = 1;
    *out = img;
    return MIEN_OK;
}

static void swap_red_and_blue(uint8_t *row, int n) {
    for (int x = 0; x < n; x++) {
        uint8_t red = row[3 * x];
        row[3 * x] = row[3 * x + 2];
        row[3 * x + 2] = red;
    }
}

/* A row as RGB; 1 where a pixel of it is not opaque. */
static int convert_row(const uint8_t *src, enum mien_pixels format, uint8_t *row, int n) {
    int transparent = 0;
    switch (format) {
    case MIEN_GREY:
        for (int x = 0; x < n; x++) row[3 * x] = row[3 * x + 1] = row[3 * x + 2] = src[x];
        break;
    case MIEN_RGBA:
    case MIEN_BGRA: transparent = codec_over_white(src, row, n); break;
    default:
        for (int x = 0; x < 3 * n; x++) row[x] = src[x];
        break;
    }
    if (format == MIEN_BGR || format == MIEN_BGRA) swap_red_and_blue(row, n);
    return transparent;
}

int mien_image_from(const void *pixels, enum mien_pixels format, int width, int height,
                    ptrdiff_t pitch, mien_image **out) {
    if (!out) return err_set(MIEN_EINVAL, "mien_image_from: no place for the result given");
    *out = NULL;
    if ((int)format < MIEN_RGB || format > MIEN_GREY)
        return err_set(MIEN_EINVAL, "%d is no format of pixels", (int)format);
    if (!pixels || width < 1 || height < 1 || width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE)
        return err_set(MIEN_EINVAL, "an image of %dx%d pixels at %p is not possible", width, height,
                       pixels);
    ptrdiff_t row = (ptrdiff_t)width * bytes_of[format];
    if (pitch == 0) pitch = row;
    if (pitch < row)
        return err_set(MIEN_EINVAL, "a pitch of %td bytes does not hold %d pixels of %d bytes",
                       pitch, width, bytes_of[format]);
    if (format == MIEN_RGB) return wrap(pixels, width, height, pitch, out);
    int rc = mien_image_new(width, height, out);
    for (int y = 0; y < height && !rc; y++)
        (*out)->has_alpha |= convert_row((const uint8_t *)pixels + y * pitch, format,
                                         (*out)->pixels + y * (*out)->pitch, width);
    return rc;
}
