/* Pictures in memory and from bytes: allocation and limits. */
#include "vision/image.h"

#include "engine/err.h"
#include "engine/sized.h"
#include "vision/formats.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MAX_PIXELS 200000000u

int image_check(const mien_image *img) {
    if (!img || !img->pixels) return err_set(MIEN_EINVAL, "picture: no pixels given");
    if (img->width < 1 || img->height < 1 || img->width > IMAGE_MAX_SIDE ||
        img->height > IMAGE_MAX_SIDE)
        return err_set(MIEN_EINVAL, "picture: a size of %dx%d is not possible", img->width,
                       img->height);
    if (img->pitch < (ptrdiff_t)img->width * 3)
        return err_set(MIEN_EINVAL, "picture: a pitch of %td bytes does not hold %d pixels",
                       img->pitch, img->width);
    return MIEN_OK;
}

void image_full_size(const mien_image *img, int *width, int *height) {
    *width = img->full_width > 0 ? img->full_width : img->width;
    *height = img->full_height > 0 ? img->full_height : img->height;
}

void image_scale(const mien_image *img, double scale[2]) {
    int fw, fh;
    image_full_size(img, &fw, &fh);
    for (int k = 1; k <= 8; k *= 2) {
        if ((fw - 1) / k + 1 == img->width && (fh - 1) / k + 1 == img->height) {
            scale[0] = scale[1] = k;
            return;
        }
    }
    scale[0] = (double)fw / img->width;
    scale[1] = (double)fh / img->height;
}

int codec_check_size(const char *what, uint64_t width, uint64_t height,
                     const mien_decode_options *opt) {
    if (width == 0 || height == 0)
        return err_set(MIEN_EFORMAT, "%s: the header gives a size of %llux%llu pixels", what,
                       (unsigned long long)width, (unsigned long long)height);
    if (width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE)
        return err_set(MIEN_ETOOBIG,
                       "%s: a picture of %llux%llu pixels is over the limit of %d a side", what,
                       (unsigned long long)width, (unsigned long long)height, IMAGE_MAX_SIDE);
    if (width * height <= opt->max_pixels) return MIEN_OK;
    return err_set(
        MIEN_ETOOBIG,
        "%s: a picture of %.1f megapixels (%llux%llu) is over the limit of %g megapixels", what,
        1e-6 * (double)(width * height), (unsigned long long)width, (unsigned long long)height,
        1e-6 * (double)opt->max_pixels);
}

int codec_check_holds(const char *what, uint64_t width, uint64_t height, size_t size,
                      uint64_t density) {
    if (width * height / density <= size) return MIEN_OK;
    return err_set(MIEN_EFORMAT, "%s: the header gives %llux%llu pixels, too many for %zu bytes",
                   what, (unsigned long long)width, (unsigned long long)height, size);
}

int codec_check_stop(const char *what, const mien_decode_options *opt) {
    if (!opt->stop || !opt->stop(opt->stop_context)) return MIEN_OK;
    return err_set(MIEN_ETOOBIG, "%s: given up while it was decoded", what);
}

int codec_refuse(int code, const char *what, const char *said) {
    char line[256];
    size_t n = 0;
    for (; *said && n + 1 < sizeof line; said++) {
        bool is_blank = *said <= ' ' && *said > 0;
        if (is_blank && (n == 0 || line[n - 1] == ' ')) continue;
        line[n++] = is_blank ? ' ' : (*said < ' ' || *said > '~') ? '?' : *said;
    }
    while (n && (line[n - 1] == ' ' || line[n - 1] == '.')) n--;
    line[n] = '\0';
    return err_set(code, "%s: %s", what, line);
}

int codec_over_white(const uint8_t *rgba, uint8_t *rgb, int n) {
    unsigned opaque = 255;
    for (int i = 0; i < n; i++) {
        unsigned a = rgba[4 * i + 3];
        opaque &= a;
        for (int c = 0; c < 3; c++) {
            unsigned v = rgba[4 * i + c] * a + 255 * (255 - a) + 127;
            rgb[3 * i + c] = (uint8_t)(v / 255);
        }
    }
    return opaque != 255;
}

int codec_premultiplied_over_white(const uint8_t *rgba, uint8_t *rgb, int n) {
    unsigned opaque = 255;
    for (int i = 0; i < n; i++) {
        unsigned a = rgba[4 * i + 3];
        opaque &= a;
        for (int c = 0; c < 3; c++) {
            unsigned v = rgba[4 * i + c] + 255 - a;
            rgb[3 * i + c] = (uint8_t)(v < 255 ? v : 255);
        }
    }
    return opaque != 255;
}

int mien_image_new(int width, int height, mien_image **out) {
    if (!out) return err_set(MIEN_EINVAL, "mien_image_new: no place for the result given");
    *out = NULL;
    if (width < 1 || height < 1 || width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE)
        return err_set(MIEN_EINVAL, "a picture of %dx%d pixels is not possible", width, height);
    mien_image *img = calloc(1, sizeof *img);
    size_t pitch = (size_t)width * 3;
    if (img) img->pixels = calloc((size_t)height, pitch);
    if (!img || !img->pixels) {
        free(img);
        return err_set(MIEN_ENOMEM, "no memory for a picture of %dx%d pixels", width, height);
    }
    img->width = img->full_width = width;
    img->height = img->full_height = height;
    img->pitch = (ptrdiff_t)pitch;
    *out = img;
    return MIEN_OK;
}

void mien_image_free(mien_image *img) {
    if (!img) return;
    mien_image_forget(img);
    if (!img->borrowed) free(img->pixels);
    free(img);
}

int mien_image_decode(mien_ctx *ctx, const void *bytes, size_t size, const mien_decode_options *opt,
                      mien_image **out) {
    (void)ctx;
    if (!out) return err_set(MIEN_EINVAL, "mien_image_decode: no place for the result given");
    *out = NULL;
    if (!bytes && size) return err_set(MIEN_EINVAL, "mien_image_decode: no bytes given");
    if (size == 0) return err_set(MIEN_EFORMAT, "the picture is empty (0 bytes)");
    if (size > IMAGE_MAX_FILE)
        return err_set(MIEN_ETOOBIG, "a file of %zu bytes is over the limit of %zu bytes", size,
                       IMAGE_MAX_FILE);
    mien_decode_options o = {.struct_size = sizeof o};
    int rc = sized_read(&o, sizeof o, opt, "mien_decode_options");
    if (rc) return rc;
    if (o.min_side < 0)
        return err_set(MIEN_EINVAL, "min_side is %d, it must not be negative", o.min_side);
    if (o.max_pixels == 0) o.max_pixels = DEFAULT_MAX_PIXELS;

    errno = 0;
    return err_if_memory(format_decode(bytes, size, &o, out), MIEN_EFORMAT, "the picture");
}
