#include "gallery/roster.h"

#include "engine/err.h"
#include "mien.h"

#include <stdlib.h>
#include <string.h>

static int no_memory(void) {
    return err_set(MIEN_ENOMEM, "searching a gallery: out of memory");
}

static int64_t sample_at(const void *context, uint32_t slot) {
    return ((const struct roster *)context)->samples[slot].id;
}

static int64_t person_at(const void *context, uint32_t slot) {
    return ((const struct roster *)context)->persons[slot].id;
}

void roster_open(struct roster *r) {
    memset(r, 0, sizeof *r);
    r->by_sample.id_of = sample_at;
    r->by_person.id_of = person_at;
    r->by_sample.context = r->by_person.context = r;
}

void roster_close(struct roster *r) {
    id_map_free(&r->by_sample);
    id_map_free(&r->by_person);
    free(r->samples);
    free(r->persons);
    ids_free(&r->changed);
}

static int grow(void **at, uint32_t *room, size_t size) {
    uint32_t more = *room ? *room + *room / 2 : 64;
    void *place = more <= ID_MAP_MAX_SLOT ? realloc(*at, more * size) : NULL;

    if (!place) return no_memory();
    *at = place;
    *room = more;
    return MIEN_OK;
}

static int note(struct roster *r, struct roster_person *p) {
    const struct store_value id = store_int(p->id);
    int rc = p->changed ? MIEN_OK : ids_take(&r->changed, &id, 1);

    if (rc == MIEN_OK) p->changed = 1;
    return rc;
}

static int use_person(struct roster *r, int64_t id, uint32_t *slot) {
    if (id_map_find(&r->by_person, id, slot)) return MIEN_OK;
    if (id_map_reserve(&r->by_person, id) < 0) return no_memory();
    if (r->n_persons == r->room_persons) {
        int rc = grow((void **)&r->persons, &r->room_persons, sizeof *r->persons);
        if (rc) return rc;
    }
    *slot = r->n_persons++;
    r->persons[*slot] = (struct roster_person){.id = id};
    id_map_add(&r->by_person, id, *slot);
    return MIEN_OK;
}

static int use_sample(struct roster *r, int64_t id, uint32_t *slot) {
    if (id_map_reserve(&r->by_sample, id) < 0) return no_memory();
    if (!r->free && r->n_samples == r->room_samples) {
        int rc = grow((void **)&r->samples, &r->room_samples, sizeof *r->samples);
        if (rc) return rc;
    }
    *slot = r->free ? r->free - 1 : r->n_samples++;
    if (r->free) r->free = r->samples[*slot].next;
    r->samples[*slot].id = id;
    id_map_add(&r->by_sample, id, *slot);
    r->used++;
    return MIEN_OK;
}

static void give(struct roster *r, uint32_t sample, uint32_t person) {
    struct roster_person *p = &r->persons[person];
    struct roster_sample *s = &r->samples[sample];

    s->person = person;
    s->before = 0;
    s->next = p->first;
    if (s->next) r->samples[s->next - 1].before = sample + 1;
    p->first = sample + 1;
    r->with_samples += p->samples++ == 0;
}

static void take_away(struct roster *r, uint32_t sample) {
    const struct roster_sample *s = &r->samples[sample];
    struct roster_person *p = &r->persons[s->person];

    if (s->next) r->samples[s->next - 1].before = s->before;
    if (s->before)
        r->samples[s->before - 1].next = s->next;
    else
        p->first = s->next;
    r->with_samples -= --p->samples == 0;
}

int roster_put(struct roster *r, int64_t sample, int64_t person) {
    uint32_t at, to;
    int rc = use_person(r, person, &to), is_there = id_map_find(&r->by_sample, sample, &at);

    if (rc == MIEN_OK && is_there && r->samples[at].person == to) return MIEN_OK;
    if (rc == MIEN_OK) rc = note(r, &r->persons[to]);
    if (rc == MIEN_OK && is_there) rc = note(r, &r->persons[r->samples[at].person]);
    if (rc == MIEN_OK && !is_there) rc = use_sample(r, sample, &at);
    if (rc) return rc;
    if (is_there) take_away(r, at);
    give(r, at, to);
    return MIEN_OK;
}

int roster_remove(struct roster *r, int64_t sample) {
    uint32_t at = 0;
    int rc;

    if (!id_map_find(&r->by_sample, sample, &at)) return MIEN_OK;
    rc = note(r, &r->persons[r->samples[at].person]);
    if (rc) return rc;
    take_away(r, at);
    id_map_remove(&r->by_sample, sample);
    r->samples[at].next = r->free;
    r->free = at + 1;
    r->used--;
    return MIEN_OK;
}

int roster_has(const struct roster *r, int64_t sample) {
    uint32_t at;

    return id_map_find(&r->by_sample, sample, &at);
}

const struct roster_person *roster_person_of(const struct roster *r, int64_t sample) {
    uint32_t at = 0;

    id_map_find(&r->by_sample, sample, &at);
    return &r->persons[r->samples[at].person];
}

struct roster_person *roster_person(const struct roster *r, int64_t person) {
    uint32_t at = 0;

    id_map_find(&r->by_person, person, &at);
    return &r->persons[at];
}

static int by_id(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

int roster_samples(const struct roster *r, const struct roster_person *person, struct ids *ids) {
    int rc = MIEN_OK;

    ids->n = 0;
    for (uint32_t at = person->first; at && rc == MIEN_OK; at = r->samples[at - 1].next) {
        const struct store_value id = store_int(r->samples[at - 1].id);
        rc = ids_take(ids, &id, 1);
    }
    if (ids->n > 1) qsort(ids->at, ids->n, sizeof *ids->at, by_id);
    return rc;
}

const struct ids *roster_changed(const struct roster *r) {
    return &r->changed;
}

void roster_settle(struct roster *r) {
    for (size_t i = 0; i < r->changed.n; i++) roster_person(r, r->changed.at[i])->changed = 0;
    r->changed.n = 0;
}
