/*
 * floats.h - rows of floats in a file without a name, for more of them than should lie in memory:
 * they are written one after the other, and then read wherever.
 *
 * The file is mapped, so that the system keeps of it what there is room for. It is gone when it is
 * closed, or the process ends.
 */
#ifndef MIEN_GALLERY_FLOATS_H
#define MIEN_GALLERY_FLOATS_H

#include <stddef.h>

struct floats {
    size_t dims, rows;
    int file;
    float *waiting; /* [FLOATS_AT_ONCE][dims], of which n_waiting are to be written */
    size_t n_waiting;
    const float *at; /* [rows][dims] once they are mapped */
};

/* beside: a file in whose folder there is room; NULL: in that for temporary files. */
int floats_open(struct floats *f, size_t dims, const char *beside, int in_memory);
int floats_add(struct floats *f, const float *row);
/* Ends the writing: from here on f->at holds. */
int floats_map(struct floats *f);
/* Of what was opened, or is all zero. */
void floats_close(struct floats *f);

#endif
