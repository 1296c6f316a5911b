/*
 * WebP through libwebp.
 *
 * The container (RIFF) is walked here, for EXIF and XMP and for animations, of which the first
 * frame is shown: libwebp decodes frames, and its demuxer would be one more library for two loops.
 * Container: https://developers.google.com/speed/webp/docs/riff_container
 */
#include "engine/err.h"
#include "vision/codec.h"
#include "vision/orientation.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>
#include <webp/encode.h>

#define RIFF_HEADER  12
#define CHUNK_HEADER 8
#define ANMF_HEADER  16
#define QUALITY      92
#define STEP         (64 << 10) /* bytes decoded between two questions whether to go on */

struct span {
    const uint8_t *at;
    size_t n;
};

/* Where the pixels are, and what surrounds them. */
struct container {
    struct span frame; /* what libwebp decodes: the whole file, or the first frame's chunks */
    struct span exif, xmp;
    bool animated;
    uint32_t canvas_w, canvas_h, x, y; /* the first frame's place; of animations */
};

static uint32_t le24(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}

static uint32_t le32(const uint8_t *p) {
    return le24(p) | (uint32_t)p[3] << 24;
}

/* Takes the next chunk off *rest; 0 at the end or where a chunk is cut off. */
static bool next_chunk(struct span *rest, const uint8_t **tag, struct span *body) {
    if (rest->n < CHUNK_HEADER) return false;
    size_t n = le32(rest->at + 4), room = rest->n - CHUNK_HEADER;
    if (n > room) return false;
    *tag = rest->at;
    *body = (struct span){rest->at + CHUNK_HEADER, n};
    size_t step = CHUNK_HEADER + n + (n & 1);
    if (step > rest->n) step = rest->n;
    rest->at += step;
    rest->n -= step;
    return true;
}

static struct container walk(const uint8_t *bytes, size_t size) {
    struct container c = {.frame = {bytes, size}};
    struct span rest = {bytes + RIFF_HEADER, size - RIFF_HEADER}, body;
    const uint8_t *tag;
    bool have_frame = false;
    while (next_chunk(&rest, &tag, &body)) {
        if (memcmp(tag, "VP8X", 4) == 0 && body.n >= 10) {
            c.animated = body.at[0] & 2;
            c.canvas_w = le24(body.at + 4) + 1;
            c.canvas_h = le24(body.at + 7) + 1;
        } else if (memcmp(tag, "EXIF", 4) == 0) {
            c.exif = body;
        } else if (memcmp(tag, "XMP ", 4) == 0) {
            c.xmp = body;
        } else if (c.animated && !have_frame && memcmp(tag, "ANMF", 4) == 0 &&
                   body.n > ANMF_HEADER) {
            c.x = 2 * le24(body.at);
            c.y = 2 * le24(body.at + 3);
            c.frame = (struct span){body.at + ANMF_HEADER, body.n - ANMF_HEADER};
            have_frame = true;
        }
    }
    if (c.animated && !have_frame) c.frame.n = 0;
    return c;
}

static int orientation_of(const struct container *c) {
    int orientation = exif_orientation(c->exif.at, c->exif.n);
    return orientation ? orientation : xmp_orientation(c->xmp.at, c->xmp.n);
}

static int status_error(VP8StatusCode status) {
    switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY: return err_set(MIEN_ENOMEM, "WebP: no memory to decode it");
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
        return err_set(MIEN_EFORMAT, "WebP: the data ends before the picture does");
    default: return err_set(MIEN_EFORMAT, "WebP: the data is corrupt");
    }
}

/* Decodes the frame's pixels into rows `pitch` bytes apart, a step after the other. */
static int decode_into(const struct container *c, WEBP_CSP_MODE mode, uint8_t *at, size_t room,
                       ptrdiff_t pitch, const mien_decode_options *opt) {
    WebPIDecoder *decoder = WebPINewRGB(mode, at, room, (int)pitch);
    VP8StatusCode status = VP8_STATUS_SUSPENDED;
    int rc = MIEN_OK;
    if (!decoder) return err_set(MIEN_ENOMEM, "WebP: no memory for the decoder");
    for (size_t n = 0; n < c->frame.n && status == VP8_STATUS_SUSPENDED && !rc;) {
        n = c->frame.n - n > STEP ? n + STEP : c->frame.n;
        rc = codec_check_stop("WebP", opt);
        if (!rc) status = WebPIUpdate(decoder, c->frame.at, n);
    }
    WebPIDelete(decoder);
    if (rc || status == VP8_STATUS_OK) return rc;
    if (status == VP8_STATUS_OUT_OF_MEMORY) return status_error(status);
    return err_set(MIEN_EFORMAT, "WebP: the data is corrupt or ends before the picture does");
}

/* Decodes the frame with alpha and composes it over the white canvas, row by row. */
static int decode_alpha(const struct container *c, int w, int h, mien_image *img,
                        const mien_decode_options *opt) {
    size_t row_bytes = 4 * (size_t)w;
    uint8_t *rgba = malloc(row_bytes * (size_t)h);
    if (!rgba) return err_set(MIEN_ENOMEM, "WebP: no memory for %dx%d pixels", w, h);
    int rc = decode_into(c, MODE_RGBA, rgba, row_bytes * (size_t)h, (ptrdiff_t)row_bytes, opt);
    for (int y = 0; y < h && !rc; y++) {
        uint8_t *row = img->pixels + (y + (ptrdiff_t)c->y) * img->pitch + 3 * (ptrdiff_t)c->x;
        img->has_alpha |= codec_over_white(rgba + (size_t)y * row_bytes, row, w);
    }
    free(rgba);
    return rc;
}

static int decode_frame(const struct container *c, const WebPBitstreamFeatures *f, mien_image *img,
                        const mien_decode_options *opt) {
    if (c->animated &&
        (c->x + (uint64_t)f->width > c->canvas_w || c->y + (uint64_t)f->height > c->canvas_h))
        return err_set(MIEN_EFORMAT, "WebP: the first frame lies outside the picture");
    if (f->width < img->width || f->height < img->height) { /* the canvas shows around the frame */
        memset(img->pixels, 255, (size_t)img->pitch * (size_t)img->height);
        img->has_alpha = 1;
    }
    if (f->has_alpha) return decode_alpha(c, f->width, f->height, img, opt);
    uint8_t *at = img->pixels + (ptrdiff_t)c->y * img->pitch + 3 * (ptrdiff_t)c->x;
    size_t room = (size_t)(img->pixels + img->height * img->pitch - at);
    return decode_into(c, MODE_RGB, at, room, img->pitch, opt);
}

int webp_decode(const uint8_t *bytes, size_t size, const mien_decode_options *opt,
                mien_image **out) {
    *out = NULL;
    struct container c = walk(bytes, size);
    WebPBitstreamFeatures f;
    if (c.frame.n == 0) return err_set(MIEN_EFORMAT, "WebP: an animation without a whole frame");
    VP8StatusCode status = WebPGetFeatures(c.frame.at, c.frame.n, &f);
    if (status != VP8_STATUS_OK) return status_error(status);
    int w = c.animated ? (int)c.canvas_w : f.width, h = c.animated ? (int)c.canvas_h : f.height;
    int rc = codec_check_size("WebP", (uint64_t)w, (uint64_t)h, opt);
    if (rc != MIEN_OK) return rc;
    mien_image *img;
    rc = mien_image_new(w, h, &img);
    if (rc != MIEN_OK) return rc;
    rc = decode_frame(&c, &f, img, opt);
    if (rc == MIEN_OK && !opt->keep_orientation) rc = orientation_apply(&img, orientation_of(&c));
    if (rc == MIEN_OK)
        *out = img;
    else
        mien_image_free(img);
    return rc;
}

int webp_encode(const mien_image *img, uint8_t **bytes, size_t *size) {
    *bytes = NULL;
    if (img->width > WEBP_MAX_DIMENSION || img->height > WEBP_MAX_DIMENSION)
        return err_set(MIEN_EUNSUPPORTED, "WebP holds at most %dx%d pixels, not %dx%d",
                       WEBP_MAX_DIMENSION, WEBP_MAX_DIMENSION, img->width, img->height);
    uint8_t *coded = NULL;
    size_t n =
        WebPEncodeRGB(img->pixels, img->width, img->height, (int)img->pitch, QUALITY, &coded);
    struct byte_sink sink = {0};
    byte_sink_add(&sink, coded, n);
    WebPFree(coded);
    if (n == 0)
        return err_set(MIEN_ENOMEM, "WebP: no memory to encode %dx%d pixels", img->width,
                       img->height);
    return byte_sink_finish(&sink, bytes, size);
}
