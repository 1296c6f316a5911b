/*
 * pipeline.h - pictures of the command line through the analysis: options to networks and steps,
 * files to pictures, a handful at a time.
 *
 * A picture that fails keeps a sentence and drops out, the others go on.
 */
#ifndef MIEN_CLI_PIPELINE_H
#define MIEN_CLI_PIPELINE_H

#include "analysis/analysis.h"
#include "input.h"
#include "options.h"

struct pipeline {
    const struct options *opt;
    struct networks networks;
    struct analysis_options analysis;
    mien_decode_options decode;
    double start_seconds; /* what STAGE_START took */
};

struct picture {
    const struct input *input;
    const struct analysis_options *asked; /* NULL: the pipeline's */
    int rc;                               /* a MIEN_E code */
    char error[640];                      /* why it failed; empty: it did not */
    mien_image *image;
    int width, height;          /* of the upright original */
    struct analysis *analysis;  /* NULL until it has run */
    double seconds[STAGES_MAX]; /* its part of the time a batch took */
};

/* The steps of a command that works on pictures. */
steps_t pipeline_steps(const struct options *opt);
/* Opens the context and the networks of these steps. Returns an exit status after saying what went
 * wrong. Close with pipeline_close() in either case. */
int pipeline_open(struct pipeline *p, const struct options *opt, steps_t steps);
void pipeline_close(struct pipeline *p);
/* Decodes the picture whose input is set and whose other fields are zero; several threads may do
 * that at once. */
void pipeline_decode(const struct pipeline *p, struct picture *picture);
/* Runs n decoded pictures; those that have failed are passed over. */
void pipeline_run(const struct pipeline *p, struct picture *pictures, int n);
void picture_free(struct picture *picture);

#endif
