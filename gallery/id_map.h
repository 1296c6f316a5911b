/*
 * id_map.h - at which slot a row's id is, in five bytes a row: a table holds the numbers of slots
 * alone, and compares ids where they lie anyway.
 *
 * The table is cut into shards by the ids' hash, each grown by itself and by an eighth, so that no
 * call waits for all of it to be laid out anew, and little of it is empty.
 */
#ifndef MIEN_GALLERY_ID_MAP_H
#define MIEN_GALLERY_ID_MAP_H

#include <stddef.h>
#include <stdint.h>

enum { ID_MAP_SHARDS = 1024 };

struct id_map {
    /* The id of a slot that the map has. */
    int64_t (*id_of)(const void *context, uint32_t slot);
    const void *context;
    struct id_map_shard {
        uint32_t *slots; /* [size], a slot's number and 1; 0: empty */
        uint32_t size, used;
    } shards[ID_MAP_SHARDS];
    size_t bytes;
};

enum { ID_MAP_MAX_SLOT = INT32_MAX - 1 };

void id_map_free(struct id_map *m);
/* The slot of an id: 1, or 0 where it has none. */
int id_map_find(const struct id_map *m, int64_t id, uint32_t *slot);
/* Makes room for one id more like this one; 0, or -1 without memory. */
int id_map_reserve(struct id_map *m, int64_t id);
/* Adds an id that it has not, where there is room for it. */
void id_map_add(struct id_map *m, int64_t id, uint32_t slot);
/* Of an id that it has: the row moves to another slot. id_of() may still say it of the old one. */
void id_map_move(struct id_map *m, int64_t id, uint32_t slot);
void id_map_remove(struct id_map *m, int64_t id);

#endif
