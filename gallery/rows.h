/*
 * rows.h - the rows of an index in memory: added and removed by some while others go over them.
 *
 * KERN_SCAN_ROWS rows are a group, whose bytes lie as the kernels read them. A group is filled row
 * by row under the lock; from then on nothing in it changes but which of its rows are alive, so who
 * reads it needs no lock. A view, what one search sees, is opened under the lock: the number of the
 * last change, and a copy of the group that is being filled. Of a group whose rows are mostly gone
 * the others are added once more and the group retires, as one change: earlier views see the old
 * group, later ones the new rows, none sees both or neither. It is filled anew when the last view
 * that may read it is closed.
 */
#ifndef MIEN_GALLERY_ROWS_H
#define MIEN_GALLERY_ROWS_H

#include "gallery/id_map.h"
#include "kernels/kern.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

enum { GROUP_ROWS = KERN_SCAN_ROWS, CHUNK_GROUPS = 256, CHUNK_ROWS = CHUNK_GROUPS * GROUP_ROWS };

/* A piece of memory with as many groups, large enough for large pages. */
struct chunk {
    uint8_t *bytes;                       /* [CHUNK_GROUPS][padded / 4][GROUP_ROWS][4] */
    int64_t *ids;                         /* [CHUNK_ROWS] */
    uint16_t *scale;                      /* [CHUNK_ROWS], bf16 */
    float *floats;                        /* [CHUNK_ROWS][dims]; NULL: elsewhere */
    _Atomic uint32_t alive[CHUNK_GROUPS]; /* a bit a row */
    _Atomic uint64_t full[CHUNK_GROUPS], retired[CHUNK_GROUPS]; /* by which change; ROWS_NEVER */
};
#define ROWS_NEVER UINT64_MAX

/* What one search sees. */
struct rows_view {
    uint64_t change;
    uint32_t groups; /* of all chunks, some of them not in the view */
    double longest;
    /* The group that was being filled: its number, its first `tail_rows` rows. */
    uint32_t tail;
    int tail_rows;
    uint8_t *tail_bytes;
    uint16_t *tail_scale;
    struct rows_view *next;
};

struct rows {
    int dims, padded, keep_floats;
    pthread_mutex_t lock;
    struct chunk **chunks; /* [ROWS_MAX_CHUNKS], reserved */
    uint32_t groups;       /* taken of the chunks, in their order */
    uint32_t tail;         /* the group that is being filled */
    int tail_rows;         /* rows of it, of GROUP_ROWS at most */
    uint64_t change;
    double longest; /* row there ever was */
    int64_t alive, dead;
    uint32_t hand; /* the group that was last looked at for rows to move */
    struct id_map map;
    struct rows_view *views;
    struct retired {
        uint32_t group;
        uint64_t change;
    } * retired; /* [n_retired], in order of their retirement */
    size_t n_retired, room_retired, bytes;
};

int rows_open(struct rows *r, int dims, int keep_floats);
void rows_close(struct rows *r);
int rows_add(struct rows *r, int64_t id, const float *v);
int rows_remove(struct rows *r, int64_t id);
int rows_has(struct rows *r, int64_t id);
/* The floats of a row, where they are kept. v: [dims]. */
int rows_read(struct rows *r, int64_t id, float *v);
/* The code, and the sentence that there is no such row. */
int rows_unknown(int64_t id);

int rows_view_open(struct rows *r, struct rows_view *view);
void rows_view_close(struct rows *r, struct rows_view *view);

/* Bytes and scales of a group of a view, and a bit for each of its rows; 0: the view has none of
 * it. */
uint32_t rows_of_group(const struct rows *r, const struct rows_view *view, uint32_t group,
                       const uint8_t **bytes, const uint16_t **scale);
/* Of a row in a view. */
int64_t rows_id(const struct rows *r, uint32_t slot);
const float *rows_floats(const struct rows *r, uint32_t slot);

#endif
