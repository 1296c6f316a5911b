/*
 * JPEG through libjpeg-turbo.
 *
 * libjpeg reports broken data as warnings and returns grey pixels. A face found in half a picture
 * is worse than an error, so the warnings that mean "pixels are missing or wrong" end the decoding
 * here, and harmless ones (bytes between markers, an odd Adobe tag) are passed over.
 */
#include "engine/err.h"
#include "vision/codec.h"
#include "vision/orientation.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* jpeglib.h first: the message codes of jerror.h depend on what it defines. */
/* clang-format off */
#include <jpeglib.h>
#include <jerror.h>
/* clang-format on */

#define QUALITY 92
/* A small file can hold thousands of scans, each of which costs as much as a picture. Real
 * progressive files have about ten; any number of pixels may have FREE_SCANS, and few pixels as
 * many as MAX_WORK leaves them. */
#define MAX_SCANS  500
#define FREE_SCANS 32
#define MAX_WORK   1000000000 /* pixels of all scans */
#define STRIP      16         /* rows decoded at once; what a 4:2:0 MCU row holds */

struct decoder {
    struct jpeg_decompress_struct c;
    struct jpeg_error_mgr errors;
    struct jpeg_progress_mgr progress;
    jmp_buf failed;
    int rc;
    bool gathering; /* all scans of a file with several are being read */
    bool salvage;   /* what is missing is to be left grey */
    bool cut;       /* something is missing */
    int rows;       /* that were whole before it was, in the size of the original */
    const mien_decode_options *opt;
    int scans;                /* that have begun */
    uint64_t scan[MAX_SCANS]; /* what each of them gives */
    uint8_t *strip;
    mien_image *img;
};

static struct decoder *decoder_of(j_common_ptr c) {
    return c->client_data;
}

static void fail(j_common_ptr c) {
    char text[JMSG_LENGTH_MAX];
    struct decoder *d = decoder_of(c);
    c->err->format_message(c, text);
    if (c->err->msg_code == JERR_OUT_OF_MEMORY)
        d->rc = err_set(MIEN_ENOMEM, "JPEG: no memory to decode it");
    else
        d->rc = err_set(MIEN_EFORMAT, "JPEG: %s", text);
    longjmp(d->failed, 1);
}

/* Notes where the data ends and lets libjpeg go on, which decodes what is missing to grey. */
static void note_cut(struct decoder *d) {
    const struct jpeg_decompress_struct *c = &d->c;
    if (d->cut) return;
    d->cut = true;
    d->rows = (int)c->input_iMCU_row * c->max_v_samp_factor * DCTSIZE;
    /* All rows are there of the scans before this one. */
    if (c->input_scan_number > 1 || d->rows > (int)c->image_height) d->rows = (int)c->image_height;
}

static void on_message(j_common_ptr c, int level) {
    struct decoder *d = decoder_of(c);
    if (level >= 0 || d->cut) return; /* a trace message, or of zeros behind the end */
    switch (c->err->msg_code) {
    case JWRN_JPEG_EOF:
        /* The end marker is missing. That is all where rows come straight from the one scan, but of
           several scans it may be the last ones that are gone. Arithmetic decoding says no more
           than this when it meets the end, and reads a little ahead. */
        if (!d->gathering && (!d->c.arith_code || d->c.input_iMCU_row + 1 >= d->c.total_iMCU_rows))
            return;
        break;
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_ARITH_BAD_CODE:
    case JWRN_MUST_RESYNC: break;
    default: return;
    }
    bool cut = c->err->msg_code == JWRN_JPEG_EOF || c->err->msg_code == JWRN_HIT_MARKER;
    if (cut && d->salvage) {
        note_cut(d);
        if (d->rows > 0) return;
    }
    d->rc = err_set(MIEN_EFORMAT, cut ? "JPEG: the data ends before the picture does"
                                      : "JPEG: the data is corrupt");
    longjmp(d->failed, 1);
}

static void on_output(j_common_ptr c) {
    (void)c;
}

/* Components, coefficients and bits of the scan that begins, as one number. */
static uint64_t scan_of(const struct jpeg_decompress_struct *c) {
    uint64_t components = 0;
    for (int i = 0; i < c->comps_in_scan; i++)
        components |= 1u << c->cur_comp_info[i]->component_index;
    return components << 32 | (uint64_t)c->Ss << 24 | (uint64_t)c->Se << 16 | (uint64_t)c->Ah << 8 |
           (uint64_t)c->Al;
}

/* A scan that gives again what one has given is there to cost time. */
static int begin_scan(struct decoder *d) {
    uint64_t pixels = (uint64_t)d->c.image_width * d->c.image_height, scan = scan_of(&d->c);
    uint64_t most = MAX_WORK / pixels > FREE_SCANS ? MAX_WORK / pixels : FREE_SCANS;
    if (most > MAX_SCANS) most = MAX_SCANS;
    if ((uint64_t)d->scans >= most)
        return err_set(MIEN_EFORMAT, "JPEG: more than %d scans of %llu pixels", (int)most,
                       (unsigned long long)pixels);
    for (int i = 0; i < d->scans; i++)
        if (d->scan[i] == scan) return err_set(MIEN_EFORMAT, "JPEG: scan %d is repeated", i + 1);
    d->scan[d->scans++] = scan;
    return MIEN_OK;
}

/* For each row of blocks, and where a scan begins. */
static void on_progress(j_common_ptr common) {
    struct decoder *d = decoder_of(common);
    d->rc = codec_check_stop("JPEG", d->opt);
    if (d->rc == MIEN_OK && d->c.input_scan_number > d->scans) d->rc = begin_scan(d);
    if (d->rc != MIEN_OK) longjmp(d->failed, 1);
}

static int orientation_of(const struct jpeg_decompress_struct *c) {
    for (jpeg_saved_marker_ptr m = c->marker_list; m; m = m->next)
        if (m->marker == JPEG_APP0 + 1 && m->data_length >= 6 && m->data[0] == 'E' &&
            m->data[1] == 'x' && m->data[2] == 'i' && m->data[3] == 'f')
            return exif_orientation(m->data, m->data_length);
    return 0;
}

/* Pixels of a side decoded at 1/k. */
static uint64_t reduced(unsigned side, unsigned k) {
    return (side - 1) / k + 1;
}

/* The largest of 1, 2, 4, 8 that leaves the long side at min_side or more; where the picture may be
 * shrunk to the limit, the smallest that does at least. */
static unsigned reduction(j_decompress_ptr c, const mien_decode_options *opt) {
    unsigned w = c->image_width, h = c->image_height, side = w > h ? w : h, k = 1;
    if (w == 0 || h == 0) return 1;
    while (opt->min_side > 0 && k < 8 && reduced(side, 2 * k) >= (unsigned)opt->min_side) k *= 2;
    /* The coefficients of several scans are held for all pixels, whatever the scale. */
    if (!opt->shrink_to_limit || jpeg_has_multiple_scans(c)) return k;
    while (k < 8 && reduced(w, k) * reduced(h, k) > opt->max_pixels) k *= 2;
    return k;
}

/* The limit holds for the original, or for what is decoded where it may be shrunk. */
static int check_size(j_decompress_ptr c, unsigned k, const mien_decode_options *opt) {
    unsigned w = c->image_width, h = c->image_height;
    bool fits = opt->shrink_to_limit && !jpeg_has_multiple_scans(c) && w > 0 && h > 0 &&
                reduced(w, k) * reduced(h, k) <= opt->max_pixels;
    return fits ? MIEN_OK : codec_check_size("JPEG", w, h, opt);
}

/* The most pixels a byte can hold: a Huffman-coded 8x8 block takes at least a bit. */
static uint64_t density(const struct jpeg_decompress_struct *c) {
    uint64_t blocks = 0;
    for (int i = 0; i < c->num_components; i++)
        blocks += (uint64_t)c->comp_info[i].width_in_blocks * c->comp_info[i].height_in_blocks;
    uint64_t pixels = (uint64_t)c->image_width * c->image_height;
    return blocks ? pixels * 8 / blocks + 1 : pixels;
}

/* Ink to light. Adobe's programs store CMYK inverted and say so with their marker. */
static void cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, int n, bool inverted) {
    unsigned flip = inverted ? 0 : 255;
    for (int i = 0; i < n; i++, cmyk += 4, rgb += 3) {
        unsigned k = cmyk[3] ^ flip;
        for (int j = 0; j < 3; j++) rgb[j] = (uint8_t)(((cmyk[j] ^ flip) * k + 127) / 255);
    }
}

/* Decodes all rows, strip by strip so that turning a picture upright needs no second one. */
static void read_rows(struct decoder *d, int orientation) {
    struct jpeg_decompress_struct *c = &d->c;
    int w = (int)c->output_width, h = (int)c->output_height;
    bool cmyk = c->out_color_space == JCS_CMYK, direct = orientation <= 1 && !cmyk;
    size_t row_bytes = (size_t)w * (size_t)c->output_components;
    if (!direct) {
        d->strip = malloc(STRIP * row_bytes);
        if (!d->strip) {
            d->rc = err_set(MIEN_ENOMEM, "JPEG: no memory for %d rows", STRIP);
            longjmp(d->failed, 1);
        }
    }
    while ((int)c->output_scanline < h) {
        int y0 = (int)c->output_scanline, n = 0, want = h - y0 < STRIP ? h - y0 : STRIP;
        uint8_t *base = direct ? d->img->pixels + (size_t)y0 * (size_t)d->img->pitch : d->strip;
        size_t pitch = direct ? (size_t)d->img->pitch : row_bytes;
        while (n < want) {
            JSAMPROW rows[STRIP];
            for (int i = n; i < want; i++) rows[i] = base + (size_t)i * pitch;
            n += (int)jpeg_read_scanlines(c, rows + n, (JDIMENSION)(want - n));
        }
        if (direct) continue;
        if (cmyk) /* in place: a row shrinks to three quarters */
            for (int i = 0; i < n; i++) {
                uint8_t *row = d->strip + (size_t)i * row_bytes;
                cmyk_to_rgb(row, row, w, c->saw_Adobe_marker);
            }
        orientation_place(d->strip, (ptrdiff_t)row_bytes, w, h, y0, n, orientation, d->img);
    }
}

static int decode(struct decoder *d, const uint8_t *bytes, size_t size,
                  const mien_decode_options *opt) {
    struct jpeg_decompress_struct *c = &d->c;
    jpeg_mem_src(c, bytes, (unsigned long)size);
    jpeg_save_markers(c, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(c, TRUE);
    int fw = (int)c->image_width, fh = (int)c->image_height;
    unsigned k = reduction(c, opt);
    int rc = check_size(c, k, opt);
    if (rc == MIEN_OK && !c->arith_code)
        rc = codec_check_holds("JPEG", c->image_width, c->image_height, size, density(c));
    if (rc != MIEN_OK) return rc;

    int orientation = opt->keep_orientation ? 1 : orientation_of(c);
    int swap = orientation_swaps(orientation);
    c->scale_num = 1;
    c->scale_denom = k;
    if (c->jpeg_color_space == JCS_CMYK || c->jpeg_color_space == JCS_YCCK)
        c->out_color_space = JCS_CMYK;
    else
        c->out_color_space = JCS_RGB;
    d->salvage = opt->salvage;
    d->gathering = jpeg_has_multiple_scans(c);
    jpeg_start_decompress(c);
    d->gathering = false;
    int w = (int)c->output_width, h = (int)c->output_height;
    rc = mien_image_new(swap ? h : w, swap ? w : h, &d->img);
    if (rc != MIEN_OK) return rc;
    d->img->full_width = swap ? fh : fw;
    d->img->full_height = swap ? fw : fh;
    read_rows(d, orientation);
    if (d->cut && d->rows < fh)
        snprintf(d->img->warning, sizeof d->img->warning,
                 "JPEG: the data ends at row %d of %d; the rest is grey", d->rows, fh);
    else if (d->cut)
        snprintf(d->img->warning, sizeof d->img->warning,
                 "JPEG: the data ends early; what there is of every row is shown");
    return MIEN_OK;
}

int jpeg_decode(const uint8_t *bytes, size_t size, const mien_decode_options *opt,
                mien_image **out) {
    struct decoder *d =
        calloc(1, sizeof *d); /* on the heap: it changes between setjmp and longjmp */
    *out = NULL;
    if (!d) return err_set(MIEN_ENOMEM, "JPEG: no memory for the decoder");
    d->c.err = jpeg_std_error(&d->errors);
    d->errors.error_exit = fail;
    d->errors.emit_message = on_message;
    d->errors.output_message = on_output;
    d->c.client_data = d;
    if (setjmp(d->failed) == 0) {
        jpeg_create_decompress(&d->c);
        d->progress.progress_monitor = on_progress;
        d->c.progress = &d->progress;
        d->opt = opt;
        d->rc = decode(d, bytes, size, opt);
    }
    int rc = d->rc;
    if (rc == MIEN_OK)
        *out = d->img;
    else
        mien_image_free(d->img);
    jpeg_destroy_decompress(&d->c);
    free(d->strip);
    free(d);
    return rc;
}

struct encoder {
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr dest;
    jmp_buf failed;
    struct byte_sink sink;
    uint8_t buffer[1 << 14];
};

static void encode_fail(j_common_ptr c) {
    char text[JMSG_LENGTH_MAX];
    c->err->format_message(c, text);
    err_set(MIEN_EUNSUPPORTED, "JPEG: %s", text);
    longjmp(((struct encoder *)c->client_data)->failed, 1);
}

static void dest_start(j_compress_ptr c) {
    struct encoder *e = c->client_data;
    e->dest.next_output_byte = e->buffer;
    e->dest.free_in_buffer = sizeof e->buffer;
}

static boolean dest_full(j_compress_ptr c) {
    struct encoder *e = c->client_data;
    byte_sink_add(&e->sink, e->buffer, sizeof e->buffer);
    dest_start(c);
    return TRUE;
}

static void dest_end(j_compress_ptr c) {
    struct encoder *e = c->client_data;
    byte_sink_add(&e->sink, e->buffer, sizeof e->buffer - e->dest.free_in_buffer);
}

static void encode(struct encoder *e, const mien_image *img) {
    struct jpeg_compress_struct *c = &e->c;
    jpeg_create_compress(c);
    e->dest.init_destination = dest_start;
    e->dest.empty_output_buffer = dest_full;
    e->dest.term_destination = dest_end;
    c->dest = &e->dest;
    c->image_width = (JDIMENSION)img->width;
    c->image_height = (JDIMENSION)img->height;
    c->input_components = 3;
    c->in_color_space = JCS_RGB;
    jpeg_set_defaults(c);
    jpeg_set_quality(c, QUALITY, TRUE);
    c->optimize_coding = TRUE;
    jpeg_start_compress(c, TRUE);
    while (c->next_scanline < c->image_height) {
        JSAMPROW row = img->pixels + (ptrdiff_t)c->next_scanline * img->pitch;
        jpeg_write_scanlines(c, &row, 1);
    }
    jpeg_finish_compress(c);
}

int jpeg_encode(const mien_image *img, uint8_t **bytes, size_t *size) {
    *bytes = NULL;
    if (img->width > JPEG_MAX_DIMENSION || img->height > JPEG_MAX_DIMENSION)
        return err_set(MIEN_EUNSUPPORTED, "JPEG holds at most %ldx%ld pixels, not %dx%d",
                       (long)JPEG_MAX_DIMENSION, (long)JPEG_MAX_DIMENSION, img->width, img->height);
    struct encoder *e = calloc(1, sizeof *e);
    if (!e) return err_set(MIEN_ENOMEM, "JPEG: no memory for the encoder");
    e->c.err = jpeg_std_error(&e->errors);
    e->errors.error_exit = encode_fail;
    e->errors.output_message = on_output;
    e->c.client_data = e;
    int rc = MIEN_EUNSUPPORTED;
    if (setjmp(e->failed) == 0) {
        encode(e, img);
        rc = byte_sink_finish(&e->sink, bytes, size);
    } else {
        free(e->sink.at);
    }
    jpeg_destroy_compress(&e->c);
    free(e);
    return rc;
}
