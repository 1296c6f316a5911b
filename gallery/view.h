/*
 * view.h - what searches of a gallery keep in memory: of a collection under a contract its samples
 * and templates, each in an index, and whose they are. It follows the log: what an event changed is
 * looked up anew.
 */
#ifndef MIEN_GALLERY_VIEW_H
#define MIEN_GALLERY_VIEW_H

#include "gallery/gallery.h"
#include "gallery/index.h"
#include "gallery/roster.h"

struct view {
    int64_t collection, contract;
    int64_t seen;                /* the last event it knows of */
    uint64_t heard, rolled_back; /* of the gallery, then */
    int dims;
    struct index *samples, *templates;
    struct roster roster;
    struct view *next;
};

/* The view as of now. */
int view_use(mien_gallery *g, int64_t collection, int64_t contract, struct view **out);
/* Frees all views of the gallery. */
void view_forget(mien_gallery *g);

#endif
