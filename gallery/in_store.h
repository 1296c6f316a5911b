/*
 * in_store.h - searches by the store's own index, of galleries larger than memory: the index says
 * who may be meant, and these are compared by the embeddings that the store has, exactly as a
 * search in memory would.
 */
#ifndef MIEN_GALLERY_IN_STORE_H
#define MIEN_GALLERY_IN_STORE_H

#include "gallery/gallery.h"
#include "gallery/ids.h"

struct in_store_search {
    int64_t collection, contract;
    const mien_gallery_identify_options *options;
    const struct ids *persons; /* who may be found, where options say it */
    const float *queries;      /* [n][dims] */
    int n, k;
};

/* Whether a collection is searched so: because the gallery was opened for that, or would take more
 * memory than it was given. */
int in_store_is(mien_gallery *g, int64_t collection, int64_t contract, int *is);
/* As mien_gallery_identify(), of checked arguments. */
int in_store_identify(mien_gallery *g, const struct in_store_search *s, mien_gallery_match *matches,
                      int *counts);
/* With how many templates or samples a face is compared. */
int in_store_count(mien_gallery *g, const struct in_store_search *s, int64_t *n);
/* Forgets what is known of the gallery's collections. */
void in_store_forget(mien_gallery *g);

#endif
