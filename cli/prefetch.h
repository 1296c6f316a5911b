/*
 * prefetch.h - decodes the pictures that come next while the networks work on those at hand.
 *
 * Decoding a photo of some megapixels takes as long as finding the faces in it, and one decoder
 * uses one core. A few threads stay a few pictures ahead of the pipeline, which gets them in order;
 * how many may lie decoded in memory is bounded.
 */
#ifndef MIEN_CLI_PREFETCH_H
#define MIEN_CLI_PREFETCH_H

#include "inputs.h"
#include "pipeline.h"

struct prefetch;

/* Starts decoding inputs with up to `threads` threads, at most that many pictures ahead of the one
 * that is taken next. Fewer where a thread cannot be started; with none, or a single input, each is
 * decoded when it is taken. NULL: no memory. pipeline and inputs must outlive it. */
struct prefetch *prefetch_open(const struct pipeline *pipeline, const struct inputs *inputs,
                               int threads);
/* The next input's picture, decoded, or with its error; the caller's, for picture_free(). */
void prefetch_take(struct prefetch *f, struct picture *picture);
/* Stops, and frees what was not taken. NULL is allowed. */
void prefetch_close(struct prefetch *f);

#endif
