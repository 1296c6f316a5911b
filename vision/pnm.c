/*
 * PNM: PBM, PGM and PPM, ASCII and binary (P1 to P6), by the netpbm manual pages.
 *
 * Our own, because stb_image ignores maxval, swaps the bytes of 16-bit samples and reads past the
 * end of short files.
 */
#include "engine/err.h"
#include "vision/codec.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pnm {
    const uint8_t *b;
    size_t n, at;
    int channels;
    bool ascii, bitmap;
    uint32_t maxval;
};

static bool is_space(int c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_space(struct pnm *p) {
    while (p->at < p->n && (is_space(p->b[p->at]) || p->b[p->at] == '#')) {
        if (p->b[p->at] == '#')
            while (p->at < p->n && p->b[p->at] != '\n') p->at++;
        else
            p->at++;
    }
}

/* An unsigned number; false where there is none or it is over 2^24. */
static bool number(struct pnm *p, uint32_t *out) {
    skip_space(p);
    size_t start = p->at;
    uint32_t v = 0;
    while (p->at < p->n && p->b[p->at] >= '0' && p->b[p->at] <= '9') {
        v = v * 10 + (uint32_t)(p->b[p->at++] - '0');
        if (v > 1 << 24) return false;
    }
    *out = v;
    return p->at > start;
}

static bool read_header(struct pnm *p, uint32_t *w, uint32_t *h) {
    int kind = p->b[1] - '0';
    p->at = 2;
    p->ascii = kind <= 3;
    p->bitmap = kind == 1 || kind == 4;
    p->channels = kind == 3 || kind == 6 ? 3 : 1;
    p->maxval = 1;
    if (!number(p, w) || !number(p, h)) return false;
    if (!p->bitmap && (!number(p, &p->maxval) || p->maxval < 1 || p->maxval > 65535)) return false;
    if (p->ascii) return true;
    /* One white space separates a binary header from the samples. */
    return p->at < p->n && is_space(p->b[p->at++]);
}

/* Bytes a row takes at least: exactly, where the samples are binary. */
static uint64_t row_bytes(const struct pnm *p, uint32_t w) {
    if (p->bitmap) return p->ascii ? w : (w + 7) / 8;
    uint64_t samples = (uint64_t)w * (uint64_t)p->channels;
    if (p->ascii) return samples; /* one-digit numbers and as many spaces, less one */
    return samples * (p->maxval > 255 ? 2 : 1);
}

static uint8_t scaled(uint32_t v, uint32_t maxval) {
    if (v > maxval) v = maxval;
    return (uint8_t)((v * 255 + maxval / 2) / maxval);
}

/* Sample i of a row that starts at row; false where ASCII data is broken. */
static bool sample(struct pnm *p, const uint8_t *row, size_t i, uint8_t *out) {
    uint32_t v;
    if (p->bitmap && p->ascii) { /* digits need no space between them */
        skip_space(p);
        if (p->at >= p->n || (p->b[p->at] != '0' && p->b[p->at] != '1')) return false;
        *out = p->b[p->at++] == '0' ? 255 : 0;
    } else if (p->bitmap) {
        *out = row[i / 8] >> (7 - i % 8) & 1 ? 0 : 255;
    } else if (p->ascii) {
        if (!number(p, &v) || v > p->maxval) return false;
        *out = scaled(v, p->maxval);
    } else {
        v = p->maxval > 255 ? (uint32_t)(row[2 * i] << 8 | row[2 * i + 1]) : row[i];
        *out = scaled(v, p->maxval);
    }
    return true;
}

static bool read_row(struct pnm *p, uint32_t w, uint8_t *rgb) {
    const uint8_t *row = p->b + p->at;
    size_t count = (size_t)w * (size_t)p->channels;
    for (size_t i = 0; i < count; i++) {
        uint8_t v;
        if (!sample(p, row, i, &v)) return false;
        if (p->channels == 3)
            rgb[i] = v;
        else
            rgb[3 * i] = rgb[3 * i + 1] = rgb[3 * i + 2] = v;
    }
    if (!p->ascii) p->at += row_bytes(p, w);
    return true;
}

int pnm_decode(const uint8_t *bytes, size_t size, const mien_decode_options *opt,
               mien_image **out) {
    *out = NULL;
    struct pnm p = {.b = bytes, .n = size};
    uint32_t w, h;
    if (!read_header(&p, &w, &h)) return err_set(MIEN_EFORMAT, "PNM: the header is broken");
    int rc = codec_check_size("PNM", w, h, opt);
    if (rc != MIEN_OK) return rc;
    if (row_bytes(&p, w) * h > size - p.at)
        return err_set(MIEN_EFORMAT, "PNM: the data ends before the picture does");
    mien_image *img;
    rc = mien_image_new((int)w, (int)h, &img);
    if (rc != MIEN_OK) return rc;
    for (uint32_t y = 0; y < h; y++)
        if (!read_row(&p, w, img->pixels + y * img->pitch)) {
            mien_image_free(img);
            return err_set(MIEN_EFORMAT, "PNM: row %u of the data is broken", y);
        }
    *out = img;
    return MIEN_OK;
}

int ppm_encode(const mien_image *img, uint8_t **bytes, size_t *size) {
    char header[64];
    int n = snprintf(header, sizeof header, "P6\n%d %d\n255\n", img->width, img->height);
    struct byte_sink sink = {0};
    byte_sink_add(&sink, header, (size_t)n);
    for (int y = 0; y < img->height; y++)
        byte_sink_add(&sink, img->pixels + y * img->pitch, (size_t)img->width * 3);
    return byte_sink_finish(&sink, bytes, size);
}
