/*
 * TIFF through libtiff, which is opened when the first such file comes: its first page.
 *
 * Rows and tiles are asked for one at a time and their samples turned into RGB here, so that memory
 * stays at a row or a tile beside the picture and the caller can give up between two. What is not
 * plain samples (YCbCr that is not JPEG's, JPEG of the old kind, Lab) libtiff turns into RGBA, a
 * strip or a tile at a time. Compressions nobody sends photographs in are left out: each is one
 * more decoder that would read anybody's bytes. What libtiff has to say it says to the one file,
 * not to the process. Format: TIFF 6.0, and for JPEG its technical note 2.
 */
#include "engine/err.h"
#include "engine/library.h"
#include "vision/codec.h"
#include "vision/orientation.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* tiff.h and tiffio.h of libtiff 4.5, as far as they are used: no header of its is needed. */
enum {
    TAG_WIDTH = 256,
    TAG_HEIGHT = 257,
    TAG_BITS = 258,
    TAG_COMPRESSION = 259,
    TAG_PHOTOMETRIC = 262,
    TAG_ORIENTATION = 274,
    TAG_SAMPLES = 277,
    TAG_ROWS_PER_STRIP = 278,
    TAG_PLANAR = 284,
    TAG_COLOURS = 320,
    TAG_TILE_WIDTH = 322,
    TAG_TILE_HEIGHT = 323,
    TAG_INKS = 332,
    TAG_EXTRA = 338,
    TAG_SAMPLE_FORMAT = 339,
    TAG_JPEG_GIVES = 65538 /* no tag of files: what libtiff's JPEG decoder gives */
};
enum photometric { WHITE_IS_0, BLACK_IS_0, RGB, PALETTE, MASK, INK, YCBCR };
enum compression {
    NONE = 1,
    CCITT_RLE,
    CCITT_FAX3,
    CCITT_FAX4,
    LZW,
    OLD_JPEG,
    JPEG,
    DEFLATE,
    CCITT_RLEW = 32771,
    PACKBITS = 32773,
    OLD_DEFLATE = 32946,
    LZMA = 34925,
    ZSTD = 50000,
    WEBP
};
enum { FLOAT = 3, VOID = 4, CMYK = 1, PREMULTIPLIED = 1, ALPHA = 2, IN_RGB = 1 };

struct tiff_file;
struct tiff_options;
typedef int64_t io_fn(void *user, void *bytes, int64_t n);
typedef int say_fn(struct tiff_file *, void *user, const char *module, const char *format, va_list);

struct libtiff {
    struct tiff_options *(*options_alloc)(void);
    void (*options_free)(struct tiff_options *);
    void (*set_max_alloc)(struct tiff_options *, int64_t bytes);
    void (*set_error_handler)(struct tiff_options *, say_fn *, void *user);
    void (*set_warning_handler)(struct tiff_options *, say_fn *, void *user);
    struct tiff_file *(*open)(const char *name, const char *mode, void *user, io_fn *read,
                              io_fn *write, uint64_t (*seek)(void *, uint64_t, int),
                              int (*close)(void *), uint64_t (*size)(void *), void *map,
                              void *unmap, struct tiff_options *);
    void (*close)(struct tiff_file *);
    int (*get_field)(struct tiff_file *, uint32_t tag, ...);
    int (*get_field_or_default)(struct tiff_file *, uint32_t tag, ...);
    int (*set_field)(struct tiff_file *, uint32_t tag, ...);
    int (*is_tiled)(struct tiff_file *);
    uint64_t (*scanline_size)(struct tiff_file *);
    uint64_t (*tile_size)(struct tiff_file *);
    int (*read_scanline)(struct tiff_file *, void *to, uint32_t row, uint16_t sample);
    int64_t (*read_tile)(struct tiff_file *, void *to, uint32_t x, uint32_t y, uint32_t z,
                         uint16_t sample);
    int (*read_rgba_strip)(struct tiff_file *, uint32_t row, uint32_t *to, int stop);
    int (*read_rgba_tile)(struct tiff_file *, uint32_t x, uint32_t y, uint32_t *to, int stop);
    uint32_t (*strips)(struct tiff_file *);
    uint32_t (*tiles)(struct tiff_file *);
    uint64_t (*offset)(struct tiff_file *, uint32_t strip_or_tile);
    uint64_t (*byte_count)(struct tiff_file *, uint32_t strip_or_tile);
};

static struct libtiff lib;
static bool lacking;

static void open_library(void) {
    static const struct library_function functions[] = {
        {"TIFFOpenOptionsAlloc", offsetof(struct libtiff, options_alloc)},
        {"TIFFOpenOptionsFree", offsetof(struct libtiff, options_free)},
        {"TIFFOpenOptionsSetMaxSingleMemAlloc", offsetof(struct libtiff, set_max_alloc)},
        {"TIFFOpenOptionsSetErrorHandlerExtR", offsetof(struct libtiff, set_error_handler)},
        {"TIFFOpenOptionsSetWarningHandlerExtR", offsetof(struct libtiff, set_warning_handler)},
        {"TIFFClientOpenExt", offsetof(struct libtiff, open)},
        {"TIFFClose", offsetof(struct libtiff, close)},
        {"TIFFGetField", offsetof(struct libtiff, get_field)},
        {"TIFFGetFieldDefaulted", offsetof(struct libtiff, get_field_or_default)},
        {"TIFFSetField", offsetof(struct libtiff, set_field)},
        {"TIFFIsTiled", offsetof(struct libtiff, is_tiled)},
        {"TIFFScanlineSize64", offsetof(struct libtiff, scanline_size)},
        {"TIFFTileSize64", offsetof(struct libtiff, tile_size)},
        {"TIFFReadScanline", offsetof(struct libtiff, read_scanline)},
        {"TIFFReadTile", offsetof(struct libtiff, read_tile)},
        {"TIFFReadRGBAStripExt", offsetof(struct libtiff, read_rgba_strip)},
        {"TIFFReadRGBATileExt", offsetof(struct libtiff, read_rgba_tile)},
        {"TIFFNumberOfStrips", offsetof(struct libtiff, strips)},
        {"TIFFNumberOfTiles", offsetof(struct libtiff, tiles)},
        {"TIFFGetStrileOffset", offsetof(struct libtiff, offset)},
        {"TIFFGetStrileByteCount", offsetof(struct libtiff, byte_count)},
        {NULL, 0}};
    static const char *const names[] = {"libtiff.so.6", NULL};
    lacking = library_open("libtiff", "MIEN_LIBTIFF", names, functions, &lib) != MIEN_OK;
}

const char *tiff_missing(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_library);
    return lacking ? "TIFF is read by libtiff 4.5 or later, which is not installed here "
                     "(Debian, Ubuntu: apt-get install libtiff6)"
                   : NULL;
}

struct reader {
    const uint8_t *bytes;
    uint64_t size, at;
    const mien_decode_options *opt;
    struct tiff_file *file;
    char said[160]; /* libtiff's first complaint */
    bool broken;    /* it was about pixels that are missing or wrong */
    uint32_t width, height, tile_width, tile_height; /* pixels; a strip is a tile of a width */
    uint16_t bits, samples, photometric, compression, orientation;
    uint16_t colours;           /* samples of a pixel that are its colour */
    uint16_t alpha;             /* of the sample behind: PREMULTIPLIED, ALPHA, or 0: none */
    bool tiled, planes;         /* planes: one after the other, not pixel by pixel */
    const uint16_t *palette[3]; /* [1 << bits] */
    unsigned shift;             /* of its values, to bytes */
    uint8_t *values;            /* of a row, one sample a pixel */
    mien_image *img;
};

static int64_t on_read(void *user, void *to, int64_t want) {
    struct reader *r = user;
    uint64_t left = r->at < r->size ? r->size - r->at : 0, n = want > 0 ? (uint64_t)want : 0;
    if (n > left) n = left;
    if (n) memcpy(to, r->bytes + r->at, n);
    r->at += n;
    return (int64_t)n;
}

static int64_t on_write(void *user, void *from, int64_t n) {
    (void)user;
    (void)from;
    (void)n;
    return -1;
}

static uint64_t on_seek(void *user, uint64_t to, int whence) {
    struct reader *r = user;
    r->at = to + (whence == SEEK_CUR ? r->at : whence == SEEK_END ? r->size : 0);
    return r->at;
}

static int on_close(void *user) {
    (void)user;
    return 0;
}

static uint64_t on_size(void *user) {
    return ((const struct reader *)user)->size;
}

static int on_error(struct tiff_file *file, void *user, const char *module, const char *format,
                    va_list args) {
    struct reader *r = user;
    (void)file;
    (void)module;
    if (*r->said) return 1;
    vsnprintf(r->said, sizeof r->said, format, args);
    return 1;
}

/* Only libjpeg calls it a warning when pixels are missing or wrong. */
static int on_warning(struct tiff_file *file, void *user, const char *module, const char *format,
                      va_list args) {
    struct reader *r = user;
    char text[160];
    if (!module || strncmp(module, "JPEG", 4) != 0) return 1;
    va_list again;
    va_copy(again, args);
    vsnprintf(text, sizeof text, format, again);
    va_end(again);
    if (strncmp(text, "Corrupt", 7) == 0 || strncmp(text, "Premature", 9) == 0) {
        r->broken = true;
        on_error(file, user, module, format, args);
    }
    return 1;
}

static int fail(const struct reader *r) {
    return codec_refuse(MIEN_EFORMAT, "TIFF", *r->said ? r->said : "the data is corrupt");
}

/* The most pixels a byte can hold; 0: any number. */
static uint64_t density(const struct reader *r) {
    uint64_t bits = (uint64_t)r->bits * r->samples;
    switch (r->compression) {
    case NONE: return 8 / bits + 1;
    case PACKBITS: return 64 * 8 / bits + 1;
    case DEFLATE:
    case OLD_DEFLATE: return UINT64_C(1032) * 8 / bits + 1;
    case LZW: return UINT64_C(4096) * 8 / bits + 1;
    case JPEG: return 512; /* 64 pixels in two bits, and room */
    default: return 0;
    }
}

static int check_compression(const struct reader *r) {
    static const uint16_t read[] = {NONE,        CCITT_RLE, CCITT_FAX3, CCITT_FAX4, LZW,
                                    OLD_JPEG,    JPEG,      DEFLATE,    CCITT_RLEW, PACKBITS,
                                    OLD_DEFLATE, LZMA,      ZSTD,       WEBP};
    for (size_t i = 0; i < sizeof read / sizeof *read; i++)
        if (r->compression == read[i]) return MIEN_OK;
    return err_set(MIEN_EFORMAT, "TIFF: compression %u is not read", r->compression);
}

/* How many samples are colour, and what the one behind them is. */
static int read_samples(struct reader *r) {
    uint16_t extras = 0, *extra = NULL, format = 1, inks = CMYK;
    switch (r->photometric) {
    case INK: r->colours = 4; break;
    case RGB:
    case YCBCR: r->colours = 3; break;
    default: r->colours = 1;
    }
    lib.get_field_or_default(r->file, TAG_EXTRA, &extras, &extra);
    if (extras && r->samples > r->colours && r->photometric != INK && r->photometric != PALETTE &&
        (extra[0] == PREMULTIPLIED || extra[0] == ALPHA))
        r->alpha = extra[0];
    lib.get_field_or_default(r->file, TAG_SAMPLE_FORMAT, &format);
    if (r->photometric == INK) lib.get_field_or_default(r->file, TAG_INKS, &inks);
    if (format >= FLOAT && format != VOID)
        return err_set(MIEN_EFORMAT, "TIFF: floating-point and complex samples are not read");
    if (inks != CMYK) return err_set(MIEN_EFORMAT, "TIFF: inks other than CMYK are not read");
    if (r->bits < 1 || r->bits > 16)
        return err_set(MIEN_EFORMAT, "TIFF: samples of %u bits are not read", r->bits);
    if (r->samples < r->colours || r->samples > 16)
        return err_set(MIEN_EFORMAT, "TIFF: %u samples a pixel make no picture", r->samples);
    return MIEN_OK;
}

static int read_palette(struct reader *r) {
    if (r->photometric != PALETTE) return MIEN_OK;
    if (r->bits > 8 ||
        !lib.get_field(r->file, TAG_COLOURS, &r->palette[0], &r->palette[1], &r->palette[2]))
        return err_set(MIEN_EFORMAT, "TIFF: a palette is missing");
    for (int c = 0; c < 3; c++) /* some writers have bytes where 16 bits belong */
        for (int i = 0; i < 1 << r->bits; i++)
            if (r->palette[c][i] > 255) r->shift = 8;
    return MIEN_OK;
}

/* A strip is as wide as the picture; where it has no height it is as high, too. */
static int read_tiling(struct reader *r) {
    r->tiled = lib.is_tiled(r->file);
    r->tile_width = r->width;
    if (r->tiled) {
        lib.get_field(r->file, TAG_TILE_WIDTH, &r->tile_width);
        lib.get_field(r->file, TAG_TILE_HEIGHT, &r->tile_height);
    } else {
        lib.get_field_or_default(r->file, TAG_ROWS_PER_STRIP, &r->tile_height);
        if (r->tile_height > r->height) r->tile_height = r->height;
    }
    /* Small pictures may have large tiles, but not any. */
    uint64_t most = (uint64_t)r->width * r->height + (1 << 22);
    if (r->tile_width < 1 || r->tile_height < 1 || r->tile_width > IMAGE_MAX_SIDE ||
        r->tile_height > IMAGE_MAX_SIDE || (uint64_t)r->tile_width * r->tile_height > most)
        return err_set(MIEN_EFORMAT, "TIFF: a picture of %ux%u pixels has tiles of %ux%u", r->width,
                       r->height, r->tile_width, r->tile_height);
    return MIEN_OK;
}

static int read_header(struct reader *r) {
    uint16_t planes = 1;
    if (!lib.get_field(r->file, TAG_WIDTH, &r->width) ||
        !lib.get_field(r->file, TAG_HEIGHT, &r->height))
        return err_set(MIEN_EFORMAT, "TIFF: the size is missing");
    int rc = codec_check_size("TIFF", r->width, r->height, r->opt);
    if (rc != MIEN_OK) return rc;
    lib.get_field_or_default(r->file, TAG_BITS, &r->bits);
    lib.get_field_or_default(r->file, TAG_SAMPLES, &r->samples);
    lib.get_field_or_default(r->file, TAG_COMPRESSION, &r->compression);
    lib.get_field_or_default(r->file, TAG_ORIENTATION, &r->orientation);
    lib.get_field_or_default(r->file, TAG_PLANAR, &planes);
    r->planes = planes == 2 && r->samples > 1;
    if (!lib.get_field(r->file, TAG_PHOTOMETRIC, &r->photometric))
        r->photometric = r->samples < 3 ? BLACK_IS_0 : RGB;
    rc = check_compression(r);
    if (rc == MIEN_OK) rc = read_samples(r);
    if (rc == MIEN_OK) rc = read_palette(r);
    if (rc == MIEN_OK) rc = read_tiling(r);
    if (rc == MIEN_OK && density(r))
        rc = codec_check_holds("TIFF", r->width, r->height, (size_t)r->size, density(r));
    return rc;
}

/* Whether the scans of a JPEG are progressive, by its markers before the first of them. */
static bool is_progressive(const uint8_t *b, uint64_t n) {
    enum { SOI = 0xd8, SOS = 0xda, SOF_PROGRESSIVE = 0xc2, SOF_ARITHMETIC = 0xca };
    for (uint64_t at = 0; at + 3 < n;) {
        if (b[at] != 0xff || b[at + 1] == 0xff || b[at + 1] == 0) {
            at++;
            continue;
        }
        uint8_t marker = b[at + 1];
        if (marker == SOF_PROGRESSIVE || marker == SOF_ARITHMETIC) return true;
        if (marker == SOS) return false;
        bool bare = marker == 1 || (marker >= 0xd0 && marker <= SOI);
        at += bare ? 2 : 2 + (uint64_t)(b[at + 2] << 8 | b[at + 3]);
    }
    return false;
}

/* A progressive strip is decoded whole before its first row, and may hold any number of scans: its
 * cost has no bound. Nobody needs one (note 2 has them excluded). */
static int check_scans(const struct reader *r) {
    uint32_t n = r->tiled ? lib.tiles(r->file) : lib.strips(r->file);
    if (r->compression != JPEG) return MIEN_OK;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t at = lib.offset(r->file, i), bytes = lib.byte_count(r->file, i);
        if (at >= r->size) continue;
        if (is_progressive(r->bytes + at, bytes < r->size - at ? bytes : r->size - at))
            return err_set(MIEN_EFORMAT, "TIFF: progressive JPEG is not read in it");
    }
    return MIEN_OK;
}

/* Sample `first` of every `step`, of n pixels, as bytes; those of a palette stay what they are. */
static void unpack(const struct reader *r, const uint8_t *from, unsigned step, unsigned first,
                   uint32_t n) {
    uint32_t most = (1U << r->bits) - 1;
    for (uint32_t i = 0; i < n; i++) {
        size_t at = (size_t)i * step + first;
        uint32_t v = 0;
        if (r->bits == 8) {
            v = from[at];
        } else if (r->bits == 16) {
            uint16_t wide;
            memcpy(&wide, from + 2 * at, sizeof wide);
            v = wide;
        } else {
            for (size_t bit = at * r->bits, end = bit + r->bits; bit < end; bit++)
                v = v << 1 | (from[bit / 8] >> (7 - bit % 8) & 1);
        }
        r->values[i] =
            (uint8_t)(most == 255 || r->photometric == PALETTE ? v : (v * 255 + most / 2) / most);
    }
}

/* (a b) / 255, rounded. */
static uint8_t part(unsigned a, unsigned b) {
    return (uint8_t)((a * b + 127) / 255);
}

/* Puts the values of sample c in their place: colours as they come, then what scales them. */
static void place(const struct reader *r, unsigned c, uint32_t x, uint32_t y, uint32_t n) {
    uint8_t *rgb = r->img->pixels + (ptrdiff_t)y * r->img->pitch + 3 * (ptrdiff_t)x;
    const uint8_t *v = r->values;
    for (uint32_t i = 0; i < n; i++, rgb += 3, v++) {
        if (c == r->colours) { /* alpha, over white */
            r->img->has_alpha |= *v != 255;
            for (int k = 0; k < 3; k++) {
                unsigned colour = r->alpha == ALPHA ? part(rgb[k], *v) : rgb[k];
                rgb[k] = (uint8_t)(colour + 255 - *v < 255 ? colour + 255 - *v : 255);
            }
        } else if (r->photometric == INK && c == 3) {
            for (int k = 0; k < 3; k++) rgb[k] = part(rgb[k], 255 - *v);
        } else if (r->photometric == INK) {
            rgb[c] = 255 - *v;
        } else if (r->photometric == PALETTE) {
            for (int k = 0; k < 3; k++) rgb[k] = (uint8_t)(r->palette[k][*v] >> r->shift);
        } else if (r->colours == 1) {
            memset(rgb, r->photometric == WHITE_IS_0 ? 255 - *v : *v, 3);
        } else {
            rgb[c] = *v;
        }
    }
}

/* A row of n pixels of a tile, of one plane or of all samples. */
static void put_row(const struct reader *r, const uint8_t *from, unsigned plane, uint32_t x,
                    uint32_t y, uint32_t n) {
    unsigned used = r->colours + (r->alpha ? 1U : 0U);
    if (r->planes) {
        unpack(r, from, 1, 0, n);
        place(r, plane, x, y, n);
        return;
    }
    for (unsigned c = 0; c < used; c++) {
        unpack(r, from, r->samples, c, n);
        place(r, c, x, y, n);
    }
}

static int read_rows(struct reader *r, unsigned plane, uint8_t *row) {
    int rc = MIEN_OK;
    for (uint32_t y = 0; y < r->height && rc == MIEN_OK; y++) {
        rc = codec_check_stop("TIFF", r->opt);
        if (rc != MIEN_OK) break;
        if (lib.read_scanline(r->file, row, y, (uint16_t)plane) != 1 || r->broken) return fail(r);
        put_row(r, row, plane, 0, y, r->width);
    }
    return rc;
}

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static int read_tiles(struct reader *r, unsigned plane, uint8_t *tile, size_t pitch) {
    for (uint32_t y = 0; y < r->height; y += r->tile_height)
        for (uint32_t x = 0; x < r->width; x += r->tile_width) {
            int rc = codec_check_stop("TIFF", r->opt);
            if (rc != MIEN_OK) return rc;
            if (lib.read_tile(r->file, tile, x, y, 0, (uint16_t)plane) < 0 || r->broken)
                return fail(r);
            uint32_t w = least(r->tile_width, r->width - x);
            for (uint32_t i = 0; i < least(r->tile_height, r->height - y); i++)
                put_row(r, tile + i * pitch, plane, x, y + i, w);
        }
    return MIEN_OK;
}

/* Rows, or tiles, of samples. */
static int read_plain(struct reader *r) {
    size_t bits = (size_t)r->tile_width * (r->planes ? 1U : r->samples) * r->bits;
    size_t pitch = (bits + 7) / 8, room = r->tiled ? pitch * r->tile_height : pitch;
    if ((r->tiled ? lib.tile_size(r->file) : lib.scanline_size(r->file)) != room) return fail(r);
    uint8_t *buffer = calloc(1, room);
    r->values = malloc(r->tile_width);
    int rc = buffer && r->values
                 ? MIEN_OK
                 : err_set(MIEN_ENOMEM, "TIFF: no memory for rows of %u pixels", r->tile_width);
    unsigned planes = r->planes ? r->colours + (r->alpha ? 1U : 0U) : 1;
    for (unsigned plane = 0; plane < planes && rc == MIEN_OK; plane++)
        rc = r->tiled ? read_tiles(r, plane, buffer, pitch) : read_rows(r, plane, buffer);
    free(buffer);
    return rc;
}

/* Pixels of a tile or strip that libtiff turns into RGBA; what comes between two looks at the
 * caller's wish to stop. */
enum { MOST_AT_ONCE = 1 << 25 };

/* A strip or tile as libtiff gives it: rows from the bottom, ABGR in a number, premultiplied. */
static int read_rgba_at(struct reader *r, uint32_t x, uint32_t y, uint32_t *raster, uint8_t *rgba) {
    int ok = r->tiled ? lib.read_rgba_tile(r->file, x, y, raster, 1)
                      : lib.read_rgba_strip(r->file, y, raster, 1);
    if (!ok || r->broken) return fail(r);
    uint32_t w = least(r->tile_width, r->width - x), h = least(r->tile_height, r->height - y);
    uint32_t stored = r->tiled ? r->tile_height : h;
    for (uint32_t i = 0; i < h; i++) {
        const uint32_t *row = raster + (size_t)(stored - 1 - i) * r->tile_width;
        uint8_t *to = r->img->pixels + (ptrdiff_t)(y + i) * r->img->pitch + 3 * (ptrdiff_t)x;
        for (uint32_t k = 0; k < 4 * w; k++) rgba[k] = (uint8_t)(row[k / 4] >> k % 4 * 8);
        r->img->has_alpha |= codec_premultiplied_over_white(rgba, to, (int)w);
    }
    return MIEN_OK;
}

static int read_rgba(struct reader *r) {
    uint64_t pixels = (uint64_t)r->tile_width * r->tile_height;
    if (pixels > MOST_AT_ONCE)
        return err_set(MIEN_ETOOBIG, "TIFF: strips of %.1f megapixels of such colours are not read",
                       1e-6 * (double)pixels);
    uint32_t *raster = calloc(pixels, sizeof *raster);
    r->values = malloc(4 * (size_t)r->tile_width);
    int rc = raster && r->values ? MIEN_OK
                                 : err_set(MIEN_ENOMEM, "TIFF: no memory for tiles of %ux%u pixels",
                                           r->tile_width, r->tile_height);
    lib.set_field(r->file, TAG_ORIENTATION, 1); /* turned here, once */
    for (uint32_t y = 0; y < r->height && rc == MIEN_OK; y += r->tile_height)
        for (uint32_t x = 0; x < r->width && rc == MIEN_OK; x += r->tile_width) {
            rc = codec_check_stop("TIFF", r->opt);
            if (rc == MIEN_OK) rc = read_rgba_at(r, x, y, raster, r->values);
        }
    free(raster);
    return rc;
}

static int decode(struct reader *r) {
    int rc = read_header(r);
    if (rc == MIEN_OK) rc = check_scans(r);
    if (rc == MIEN_OK) rc = mien_image_new((int)r->width, (int)r->height, &r->img);
    if (rc != MIEN_OK) return rc;
    bool plain = r->photometric <= INK && r->compression != OLD_JPEG;
    if (r->photometric == YCBCR && r->compression == JPEG && !r->planes)
        plain = lib.set_field(r->file, TAG_JPEG_GIVES, IN_RGB);
    rc = plain ? read_plain(r) : read_rgba(r);
    if (rc == MIEN_OK && !r->opt->keep_orientation) rc = orientation_apply(&r->img, r->orientation);
    return rc;
}

static struct tiff_file *open_file(struct reader *r) {
    struct tiff_options *options = lib.options_alloc();
    if (!options) return NULL;
    uint64_t most = r->opt->max_pixels < UINT32_MAX ? r->opt->max_pixels : UINT32_MAX;
    lib.set_max_alloc(options, (int64_t)(16 * most + (16 << 20)));
    lib.set_error_handler(options, on_error, r);
    lib.set_warning_handler(options, on_warning, r);
    struct tiff_file *file = lib.open("TIFF", "rm", r, on_read, on_write, on_seek, on_close,
                                      on_size, NULL, NULL, options);
    lib.options_free(options);
    return file;
}

int tiff_decode(const uint8_t *bytes, size_t size, const mien_decode_options *opt,
                mien_image **out) {
    const char *missing = tiff_missing();
    *out = NULL;
    if (missing) return err_set(MIEN_EFORMAT, "this is TIFF; %s", missing);
    struct reader r = {.bytes = bytes, .size = size, .opt = opt, .orientation = 1};
    r.file = open_file(&r);
    int rc = r.file ? decode(&r) : fail(&r);
    if (r.file) lib.close(r.file);
    free(r.values);
    if (rc == MIEN_OK)
        *out = r.img;
    else
        mien_image_free(r.img);
    return rc;
}
