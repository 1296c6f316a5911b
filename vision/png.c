/* PNG through libpng 1.6. */
#include "engine/err.h"
#include "vision/codec.h"
#include "vision/orientation.h"

#include <png.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SIGNATURE 8
#define IHDR_END  (SIGNATURE + 8 + 13)
/* Deflate's best ratio (zlib, "Maximum Compression Factor"). */
#define DEFLATE_RATIO 1032

struct reader {
    const uint8_t *bytes;
    size_t size, at;
    png_structp png;
    png_infop info;
    const mien_decode_options *opt;
    int rc;
    bool whole;    /* the last row has been read */
    bool cut;      /* bytes were asked for that the file does not have */
    uint8_t *rgba; /* a row of RGBA, or all of them where the picture is interlaced */
    mien_image *img;
};

static void on_error(png_structp png, png_const_charp text) {
    int *rc = png_get_error_ptr(png);
    if (*rc == MIEN_OK) *rc = err_set(MIEN_EFORMAT, "PNG: %s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static void on_read(png_structp png, png_bytep to, size_t n) {
    struct reader *r = png_get_io_ptr(png);
    r->cut = n > r->size - r->at;
    if (r->cut) png_error(png, "the data ends before the picture does");
    memcpy(to, r->bytes + r->at, n);
    r->at += n;
}

static uint32_t be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Size and plausibility from the first chunk, before libpng sees a byte. */
static int check_header(const uint8_t *b, size_t size, const mien_decode_options *opt) {
    static const uint64_t channels[] = {1, 0, 3, 1, 2, 0, 4};
    if (size < IHDR_END || memcmp(b + SIGNATURE + 4, "IHDR", 4) != 0)
        return err_set(MIEN_EFORMAT, "PNG: the header is cut off or missing");
    uint64_t w = be32(b + 16), h = be32(b + 20), depth = b[24], type = b[25];
    int rc = codec_check_size("PNG", w, h, opt);
    if (rc != MIEN_OK) return rc;
    uint64_t bits = depth * (type < 7 ? channels[type] : 0);
    if (bits == 0) return err_set(MIEN_EFORMAT, "PNG: the header is broken");
    return codec_check_holds("PNG", w, h, size, DEFLATE_RATIO * 8 / bits + 1);
}

/* Asks libpng for 8-bit RGB, or RGBA where there is transparency of any kind. */
static bool ask_for_rgb(png_structp png, png_infop info) {
    int type = png_get_color_type(png, info);
    bool alpha = (type & PNG_COLOR_MASK_ALPHA) || png_get_valid(png, info, PNG_INFO_tRNS);
    png_set_expand(png);
    png_set_scale_16(png);
    if (!(type & PNG_COLOR_MASK_COLOR)) png_set_gray_to_rgb(png);
    return alpha;
}

static void ask_stop(struct reader *r) {
    r->rc = codec_check_stop("PNG", r->opt);
    if (r->rc != MIEN_OK) png_longjmp(r->png, 1);
}

static void need(struct reader *r, const void *memory) {
    if (memory) return;
    r->rc = err_set(MIEN_ENOMEM, "PNG: no memory for its rows");
    png_longjmp(r->png, 1);
}

/* RGBA rows are composed over white one by one, except that an interlaced picture is whole only
 * after its last pass. */
static void read_alpha(struct reader *r, int passes) {
    mien_image *img = r->img;
    size_t row_bytes = 4 * (size_t)img->width;
    size_t rows = passes > 1 ? (size_t)img->height : 1;
    r->rgba = calloc(rows, row_bytes);
    need(r, r->rgba);
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < img->height; y++) {
            ask_stop(r);
            uint8_t *row = r->rgba + (rows > 1 ? (size_t)y * row_bytes : 0);
            png_read_row(r->png, row, NULL);
            if (pass == passes - 1)
                img->has_alpha |= codec_over_white(row, img->pixels + y * img->pitch, img->width);
        }
}

static void read_pixels(struct reader *r) {
    mien_image *img = r->img;
    bool alpha = ask_for_rgb(r->png, r->info);
    int passes = png_set_interlace_handling(r->png);
    png_read_update_info(r->png, r->info);
    if (png_get_rowbytes(r->png, r->info) != (alpha ? 4u : 3u) * (size_t)img->width)
        png_error(r->png, "an unknown pixel format");
    if (alpha) {
        read_alpha(r, passes);
        return;
    }
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < img->height; y++) {
            ask_stop(r);
            png_read_row(r->png, img->pixels + y * img->pitch, NULL);
        }
}

static void read_picture(struct reader *r) {
    png_set_read_fn(r->png, r, on_read);
    png_set_user_limits(r->png, 1 << 24, 1 << 24); /* check_header has the real limit */
    /* Everything but pixels, palette and transparency is passed over unread. */
    png_set_keep_unknown_chunks(r->png, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
    png_read_info(r->png, r->info);
    r->rc = mien_image_new((int)png_get_image_width(r->png, r->info),
                           (int)png_get_image_height(r->png, r->info), &r->img);
    if (r->rc != MIEN_OK) return;
    read_pixels(r);
    r->whole = true;
    png_read_end(r->png, NULL); /* checks what follows the last row */
}

int png_decode(const uint8_t *bytes, size_t size, const mien_decode_options *opt,
               mien_image **out) {
    *out = NULL;
    int rc = check_header(bytes, size, opt);
    if (rc != MIEN_OK) return rc;
    struct reader *r =
        calloc(1, sizeof *r); /* on the heap: it changes between setjmp and longjmp */
    if (!r) return err_set(MIEN_ENOMEM, "PNG: no memory for the decoder");
    r->bytes = bytes;
    r->size = size;
    r->opt = opt;
    r->png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r->rc, on_error, on_warning);
    if (r->png) r->info = png_create_info_struct(r->png);
    if (!r->info)
        r->rc = err_set(MIEN_ENOMEM, "PNG: no memory for the decoder");
    else if (setjmp(png_jmpbuf(r->png)) == 0)
        read_picture(r);
    else if (r->whole && r->cut) /* without its end, but with all its pixels */
        r->rc = MIEN_OK;
    int orientation = 1;
    if (r->rc == MIEN_OK && !opt->keep_orientation)
        r->rc = png_orientation(bytes, size, &orientation);
    if (r->rc == MIEN_OK) r->rc = orientation_apply(&r->img, orientation);
    rc = r->rc;
    if (rc == MIEN_OK)
        *out = r->img;
    else
        mien_image_free(r->img);
    png_destroy_read_struct(&r->png, &r->info, NULL);
    free(r->rgba);
    free(r);
    return rc;
}

static void on_write(png_structp png, png_bytep bytes, size_t n) {
    byte_sink_add(png_get_io_ptr(png), bytes, n);
}

static void on_flush(png_structp png) {
    (void)png;
}

static int write_picture(png_structp png, png_infop info, const mien_image *img,
                         struct byte_sink *sink) {
    if (setjmp(png_jmpbuf(png)) != 0) return MIEN_EUNSUPPORTED;
    png_set_write_fn(png, sink, on_write, on_flush);
    png_set_IHDR(png, info, (png_uint_32)img->width, (png_uint_32)img->height, 8,
                 PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < img->height; y++) png_write_row(png, img->pixels + y * img->pitch);
    png_write_end(png, info);
    return MIEN_OK;
}

int png_encode(const mien_image *img, uint8_t **bytes, size_t *size) {
    struct byte_sink sink = {0};
    int rc = MIEN_OK;
    png_infop info = NULL;
    *bytes = NULL;
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &rc, on_error, on_warning);
    if (png) info = png_create_info_struct(png);
    if (info)
        rc = write_picture(png, info, img, &sink);
    else
        rc = err_set(MIEN_ENOMEM, "PNG: no memory for the encoder");
    png_destroy_write_struct(&png, &info);
    if (rc == MIEN_OK) return byte_sink_finish(&sink, bytes, size);
    free(sink.at);
    return rc;
}
