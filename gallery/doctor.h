/*
 * doctor.h - the samples of a collection that have a named person, as the doctor looks at them: by
 * person, in an index of their own, so that nobody waits while it does.
 */
#ifndef MIEN_GALLERY_DOCTOR_H
#define MIEN_GALLERY_DOCTOR_H

#include "gallery/gallery.h"
#include "gallery/index.h"

struct doctor_person {
    int64_t id;
    size_t first, n; /* of the samples */
};

struct doctor_samples {
    mien_gallery *gallery;
    int64_t contract, last, last_person; /* last: what was read */
    int dims;
    struct index *index; /* rows are numbers of samples */
    size_t n, room;
    int64_t *ids;     /* [n], by person, then by id */
    uint32_t *person; /* [n], a number of persons */
    struct doctor_person *persons;
    size_t n_persons, room_persons;
};

/* Reads them, a page at a time. Close it in any case. */
int doctor_read(mien_gallery *g, int64_t collection, int64_t contract, struct doctor_samples *s);
void doctor_close(struct doctor_samples *s);

#endif
