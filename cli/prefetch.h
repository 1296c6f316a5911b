/*
 * prefetch.h - decodes the pictures that come next while the networks work on those at hand.
 *
 * Decoding a photo of some megapixels takes as long as finding the faces in it, and one decoder
 * uses one core. A few threads stay a few pictures ahead of the pipeline, which gets them in order;
 * how many may lie decoded in memory is bounded.
 */
#ifndef MIEN_CLI_PREFETCH_H
#define MIEN_CLI_PREFETCH_H

#include "feed.h"
#include "pipeline.h"

struct prefetch;

/* Starts decoding the feed's pictures with up to `threads` threads, at most that many pictures
 * ahead of the one that is taken next. Fewer where a thread cannot be started; with none, or a
 * single input, each is decoded when it is taken. NULL: no memory. pipeline and feed must outlive
 * it, and the feed is its own meanwhile. */
struct prefetch *prefetch_open(const struct pipeline *pipeline, struct feed *feed, int threads);
/* The next input's picture, decoded, or with its error: 1, the caller's, for prefetch_done(); 0 at
 * the feed's end. */
int prefetch_take(struct prefetch *f, struct picture *picture);
/* Frees a picture, and its input with it. */
void prefetch_done(struct prefetch *f, struct picture *picture);
/* Stops, and frees what was not taken. NULL is allowed. */
void prefetch_close(struct prefetch *f);

#endif
