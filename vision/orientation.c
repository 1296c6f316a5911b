/* EXIF 2.32, section 4.6 (TIFF structure) and the Orientation tag (0x0112); XMP, part 2,
 * section 3.3 (the same tag as an attribute or an element). */
#include "vision/orientation.h"

#include <stdbool.h>
#include <string.h>

#define TAG_ORIENTATION 0x0112
#define TILE            32

struct tiff {
    const uint8_t *b;
    size_t n;
    bool big_endian;
};

static unsigned get16(const struct tiff *t, size_t at) {
    const uint8_t *p = t->b + at;
    return t->big_endian ? (unsigned)(p[0] << 8 | p[1]) : (unsigned)(p[1] << 8 | p[0]);
}

static uint32_t get32(const struct tiff *t, size_t at) {
    uint32_t first = get16(t, at), second = get16(t, at + 2);
    return t->big_endian ? first << 16 | second : second << 16 | first;
}

/* The value of an entry. The standard's type is SHORT; writers use every other type of integer. */
static uint32_t value_of(const struct tiff *t, size_t entry) {
    enum { BYTE = 1, SHORT = 3, LONG = 4, SSHORT = 8, SLONG = 9 };
    switch (get16(t, entry + 2)) {
    case BYTE: return t->b[entry + 8];
    case SHORT:
    case SSHORT: return get16(t, entry + 8);
    case LONG:
    case SLONG: return get32(t, entry + 8);
    default: return 0;
    }
}

int exif_orientation(const uint8_t *exif, size_t size) {
    if (size >= 6 && memcmp(exif, "Exif\0", 5) == 0) {
        exif += 6;
        size -= 6;
    }
    if (size < 8) return 0;
    struct tiff t = {exif, size, exif[0] == 'M'};
    if (exif[0] != exif[1] || (exif[0] != 'M' && exif[0] != 'I') || get16(&t, 2) != 42) return 0;
    size_t ifd = get32(&t, 4);
    if (ifd > size || size - ifd < 2) return 0;
    size_t entries = get16(&t, ifd), fit = (size - ifd - 2) / 12;
    if (entries > fit) entries = fit;
    for (size_t i = 0; i < entries; i++) {
        size_t at = ifd + 2 + 12 * i;
        if (get16(&t, at) != TAG_ORIENTATION) continue;
        uint32_t value = value_of(&t, at);
        return value >= 1 && value <= 8 ? (int)value : 0;
    }
    return 0;
}

static size_t skip_space(const uint8_t *xmp, size_t size, size_t at) {
    while (at < size && (xmp[at] == ' ' || (xmp[at] >= '\t' && xmp[at] <= '\r'))) at++;
    return at;
}

int xmp_orientation(const uint8_t *xmp, size_t size) {
    static const char name[] = "tiff:Orientation";
    size_t n = sizeof name - 1;
    for (size_t at = 0; at + n < size; at++) {
        if (xmp[at] != 't' || memcmp(xmp + at, name, n) != 0) continue;
        size_t v = skip_space(xmp, size, at + n);
        if (v < size && xmp[v] == '=') {
            v = skip_space(xmp, size, v + 1);
            if (v >= size || (xmp[v] != '"' && xmp[v] != '\'')) continue;
        } else if (v >= size || xmp[v] != '>') {
            continue;
        }
        v = skip_space(xmp, size, v + 1);
        bool alone = v + 1 < size && (xmp[v + 1] < '0' || xmp[v + 1] > '9');
        if (alone && xmp[v] >= '1' && xmp[v] <= '8') return xmp[v] - '0';
    }
    return 0;
}

int orientation_swaps(int orientation) {
    return orientation >= 5;
}

/* Where the stored pixel x, y lies upright is linear in x and y: a start and two steps in bytes. */
struct placing {
    ptrdiff_t start, step_x, step_y;
};

static struct placing placing_of(int orientation, int width, int height, ptrdiff_t pitch) {
    ptrdiff_t right = 3 * (ptrdiff_t)(width - 1), bottom = pitch * (height - 1);
    ptrdiff_t t_right = 3 * (ptrdiff_t)(height - 1), t_bottom = pitch * (width - 1);
    switch (orientation) {
    case 2: return (struct placing){right, -3, pitch};
    case 3: return (struct placing){right + bottom, -3, -pitch};
    case 4: return (struct placing){bottom, 3, -pitch};
    case 5: return (struct placing){0, pitch, 3};
    case 6: return (struct placing){t_right, pitch, -3};
    case 7: return (struct placing){t_right + t_bottom, -pitch, -3};
    case 8: return (struct placing){t_bottom, -pitch, 3};
    default: return (struct placing){0, 3, pitch};
    }
}

void orientation_place(const uint8_t *src, ptrdiff_t src_pitch, int width, int height, int y0,
                       int rows, int orientation, mien_image *dst) {
    struct placing p = placing_of(orientation, width, height, dst->pitch);
    uint8_t *base = dst->pixels + p.start + p.step_y * y0;
    /* In tiles: a quarter turn writes down columns, and a tile's lines stay in the cache. */
    for (int ty = 0; ty < rows; ty += TILE)
        for (int tx = 0; tx < width; tx += TILE) {
            int y1 = ty + TILE < rows ? ty + TILE : rows;
            int x1 = tx + TILE < width ? tx + TILE : width;
            for (int y = ty; y < y1; y++) {
                const uint8_t *s = src + y * src_pitch + 3 * (ptrdiff_t)tx;
                uint8_t *d = base + p.step_y * y + p.step_x * tx;
                for (int x = tx; x < x1; x++, s += 3, d += p.step_x) {
                    d[0] = s[0];
                    d[1] = s[1];
                    d[2] = s[2];
                }
            }
        }
}

int orientation_apply(mien_image **img, int orientation) {
    mien_image *src = *img, *dst;
    if (orientation <= 1) return MIEN_OK;
    int swap = orientation_swaps(orientation);
    int rc = mien_image_new(swap ? src->height : src->width, swap ? src->width : src->height, &dst);
    if (rc != MIEN_OK) return rc;
    orientation_place(src->pixels, src->pitch, src->width, src->height, 0, src->height, orientation,
                      dst);
    dst->full_width = swap ? src->full_height : src->full_width;
    dst->full_height = swap ? src->full_width : src->full_height;
    dst->has_alpha = src->has_alpha;
    mien_image_free(src);
    *img = dst;
    return MIEN_OK;
}
