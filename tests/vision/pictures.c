/* Containers shared by all makers, and the formats simple enough to be written byte by byte. */
#include "pictures.h"

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void file_add(struct file *f, const void *bytes, size_t n) {
    f->at = realloc(f->at, f->n + n + 1);
    assert_non_null(f->at);
    if (n) memcpy(f->at + f->n, bytes, n);
    f->n += n;
}

void file_byte(struct file *f, unsigned v) {
    uint8_t b = (uint8_t)v;
    file_add(f, &b, 1);
}

void file_le16(struct file *f, unsigned v) {
    file_byte(f, v & 255);
    file_byte(f, v >> 8 & 255);
}

void file_le32(struct file *f, uint32_t v) {
    file_le16(f, v & 0xffff);
    file_le16(f, v >> 16);
}

void file_free(struct file *f) {
    free(f->at);
    *f = (struct file){0};
}

mien_image *pattern(int w, int h) {
    mien_image *img;
    assert_int_equal(mien_image_new(w, h, &img), MIEN_OK);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            uint8_t *p = img->pixels + y * img->pitch + 3 * x;
            p[0] = (uint8_t)(20 + 215 * x / (w > 1 ? w - 1 : 1));
            p[1] = (uint8_t)(20 + 215 * y / (h > 1 ? h - 1 : 1));
            p[2] = (uint8_t)(235 - 215 * (x + y) / (w + h > 2 ? w + h - 2 : 1));
        }
    return img;
}

void assert_same_picture(const mien_image *a, const mien_image *b, int most) {
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    for (int y = 0; y < a->height; y++)
        for (int i = 0; i < 3 * a->width; i++) {
            int va = a->pixels[y * a->pitch + i], vb = b->pixels[y * b->pitch + i];
            if (abs(va - vb) > most)
                fail_msg("x %d y %d channel %d: %d and %d", i / 3, y, i % 3, va, vb);
        }
}

struct file make_exif(int orientation, int big_endian, int prefix) {
    struct file f = {0};
    static const uint8_t big[] = {'M', 'M',  0, 42, 0, 0, 0, 8, 0,   2, /* header, two entries */
                                  1,   0x0f, 0, 2,  0, 0, 0, 1, 'm', 0, 0, 0, /* Make */
                                  1,   0x12, 0, 3,  0, 0, 0, 1, 0,   0, 0, 0, 0, 0, 0, 0};
    static const uint8_t little[] = {'I', 'I', 42, 0, 8, 0,   0, 0, 2, 0,    0x0f, 1, 2,
                                     0,   1,   0,  0, 0, 'm', 0, 0, 0, 0x12, 1,    3, 0,
                                     1,   0,   0,  0, 0, 0,   0, 0, 0, 0,    0,    0};
    if (prefix) file_add(&f, "Exif\0", 6);
    size_t value = f.n + 30 + (big_endian ? 1 : 0);
    file_add(&f, big_endian ? big : little, sizeof big);
    f.at[value] = (uint8_t)orientation;
    return f;
}

struct file make_bmp(const mien_image *img, int bits) {
    struct file f = {0};
    int w = img->width, h = img->height, row = (w * bits / 8 + 3) / 4 * 4;
    file_add(&f, "BM", 2);
    file_le32(&f, (uint32_t)(54 + row * h));
    file_le32(&f, 0);
    file_le32(&f, 54);
    file_le32(&f, 40); /* BITMAPINFOHEADER */
    file_le32(&f, (uint32_t)w);
    file_le32(&f, (uint32_t)h);
    file_le16(&f, 1);
    file_le16(&f, (unsigned)bits);
    for (int i = 0; i < 6; i++) file_le32(&f, 0);
    for (int y = h - 1; y >= 0; y--) {
        for (int x = 0; x < w; x++) {
            const uint8_t *p = img->pixels + y * img->pitch + 3 * x;
            uint8_t bgra[4] = {p[2], p[1], p[0], 0};
            file_add(&f, bgra, (size_t)bits / 8);
        }
        for (int i = w * bits / 8; i < row; i++) file_byte(&f, 0);
    }
    return f;
}

/* LZW of 7-bit pixels with 8-bit codes: a clear code often enough that codes never grow. */
struct file make_gif(const mien_image *img, int transparent) {
    struct file f = {0}, codes = {0};
    int w = img->width, h = img->height, since = 0;
    file_add(&f, "GIF89a", 6);
    file_le16(&f, (unsigned)w);
    file_le16(&f, (unsigned)h);
    file_byte(&f, 0xf6); /* a global table of 128 colours */
    file_le16(&f, 0);
    for (unsigned i = 0; i < 128 * 3; i++) file_byte(&f, i / 3 * 2);
    if (transparent >= 0) {
        file_add(&f, "\x21\xf9\x04\x01\0\0", 6);
        file_byte(&f, (unsigned)transparent);
        file_byte(&f, 0);
    }
    file_byte(&f, 0x2c);
    file_le32(&f, 0);
    file_le16(&f, (unsigned)w);
    file_le16(&f, (unsigned)h);
    file_byte(&f, 0);
    file_byte(&f, 7);
    for (int i = 0; i < w * h; i++) {
        if (since == 0) file_byte(&codes, 128);
        since = (since + 1) % 100;
        file_byte(&codes, img->pixels[i / w * img->pitch + 3 * (i % w)] / 2u);
    }
    file_byte(&codes, 129);
    for (size_t at = 0; at < codes.n; at += 255) {
        size_t n = codes.n - at < 255 ? codes.n - at : 255;
        file_byte(&f, (unsigned)n);
        file_add(&f, codes.at + at, n);
    }
    file_byte(&f, 0);
    file_byte(&f, 0x3b);
    file_free(&codes);
    return f;
}

struct file make_tga(const mien_image *img, int rle) {
    struct file f = {0};
    int w = img->width, h = img->height;
    file_byte(&f, 0);
    file_byte(&f, 0);
    file_byte(&f, rle ? 10 : 2);
    for (int i = 0; i < 9; i++) file_byte(&f, 0);
    file_le16(&f, (unsigned)w);
    file_le16(&f, (unsigned)h);
    file_byte(&f, 24);
    file_byte(&f, 0x20); /* rows from the top */
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const uint8_t *p = img->pixels + y * img->pitch + 3 * x;
            uint8_t bgr[3] = {p[2], p[1], p[0]};
            if (rle) file_byte(&f, 0x80); /* a run of one */
            file_add(&f, bgr, 3);
        }
    return f;
}

struct file make_pnm(const mien_image *img, int kind, unsigned maxval) {
    struct file f = {0};
    char text[64];
    int channels = kind % 3 == 0 ? 3 : 1, bitmap = kind == 1 || kind == 4;
    int n = snprintf(text, sizeof text, "P%d\n# a comment\n%d %d\n", kind, img->width, img->height);
    file_add(&f, text, (size_t)n);
    if (!bitmap) file_add(&f, text, (size_t)snprintf(text, sizeof text, "%u\n", maxval));
    for (int y = 0; y < img->height; y++) {
        unsigned bits = 0;
        for (int i = 0; i < img->width * channels; i++) {
            unsigned v = img->pixels[y * img->pitch + (channels == 3 ? i : 3 * i)];
            unsigned scaled = (v * maxval + 127) / 255;
            if (kind == 1) {
                file_byte(&f, v < 128 ? '1' : '0');
            } else if (kind == 4) {
                bits = bits << 1 | (v < 128);
                if (i % 8 == 7) file_byte(&f, bits);
                if (i % 8 != 7 && i == img->width - 1) file_byte(&f, bits << (7 - i % 8));
            } else if (kind <= 3) {
                file_add(&f, text, (size_t)snprintf(text, sizeof text, "%u\n", scaled));
            } else {
                if (maxval > 255) file_byte(&f, scaled >> 8);
                file_byte(&f, scaled & 255);
            }
        }
    }
    return f;
}
