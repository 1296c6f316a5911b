/*
 * unnamed.h - the faces of a collection that are put into groups, and which of them are not one
 * person, as they were when they were read: grouping them asks the store nothing.
 */
#ifndef MIEN_GALLERY_UNNAMED_H
#define MIEN_GALLERY_UNNAMED_H

#include "gallery/cluster.h"
#include "gallery/floats.h"
#include "gallery/gallery.h"

struct unnamed {
    mien_gallery *gallery;
    int64_t collection, contract;
    int64_t last; /* sample that was read */
    int named;    /* 1: persons with a name are among the groups, too */
    struct floats floats;
    size_t n, room;
    struct unnamed_face {
        int64_t sample, person;
    } * faces; /* [n], by rising sample */
    /* [n], by their number. A group is called by the number of its first face; persons with a name
     * or several samples are one already. */
    struct cluster_face *groups;
    struct cluster_apart *apart; /* [n_apart], numbers of faces */
    size_t n_apart, room_apart;
};

/* Reads them, some at a time, between which others may use the gallery. u: with the collection, the
 * contract and `named`; close it in either case. */
int unnamed_read(mien_gallery *g, struct unnamed *u);
void unnamed_close(struct unnamed *u);

#endif
