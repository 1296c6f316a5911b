#include "engine/err.h"
#include "gallery/doctor.h"
#include "gallery/people.h"
#include "gallery/seal.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PAGE = 1024 };

static int no_memory(void) {
    return err_set(MIEN_ENOMEM, "no memory to look at a gallery's samples");
}

static int make_room(struct doctor_samples *s) {
    size_t room = s->room ? 2 * s->room : PAGE;
    int64_t *ids = realloc(s->ids, room * sizeof *ids);
    uint32_t *person;

    if (!ids) return no_memory();
    s->ids = ids;
    person = realloc(s->person, room * sizeof *person);
    if (!person) return no_memory();
    s->person = person;
    s->room = room;
    return MIEN_OK;
}

static int add_person(struct doctor_samples *s, int64_t id) {
    if (s->n_persons && s->persons[s->n_persons - 1].id == id) return MIEN_OK;
    if (s->n_persons == s->room_persons) {
        size_t room = s->room_persons ? 2 * s->room_persons : 256;
        struct doctor_person *more = realloc(s->persons, room * sizeof *more);
        if (!more) return no_memory();
        s->persons = more;
        s->room_persons = room;
    }
    s->persons[s->n_persons++] = (struct doctor_person){id, s->n, 0};
    return MIEN_OK;
}

/* A row: sample, person, embedding. */
static int take(void *context, const struct store_value *row, int n) {
    struct doctor_samples *s = context;
    struct store_value embedding;
    struct seal seal;
    int rc, is_there;

    if (n < 3) return MIEN_OK;
    s->last = row[0].i;
    s->last_person = row[1].i;
    seal = seal_begin(s->gallery, s->last);
    embedding = unseal_bytes(&seal, SEAL_EMBEDDING, s->contract, &row[2]);
    is_there = seal.rc == MIEN_OK && embedding.n == (size_t)s->dims * sizeof(float);
    if (is_there && s->n == s->room) seal.rc = make_room(s);
    if (is_there && seal.rc == MIEN_OK) seal.rc = add_person(s, row[1].i);
    if (is_there && seal.rc == MIEN_OK)
        seal.rc = index_add(s->index, (int64_t)s->n, embedding.bytes);
    rc = seal_end(&seal);
    if (rc || !is_there) return rc;
    s->ids[s->n] = row[0].i;
    s->person[s->n++] = (uint32_t)(s->n_persons - 1);
    s->persons[s->n_persons - 1].n++;
    return MIEN_OK;
}

static int read_page(mien_gallery *g, int64_t collection, int64_t contract,
                     struct doctor_samples *s) {
    int rc = gallery_enter(g, "mien_gallery_doctor");

    if (rc) return rc;
    rc = GALLERY_RUN(g,
                     "SELECT s.id, s.person,"
                     " CASE WHEN s.contract = ?2 THEN s.embedding ELSE e.embedding END"
                     " FROM samples s JOIN persons p ON p.id = s.person"
                     " LEFT JOIN embeddings e ON e.sample = s.id AND e.contract = ?2"
                     " WHERE (s.contract = ?2 OR e.contract = ?2) AND s.state = 0 AND p.collection "
                     "= ?1 AND p.state = 0"
                     " AND p.name <> '' AND (s.person > ?3 OR (s.person = ?3 AND s.id > ?4))"
                     " ORDER BY s.person, s.id LIMIT ?5",
                     take, s, store_int(collection), store_int(contract), store_int(s->last_person),
                     store_int(s->last), store_int(PAGE));
    return gallery_leave(g, rc);
}

static int find_dims(mien_gallery *g, int64_t collection, int64_t contract, int64_t *dims) {
    int rc = gallery_enter(g, "mien_gallery_doctor");

    *dims = 0;
    if (rc) return rc;
    rc = people_check_collection(g, collection);
    if (rc == MIEN_OK)
        rc = GALLERY_NUMBER(g, "SELECT dims FROM contracts WHERE id = ?1", dims,
                            store_int(contract));
    if (rc == MIEN_OK && !*dims)
        rc =
            err_set(MIEN_GALLERY_ENOTFOUND, "there is no contract %016" PRIx64, (uint64_t)contract);
    return gallery_leave(g, rc);
}

int doctor_read(mien_gallery *g, int64_t collection, int64_t contract, struct doctor_samples *s) {
    int64_t dims = 0;
    int64_t before;
    int rc = find_dims(g, collection, contract, &dims);

    *s = (struct doctor_samples){.dims = (int)dims, .gallery = g, .contract = contract};
    if (rc == MIEN_OK) rc = index_open(s->dims, NULL, &s->index);
    if (rc) return rc;
    do {
        before = s->last;
        rc = read_page(g, collection, contract, s);
    } while (rc == MIEN_OK && s->last != before);
    return rc;
}

void doctor_close(struct doctor_samples *s) {
    index_close(s->index);
    free(s->ids);
    free(s->person);
    free(s->persons);
}
