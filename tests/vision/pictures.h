/*
 * pictures.h - picture files made on the fly, so that none is in the repository.
 *
 * The files are written by the formats' own libraries or, where a format is simple, byte by byte
 * from its specification: what the decoders read never comes from mien's own encoders.
 */
#ifndef MIEN_TESTS_PICTURES_H
#define MIEN_TESTS_PICTURES_H

#include "mien.h"

struct file {
    uint8_t *at;
    size_t n;
};
void file_add(struct file *f, const void *bytes, size_t n);
void file_byte(struct file *f, unsigned v);
void file_le16(struct file *f, unsigned v);
void file_le32(struct file *f, uint32_t v);
void file_free(struct file *f);

/* A smooth picture of w x h pixels in which every corner has a colour of its own. */
mien_image *pattern(int w, int h);

/* Fails the running test where a and b differ in size, or by more than `most` in any value. */
void assert_same_picture(const mien_image *a, const mien_image *b, int most);

/* An EXIF block (TIFF header and one IFD) with this orientation; "Exif\0\0" first where prefix. */
struct file make_exif(int orientation, int big_endian, int prefix);

enum jpeg_kind { JPEG_RGB, JPEG_GRAY, JPEG_CMYK, JPEG_CMYK_PLAIN, JPEG_YCCK };
struct jpeg_options {
    enum jpeg_kind kind; /* CMYK kinds: cyan, magenta, yellow = 255 - red, green, blue; no black.
                            PLAIN: without Adobe's marker and its inversion */
    int orientation;     /* 0: no EXIF */
    int big_endian;
    int progressive, restart;
    int arithmetic;
};
struct file make_jpeg(const mien_image *img, const struct jpeg_options *opt);

#define PNG_CLEAR 50 /* red 192, green 0, blue 128 */

enum png_kind {
    PNG_RGB8,
    PNG_RGB16,
    PNG_GRAY1, /* black where red < 128 */
    PNG_GRAY8, /* red as gray */
    PNG_GRAY16,
    PNG_GRAY_ALPHA, /* alpha = blue */
    PNG_RGBA8,      /* alpha = 0 in the left half, 255 in the right */
    PNG_RGBA16,
    PNG_PALETTE,      /* red / 64, green / 64, blue / 64 */
    PNG_PALETTE_ALPHA /* colour PNG_CLEAR is transparent */
};
struct file make_png(const mien_image *img, enum png_kind kind, int interlaced,
                     const struct file *exif);

/* Lossless; alpha: as PNG_RGBA8. */
struct file make_webp(const mien_image *img, int alpha, const struct file *exif);
/* Two frames on a canvas 2 pixels wider and higher, the first at 2,2. */
struct file make_webp_animation(const mien_image *img, int alpha);

struct file make_bmp(const mien_image *img, int bits);        /* 24 or 32 */
struct file make_gif(const mien_image *img, int transparent); /* gray: red / 2; an index or -1 */
struct file make_tga(const mien_image *img, int rle);
struct file make_pnm(const mien_image *img, int kind, unsigned maxval); /* P<kind>, red as gray */

#endif
