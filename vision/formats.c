#include "vision/formats.h"

#include "engine/ascii.h"
#include "engine/err.h"
#include "engine/sized.h"
#include "vision/isolate.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct format {
    const char *name, *extensions, *media_types;
    bool (*fits)(const uint8_t *b, size_t n);
    codec_decode_fn *decode;
    codec_missing_fn *missing; /* NULL: always there */
    bool isolated;             /* decoded in a process of its own, where there is one */
};

static bool starts(const uint8_t *b, size_t n, const char *magic, size_t len) {
    return n >= len && memcmp(b, magic, len) == 0;
}

enum brand { BRAND_NONE, BRAND_HEIC, BRAND_AVIF, BRAND_CR3, BRAND_VIDEO };

static bool brand_is(const uint8_t *brand, const char *one_of) {
    for (; *one_of; one_of += 4)
        if (memcmp(brand, one_of, 4) == 0) return true;
    return false;
}

/* What a file of the ISO base media format (HEIF, MP4 ...) calls itself by its brand, or where that
 * names no codec ("mif1") by those it is compatible with: ISO/IEC 23008-12, and AVIF's standard. */
static enum brand brand_of(const uint8_t *b, size_t n) {
    if (n < 12 || memcmp(b + 4, "ftyp", 4) != 0) return BRAND_NONE;
    if (brand_is(b + 8, "avifavis")) return BRAND_AVIF;
    if (brand_is(b + 8, "heicheixhevchevxheimheishevmhevs")) return BRAND_HEIC;
    if (brand_is(b + 8, "crx ")) return BRAND_CR3;
    if (!brand_is(b + 8, "mif1msf1mif2miaf")) return BRAND_VIDEO;
    size_t end = (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
    for (size_t at = 16; at + 4 <= n && at + 4 <= end; at += 4)
        if (brand_is(b + at, "avifavis")) return BRAND_AVIF;
    return BRAND_HEIC;
}

static bool is_jpeg(const uint8_t *b, size_t n) {
    return starts(b, n, "\xff\xd8\xff", 3);
}
static bool is_png(const uint8_t *b, size_t n) {
    return starts(b, n, "\x89PNG\r\n\x1a\n", 8);
}
static bool is_webp(const uint8_t *b, size_t n) {
    return n >= 12 && starts(b, n, "RIFF", 4) && memcmp(b + 8, "WEBP", 4) == 0;
}
static bool is_gif(const uint8_t *b, size_t n) {
    return starts(b, n, "GIF8", 4);
}
static bool is_bmp(const uint8_t *b, size_t n) {
    return starts(b, n, "BM", 2);
}
static bool is_pnm(const uint8_t *b, size_t n) {
    return n >= 3 && b[0] == 'P' && b[1] >= '1' && b[1] <= '6' && strchr(" \t\r\n#", b[2]) && b[2];
}
static bool is_heic(const uint8_t *b, size_t n) {
    return brand_of(b, n) == BRAND_HEIC;
}
static bool is_avif(const uint8_t *b, size_t n) {
    return brand_of(b, n) == BRAND_AVIF;
}

/* 43 in the place of 42 is BigTIFF. */
static bool is_tiff(const uint8_t *b, size_t n) {
    return starts(b, n, "II*\0", 4) || starts(b, n, "MM\0*", 4) || starts(b, n, "II+\0", 4) ||
           starts(b, n, "MM\0+", 4);
}

/* TGA has no magic, only header fields that must make sense, so it is asked last. */
static bool is_tga(const uint8_t *b, size_t n) {
    if (n < 18) return false;
    uint8_t map = b[1], type = b[2], depth = b[16];
    bool depth_ok = depth == 8 || depth == 15 || depth == 16 || depth == 24 || depth == 32;
    if (map == 1) return (type == 1 || type == 9) && (depth == 8 || depth == 16);
    return map == 0 && depth_ok && (type == 2 || type == 3 || type == 10 || type == 11);
}

static const struct format formats[] = {
    {"JPEG", ".jpg .jpeg .jpe .jfif .mpo", "image/jpeg", is_jpeg, jpeg_decode, NULL, false},
    {"PNG", ".png", "image/png", is_png, png_decode, NULL, false},
    {"WebP", ".webp", "image/webp", is_webp, webp_decode, NULL, false},
    {"BMP", ".bmp", "image/bmp", is_bmp, bmp_decode, NULL, false},
    {"GIF", ".gif", "image/gif", is_gif, gif_decode, NULL, false},
    {"PNM", ".pnm .ppm .pgm .pbm",
     "image/x-portable-anymap image/x-portable-pixmap image/x-portable-graymap "
     "image/x-portable-bitmap",
     is_pnm, pnm_decode, NULL, false},
    {"HEIC", ".heic .heif .hif", "image/heic image/heif", is_heic, heic_decode, heic_missing, true},
    {"AVIF", ".avif .avifs", "image/avif", is_avif, avif_decode, avif_missing, true},
    {"TIFF", ".tif .tiff", "image/tiff", is_tiff, tiff_decode, tiff_missing, true},
    {"TGA", ".tga", "image/x-tga", is_tga, tga_decode, NULL, false},
};
enum { FORMATS = sizeof formats / sizeof *formats };

int mien_format_at(int i, mien_format *format) {
    if (!format) return err_null("mien_format_at");
    if (i < 0 || i >= FORMATS) return err_set(MIEN_EINVAL, "there is no format %d", i);
    const struct format *f = &formats[i];
    const mien_format own = {
        .name = f->name, .extensions = f->extensions, .media_types = f->media_types};
    return sized_write(format, &own, sizeof own, "mien_format");
}

const char *mien_format_missing(int i) {
    return i >= 0 && i < FORMATS && formats[i].missing ? formats[i].missing() : NULL;
}

/* Formats people have that are not read, by the bytes they begin with. */
static const struct {
    const char *name;
    int at, n; /* where the magic lies, and how long it is */
    const char *magic;
} unread[] = {
    {"JPEG XL", 0, 2, "\xff\x0a"},
    {"JPEG XL", 0, 12, "\0\0\0\x0cJXL \r\n\x87\n"},
    {"JPEG 2000", 0, 12, "\0\0\0\x0cjP  \r\n\x87\n"},
    {"JPEG 2000", 0, 4, "\xff\x4f\xff\x51"},
    {"JPEG XR", 0, 4, "II\xbc\x01"},
    {"ICO, an icon", 0, 4, "\0\0\1\0"},
    {"CUR, a mouse pointer", 0, 4, "\0\0\2\0"},
    {"ICNS, an icon", 0, 4, "icns"},
    {"PSD, a Photoshop document", 0, 4, "8BPS"},
    {"XCF, a GIMP document", 0, 8, "gimp xcf"},
    {"PDF", 0, 5, "%PDF-"},
    {"PostScript", 0, 4, "%!PS"},
    {"PostScript", 0, 4, "\xc5\xd0\xd3\xc6"},
    {"PFM", 0, 3, "PF\n"},
    {"PFM", 0, 3, "Pf\n"},
    {"PAM", 0, 3, "P7\n"},
    {"DDS", 0, 4, "DDS "},
    {"OpenEXR", 0, 4, "\x76\x2f\x31\x01"},
    {"Radiance HDR", 0, 2, "#?"},
    {"QOI", 0, 4, "qoif"},
    {"BPG", 0, 4, "BPG\xfb"},
    {"FLIF", 0, 4, "FLIF"},
    {"SGI", 0, 3, "\x01\xda\x01"},
    {"SGI", 0, 3, "\x01\xda\0"},
    {"PCX", 0, 3, "\x0a\x05\x01"},
    {"Sun raster", 0, 4, "\x59\xa6\x6a\x95"},
    {"XPM", 0, 9, "/* XPM */"},
    {"EMF", 40, 4, " EMF"},
    {"WMF", 0, 4, "\xd7\xcd\xc6\x9a"},
    {"FITS", 0, 9, "SIMPLE  ="},
    {"DICOM", 128, 4, "DICM"},
    {"a Fujifilm raw picture", 0, 15, "FUJIFILMCCD-RAW"},
    {"a video (AVI)", 8, 4, "AVI "},
    {"a video (Matroska or WebM)", 0, 4, "\x1a\x45\xdf\xa3"},
    {"a video (FLV)", 0, 4, "FLV\x01"},
    {"a video (Ogg)", 0, 4, "OggS"},
    {"a video (MPEG)", 0, 4, "\0\0\1\xba"},
    {"a video (MPEG)", 0, 4, "\0\0\1\xb3"},
    {"a video (Windows Media)", 0, 4, "\x30\x26\xb2\x75"},
    {"a video (QuickTime)", 4, 4, "moov"},
    {"a video (QuickTime)", 4, 4, "mdat"},
    {"a ZIP archive", 0, 4, "PK\3\4"},
    {"a gzip archive", 0, 2, "\x1f\x8b"},
};

/* Markup, by the first of its elements that tells what it is; both may begin with a declaration. */
static const char *markup_name(const uint8_t *b, size_t n) {
    static const struct {
        const char *name, *element;
    } known[] = {
        {"SVG", "<svg"}, {"a web page (HTML)", "<!doctype html"}, {"a web page (HTML)", "<html"}};
    size_t begin = starts(b, n, "\xef\xbb\xbf", 3) ? 3 : 0;
    while (begin < n && begin < 64 && strchr(" \t\r\n", b[begin]) && b[begin]) begin++;
    if (begin >= n || b[begin] != '<') return NULL;
    for (size_t at = begin; at < n && at < 2048; at++) {
        if (b[at] != '<') continue;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
            size_t k = 0;
            while (known[i].element[k] && at + k < n &&
                   ascii_lower((char)b[at + k]) == known[i].element[k])
                k++;
            if (!known[i].element[k]) return known[i].name;
        }
    }
    return NULL;
}

static const char *unread_name(const uint8_t *b, size_t n) {
    enum brand brand = brand_of(b, n);
    if (brand == BRAND_CR3) return "a Canon raw picture";
    if (brand == BRAND_VIDEO) return "a video (MP4 or QuickTime)";
    for (size_t i = 0; i < sizeof unread / sizeof *unread; i++) {
        size_t at = (size_t)unread[i].at;
        if (n > at && starts(b + at, n - at, unread[i].magic, (size_t)unread[i].n))
            return unread[i].name;
    }
    return markup_name(b, n);
}

/* "JPEG, PNG and so on", of all formats in the table. */
static void list_formats(char *text, size_t room, const char *last) {
    size_t at = 0;
    for (int i = 0; i < FORMATS && at < room; i++)
        at += (size_t)snprintf(text + at, room - at, "%s%s",
                               i == 0             ? ""
                               : i + 1 == FORMATS ? last
                                                  : ", ",
                               formats[i].name);
}

static int refuse(const uint8_t *bytes, size_t size) {
    const char *name = unread_name(bytes, size);
    char list[128];
    list_formats(list, sizeof list, name ? " and " : " or ");
    if (name) return err_set(MIEN_EFORMAT, "this is %s, which is not read; %s are", name, list);
    return err_set(MIEN_EFORMAT, "not a %s picture", list);
}

int format_decode(const uint8_t *bytes, size_t size, const mien_decode_options *opt,
                  mien_image **out) {
    const struct format *f = formats;
    while (f < formats + FORMATS && !f->fits(bytes, size)) f++;
    if (f == formats + FORMATS) return refuse(bytes, size);
    if (f->isolated && isolate_program()) return isolate_decode(f->name, bytes, size, opt, out);
    return f->decode(bytes, size, opt, out);
}
