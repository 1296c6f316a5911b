/*
 * ids.h - a list of ids, as a statement's first column gives them: what is changed is looked up
 * before anything is.
 */
#ifndef MIEN_GALLERY_IDS_H
#define MIEN_GALLERY_IDS_H

#include "gallery/store.h"

struct ids {
    int64_t *at;
    size_t n, room;
};

/* A store_row whose context is a struct ids: appends the first column. */
int ids_take(void *context, const struct store_value *row, int n);
void ids_free(struct ids *ids);

#endif
