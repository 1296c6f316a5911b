/*
 * TGA through stb_image, and the rare GIFs that giflib refuses (codes of more than 8 bits).
 *
 * stb_image reads zeros past the end of its input and reports success. It is fed through callbacks
 * here that notice when it asks for bytes that are not there, so that a cut-off file is an error.
 */
#include "engine/err.h"
#include "vision/codec.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define STBI_ONLY_GIF
#define STBI_ONLY_TGA
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
/* Told at the end of the file, of functions left out: no pop could follow. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_image.h>

struct feed {
    const uint8_t *bytes;
    size_t size, at;
    const char *ahead; /* stb_image's read-ahead buffer */
    bool cut;          /* bytes were asked for that the file does not have */
};

/* A short answer is no harm where stb_image only reads ahead; nothing at all is, and so is a short
 * answer to a request for the pixels themselves. The first call shows which buffer is the one for
 * reading ahead. */
static int feed_read(void *user, char *to, int want) {
    struct feed *f = user;
    size_t n = (size_t)want;
    if (!f->ahead) f->ahead = to;
    if (n > f->size - f->at) {
        n = f->size - f->at;
        memset(to + n, 0, (size_t)want - n);
        if (n == 0 || to != f->ahead) f->cut = true;
    }
    memcpy(to, f->bytes + f->at, n);
    f->at += n;
    return (int)n;
}

static void feed_skip(void *user, int n) {
    struct feed *f = user;
    size_t left = f->size - f->at;
    if (n > 0) f->at += (size_t)n < left ? (size_t)n : left;
}

static int feed_eof(void *user) {
    struct feed *f = user;
    return f->at >= f->size;
}

/* The most pixels a byte can hold: 128 a packet of two bytes, a string of 4096 a code of 12 bits.
 */
#define TGA_DENSITY 64
#define GIF_DENSITY 4096

static int to_image(const stbi_uc *pixels, int w, int h, int channels, bool alpha,
                    mien_image **out) {
    mien_image *img;
    int rc = mien_image_new(w, h, &img);
    if (rc != MIEN_OK) return rc;
    for (int y = 0; y < h; y++) {
        const stbi_uc *src = pixels + (size_t)y * (size_t)w * (size_t)channels;
        uint8_t *dst = img->pixels + y * img->pitch;
        if (channels == 4 && alpha) {
            img->has_alpha |= codec_over_white(src, dst, w);
        } else {
            for (int x = 0; x < w; x++) memcpy(dst + 3 * x, src + channels * x, 3);
        }
    }
    *out = img;
    return MIEN_OK;
}

/* alpha: whether a fourth byte is alpha, for which stb_image takes it. */
static int decode(const char *what, const uint8_t *bytes, size_t size, uint64_t density, bool alpha,
                  const mien_decode_options *opt, mien_image **out) {
    stbi_io_callbacks io = {feed_read, feed_skip, feed_eof};
    struct feed f = {.bytes = bytes, .size = size};
    int w, h, channels;
    *out = NULL;
    if (!stbi_info_from_callbacks(&io, &f, &w, &h, &channels) || w < 0 || h < 0)
        return err_set(MIEN_EFORMAT, "%s: the header is broken or cut off", what);
    int rc = codec_check_size(what, (uint64_t)w, (uint64_t)h, opt);
    if (rc == MIEN_OK) rc = codec_check_holds(what, (uint64_t)w, (uint64_t)h, size, density);
    if (rc != MIEN_OK) return rc;

    int ask = channels == 2 || channels == 4 ? 4 : 3;
    f = (struct feed){.bytes = bytes, .size = size};
    stbi_uc *pixels = stbi_load_from_callbacks(&io, &f, &w, &h, &channels, ask);
    if (f.cut)
        rc = err_set(MIEN_EFORMAT, "%s: the data ends before the picture does", what);
    else if (!pixels)
        rc = err_set(MIEN_EFORMAT, "%s: %s", what, stbi_failure_reason());
    else
        rc = to_image(pixels, w, h, ask, alpha, out);
    stbi_image_free(pixels);
    return rc;
}

int tga_decode(const uint8_t *bytes, size_t size, const mien_decode_options *opt,
               mien_image **out) {
    bool alpha = (bytes[17] & 15) != 0; /* the header says how much of the fourth byte is */
    return decode("TGA", bytes, size, TGA_DENSITY, alpha, opt, out);
}

int gif_wide_decode(const uint8_t *bytes, size_t size, const mien_decode_options *opt,
                    mien_image **out) {
    return decode("GIF", bytes, size, GIF_DENSITY, true, opt, out);
}
