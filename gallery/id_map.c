#include "gallery/id_map.h"

#include <stdlib.h>

/* splitmix64's last steps: Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
 * 2014. */
static uint64_t hash(int64_t id) {
    uint64_t x = (uint64_t)id + 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

static uint32_t shard_of(int64_t id) {
    return (uint32_t)(hash(id) >> 54);
}

/* Where an id stands if nothing is in its way; sizes are any number, not powers of two. */
static uint32_t home(const struct id_map_shard *s, int64_t id) {
    return (uint32_t)((hash(id) & 0xFFFFFFFF) * s->size >> 32);
}

static uint32_t after(const struct id_map_shard *s, uint32_t at) {
    return at + 1 == s->size ? 0 : at + 1;
}

/* The place of an id, or the empty one where it would be. */
static uint32_t place(const struct id_map *m, const struct id_map_shard *s, int64_t id) {
    uint32_t at = home(s, id);
    while (s->slots[at] && m->id_of(m->context, s->slots[at] - 1) != id) at = after(s, at);
    return at;
}

void id_map_free(struct id_map *m) {
    for (int i = 0; i < ID_MAP_SHARDS; i++) free(m->shards[i].slots);
}

int id_map_find(const struct id_map *m, int64_t id, uint32_t *slot) {
    const struct id_map_shard *s = &m->shards[shard_of(id)];
    if (s->size == 0) return 0;
    uint32_t at = place(m, s, id);
    *slot = s->slots[at] - 1;
    return s->slots[at] != 0;
}

int id_map_reserve(struct id_map *m, int64_t id) {
    struct id_map_shard *s = &m->shards[shard_of(id)], old = *s;
    if ((uint64_t)(s->used + 1) * 8 <= (uint64_t)s->size * 7) return 0;
    uint32_t size = old.size + old.size / 8 + 4;
    uint32_t *slots = calloc(size, sizeof *slots);
    if (!slots) return -1;
    *s = (struct id_map_shard){slots, size, old.used};
    m->bytes += (size - old.size) * sizeof *slots;
    for (uint32_t i = 0; i < old.size; i++) {
        if (!old.slots[i]) continue;
        uint32_t at = home(s, m->id_of(m->context, old.slots[i] - 1));
        while (slots[at]) at = after(s, at);
        slots[at] = old.slots[i];
    }
    free(old.slots);
    return 0;
}

void id_map_add(struct id_map *m, int64_t id, uint32_t slot) {
    struct id_map_shard *s = &m->shards[shard_of(id)];
    s->slots[place(m, s, id)] = slot + 1;
    s->used++;
}

void id_map_move(struct id_map *m, int64_t id, uint32_t slot) {
    struct id_map_shard *s = &m->shards[shard_of(id)];
    s->slots[place(m, s, id)] = slot + 1;
}

/* What stands behind an emptied place moves up, unless it is at home there or before: so no mark of
 * what was removed stays (Knuth, The Art of Computer Programming, volume 3, algorithm 6.4R). */
void id_map_remove(struct id_map *m, int64_t id) {
    struct id_map_shard *s = &m->shards[shard_of(id)];
    uint32_t hole = place(m, s, id);
    for (uint32_t at = after(s, hole); s->slots[at]; at = after(s, at)) {
        uint32_t from = home(s, m->id_of(m->context, s->slots[at] - 1));
        /* Is `from` cyclically within hole + 1 .. at? */
        int stays = hole < at ? from > hole && from <= at : from > hole || from <= at;
        if (stays) continue;
        s->slots[hole] = s->slots[at];
        hole = at;
    }
    s->slots[hole] = 0;
    s->used--;
}
