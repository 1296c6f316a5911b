/*
 * isolate.h - decoding in a process of its own, for libraries that cannot be trusted with ours.
 *
 * libheif and libtiff end the process they run in on some faults of their own and where memory runs
 * out, and cannot always be told to give up. So the program `mien-decode` (vision/child/main.c)
 * runs them: it gets the file's bytes on standard input, leaves an answer on standard output, both
 * of which are memory (memfd_create), and holds the writing end of a pipe as descriptor 3 as long
 * as it lives. It can be ended at any time, has limits on memory, and whatever it answers is
 * checked like a file. It costs some milliseconds a picture, which such formats take ten times
 * over.
 *
 * The program is looked for beside the library or the program that runs and in ../libexec/mien;
 * $MIEN_DECODER names another, and "none" decodes in this process.
 */
#ifndef MIEN_VISION_ISOLATE_H
#define MIEN_VISION_ISOLATE_H

#include "vision/codec.h"

/* What stands before the file's bytes. */
struct isolate_request {
    char version[16]; /* mien_version(): both must be of one build */
    uint64_t max_pixels, size;
    int keep_orientation;
};

/* What stands before the pixels: [height][width][3], or nothing where rc is not MIEN_OK. */
struct isolate_answer {
    char version[16];
    int rc, width, height, has_alpha;
    char sentence[512]; /* of the error */
};

/* Bytes a child may map for a picture of that many pixels: the library's planes of up to 16 bits,
 * its RGBA, and our RGB. */
#define ISOLATE_MEMORY(max_pixels) ((UINT64_C(512) << 20) + 32 * (uint64_t)(max_pixels))

/* The program; NULL where there is none, or none is wanted. */
const char *isolate_program(void);

/* Decodes in a child, as codec_decode_fn says; what: the format's name. opt->stop is asked every
 * few milliseconds. */
int isolate_decode(const char *what, const uint8_t *bytes, size_t size,
                   const mien_decode_options *opt, mien_image **out);

#endif
