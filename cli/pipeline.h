/*
 * pipeline.h - what happens to a picture: decode, detect, align, embed, age and gender, classify.
 *
 * Takes a handful of pictures at a time, so that networks may run them as one batch; results do not
 * depend on how many. A picture that fails keeps a sentence and drops out, the others go on.
 */
#ifndef MIEN_CLI_PIPELINE_H
#define MIEN_CLI_PIPELINE_H

#include "inputs.h"
#include "options.h"

enum stage {
    STAGE_START, /* of the program, until the networks are loaded; the first picture's */
    STAGE_DECODE,
    STAGE_DETECT,
    STAGE_ALIGN,
    STAGE_EMBED,
    STAGE_AGE_GENDER,
    STAGE_CLASSIFY,
    STAGES
};
/* "decode", "age_gender": the keys of JSON. */
extern const char *const STAGE_NAMES[STAGES];

struct pipeline {
    const struct options *opt;
    mien_ctx *ctx;
    mien_net *detector, *embedder, *age_gender, *classifier; /* NULL: that step is left out */
    mien_detect_options detect;
    mien_decode_options decode;
    int embedding_size; /* of the embedder */
    double start_ms;    /* what STAGE_START took */
    int top;            /* classes asked for, at most those the classifier has */
};

struct picture {
    const struct input *input;
    char error[640]; /* why it failed; empty: it did not */
    mien_image *image;
    int width, height; /* of the upright original */
    int nfaces;
    mien_face *faces;            /* [nfaces] */
    float *embeddings;           /* [nfaces][embedding_size], or NULL */
    mien_age_gender *age_gender; /* [nfaces], or NULL */
    mien_class *classes;         /* [top], or NULL */
    double ms[STAGES];           /* its share of the time a batch took */
};

/* Opens the context and the networks the command asks for. Returns an exit status after saying what
 * went wrong. Close with pipeline_close() in either case. */
int pipeline_open(struct pipeline *p, const struct options *opt);
void pipeline_close(struct pipeline *p);
/* Decodes the picture whose input is set and whose other fields are zero; several threads may do
 * that at once. */
void pipeline_decode(const struct pipeline *p, struct picture *picture);
/* Runs n decoded pictures; those that have failed are passed over. */
void pipeline_run(const struct pipeline *p, struct picture *pictures, int n);
void picture_free(struct picture *picture);

#endif
