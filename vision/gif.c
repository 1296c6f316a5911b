/*
 * GIF through giflib: the first frame, on the screen it belongs to.
 *
 * giflib's reader of whole files would hold every frame of an animation; here it is asked for the
 * rows of one. The screen grows where the frame is larger, and what the frame leaves bare is
 * transparent where the frame has a transparent colour and of colour 0 where not, both as Pillow
 * shows it. Format: https://www.w3.org/Graphics/GIF/spec-gif89a.txt
 */
#include "engine/err.h"
#include "vision/codec.h"

#include <gif_lib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The most pixels a byte can hold: a string of 4096 a code of 12 bits. */
#define DENSITY 4096

struct feed {
    const uint8_t *at;
    size_t left;
    bool wide; /* giflib stopped at a frame whose codes start at more than 8 bits */
};

static int on_read(GifFileType *gif, GifByteType *to, int want) {
    struct feed *f = gif->UserData;
    size_t n = (size_t)want < f->left ? (size_t)want : f->left;
    if (n) memcpy(to, f->at, n);
    f->at += n;
    f->left -= n;
    return (int)n;
}

static int fail(int code) {
    switch (code) {
    case D_GIF_ERR_NOT_ENOUGH_MEM: return err_set(MIEN_ENOMEM, "GIF: no memory to decode it");
    case D_GIF_ERR_READ_FAILED:
    case D_GIF_ERR_EOF_TOO_SOON:
        return err_set(MIEN_EFORMAT, "GIF: the data ends before the picture does");
    default: return err_set(MIEN_EFORMAT, "GIF: the data is corrupt");
    }
}

/* Reads an extension; one for graphics may name the transparent colour. */
static bool read_extension(GifFileType *gif, int *transparent) {
    int kind;
    GifByteType *block;
    if (DGifGetExtension(gif, &kind, &block) == GIF_ERROR) return false;
    if (kind == GRAPHICS_EXT_FUNC_CODE && block) {
        GraphicsControlBlock control;
        if (DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
            *transparent = control.TransparentColor;
    }
    while (block)
        if (DGifGetExtensionNext(gif, &block) == GIF_ERROR) return false;
    return true;
}

/* Goes to the first frame's pixels. Bytes that begin no record are passed over. */
static int find_frame(GifFileType *gif, int *transparent) {
    *transparent = NO_TRANSPARENT_COLOR;
    for (;;) {
        GifRecordType record;
        if (DGifGetRecordType(gif, &record) == GIF_ERROR) {
            if (gif->Error == D_GIF_ERR_WRONG_RECORD) continue;
            return fail(gif->Error);
        }
        if (record == IMAGE_DESC_RECORD_TYPE) {
            if (DGifGetImageDesc(gif) == GIF_OK) return MIEN_OK;
            struct feed *f = gif->UserData;
            f->wide = f->at[-1] > 8 && f->at[-1] < 12; /* the size of codes is read last */
            return fail(gif->Error);
        }
        if (record == TERMINATE_RECORD_TYPE)
            return err_set(MIEN_EFORMAT, "GIF: there is no picture in it");
        if (record == EXTENSION_RECORD_TYPE && !read_extension(gif, transparent))
            return fail(gif->Error);
    }
}

/* RGB of every index: white for the transparent one, greys where the file has no colours. */
static void make_palette(const GifFileType *gif, int transparent, uint8_t palette[256][3]) {
    const ColorMapObject *map = gif->Image.ColorMap ? gif->Image.ColorMap : gif->SColorMap;
    memset(palette, 0, sizeof(uint8_t[256][3]));
    for (int i = 0; i < 256; i++) {
        if (i == transparent || !map)
            memset(palette[i], i == transparent ? 255 : i, 3);
        else if (i < map->ColorCount)
            memcpy(palette[i],
                   (uint8_t[]){map->Colors[i].Red, map->Colors[i].Green, map->Colors[i].Blue}, 3);
    }
}

/* The row of the frame that is stored after row y, -1 after the last. *pass starts at 0. */
static int next_row(int y, int height, bool interlaced, int *pass) {
    static const int first[] = {0, 4, 2, 1}, step[] = {8, 8, 4, 2};
    if (!interlaced) return y + 1 < height ? y + 1 : -1;
    y += step[*pass];
    while (y >= height && *pass < 3) y = first[++*pass];
    return y < height ? y : -1;
}

static int read_frame(GifFileType *gif, int transparent, const mien_decode_options *opt,
                      mien_image *img) {
    const GifImageDesc *frame = &gif->Image;
    uint8_t palette[256][3];
    int pass = 0, rc = MIEN_OK;
    uint8_t *row = malloc((size_t)frame->Width);
    if (!row) return err_set(MIEN_ENOMEM, "GIF: no memory for a row");
    make_palette(gif, transparent, palette);
    int bare = transparent >= 0 ? transparent : 0;
    img->has_alpha = transparent >= 0 && (frame->Width < img->width || frame->Height < img->height);
    for (ptrdiff_t i = 0; i < (ptrdiff_t)img->width * img->height; i++)
        memcpy(img->pixels + 3 * i, palette[bare], 3); /* rows of a new image follow each other */
    for (int y = 0; y >= 0; y = next_row(y, frame->Height, frame->Interlace, &pass)) {
        rc = codec_check_stop("GIF", opt);
        if (!rc && DGifGetLine(gif, row, frame->Width) == GIF_ERROR) rc = fail(gif->Error);
        if (rc) break;
        uint8_t *rgb = img->pixels + (frame->Top + (ptrdiff_t)y) * img->pitch + 3 * frame->Left;
        for (int x = 0; x < frame->Width; x++) {
            memcpy(rgb + 3 * (ptrdiff_t)x, palette[row[x]], 3);
            img->has_alpha |= row[x] == transparent;
        }
    }
    free(row);
    return rc;
}

static int decode(GifFileType *gif, size_t size, const mien_decode_options *opt, mien_image **img) {
    int transparent, rc = MIEN_OK;
    /* A frame may need no more room than the screen, but never has less. */
    if (gif->SWidth > 0 && gif->SHeight > 0)
        rc = codec_check_size("GIF", (uint64_t)gif->SWidth, (uint64_t)gif->SHeight, opt);
    if (rc == MIEN_OK) rc = find_frame(gif, &transparent);
    if (rc != MIEN_OK) return rc;
    const GifImageDesc *frame = &gif->Image;
    if (frame->Width < 1 || frame->Height < 1)
        return err_set(MIEN_EFORMAT, "GIF: the first frame is empty");
    int right = frame->Left + frame->Width, bottom = frame->Top + frame->Height;
    int w = right > gif->SWidth ? right : gif->SWidth;
    int h = bottom > gif->SHeight ? bottom : gif->SHeight;
    rc = codec_check_size("GIF", (uint64_t)w, (uint64_t)h, opt);
    if (rc == MIEN_OK) rc = codec_check_holds("GIF", (uint64_t)w, (uint64_t)h, size, DENSITY);
    if (rc == MIEN_OK) rc = mien_image_new(w, h, img);
    return rc == MIEN_OK ? read_frame(gif, transparent, opt, *img) : rc;
}

int gif_decode(const uint8_t *bytes, size_t size, const mien_decode_options *opt,
               mien_image **out) {
    struct feed f = {.at = bytes, .left = size};
    mien_image *img = NULL;
    int code = 0;
    *out = NULL;
    GifFileType *gif = DGifOpen(&f, on_read, &code);
    if (!gif)
        return code == D_GIF_ERR_NOT_ENOUGH_MEM
                   ? fail(code)
                   : err_set(MIEN_EFORMAT, "GIF: the header is broken or cut off");
    int rc = decode(gif, size, opt, &img);
    DGifCloseFile(gif, NULL);
    if (f.wide) return gif_wide_decode(bytes, size, opt, out);
    if (rc == MIEN_OK)
        *out = img;
    else
        mien_image_free(img);
    return rc;
}
