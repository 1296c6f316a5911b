/*
 * The orientation of a PNG: EXIF in its own chunk, EXIF or XMP as ImageMagick's text in hexadecimal
 * ("Raw profile type ..."), or an XMP packet as international text.
 *
 * The chunks are walked by hand, because libpng asks for as much memory as a chunk's length claims
 * before it looks whether the file is that long. Only the first chunk of each kind is looked at, so
 * that a file of many costs no more than a file of one.
 */
#include "engine/err.h"
#include "vision/orientation.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define SIGNATURE   8
#define CHUNK_FRAME 12 /* length, type and checksum */
/* Text beyond this is not looked at. EXIF has at most 64 KiB, an XMP packet without a thumbnail
 * less. */
#define MAX_TEXT (1 << 20)

struct span {
    const uint8_t *at;
    size_t n;
    bool packed; /* by deflate */
};

/* The first chunk of each kind; n is 0 where there is none. */
struct notes {
    struct span exif, raw_exif, raw_app1, xmp;
};

static uint32_t be32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Takes a text and the 0 behind it off *rest. */
static bool next_text(struct span *rest, const char **text) {
    const uint8_t *end = rest->n ? memchr(rest->at, 0, rest->n) : NULL;
    if (!end) return false;
    *text = (const char *)rest->at;
    rest->n -= (size_t)(end + 1 - rest->at);
    rest->at = end + 1;
    return true;
}

/* tEXt: keyword, 0, text. zTXt: keyword, 0, method, packed text. */
static void note_text(struct notes *notes, struct span body) {
    const char *keyword;
    if (!next_text(&body, &keyword)) return;
    if (body.packed) {
        if (body.n < 1) return;
        body.at++;
        body.n--;
    }
    if (strcmp(keyword, "Raw profile type exif") == 0 && !notes->raw_exif.n)
        notes->raw_exif = body;
    else if (strcmp(keyword, "Raw profile type APP1") == 0 && !notes->raw_app1.n)
        notes->raw_app1 = body;
}

/* iTXt: keyword, 0, whether it is packed, method, language, 0, translated keyword, 0, text. */
static void note_international(struct notes *notes, struct span body) {
    const char *keyword, *language, *translated;
    if (!next_text(&body, &keyword) || strcmp(keyword, "XML:com.adobe.xmp") != 0) return;
    if (body.n < 2) return;
    body = (struct span){body.at + 2, body.n - 2, body.at[0] != 0};
    if (next_text(&body, &language) && next_text(&body, &translated) && !notes->xmp.n)
        notes->xmp = body;
}

/* Chunks behind the pixels count as well. */
static struct notes walk(const uint8_t *bytes, size_t size) {
    struct notes notes = {0};
    const uint8_t *at = bytes + SIGNATURE, *end = bytes + size;
    while (end - at >= CHUNK_FRAME) {
        uint32_t n = be32(at);
        if (n > (size_t)(end - at) - CHUNK_FRAME) break;
        struct span body = {at + 8, n, at[4] == 'z'};
        if (memcmp(at + 4, "eXIf", 4) == 0 && !notes.exif.n)
            notes.exif = body;
        else if (memcmp(at + 4, "tEXt", 4) == 0 || memcmp(at + 4, "zTXt", 4) == 0)
            note_text(&notes, body);
        else if (memcmp(at + 4, "iTXt", 4) == 0)
            note_international(&notes, body);
        at += n + CHUNK_FRAME;
    }
    return notes;
}

/* *text becomes the text itself, at most MAX_TEXT bytes of it, in room where it was packed; what
 * can be unpacked of a broken one. False where there is no memory to unpack it. */
static bool unpack(struct span *text, uint8_t *room) {
    if (text->n > MAX_TEXT) text->n = MAX_TEXT;
    if (!text->packed) return true;
    z_stream z = {.next_in = (uint8_t *)(uintptr_t)text->at,
                  .avail_in = (uInt)text->n,
                  .next_out = room,
                  .avail_out = MAX_TEXT};
    int status = inflateInit(&z);
    if (status == Z_OK) {
        status = inflate(&z, Z_FINISH);
        inflateEnd(&z);
    }
    *text = (struct span){room, MAX_TEXT - z.avail_out, false};
    return status != Z_MEM_ERROR;
}

static int hex_digit(uint8_t c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "\nNAME\n LENGTH\n", then the bytes in hexadecimal, in lines. Returns how many there are; out may
 * be where the text is. */
static size_t from_hex(struct span text, uint8_t *out) {
    size_t at = 0, n = 0;
    int high = -1;
    for (int line = 0; line < 3; line++) {
        while (at < text.n && text.at[at] != '\n') at++;
        at++;
    }
    for (; at < text.n; at++) {
        int digit = hex_digit(text.at[at]);
        if (digit < 0) continue; /* the end of a line */
        if (high < 0) {
            high = digit;
        } else {
            out[n++] = (uint8_t)(high << 4 | digit);
            high = -1;
        }
    }
    return n;
}

static bool read_raw(struct span text, uint8_t *room, int *orientation) {
    if (!unpack(&text, room)) return false;
    size_t n = from_hex(text, room);
    *orientation = exif_orientation(room, n);
    if (!*orientation) *orientation = xmp_orientation(room, n);
    return true;
}

static bool read_xmp(struct span text, uint8_t *room, int *orientation) {
    if (!unpack(&text, room)) return false;
    *orientation = xmp_orientation(text.at, text.n);
    return true;
}

int png_orientation(const uint8_t *bytes, size_t size, int *orientation) {
    struct notes notes = walk(bytes, size);
    *orientation = exif_orientation(notes.exif.at, notes.exif.n);
    if (*orientation || notes.raw_exif.n + notes.raw_app1.n + notes.xmp.n == 0) return MIEN_OK;
    uint8_t *room = malloc(MAX_TEXT);
    bool ok = room != NULL;
    if (ok && notes.raw_exif.n) ok = read_raw(notes.raw_exif, room, orientation);
    if (ok && !*orientation && notes.raw_app1.n) ok = read_raw(notes.raw_app1, room, orientation);
    if (ok && !*orientation && notes.xmp.n) ok = read_xmp(notes.xmp, room, orientation);
    free(room);
    return ok ? MIEN_OK : err_set(MIEN_ENOMEM, "PNG: no memory to read which way is up");
}
