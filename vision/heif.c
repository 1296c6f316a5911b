/*
 * HEIC and AVIF through libheif, which is opened when the first such file comes.
 *
 * What libheif's headers declare is declared here as far as it is used, so that nothing of it is
 * needed to build. The picture's own turns and mirrors (irot, imir) are the whole of its
 * orientation: EXIF's is a copy for programs that do not know them (ISO/IEC 23008-12, 6.5.10), so
 * libheif applies the former and nobody the latter. libheif cannot be told to give up, but it asks
 * for the bytes of each tile as it comes to it: it gets padding then, of which there is no
 * picture: an error it would not take, but abort().
 */
#include "engine/err.h"
#include "engine/library.h"
#include "vision/codec.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libheif/heif.h of version 1.13, which later ones keep to. */
enum { COLORSPACE_RGB = 1, CHROMA_RGB = 10, CHROMA_RGBA = 11, CHANNEL_INTERLEAVED = 10 };
enum { COMPRESSION_HEVC = 1, COMPRESSION_AV1 = 4 };
enum { ERROR_MEMORY = 6, SECURITY_LIMIT = 1000 };
enum { SIZE_REACHED = 0, SIZE_BEYOND_EOF = 2 };

struct heif_error {
    int code, subcode;
    const char *message;
};

struct heif_reader {
    int version;
    int64_t (*get_position)(void *user);
    int (*read)(void *data, size_t size, void *user);
    int (*seek)(int64_t position, void *user);
    int (*wait_for_file_size)(int64_t size, void *user);
};

/* Made by libheif only, which may append to it. */
struct heif_decoding_options {
    uint8_t version, ignore_transformations;
    void *progress[4];           /* three functions, and what they get */
    uint8_t convert_hdr_to_8bit; /* since version 2 */
};

struct heif_context;
struct heif_handle;
struct heif_image;

struct libheif {
    struct heif_context *(*context_alloc)(void);
    void (*context_free)(struct heif_context *);
    void (*set_max_decoding_threads)(struct heif_context *, int);
    void (*set_maximum_image_size_limit)(struct heif_context *, int side);
    struct heif_error (*read_from_reader)(struct heif_context *, const struct heif_reader *,
                                          void *user, const void *options);
    struct heif_error (*get_primary_image_handle)(struct heif_context *, struct heif_handle **);
    void (*handle_release)(const struct heif_handle *);
    int (*handle_get_width)(const struct heif_handle *);
    int (*handle_get_height)(const struct heif_handle *);
    int (*handle_has_alpha_channel)(const struct heif_handle *);
    int (*handle_is_premultiplied_alpha)(const struct heif_handle *);
    struct heif_decoding_options *(*decoding_options_alloc)(void);
    void (*decoding_options_free)(struct heif_decoding_options *);
    struct heif_error (*decode_image)(const struct heif_handle *, struct heif_image **,
                                      int colorspace, int chroma,
                                      const struct heif_decoding_options *);
    int (*image_get_width)(const struct heif_image *, int channel);
    int (*image_get_height)(const struct heif_image *, int channel);
    const uint8_t *(*image_get_plane_readonly)(const struct heif_image *, int channel, int *pitch);
    void (*image_release)(const struct heif_image *);
    int (*have_decoder_for_format)(int compression);
};

static struct libheif lib;
static char heic_lacks[160], avif_lacks[160]; /* sentences; empty: nothing */

static void open_library(void) {
    static const struct library_function functions[] = {
        {"heif_context_alloc", offsetof(struct libheif, context_alloc)},
        {"heif_context_free", offsetof(struct libheif, context_free)},
        {"heif_context_set_max_decoding_threads",
         offsetof(struct libheif, set_max_decoding_threads)},
        {"heif_context_set_maximum_image_size_limit",
         offsetof(struct libheif, set_maximum_image_size_limit)},
        {"heif_context_read_from_reader", offsetof(struct libheif, read_from_reader)},
        {"heif_context_get_primary_image_handle",
         offsetof(struct libheif, get_primary_image_handle)},
        {"heif_image_handle_release", offsetof(struct libheif, handle_release)},
        {"heif_image_handle_get_width", offsetof(struct libheif, handle_get_width)},
        {"heif_image_handle_get_height", offsetof(struct libheif, handle_get_height)},
        {"heif_image_handle_has_alpha_channel", offsetof(struct libheif, handle_has_alpha_channel)},
        {"heif_image_handle_is_premultiplied_alpha",
         offsetof(struct libheif, handle_is_premultiplied_alpha)},
        {"heif_decoding_options_alloc", offsetof(struct libheif, decoding_options_alloc)},
        {"heif_decoding_options_free", offsetof(struct libheif, decoding_options_free)},
        {"heif_decode_image", offsetof(struct libheif, decode_image)},
        {"heif_image_get_width", offsetof(struct libheif, image_get_width)},
        {"heif_image_get_height", offsetof(struct libheif, image_get_height)},
        {"heif_image_get_plane_readonly", offsetof(struct libheif, image_get_plane_readonly)},
        {"heif_image_release", offsetof(struct libheif, image_release)},
        {"heif_have_decoder_for_format", offsetof(struct libheif, have_decoder_for_format)},
        {NULL, 0}};
    static const char *const names[] = {"libheif.so.1", NULL};
    static const char lacks[] = "%s is read by libheif 1.13 or later, which is not installed here "
                                "(Debian, Ubuntu: apt-get install libheif1)";
    static const char lacks_codec[] = "%s is read by libheif, which has no decoder for it here "
                                      "(Debian, Ubuntu: apt-get install libheif-plugin-%s)";
    if (library_open("libheif", "MIEN_LIBHEIF", names, functions, &lib) != MIEN_OK) {
        snprintf(heic_lacks, sizeof heic_lacks, lacks, "HEIC");
        snprintf(avif_lacks, sizeof avif_lacks, lacks, "AVIF");
        return;
    }
    if (!lib.have_decoder_for_format(COMPRESSION_HEVC))
        snprintf(heic_lacks, sizeof heic_lacks, lacks_codec, "HEIC", "libde265");
    if (!lib.have_decoder_for_format(COMPRESSION_AV1))
        snprintf(avif_lacks, sizeof avif_lacks, lacks_codec, "AVIF", "dav1d");
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

const char *heic_missing(void) {
    pthread_once(&once, open_library);
    return *heic_lacks ? heic_lacks : NULL;
}

const char *avif_missing(void) {
    pthread_once(&once, open_library);
    return *avif_lacks ? avif_lacks : NULL;
}

/* The bytes, as a file that libheif reads, and what came of asking to stop. */
struct source {
    const uint8_t *bytes;
    size_t size, at;
    const char *what;
    const mien_decode_options *opt;
    int stopped;
};

static int64_t on_position(void *user) {
    return (int64_t)((const struct source *)user)->at;
}

/* Data in which there is no picture, and of which no codec complains aloud: AV1's padding (OBUs of
 * type 15 and no bytes, AV1 5.3.2), which as the length of HEVC's first unit is far too long. */
static void fill(uint8_t *to, size_t n) {
    for (size_t i = 0; i < n; i++) to[i] = (n - i) % 2 ? 0 : 0x7a;
    if (n >= 3 && n % 2) memcpy(to, "\x7a\1", 3); /* one of a byte */
}

static int on_read(void *to, size_t n, void *user) {
    struct source *s = user;
    if (!s->stopped) s->stopped = codec_check_stop(s->what, s->opt);
    if (n > s->size - s->at) return -1;
    if (s->stopped)
        fill(to, n);
    else if (n) /* to is NULL where there is nothing to read */
        memcpy(to, s->bytes + s->at, n);
    s->at += n;
    return 0;
}

static int on_seek(int64_t position, void *user) {
    struct source *s = user;
    if (position < 0 || (uint64_t)position > s->size) return -1;
    s->at = (size_t)position;
    return 0;
}

static int on_wait(int64_t size, void *user) {
    const struct source *s = user;
    return size >= 0 && (uint64_t)size <= s->size ? SIZE_REACHED : SIZE_BEYOND_EOF;
}

/* libheif's answer as ours. */
static int check(const struct source *s, struct heif_error e) {
    if (s->stopped) return s->stopped; /* its sentence is there */
    if (e.code == 0) return MIEN_OK;
    if (e.code == ERROR_MEMORY && e.subcode != SECURITY_LIMIT)
        return err_set(MIEN_ENOMEM, "%s: no memory to decode it", s->what);
    return codec_refuse(e.subcode == SECURITY_LIMIT ? MIEN_ETOOBIG : MIEN_EFORMAT, s->what,
                        e.message ? e.message : "the data is broken");
}

/* Pixels as libheif gives them into a new picture. */
static int copy_pixels(const struct source *s, const struct heif_image *from, bool alpha,
                       bool premultiplied, mien_image **out) {
    int pitch, w = lib.image_get_width(from, CHANNEL_INTERLEAVED);
    int h = lib.image_get_height(from, CHANNEL_INTERLEAVED);
    const uint8_t *rows = lib.image_get_plane_readonly(from, CHANNEL_INTERLEAVED, &pitch);
    if (!rows || w < 1 || h < 1) return err_set(MIEN_EFORMAT, "%s: there are no pixels", s->what);
    int rc = codec_check_size(s->what, (uint64_t)w, (uint64_t)h, s->opt);
    if (rc == MIEN_OK) rc = mien_image_new(w, h, out);
    for (int y = 0; y < h && rc == MIEN_OK; y++) {
        const uint8_t *row = rows + (ptrdiff_t)y * pitch;
        uint8_t *to = (*out)->pixels + y * (*out)->pitch;
        if (!alpha)
            memcpy(to, row, 3 * (size_t)w);
        else if (premultiplied)
            (*out)->has_alpha |= codec_premultiplied_over_white(row, to, w);
        else
            (*out)->has_alpha |= codec_over_white(row, to, w);
    }
    return rc;
}

static int decode_handle(const struct source *s, const struct heif_handle *handle,
                         mien_image **out) {
    int w = lib.handle_get_width(handle), h = lib.handle_get_height(handle);
    int rc = codec_check_size(s->what, w > 0 ? (uint64_t)w : 0, h > 0 ? (uint64_t)h : 0, s->opt);
    if (rc != MIEN_OK) return rc;
    struct heif_decoding_options *options = lib.decoding_options_alloc();
    if (!options) return err_set(MIEN_ENOMEM, "%s: no memory for the decoder", s->what);
    options->ignore_transformations = s->opt->keep_orientation != 0;
    if (options->version >= 2) options->convert_hdr_to_8bit = 1;
    bool alpha = lib.handle_has_alpha_channel(handle);
    struct heif_image *image = NULL;
    rc = check(s, lib.decode_image(handle, &image, COLORSPACE_RGB, alpha ? CHROMA_RGBA : CHROMA_RGB,
                                   options));
    if (rc == MIEN_OK)
        rc = copy_pixels(s, image, alpha, lib.handle_is_premultiplied_alpha(handle), out);
    if (image) lib.image_release(image);
    lib.decoding_options_free(options);
    return rc;
}

/* Sides of a picture and of its tiles, which no real one exceeds. */
enum { MOST_SIDE = 1 << 15 };

static int decode(struct source *s, struct heif_context *context, mien_image **out) {
    static const struct heif_reader reader = {1, on_position, on_read, on_seek, on_wait};
    struct heif_handle *handle = NULL;
    uint64_t side = s->opt->max_pixels < MOST_SIDE ? s->opt->max_pixels : MOST_SIDE;
    lib.set_maximum_image_size_limit(context, (int)side);
    lib.set_max_decoding_threads(context, 0); /* the caller's thread, as every decoder here */
    int rc = check(s, lib.read_from_reader(context, &reader, s, NULL));
    if (rc == MIEN_OK) rc = check(s, lib.get_primary_image_handle(context, &handle));
    if (rc == MIEN_OK) rc = decode_handle(s, handle, out);
    if (handle) lib.handle_release(handle);
    return rc;
}

static int decode_as(const char *what, const char *missing, const uint8_t *bytes, size_t size,
                     const mien_decode_options *opt, mien_image **out) {
    struct source s = {.bytes = bytes, .size = size, .what = what, .opt = opt};
    *out = NULL;
    if (missing) return err_set(MIEN_EFORMAT, "this is %s; %s", what, missing);
    struct heif_context *context = lib.context_alloc();
    if (!context) return err_set(MIEN_ENOMEM, "%s: no memory for the decoder", what);
    int rc = decode(&s, context, out);
    lib.context_free(context);
    if (rc == MIEN_OK) return rc;
    mien_image_free(*out);
    *out = NULL;
    return rc;
}

int heic_decode(const uint8_t *bytes, size_t size, const mien_decode_options *opt,
                mien_image **out) {
    return decode_as("HEIC", heic_missing(), bytes, size, opt, out);
}

int avif_decode(const uint8_t *bytes, size_t size, const mien_decode_options *opt,
                mien_image **out) {
    return decode_as("AVIF", avif_missing(), bytes, size, opt, out);
}
