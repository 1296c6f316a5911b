/*
 * postgres_vectors.h - the samples of a collection that are nearly most like a face, found by
 * pgvector in the database itself: for galleries that are larger than a machine's memory.
 *
 * Of each collection and contract that is searched so there is a table, mien_gallery.vectors_C_K,
 * of half-precision copies with an HNSW index, which is no truth: who searches brings it up to date
 * by the log, and compares what it finds with the embeddings themselves. A copy goes with its
 * sample, or its embedding.
 */
#ifndef MIEN_GALLERY_POSTGRES_VECTORS_H
#define MIEN_GALLERY_POSTGRES_VECTORS_H

#include "gallery/store.h"

/* Of struct store_ops. */
int postgres_nearest_sync(struct store *s, const struct store_nearest *want);
int postgres_nearest(struct store *s, const struct store_nearest *want, const float *query, int n,
                     int64_t *samples, int *found);

/* Vacuums these tables, so that nothing of what was deleted is had by a statement. */
int postgres_vectors_vacuum(struct store *s);

#endif
