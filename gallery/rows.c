#include "gallery/rows.h"

#include "engine/err.h"
#include "engine/pages.h"
#include "gallery/quantise.h"
#include "mien.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CHUNKS = (ID_MAP_MAX_SLOT - 1) / CHUNK_ROWS };
/* Rows are moved where more than one in so many is dead, from groups of which that many are. */
enum { DEAD_SHARE = 4, DEAD_LEAST = 1024, DEAD_OF_GROUP = GROUP_ROWS / DEAD_SHARE };

static struct chunk *chunk_of(const struct rows *r, uint32_t group) {
    return r->chunks[group / CHUNK_GROUPS];
}

int64_t rows_id(const struct rows *r, uint32_t slot) {
    return r->chunks[slot / CHUNK_ROWS]->ids[slot % CHUNK_ROWS];
}

const float *rows_floats(const struct rows *r, uint32_t slot) {
    return r->chunks[slot / CHUNK_ROWS]->floats + (size_t)(slot % CHUNK_ROWS) * (size_t)r->dims;
}

static int64_t id_of(const void *context, uint32_t slot) {
    return rows_id(context, slot);
}

static size_t group_bytes(const struct rows *r) {
    return (size_t)GROUP_ROWS * (size_t)r->padded;
}

static uint8_t *bytes_of(const struct rows *r, uint32_t group) {
    return chunk_of(r, group)->bytes + group % CHUNK_GROUPS * group_bytes(r);
}

static uint16_t *scale_of(const struct rows *r, uint32_t group) {
    return chunk_of(r, group)->scale + (size_t)(group % CHUNK_GROUPS) * GROUP_ROWS;
}

static size_t chunk_bytes(const struct rows *r) {
    return CHUNK_GROUPS * group_bytes(r) + CHUNK_ROWS * (sizeof(int64_t) + sizeof(uint16_t)) +
           sizeof(struct chunk);
}

static size_t float_bytes(const struct rows *r) {
    return r->keep_floats ? CHUNK_ROWS * (size_t)r->dims * sizeof(float) : 0;
}

static int new_chunk(struct rows *r) {
    uint32_t n = r->groups / CHUNK_GROUPS;
    if (n == MAX_CHUNKS)
        return err_set(MIEN_ETOOBIG, "the index is full: it has %d slots", ID_MAP_MAX_SLOT);
    char *p = pages_alloc(chunk_bytes(r));
    float *floats = p && r->keep_floats ? pages_alloc(float_bytes(r)) : NULL;
    if (!p || (r->keep_floats && !floats)) {
        pages_free(p, chunk_bytes(r));
        return err_set(MIEN_ENOMEM, "no memory for %d more rows of the index", CHUNK_ROWS);
    }
    size_t at = CHUNK_GROUPS * group_bytes(r);
    int64_t *ids = (int64_t *)(void *)(p + at);
    at += CHUNK_ROWS * sizeof *ids;
    uint16_t *scale = (uint16_t *)(void *)(p + at);
    at += CHUNK_ROWS * sizeof *scale;
    struct chunk *c = (struct chunk *)(void *)(p + at);
    *c = (struct chunk){.bytes = (uint8_t *)p, .ids = ids, .scale = scale, .floats = floats};
    for (int i = 0; i < CHUNK_GROUPS; i++) {
        atomic_init(&c->full[i], ROWS_NEVER);
        atomic_init(&c->retired[i], ROWS_NEVER);
    }
    r->chunks[n] = c;
    r->bytes += chunk_bytes(r) + float_bytes(r);
    return 0;
}

int rows_open(struct rows *r, int dims, int keep_floats) {
    *r = (struct rows){.dims = dims, .padded = quantise_padded(dims), .keep_floats = keep_floats};
    r->map.id_of = id_of;
    r->map.context = r;
    r->tail_rows = GROUP_ROWS; /* of none: the first row takes a group */
    r->chunks = pages_reserve(MAX_CHUNKS * sizeof *r->chunks);
    if (!r->chunks) return err_set(MIEN_ENOMEM, "no memory for an index");
    pthread_mutex_init(&r->lock, NULL);
    return 0;
}

void rows_close(struct rows *r) {
    if (!r->chunks) return;
    for (int i = 0; i < MAX_CHUNKS && r->chunks[i]; i++) {
        pages_free(r->chunks[i]->floats, float_bytes(r));
        pages_free(r->chunks[i]->bytes, chunk_bytes(r));
    }
    pages_unreserve(r->chunks, MAX_CHUNKS * sizeof *r->chunks);
    id_map_free(&r->map);
    free(r->retired);
    pthread_mutex_destroy(&r->lock);
}

/* What follows is called with the lock, up to rows_add(). */

/* Whether no view that is open may still read what the first of the retired groups was. */
static int is_reusable(const struct rows *r) {
    if (r->n_retired == 0) return 0;
    for (const struct rows_view *v = r->views; v; v = v->next)
        if (v->change < r->retired[0].change) return 0;
    return 1;
}

/* Who reads `retired` first and `full` then never takes the group for what it was: is_in_view(). */
static uint32_t reuse(struct rows *r) {
    uint32_t group = r->retired[0].group;
    struct chunk *c = chunk_of(r, group);
    r->n_retired--;
    memmove(r->retired, r->retired + 1, r->n_retired * sizeof *r->retired);
    atomic_store_explicit(&c->full[group % CHUNK_GROUPS], ROWS_NEVER, memory_order_release);
    atomic_store_explicit(&c->alive[group % CHUNK_GROUPS], 0, memory_order_relaxed);
    atomic_store_explicit(&c->retired[group % CHUNK_GROUPS], ROWS_NEVER, memory_order_release);
    return group;
}

/* Sees to it that there is a group for next_tail(). */
static int reserve_group(struct rows *r) {
    if (is_reusable(r) || r->groups % CHUNK_GROUPS || r->chunks[r->groups / CHUNK_GROUPS]) return 0;
    return new_chunk(r);
}

static void next_tail(struct rows *r) {
    r->tail = is_reusable(r) ? reuse(r) : r->groups++;
    r->tail_rows = 0;
}

/* Four bytes of each row lie together. */
static uint8_t *quad(uint8_t *group, int lane, int i) {
    return group + ((size_t)i * GROUP_ROWS + (size_t)lane) * 4;
}

/* The lane and slot of the tail's next row, whose bytes are there already. */
static uint32_t append(struct rows *r, int64_t id, uint16_t scale) {
    struct chunk *c = chunk_of(r, r->tail);
    int lane = r->tail_rows++;
    uint32_t slot = r->tail * GROUP_ROWS + (uint32_t)lane;
    c->ids[slot % CHUNK_ROWS] = id;
    scale_of(r, r->tail)[lane] = scale;
    atomic_fetch_or_explicit(&c->alive[r->tail % CHUNK_GROUPS], 1u << lane, memory_order_relaxed);
    if (r->tail_rows == GROUP_ROWS)
        atomic_store_explicit(&c->full[r->tail % CHUNK_GROUPS], ++r->change, memory_order_release);
    return slot;
}

static int add(struct rows *r, int64_t id, const float *v) {
    uint32_t slot;
    if (id_map_find(&r->map, id, &slot))
        return err_set(MIEN_EINVAL, "the index has row %lld already", (long long)id);
    int rc = r->tail_rows == GROUP_ROWS ? reserve_group(r) : 0;
    if (rc) return rc;
    if (id_map_reserve(&r->map, id) < 0) return err_set(MIEN_ENOMEM, "no memory for another row");
    if (r->tail_rows == GROUP_ROWS) next_tail(r);
    uint8_t bytes[QUANTISE_MAX];
    double length;
    uint16_t scale = quantise_row(r->dims, v, bytes, &length);
    for (int i = 0; i < r->padded / 4; i++)
        memcpy(quad(bytes_of(r, r->tail), r->tail_rows, i), bytes + 4 * (size_t)i, 4);
    slot = append(r, id, scale);
    if (r->keep_floats)
        memcpy(chunk_of(r, r->tail)->floats + slot % CHUNK_ROWS * (size_t)r->dims, v,
               (size_t)r->dims * sizeof *v);
    r->longest = fmax(r->longest, length);
    id_map_add(&r->map, id, slot);
    r->alive++;
    return 0;
}

/* A row that is alive once more, at the end. */
static void move_row(struct rows *r, uint32_t group, int lane) {
    uint32_t from = group * GROUP_ROWS + (uint32_t)lane;
    uint8_t *src = bytes_of(r, group), *dst = bytes_of(r, r->tail);
    for (int i = 0; i < r->padded / 4; i++)
        memcpy(quad(dst, r->tail_rows, i), quad(src, lane, i), 4);
    if (r->keep_floats)
        memcpy(chunk_of(r, r->tail)->floats +
                   (r->tail % CHUNK_GROUPS * GROUP_ROWS + (size_t)r->tail_rows) * (size_t)r->dims,
               rows_floats(r, from), (size_t)r->dims * sizeof(float));
    int64_t id = rows_id(r, from);
    id_map_move(&r->map, id, append(r, id, scale_of(r, group)[lane]));
}

/* Room to note one more retired group. */
static int reserve_note(struct rows *r) {
    if (r->n_retired < r->room_retired) return 0;
    size_t room = 2 * r->room_retired + 16;
    struct retired *more = realloc(r->retired, room * sizeof *more);
    if (!more) return -1;
    r->retired = more;
    r->room_retired = room;
    return 0;
}

static int bits_of(uint32_t x) {
    return __builtin_popcount(x);
}

/* Whether a group is worth its place no longer. */
static int is_sparse(const struct rows *r, uint32_t group) {
    const struct chunk *c = chunk_of(r, group);
    uint32_t i = group % CHUNK_GROUPS;
    if (atomic_load_explicit(&c->full[i], memory_order_relaxed) == ROWS_NEVER ||
        atomic_load_explicit(&c->retired[i], memory_order_relaxed) != ROWS_NEVER)
        return 0;
    return GROUP_ROWS - bits_of(atomic_load_explicit(&c->alive[i], memory_order_relaxed)) >=
           DEAD_OF_GROUP;
}

/* Moves what is alive of a group, at most one group's rows and so to at most one new one. Where
 * memory runs out it stays as it is, which harms nobody. */
static void retire(struct rows *r, uint32_t group) {
    struct chunk *c = chunk_of(r, group);
    uint32_t i = group % CHUNK_GROUPS;
    uint32_t alive = atomic_load_explicit(&c->alive[i], memory_order_relaxed);
    if (reserve_note(r) < 0 || reserve_group(r) < 0) return;
    for (int lane = 0; lane < GROUP_ROWS; lane++) {
        if (!(alive >> lane & 1)) continue;
        if (r->tail_rows == GROUP_ROWS) next_tail(r);
        move_row(r, group, lane);
    }
    r->dead -= GROUP_ROWS - bits_of(alive);
    atomic_store_explicit(&c->retired[i], ++r->change, memory_order_release);
    r->retired[r->n_retired++] = (struct retired){group, r->change};
}

/* A little of what keeps the dead few: as much as a removal may cost. */
static void tidy(struct rows *r) {
    if (r->dead < DEAD_LEAST || r->dead < (r->alive + r->dead) / DEAD_SHARE) return;
    for (int looks = 0; looks < 2 * GROUP_ROWS; looks++) {
        r->hand = r->hand + 1 < r->groups ? r->hand + 1 : 0;
        if (!is_sparse(r, r->hand)) continue;
        retire(r, r->hand);
        return;
    }
}

int rows_add(struct rows *r, int64_t id, const float *v) {
    pthread_mutex_lock(&r->lock);
    int rc = add(r, id, v);
    pthread_mutex_unlock(&r->lock);
    return rc;
}

int rows_unknown(int64_t id) {
    return err_set(MIEN_EINVAL, "the index has no row %lld", (long long)id);
}

int rows_remove(struct rows *r, int64_t id) {
    uint32_t slot;
    int rc = 0;
    pthread_mutex_lock(&r->lock);
    if (id_map_find(&r->map, id, &slot)) {
        uint32_t group = slot / GROUP_ROWS;
        atomic_fetch_and_explicit(&chunk_of(r, group)->alive[group % CHUNK_GROUPS],
                                  ~(1u << slot % GROUP_ROWS), memory_order_relaxed);
        id_map_remove(&r->map, id);
        r->alive--;
        r->dead++;
        tidy(r);
    } else {
        rc = rows_unknown(id);
    }
    pthread_mutex_unlock(&r->lock);
    return rc;
}

int rows_has(struct rows *r, int64_t id) {
    uint32_t slot;
    pthread_mutex_lock(&r->lock);
    int has = id_map_find(&r->map, id, &slot);
    pthread_mutex_unlock(&r->lock);
    return has;
}

int rows_read(struct rows *r, int64_t id, float *v) {
    uint32_t slot;
    pthread_mutex_lock(&r->lock);
    int has = id_map_find(&r->map, id, &slot);
    if (has) memcpy(v, rows_floats(r, slot), (size_t)r->dims * sizeof *v);
    pthread_mutex_unlock(&r->lock);
    return has ? 0 : rows_unknown(id);
}

int rows_view_open(struct rows *r, struct rows_view *view) {
    *view = (struct rows_view){.tail_bytes = pages_alloc(group_bytes(r)),
                               .tail_scale = pages_alloc(GROUP_ROWS * sizeof(uint16_t))};
    if (!view->tail_bytes || !view->tail_scale) {
        pages_free(view->tail_bytes, group_bytes(r));
        pages_free(view->tail_scale, GROUP_ROWS * sizeof(uint16_t));
        return err_set(MIEN_ENOMEM, "no memory for a search");
    }
    pthread_mutex_lock(&r->lock);
    view->change = r->change;
    view->groups = r->groups;
    view->longest = r->longest;
    view->tail = r->tail;
    view->tail_rows = r->tail_rows < GROUP_ROWS ? r->tail_rows : 0; /* a full one is like others */
    if (view->tail_rows) {
        memcpy(view->tail_bytes, bytes_of(r, r->tail), group_bytes(r));
        memcpy(view->tail_scale, scale_of(r, r->tail), GROUP_ROWS * sizeof(uint16_t));
    }
    view->next = r->views;
    r->views = view;
    pthread_mutex_unlock(&r->lock);
    return 0;
}

void rows_view_close(struct rows *r, struct rows_view *view) {
    pthread_mutex_lock(&r->lock);
    struct rows_view **at = &r->views;
    while (*at != view) at = &(*at)->next;
    *at = view->next;
    pthread_mutex_unlock(&r->lock);
    pages_free(view->tail_bytes, group_bytes(r));
    pages_free(view->tail_scale, GROUP_ROWS * sizeof(uint16_t));
}

/* `retired` is read first: reuse() changes it last, so who sees the new one sees that the group is
 * not full, or was filled later than the view. */
static int is_in_view(const struct chunk *c, uint32_t i, const struct rows_view *view) {
    uint64_t retired = atomic_load_explicit(&c->retired[i], memory_order_acquire);
    uint64_t full = atomic_load_explicit(&c->full[i], memory_order_acquire);
    return full <= view->change && view->change < retired;
}

uint32_t rows_of_group(const struct rows *r, const struct rows_view *view, uint32_t group,
                       const uint8_t **bytes, const uint16_t **scale) {
    const struct chunk *c = chunk_of(r, group);
    uint32_t i = group % CHUNK_GROUPS, rows = UINT32_MAX;
    if (view->tail_rows && group == view->tail) {
        rows = (1u << view->tail_rows) - 1;
        *bytes = view->tail_bytes;
        *scale = view->tail_scale;
    } else if (is_in_view(c, i, view)) {
        *bytes = bytes_of(r, group);
        *scale = scale_of(r, group);
    } else {
        return 0;
    }
    return rows & atomic_load_explicit(&c->alive[i], memory_order_relaxed);
}
