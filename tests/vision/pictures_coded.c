/* JPEG, PNG and WebP files, written by libjpeg, libpng and libwebp. */
#include "check.h"
#include "pictures.h"

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <webp/encode.h>
/* clang-format off */
#include <jpeglib.h> /* needs stdio.h before it */
/* clang-format on */

/* libjpeg's choice of colours for a kind, and the samples of one pixel. */
static void jpeg_colours(struct jpeg_compress_struct *c, enum jpeg_kind kind) {
    c->input_components = kind == JPEG_RGB ? 3 : kind == JPEG_GRAY ? 1 : 4;
    c->in_color_space = kind == JPEG_RGB ? JCS_RGB : kind == JPEG_GRAY ? JCS_GRAYSCALE : JCS_CMYK;
    jpeg_set_defaults(c);
    if (kind == JPEG_YCCK) jpeg_set_colorspace(c, JCS_YCCK);
    if (kind == JPEG_CMYK_PLAIN) c->write_Adobe_marker = FALSE;
}

static void jpeg_row(const uint8_t *rgb, int w, enum jpeg_kind kind, uint8_t *row) {
    for (int x = 0; x < w; x++, rgb += 3) {
        if (kind == JPEG_RGB) {
            memcpy(row + 3 * x, rgb, 3);
        } else if (kind == JPEG_GRAY) {
            row[x] = rgb[0];
        } else { /* Adobe stores 255 - ink, which for ink = 255 - light is light */
            int flip = kind == JPEG_CMYK_PLAIN ? 255 : 0;
            for (int i = 0; i < 3; i++) row[4 * x + i] = (uint8_t)(rgb[i] ^ flip);
            row[4 * x + 3] = (uint8_t)(255 ^ flip);
        }
    }
}

struct file make_jpeg(const mien_image *img, const struct jpeg_options *opt) {
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    struct file f = {0};
    unsigned char *bytes = NULL;
    unsigned long n = 0;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &bytes, &n);
    c.image_width = (JDIMENSION)img->width;
    c.image_height = (JDIMENSION)img->height;
    jpeg_colours(&c, opt->kind);
    jpeg_set_quality(&c, 97, TRUE);
    c.restart_interval = opt->restart ? 2 : 0;
    c.arith_code = opt->arithmetic;
    if (opt->progressive) jpeg_simple_progression(&c);
    jpeg_start_compress(&c, TRUE);
    if (opt->orientation) {
        struct file exif = make_exif(opt->orientation, opt->big_endian, 1);
        jpeg_write_marker(&c, JPEG_APP0 + 1, exif.at, (unsigned)exif.n);
        file_free(&exif);
    }
    uint8_t *row = malloc(4 * (size_t)img->width);
    while (c.next_scanline < c.image_height) {
        jpeg_row(img->pixels + (ptrdiff_t)c.next_scanline * img->pitch, img->width, opt->kind, row);
        jpeg_write_scanlines(&c, &row, 1);
    }
    free(row);
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    file_add(&f, bytes, n);
    free(bytes);
    return f;
}

struct png_layout {
    int depth, type, channels;
};

static struct png_layout png_layout_of(enum png_kind kind) {
    switch (kind) {
    case PNG_RGB16: return (struct png_layout){16, PNG_COLOR_TYPE_RGB, 3};
    case PNG_GRAY1: return (struct png_layout){1, PNG_COLOR_TYPE_GRAY, 1};
    case PNG_GRAY8: return (struct png_layout){8, PNG_COLOR_TYPE_GRAY, 1};
    case PNG_GRAY16: return (struct png_layout){16, PNG_COLOR_TYPE_GRAY, 1};
    case PNG_GRAY_ALPHA: return (struct png_layout){8, PNG_COLOR_TYPE_GRAY_ALPHA, 2};
    case PNG_RGBA8: return (struct png_layout){8, PNG_COLOR_TYPE_RGB_ALPHA, 4};
    case PNG_RGBA16: return (struct png_layout){16, PNG_COLOR_TYPE_RGB_ALPHA, 4};
    case PNG_PALETTE:
    case PNG_PALETTE_ALPHA: return (struct png_layout){8, PNG_COLOR_TYPE_PALETTE, 1};
    default: return (struct png_layout){8, PNG_COLOR_TYPE_RGB, 3};
    }
}

/* The samples of pixel x; returns how many. */
static int png_samples(const uint8_t *p, int x, int w, enum png_kind kind, uint8_t out[4]) {
    memcpy(out, p, 3);
    out[3] = x < w / 2 ? 0 : 255;
    if (kind == PNG_GRAY_ALPHA) out[1] = p[2];
    if (kind == PNG_PALETTE || kind == PNG_PALETTE_ALPHA)
        out[0] = (uint8_t)(p[0] / 64 * 16 + p[1] / 64 * 4 + p[2] / 64);
    return png_layout_of(kind).channels;
}

static void png_line(const uint8_t *rgb, int w, enum png_kind kind, uint8_t *row) {
    size_t at = 0;
    memset(row, 0, 8 * (size_t)w);
    for (int x = 0; x < w; x++) {
        uint8_t s[4];
        int n = png_samples(rgb + 3 * x, x, w, kind, s);
        for (int i = 0; i < n; i++) {
            if (kind == PNG_GRAY1) {
                row[x / 8] |= (uint8_t)((s[0] >= 128) << (7 - x % 8));
            } else {
                row[at++] = s[i];
                /* v * 257 in 16 bits is exactly v in 8 */
                if (png_layout_of(kind).depth == 16) row[at++] = s[i];
            }
        }
    }
}

static void png_to_file(png_structp png, png_bytep bytes, size_t n) {
    file_add(png_get_io_ptr(png), bytes, n);
}

static void png_flush_nothing(png_structp png) {
    (void)png;
}

static void png_palette(png_structp png, png_infop info, enum png_kind kind) {
    png_color colours[64];
    uint8_t alpha[PNG_CLEAR + 1];
    memset(alpha, 255, PNG_CLEAR);
    alpha[PNG_CLEAR] = 0;
    for (int i = 0; i < 64; i++)
        colours[i] =
            (png_color){(uint8_t)(i / 16 * 64), (uint8_t)(i / 4 % 4 * 64), (uint8_t)(i % 4 * 64)};
    png_set_PLTE(png, info, colours, 64);
    if (kind == PNG_PALETTE_ALPHA) png_set_tRNS(png, info, alpha, PNG_CLEAR + 1, NULL);
}

struct file make_png(const mien_image *img, enum png_kind kind, int interlaced,
                     const struct file *exif) {
    struct file f = {0};
    struct png_layout layout = png_layout_of(kind);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_set_write_fn(png, &f, png_to_file, png_flush_nothing);
    png_set_IHDR(png, info, (png_uint_32)img->width, (png_uint_32)img->height, layout.depth,
                 layout.type, interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (layout.type == PNG_COLOR_TYPE_PALETTE) png_palette(png, info, kind);
    if (exif) png_set_eXIf_1(png, info, (png_uint_32)exif->n, exif->at);
    png_write_info(png, info);
    int passes = png_set_interlace_handling(png);
    uint8_t *row = malloc(8 * (size_t)img->width + 8);
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < img->height; y++) {
            png_line(img->pixels + y * img->pitch, img->width, kind, row);
            png_write_row(png, row);
        }
    free(row);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    return f;
}

/* The bare file libwebp makes: RIFF header and one VP8L chunk. */
static struct file webp_lossless(const mien_image *img, int alpha) {
    struct file f = {0};
    uint8_t *rgba = malloc((size_t)img->width * (size_t)img->height * 4), *bytes = NULL;
    for (int i = 0; i < img->width * img->height; i++) {
        int x = i % img->width;
        memcpy(rgba + 4 * i, img->pixels + i / img->width * img->pitch + 3 * x, 3);
        rgba[4 * i + 3] = alpha && x < img->width / 2 ? 0 : 255;
    }
    size_t n = WebPEncodeLosslessRGBA(rgba, img->width, img->height, 4 * img->width, &bytes);
    assert_true(n > 0);
    file_add(&f, bytes, n);
    WebPFree(bytes);
    free(rgba);
    return f;
}

static void riff_chunk(struct file *f, const char *tag, const struct file *body) {
    file_add(f, tag, 4);
    file_le32(f, (uint32_t)body->n);
    file_add(f, body->at, body->n);
    if (body->n & 1) file_byte(f, 0);
}

static void add_le24(struct file *f, unsigned v) {
    file_le16(f, v & 0xffff);
    file_byte(f, v >> 16);
}

static void vp8x(struct file *f, unsigned flags, int w, int h) {
    struct file body = {0};
    file_le32(&body, flags);
    add_le24(&body, (unsigned)(w - 1));
    add_le24(&body, (unsigned)(h - 1));
    riff_chunk(f, "VP8X", &body);
    file_free(&body);
}

static struct file riff(struct file *chunks) {
    struct file f = {0}, body = {0};
    file_add(&body, "WEBP", 4);
    file_add(&body, chunks->at, chunks->n);
    riff_chunk(&f, "RIFF", &body);
    file_free(&body);
    file_free(chunks);
    return f;
}

struct file make_webp(const mien_image *img, int alpha, const struct file *exif) {
    struct file bare = webp_lossless(img, alpha), chunks = {0};
    if (!exif) return bare;
    vp8x(&chunks, 0x08 | (alpha ? 0x10 : 0), img->width, img->height);
    file_add(&chunks, bare.at + 12, bare.n - 12);
    riff_chunk(&chunks, "EXIF", exif);
    file_free(&bare);
    return riff(&chunks);
}

struct file make_webp_animation(const mien_image *img, int alpha) {
    struct file bare = webp_lossless(img, alpha), chunks = {0}, anim = {0}, frame = {0};
    vp8x(&chunks, 0x02 | (alpha ? 0x10 : 0), img->width + 2, img->height + 2);
    file_le32(&anim, 0);
    file_le16(&anim, 0);
    riff_chunk(&chunks, "ANIM", &anim);
    add_le24(&frame, 1); /* in units of two pixels */
    add_le24(&frame, 1);
    add_le24(&frame, (unsigned)(img->width - 1));
    add_le24(&frame, (unsigned)(img->height - 1));
    add_le24(&frame, 100);
    file_byte(&frame, 0);
    file_add(&frame, bare.at + 12, bare.n - 12);
    riff_chunk(&chunks, "ANMF", &frame);
    riff_chunk(&chunks, "ANMF", &frame);
    file_free(&bare);
    file_free(&anim);
    file_free(&frame);
    return riff(&chunks);
}
