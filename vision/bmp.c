/*
 * BMP: Windows' and OS/2's bitmaps of 1 to 32 bits a pixel, plain, with bit fields or run-length
 * coded, by the headers of wingdi.h and the notes of bmpsuite (entropymine.com/jason/bmpsuite).
 *
 * Our own, because stb_image reads neither runs nor rows from the top, takes the unused byte of 32
 * bits for alpha, and refuses files whose pixels do not follow the palette at once.
 */
#include "engine/err.h"
#include "vision/codec.h"

#include <stdbool.h>
#include <string.h>

#define FILE_HEADER 14
#define CORE_HEADER 12 /* OS/2 1.x: 16-bit sizes and a palette of three bytes a colour */
#define INFO_HEADER 40
#define OS2_HEADER  64 /* OS/2 2.x, which gives two numbers of compression another meaning */
#define MIN_HEADER  16 /* OS/2 2.x may stop after the bits a pixel */

enum compression { BI_RGB, BI_RLE8, BI_RLE4, BI_BITFIELDS, BI_ALPHABITFIELDS = 6 };
enum { RED, GREEN, BLUE, ALPHA };

/* Pixels a byte of runs may stand for. A run has 255 in two bytes; the rest is for pictures that
 * end early or skip what keeps the background. */
#define RLE_DENSITY 1024

struct bmp {
    const uint8_t *b;
    size_t size;
    size_t pixels; /* where they begin */
    uint32_t header, width, height;
    unsigned bits, compression;
    bool from_top;
    uint32_t mask[4];
    uint8_t palette[256][3]; /* RGB; black where the file has no colour */
};

static unsigned le16(const uint8_t *p) {
    return (unsigned)(p[1] << 8 | p[0]);
}

static uint32_t le32(const uint8_t *p) {
    return (uint32_t)le16(p + 2) << 16 | le16(p);
}

/* A field of the header; 0 where the header is too short to have it. */
static uint32_t field(const struct bmp *f, uint32_t at) {
    return at + 4 <= f->header ? le32(f->b + FILE_HEADER + at) : 0;
}

static bool read_sizes(struct bmp *f) {
    if (f->size < FILE_HEADER + 4) return false;
    f->header = le32(f->b + FILE_HEADER);
    if (f->header != CORE_HEADER && f->header < MIN_HEADER) return false;
    if (f->header > f->size - FILE_HEADER) return false;
    const uint8_t *h = f->b + FILE_HEADER;
    if (f->header == CORE_HEADER) {
        f->width = le16(h + 4);
        f->height = le16(h + 6);
        f->bits = le16(h + 10);
        return true;
    }
    f->width = le32(h + 4);
    f->height = le32(h + 8);
    f->from_top = f->height > INT32_MAX;
    if (f->from_top) f->height = -f->height;
    f->bits = le16(h + 14);
    f->compression = field(f, 16);
    return f->width <= INT32_MAX && f->height <= INT32_MAX;
}

static bool has_fields(const struct bmp *f) {
    return f->compression == BI_BITFIELDS || f->compression == BI_ALPHABITFIELDS;
}

/* Whether bits and compression go together, and are of those that are read. */
static bool is_known(const struct bmp *f) {
    bool os2 = f->header < INFO_HEADER || f->header == OS2_HEADER;
    switch (f->compression) {
    case BI_RGB:
        return f->bits == 1 || f->bits == 2 || f->bits == 4 || f->bits == 8 || f->bits == 16 ||
               f->bits == 24 || f->bits == 32;
    case BI_RLE8: return f->bits == 8;
    case BI_RLE4: return f->bits == 4;
    case BI_BITFIELDS:
    case BI_ALPHABITFIELDS: return !os2 && (f->bits == 16 || f->bits == 32);
    default: return false;
    }
}

/* True for no bits, and for bits without a gap. */
static bool is_run_of_bits(uint32_t mask) {
    uint32_t lowest = mask & -mask;
    return (mask & (mask + lowest)) == 0;
}

/* The masks, which are in the header from its version 2 on (alpha's from 3) and behind one of
 * version 1. *end is where what follows begins. */
static bool read_masks(struct bmp *f, size_t *end) {
    static const uint32_t of_16[4] = {0x7c00, 0x3e0, 0x1f, 0}, of_32[4] = {0xff0000, 0xff00, 0xff};
    *end = FILE_HEADER + f->header;
    memcpy(f->mask, f->bits == 16 ? of_16 : of_32, sizeof f->mask);
    if (!has_fields(f)) return true;
    size_t n = f->header >= 56 || f->compression == BI_ALPHABITFIELDS ? 4 : 3;
    size_t at = FILE_HEADER + INFO_HEADER;
    if (at + 4 * n > f->size) return false;
    memset(f->mask, 0, sizeof f->mask);
    for (size_t i = 0; i < n; i++) f->mask[i] = le32(f->b + at + 4 * i);
    if (at + 4 * n > *end) *end = at + 4 * n;
    for (int i = 0; i < 4; i++)
        if (!is_run_of_bits(f->mask[i])) return false;
    return f->mask[RED] || f->mask[GREEN] || f->mask[BLUE];
}

/* Finds the palette and the pixels. The offset in the file header is trusted within the file: the
 * palette ends there at the latest, and bytes between the two are passed over. One that leaves a
 * palette no room, or is 0, means that the pixels follow the palette. */
static bool read_palette(struct bmp *f, size_t at) {
    size_t entry = f->header == CORE_HEADER ? 3 : 4, offset = le32(f->b + 10);
    size_t colours = field(f, 32), most = f->bits <= 8 ? (size_t)1 << f->bits : 0;
    if (colours == 0) colours = most;
    if (offset == 0 || (offset == at && most)) {
        size_t room = (f->size - at) / entry;
        offset = at + entry * (colours < room ? colours : room);
    }
    if (offset < at || offset > f->size) return false;
    f->pixels = offset;
    if (colours > most) colours = most;
    if (colours > (offset - at) / entry) colours = (offset - at) / entry;
    for (size_t i = 0; i < colours; i++)
        for (size_t c = 0; c < 3; c++) f->palette[i][c] = f->b[at + i * entry + 2 - c];
    return true;
}

static void palette_row(const struct bmp *f, const uint8_t *row, uint8_t *rgb) {
    unsigned each = 8 / f->bits, mask = (1u << f->bits) - 1;
    for (uint32_t x = 0; x < f->width; x++) {
        unsigned shift = (each - 1 - x % each) * f->bits;
        memcpy(rgb + 3 * (size_t)x, f->palette[row[x / each] >> shift & mask], 3);
    }
}

static void row_of_24(const struct bmp *f, const uint8_t *row, uint8_t *rgb) {
    for (uint32_t x = 0; x < f->width; x++, row += 3, rgb += 3) {
        rgb[0] = row[2];
        rgb[1] = row[1];
        rgb[2] = row[0];
    }
}

/* One channel of pixels with masks: its bits are of[pixel >> shift & most]. */
struct channel {
    unsigned shift, most;
    uint8_t of[256];
};

/* Fewer bits than eight are repeated until they are eight, of more the first eight are taken. */
static struct channel channel_of(uint32_t mask) {
    struct channel c = {0};
    unsigned bits = 0;
    if (!mask) return c;
    while (!(mask >> c.shift & 1)) c.shift++;
    while (c.shift + bits < 32 && mask >> (c.shift + bits) & 1) bits++;
    if (bits > 8) {
        c.shift += bits - 8;
        bits = 8;
    }
    c.most = (1u << bits) - 1;
    for (unsigned v = 0; v <= c.most; v++) {
        unsigned wide = v << (8 - bits);
        for (unsigned have = bits; have < 8; have *= 2) wide |= wide >> have;
        c.of[v] = (uint8_t)wide;
    }
    return c;
}

static uint32_t pixel_at(const struct bmp *f, const uint8_t *row, uint32_t x) {
    return f->bits == 16 ? le16(row + 2 * (size_t)x) : le32(row + 4 * (size_t)x);
}

/* Where row y, counted from the top, is among the pixels. */
static const uint8_t *stored_row(const struct bmp *f, uint32_t y) {
    uint64_t row_bytes = ((uint64_t)f->width * f->bits + 31) / 32 * 4;
    return f->b + f->pixels + row_bytes * (f->from_top ? y : f->height - 1 - y);
}

/* Writers that leave alpha at 0 everywhere mean a picture, not nothing. */
static bool uses_alpha(const struct bmp *f) {
    for (uint32_t y = 0; y < f->height && f->mask[ALPHA]; y++) {
        const uint8_t *row = stored_row(f, y);
        for (uint32_t x = 0; x < f->width; x++)
            if (pixel_at(f, row, x) & f->mask[ALPHA]) return true;
    }
    return false;
}

static void read_masked(const struct bmp *f, mien_image *img) {
    struct channel c[4];
    bool alpha = uses_alpha(f);
    for (int i = 0; i < 4; i++) c[i] = channel_of(f->mask[i]);
    for (uint32_t y = 0; y < f->height; y++) {
        const uint8_t *row = stored_row(f, y);
        uint8_t *rgb = img->pixels + (ptrdiff_t)y * img->pitch;
        for (uint32_t x = 0; x < f->width; x++, rgb += 3) {
            uint32_t pixel = pixel_at(f, row, x);
            uint8_t rgba[4];
            for (int i = 0; i < 4; i++) rgba[i] = c[i].of[pixel >> c[i].shift & c[i].most];
            if (alpha)
                img->has_alpha |= codec_over_white(rgba, rgb, 1);
            else
                memcpy(rgb, rgba, 3);
        }
    }
}

static int read_plain(const struct bmp *f, mien_image *img) {
    uint64_t row_bits = (uint64_t)f->width * f->bits;
    /* The last row's padding may be missing. */
    if ((row_bits + 31) / 32 * 4 * (f->height - 1) + (row_bits + 7) / 8 > f->size - f->pixels)
        return err_set(MIEN_EFORMAT, "BMP: the data ends before the picture does");
    if (f->bits == 16 || f->bits == 32) {
        read_masked(f, img);
        return MIEN_OK;
    }
    for (uint32_t y = 0; y < f->height; y++) {
        uint8_t *rgb = img->pixels + (ptrdiff_t)y * img->pitch;
        if (f->bits == 24)
            row_of_24(f, stored_row(f, y), rgb);
        else
            palette_row(f, stored_row(f, y), rgb);
    }
    return MIEN_OK;
}

/* Where the next pixel of the runs goes; what lies outside the picture is dropped. */
struct pen {
    const struct bmp *f;
    mien_image *img;
    uint64_t x, y; /* y in stored order */
};

static void put(struct pen *p, unsigned colour) {
    if (p->x < p->f->width && p->y < p->f->height) {
        uint64_t y = p->f->from_top ? p->y : p->f->height - 1 - p->y;
        memcpy(p->img->pixels + (ptrdiff_t)y * p->img->pitch + 3 * (ptrdiff_t)p->x,
               p->f->palette[colour], 3);
    }
    p->x++;
}

/* n pixels given one by one, padded to an even number of bytes. Returns the bytes they take, 0
 * where fewer are left. */
static size_t put_literals(struct pen *p, const uint8_t *at, size_t left, unsigned n) {
    bool four = p->f->bits == 4;
    size_t bytes = four ? (n + 1) / 2 : n;
    if (bytes > left) return 0;
    for (unsigned i = 0; i < n; i++) put(p, four ? at[i / 2] >> (i % 2 ? 0 : 4) & 15 : at[i]);
    return (bytes & 1) && bytes < left ? bytes + 1 : bytes;
}

static void put_run(struct pen *p, unsigned n, unsigned value) {
    unsigned colours[2] = {value, value};
    if (p->f->bits == 4) {
        colours[0] = value >> 4;
        colours[1] = value & 15;
    }
    for (unsigned i = 0; i < n; i++) put(p, colours[i % 2]);
}

/* Pixels that the runs leave out have the first colour of the palette. */
static void fill(const struct bmp *f, mien_image *img) {
    for (uint32_t y = 0; y < f->height; y++)
        for (uint32_t x = 0; x < f->width; x++)
            memcpy(img->pixels + (ptrdiff_t)y * img->pitch + 3 * (ptrdiff_t)x, f->palette[0], 3);
}

static int read_runs(const struct bmp *f, mien_image *img) {
    enum { END_OF_ROW, END, DELTA };
    struct pen p = {.f = f, .img = img};
    const uint8_t *at = f->b + f->pixels, *end = f->b + f->size;
    fill(f, img);
    while (end - at >= 2 && p.y < f->height) {
        unsigned n = at[0], value = at[1];
        at += 2;
        if (n) {
            put_run(&p, n, value);
        } else if (value == END) {
            return MIEN_OK;
        } else if (value == END_OF_ROW) {
            p.x = 0;
            p.y++;
        } else if (value == DELTA) {
            if (end - at < 2) break;
            p.x += at[0];
            p.y += at[1];
            at += 2;
        } else {
            size_t used = put_literals(&p, at, (size_t)(end - at), value);
            if (used == 0) break;
            at += used;
        }
    }
    /* Without its end mark it is whole where the last row is. */
    if (p.y >= f->height || (p.y == f->height - 1 && p.x >= f->width)) return MIEN_OK;
    return err_set(MIEN_EFORMAT, "BMP: the data ends before the picture does");
}

int bmp_decode(const uint8_t *bytes, size_t size, const mien_decode_options *opt,
               mien_image **out) {
    struct bmp f = {.b = bytes, .size = size};
    size_t end;
    *out = NULL;
    if (!read_sizes(&f)) return err_set(MIEN_EFORMAT, "BMP: the header is broken or cut off");
    if (!is_known(&f))
        return err_set(MIEN_EFORMAT, "BMP: %u bits a pixel with compression %u are not read",
                       f.bits, f.compression);
    int rc = codec_check_size("BMP", f.width, f.height, opt);
    if (rc != MIEN_OK) return rc;
    bool runs = f.compression == BI_RLE8 || f.compression == BI_RLE4;
    uint64_t density = runs ? RLE_DENSITY : f.bits < 8 ? 8 / f.bits : 1;
    rc = codec_check_holds("BMP", f.width, f.height, size, density);
    if (rc != MIEN_OK) return rc;
    if (!read_masks(&f, &end)) return err_set(MIEN_EFORMAT, "BMP: the colour masks are broken");
    if (!read_palette(&f, end))
        return err_set(MIEN_EFORMAT, "BMP: the header gives no place in the file for the pixels");
    mien_image *img;
    rc = mien_image_new((int)f.width, (int)f.height, &img);
    if (rc != MIEN_OK) return rc;
    rc = runs ? read_runs(&f, img) : read_plain(&f, img);
    if (rc == MIEN_OK)
        *out = img;
    else
        mien_image_free(img);
    return rc;
}
