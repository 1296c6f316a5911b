/*
 * codec.h - the decoders and encoders behind mien_image_decode() and mien_image_save().
 *
 * One file a format, all with the same two shapes, so that a format is a file and a row of the
 * table in formats.c. A decoder gets bytes whose magic fits its format and nothing else is known
 * about them: every one of them checks the size in the header with codec_new() before it asks for
 * memory, returns a sentence for every way a file can be broken, and never writes to stderr.
 */
#ifndef MIEN_VISION_CODEC_H
#define MIEN_VISION_CODEC_H

#include "vision/image.h"

/* Decodes bytes[0..size-1] into a new upright RGB picture. opt is not NULL and its max_pixels is
 * not 0. On failure *out is NULL. */
typedef int codec_decode_fn(const uint8_t *bytes, size_t size, const mien_decode_options *opt,
                            mien_image **out);

codec_decode_fn jpeg_decode, png_decode, webp_decode, bmp_decode, gif_decode, pnm_decode,
    heic_decode, avif_decode, tiff_decode, tga_decode;

/* Of formats whose library is opened when the first file of theirs comes: NULL where they can be
 * read here, else a sentence that says what to install. It stays. */
typedef const char *codec_missing_fn(void);

codec_missing_fn heic_missing, avif_missing, tiff_missing;

/* GIFs whose codes start at more than 8 bits, which gif_decode() leaves to this. */
codec_decode_fn gif_wide_decode;

/* Encodes img (checked by the caller) into malloc'ed *bytes, freed by the caller. On failure *bytes
 * is NULL. */
typedef int codec_encode_fn(const mien_image *img, uint8_t **bytes, size_t *size);

codec_encode_fn jpeg_encode, png_encode, webp_encode, ppm_encode;

/* MIEN_OK where a picture of width x height may be decoded; else a sentence with MIEN_EFORMAT (no
 * pixels) or MIEN_ETOOBIG. what: the format's name. */
int codec_check_size(const char *what, uint64_t width, uint64_t height,
                     const mien_decode_options *opt);

/* MIEN_OK where size bytes can hold width x height pixels at the format's best compression, at most
 * `density` pixels a byte; else MIEN_EFORMAT. Keeps a tiny file whose header lies from costing the
 * memory and time of a large picture. */
int codec_check_holds(const char *what, uint64_t width, uint64_t height, size_t size,
                      uint64_t density);

/* Asks opt->stop: MIEN_OK, or MIEN_ETOOBIG with its sentence where the caller gives up. */
int codec_check_stop(const char *what, const mien_decode_options *opt);

/* Fails with what a library says, in one line of ASCII without a full stop: it may quote the file.
 */
int codec_refuse(int code, const char *what, const char *said);

/* Bytes that grow as an encoder adds to them. Start with zeros. */
struct byte_sink {
    uint8_t *at;
    size_t n, room;
    int failed; /* 1: memory ran out, later additions are ignored */
};
void byte_sink_add(struct byte_sink *s, const void *bytes, size_t n);
/* Hands the bytes over, or frees them and returns MIEN_ENOMEM where an addition failed. */
int byte_sink_finish(struct byte_sink *s, uint8_t **bytes, size_t *size);

/* Composes a row of n RGBA pixels over white into RGB. Returns 1 where any was not opaque. */
int codec_over_white(const uint8_t *rgba, uint8_t *rgb, int n);
/* The same of colours that are multiplied by alpha already. */
int codec_premultiplied_over_white(const uint8_t *rgba, uint8_t *rgb, int n);

#endif
