#include "gallery/unnamed.h"

#include "engine/err.h"
#include "gallery/ids.h"
#include "gallery/log.h"
#include "gallery/people.h"
#include "gallery/seal.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PAGE = 4096, LONGEST_CHAIN = 10000 /* of persons, each merged into the next */ };

/* The first face of a person. */
struct first {
    int64_t person;
    size_t face;
};

static int no_memory(void) {
    return err_set(MIEN_ENOMEM, "no memory to group faces");
}

static int make_room(struct unnamed *u) {
    size_t room = u->room ? 2 * u->room : PAGE;
    struct unnamed_face *faces = realloc(u->faces, room * sizeof *faces);
    struct cluster_face *groups;

    if (!faces) return no_memory();
    u->faces = faces;
    groups = realloc(u->groups, room * sizeof *groups);
    if (!groups) return no_memory();
    u->groups = groups;
    u->room = room;
    return MIEN_OK;
}

/* A row: sample, person, embedding, whether its person is a group. */
static int take_face(void *context, const struct store_value *row, int n) {
    struct unnamed *u = context;
    struct store_value embedding;
    struct seal seal;
    int rc, is_there;

    if (n < 4) return MIEN_OK;
    u->last = row[0].i;
    seal = seal_begin(u->gallery, u->last);
    embedding = unseal_bytes(&seal, SEAL_EMBEDDING, u->contract, &row[2]);
    is_there = seal.rc == MIEN_OK && embedding.n == u->floats.dims * sizeof(float);
    if (is_there && u->n == u->room) seal.rc = make_room(u);
    if (is_there && seal.rc == MIEN_OK) seal.rc = floats_add(&u->floats, embedding.bytes);
    rc = seal_end(&seal);
    if (rc || !is_there) return rc;
    u->faces[u->n] = (struct unnamed_face){row[0].i, row[1].i};
    u->groups[u->n] = (struct cluster_face){(int64_t)u->n, row[3].i ? 0 : GROUP_NONE};
    u->n++;
    return MIEN_OK;
}

static int read_page(mien_gallery *g, struct unnamed *u) {
    int rc = gallery_enter(g, "mien_gallery_cluster");

    if (rc) return rc;
    rc = GALLERY_RUN(
        g,
        "SELECT s.id, s.person, CASE WHEN s.contract = ?2 THEN s.embedding ELSE e.embedding END,"
        " CASE WHEN p.name <> '' OR EXISTS (SELECT 1 FROM"
        " samples t WHERE t.person = s.person AND t.state = 0 AND t.id <> s.id) THEN 1 ELSE 0 END"
        " FROM samples s JOIN persons p ON p.id = s.person LEFT JOIN embeddings e ON e.sample = "
        "s.id"
        " AND e.contract = ?2 WHERE s.id > ?3 AND (s.contract = ?2 OR e.contract = ?2)"
        " AND s.state = 0 AND p.collection = ?1 AND p.state = 0 AND (p.name = '' OR ?4 = 1)"
        " ORDER BY s.id LIMIT ?5",
        take_face, u, store_int(u->collection), store_int(u->contract), store_int(u->last),
        store_int(u->named), store_int(PAGE));
    return gallery_leave(g, rc);
}

static int read_faces(mien_gallery *g, struct unnamed *u) {
    int rc;

    for (;;) {
        int64_t before = u->last;
        rc = read_page(g, u);
        if (rc || u->last == before) break;
    }
    return rc ? rc : floats_map(&u->floats);
}

static int by_person(const void *a, const void *b) {
    const struct first *p = a, *q = b;

    if (p->person != q->person) return p->person < q->person ? -1 : 1;
    return (p->face > q->face) - (p->face < q->face);
}

/* Persons with their first faces, *count of them; malloc. Groups get their names by the way. */
static struct first *find_firsts(struct unnamed *u, size_t *count) {
    struct first *firsts = malloc((u->n + 1) * sizeof *firsts);

    *count = 0;
    if (!firsts) return NULL;
    for (size_t i = 0; i < u->n; i++) firsts[i] = (struct first){u->faces[i].person, i};
    if (u->n) qsort(firsts, u->n, sizeof *firsts, by_person);
    for (size_t i = 0; i < u->n; i++) {
        struct first f = firsts[i];
        if (*count == 0 || firsts[*count - 1].person != f.person) firsts[(*count)++] = f;
        if (u->groups[f.face].group != GROUP_NONE)
            u->groups[f.face].group = (int64_t)firsts[*count - 1].face;
    }
    return firsts;
}

struct apart_reading {
    mien_gallery *g;
    struct unnamed *u;
    const struct first *firsts;
    size_t n;
};

/* The first face of a person, or of whom it was merged into; u->n: there is none. */
static int face_of_person(const struct apart_reading *r, int64_t person, size_t *face) {
    struct first wanted = {.person = person};
    int64_t state = person;

    for (int i = 0; i < LONGEST_CHAIN && state > 0; i++) {
        int rc;
        wanted.person = state;
        state = LOG_NOT_THERE;
        rc = GALLERY_NUMBER(r->g, "SELECT state FROM persons WHERE id = ?1", &state,
                            store_int(wanted.person));
        if (rc) return rc;
    }
    *face = r->u->n;
    for (size_t low = 0, high = r->n; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (r->firsts[middle].person == wanted.person) *face = r->firsts[middle].face;
        if (r->firsts[middle].person < wanted.person)
            low = middle + 1;
        else
            high = middle;
    }
    return MIEN_OK;
}

static size_t face_of_sample(const struct unnamed *u, int64_t sample) {
    size_t low = 0, high = u->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (u->faces[middle].sample < sample)
            low = middle + 1;
        else
            high = middle;
    }
    return low < u->n && u->faces[low].sample == sample ? low : u->n;
}

static int note_apart(struct unnamed *u, size_t a, size_t b) {
    if (a == u->n || b == u->n || u->faces[a].person == u->faces[b].person) return MIEN_OK;
    if (u->n_apart == u->room_apart) {
        size_t room = u->room_apart ? 2 * u->room_apart : 64;
        struct cluster_apart *more = realloc(u->apart, room * sizeof *more);
        if (!more) return no_memory();
        u->apart = more;
        u->room_apart = room;
    }
    u->apart[u->n_apart++] = (struct cluster_apart){(int64_t)a, (int64_t)b};
    return MIEN_OK;
}

/* Both columns of a pair, one after the other. */
static int take_pair(void *context, const struct store_value *row, int n) {
    int rc = n < 2 ? MIEN_OK : ids_take(context, &row[0], 1);

    return n < 2 || rc ? rc : ids_take(context, &row[1], 1);
}

/* Samples and persons that they are not, as a statement has them. One face of a group stands for
 * all.
 */
static int read_pairs(const struct apart_reading *r, const char *sql, struct store_value value,
                      struct store_value other) {
    struct ids pairs = {0};
    int rc = GALLERY_RUN(r->g, sql, take_pair, &pairs, value, other);

    for (size_t i = 0; i < pairs.n && rc == MIEN_OK; i += 2) {
        size_t a = face_of_sample(r->u, pairs.at[i]), b = 0;
        if (a == r->u->n) continue;
        rc = face_of_person(r, pairs.at[i + 1], &b);
        if (rc == MIEN_OK) rc = note_apart(r->u, a, b);
    }
    ids_free(&pairs);
    return rc;
}

static int read_not_persons(const struct apart_reading *r) {
    return read_pairs(r,
                      "SELECT n.sample, n.person FROM not_persons n JOIN samples s"
                      " ON s.id = n.sample WHERE s.state = ?1 AND n.person <> ?2",
                      store_int(LOG_THERE), store_int(0));
}

/* A split says that its samples are not the person they were with. */
static int read_split(const struct apart_reading *r, int64_t event) {
    int holds = 0, rc = log_holds(r->g, event, &holds);

    if (rc || !holds) return rc;
    return read_pairs(r,
                      "SELECT c.subject, c.was FROM changes c WHERE c.event = ?1 AND c.field = ?2",
                      store_int(event), store_int(LOG_SAMPLE_PERSON));
}

static int read_apart(mien_gallery *g, struct unnamed *u) {
    struct apart_reading r = {.g = g, .u = u};
    struct first *firsts = find_firsts(u, &r.n);
    struct ids splits = {0};
    int rc = firsts ? gallery_enter(g, "mien_gallery_cluster") : no_memory();

    if (rc) {
        free(firsts);
        return rc;
    }
    r.firsts = firsts;
    rc = read_not_persons(&r);
    if (rc == MIEN_OK)
        rc = GALLERY_RUN(g, "SELECT id FROM events WHERE kind = ?1", ids_take, &splits,
                         store_int(MIEN_GALLERY_SPLIT));
    for (size_t i = 0; i < splits.n && rc == MIEN_OK; i++) rc = read_split(&r, splits.at[i]);
    ids_free(&splits);
    free(firsts);
    return gallery_leave(g, rc);
}

/* How long the embeddings are, and the file for them. */
static int begin(mien_gallery *g, struct unnamed *u) {
    int64_t dims = 0;
    int rc = gallery_enter(g, "mien_gallery_cluster");

    if (rc) return rc;
    rc = people_check_collection(g, u->collection);
    if (rc == MIEN_OK)
        rc = GALLERY_NUMBER(g, "SELECT dims FROM contracts WHERE id = ?1", &dims,
                            store_int(u->contract));
    if (rc == MIEN_OK && !dims)
        rc = err_set(MIEN_GALLERY_ENOTFOUND, "there is no contract %016" PRIx64,
                     (uint64_t)u->contract);
    if (rc == MIEN_OK)
        rc = floats_open(&u->floats, (size_t)dims, g->ops->path(g->store), g->keys != NULL);
    return gallery_leave(g, rc);
}

int unnamed_read(mien_gallery *g, struct unnamed *u) {
    int rc = begin(g, u);

    u->gallery = g;
    if (rc == MIEN_OK) rc = read_faces(g, u);
    return rc ? rc : read_apart(g, u);
}

void unnamed_close(struct unnamed *u) {
    floats_close(&u->floats);
    free(u->faces);
    free(u->groups);
    free(u->apart);
}
