#include "gallery/doctor.h"

#include "engine/err.h"
#include "engine/sized.h"
#include "gallery/quantise.h"

#include <stdlib.h>
#include <string.h>

/* Of each sample are looked at so many others that are most like it, and so many persons, itself
 * and its own person among them; of a person with more samples than MANY none is called unlike the
 * rest, since that takes comparing all with all. */
enum { NEAR = 8, NEAR_PERSONS = 5, AT_ONCE = 64, MANY = 2000 };

/* Two persons, by the samples that are most alike. */
struct pair {
    uint32_t a, b; /* persons, a < b */
    float score;
    size_t of_a, of_b; /* samples */
};

struct examination {
    const mien_gallery_doctor_options *o;
    mien_gallery_finding_seen *seen;
    void *context;
    struct doctor_samples samples;
    size_t *root;      /* [n], of the samples of a person that are alike, by way of others */
    size_t *double_of; /* [n]: an older sample of the person that is nearly the same, or itself */
    size_t *other;     /* [n]: the sample of another person that is most like it, or itself */
    float *scores;     /* [n], of `double_of`; [n], of `other` */
    uint8_t *stray;    /* [n]: it is not like the most of the person's */
    struct pair *pairs;
    size_t n_pairs, room_pairs;
    int64_t *list; /* [n], of a finding */
};

static size_t find_root(size_t *root, size_t i) {
    while (root[i] != i) {
        root[i] = root[root[i]];
        i = root[i];
    }
    return i;
}

/* The oldest sample is the root. */
static void unite(size_t *root, size_t a, size_t b) {
    a = find_root(root, a);
    b = find_root(root, b);
    if (a < b)
        root[b] = a;
    else
        root[a] = b;
}

static int open_examination(struct examination *e) {
    size_t n = e->samples.n + 1;

    e->root = calloc(n, sizeof *e->root);
    e->double_of = calloc(n, sizeof *e->double_of);
    e->other = calloc(n, sizeof *e->other);
    e->scores = calloc(2 * n, sizeof *e->scores);
    e->stray = calloc(n, sizeof *e->stray);
    e->list = calloc(n, sizeof *e->list);
    if (!e->root || !e->double_of || !e->other || !e->scores || !e->stray || !e->list)
        return err_set(MIEN_ENOMEM, "no memory to look at a gallery's samples");
    for (size_t i = 0; i < n; i++) e->root[i] = e->double_of[i] = e->other[i] = i;
    return MIEN_OK;
}

static void close_examination(struct examination *e) {
    doctor_close(&e->samples);
    free(e->root);
    free(e->double_of);
    free(e->other);
    free(e->scores);
    free(e->stray);
    free(e->list);
    free(e->pairs);
}

/* row: one of the n samples in e->list. */
static int tell(const struct examination *e, int kind, size_t row, size_t n, size_t like,
                float score, float own) {
    const struct doctor_samples *s = &e->samples;
    mien_gallery_finding f = {.struct_size = sizeof f,
                              .kind = kind,
                              .person = s->persons[s->person[row]].id,
                              .samples = e->list,
                              .n = (int)n,
                              .like = s->ids[like],
                              .other = s->persons[s->person[like]].id,
                              .similarity = score,
                              .own = own};

    return e->seen(e->context, &f);
}

static int add_pair(struct examination *e, size_t i, size_t j, float score) {
    uint32_t a = e->samples.person[i], b = e->samples.person[j];

    if (e->n_pairs == e->room_pairs) {
        size_t room = e->room_pairs ? 2 * e->room_pairs : 256;
        struct pair *more = realloc(e->pairs, room * sizeof *more);
        if (!more) return err_set(MIEN_ENOMEM, "no memory for pairs of persons");
        e->pairs = more;
        e->room_pairs = room;
    }
    e->pairs[e->n_pairs++] =
        a < b ? (struct pair){a, b, score, i, j} : (struct pair){b, a, score, j, i};
    return MIEN_OK;
}

/* Takes the samples that are most like sample i. */
static void take_near(struct examination *e, size_t i, const struct index_hit *hits, int n) {
    for (int k = 0; k < n; k++) {
        size_t j = (size_t)hits[k].id;
        if (j == i || e->samples.person[j] != e->samples.person[i]) continue;
        unite(e->root, i, j);
        if (hits[k].score < e->o->same || j > e->double_of[i]) continue; /* an older one */
        e->double_of[i] = j;
        e->scores[2 * i] = hits[k].score;
    }
}

/* Takes the persons it is most like. */
static int take_persons(struct examination *e, size_t i, const struct index_hit *hits, int n) {
    int rc = MIEN_OK;

    for (int k = 0; k < n && rc == MIEN_OK; k++) {
        size_t j = (size_t)hits[k].id;
        if (e->samples.person[j] == e->samples.person[i]) continue;
        if (e->other[i] == i) {
            e->other[i] = j;
            e->scores[2 * i + 1] = hits[k].score;
        }
        rc = add_pair(e, i, j, hits[k].score);
    }
    return rc;
}

static int64_t person_of(void *context, int64_t row) {
    const struct doctor_samples *s = context;

    return s->person[row];
}

/* Searches for samples from `first` on, `n` of them. queries: [AT_ONCE][dims]; hits: [AT_ONCE]
 * [NEAR]. */
static int search_some(struct examination *e, size_t first, int n, float *queries,
                       struct index_hit *hits) {
    struct doctor_samples *s = &e->samples;
    const struct index_filter alike = {.least = e->o->own};
    const struct index_filter persons = {.least = e->o->another, .group = person_of, .context = s};
    int counts[AT_ONCE], rc = MIEN_OK;

    for (int i = 0; i < n && rc == MIEN_OK; i++)
        rc = index_read(s->index, (int64_t)first + i, queries + (size_t)i * (size_t)s->dims);
    if (rc == MIEN_OK) rc = index_search(s->index, queries, n, NEAR, &alike, hits, counts);
    for (int i = 0; i < n && rc == MIEN_OK; i++)
        take_near(e, first + (size_t)i, hits + (size_t)i * NEAR, counts[i]);
    if (rc == MIEN_OK)
        rc = index_search(s->index, queries, n, NEAR_PERSONS, &persons, hits, counts);
    for (int i = 0; i < n && rc == MIEN_OK; i++)
        rc = take_persons(e, first + (size_t)i, hits + (size_t)i * NEAR_PERSONS, counts[i]);
    return rc;
}

static int search_all(struct examination *e) {
    size_t n = e->samples.n;
    float *queries = calloc((size_t)AT_ONCE * (size_t)e->samples.dims, sizeof *queries);
    struct index_hit *hits = calloc((size_t)AT_ONCE * NEAR, sizeof *hits);
    int rc = queries && hits ? MIEN_OK : err_set(MIEN_ENOMEM, "no memory to search for samples");

    for (size_t i = 0; i < n && rc == MIEN_OK; i += AT_ONCE) {
        rc = search_some(e, i, (int)(n - i < AT_ONCE ? n - i : AT_ONCE), queries, hits);
        if (rc == MIEN_OK && e->o->progress)
            rc = e->o->progress(e->o->context, (double)i / (double)n);
    }
    free(queries);
    free(hits);
    return rc;
}

/* Unites what is alike and was not among the nearest. v: [n][dims] of the person. */
static void unite_all(struct examination *e, const struct doctor_person *p, const float *v) {
    int dims = e->samples.dims;

    for (size_t i = 0; i < p->n; i++)
        for (size_t j = 0; j < i; j++) {
            size_t a = find_root(e->root, p->first + i), b = find_root(e->root, p->first + j);
            if (a != b && score_of(dims, v + i * (size_t)dims, v + j * (size_t)dims) >= e->o->own)
                unite(e->root, a, b);
        }
}

/* The best score between the samples of a root and the person's others. */
static float best_outside(struct examination *e, const struct doctor_person *p, const float *v,
                          size_t root) {
    int dims = e->samples.dims;
    float best = -1;

    for (size_t i = 0; i < p->n; i++)
        for (size_t j = 0; find_root(e->root, p->first + i) == root && j < p->n; j++) {
            float score;
            if (find_root(e->root, p->first + j) == root) continue;
            score = score_of(dims, v + i * (size_t)dims, v + j * (size_t)dims);
            if (score > best) best = score;
        }
    return best;
}

/* The root that most samples have, of equals the oldest. */
static size_t main_root(struct examination *e, const struct doctor_person *p) {
    size_t best = p->first, most = 0;

    for (size_t i = p->first; i < p->first + p->n; i++) {
        size_t n = 0;
        for (size_t j = i; e->root[i] == i && j < p->first + p->n; j++)
            n += find_root(e->root, j) == i;
        if (n > most) best = i;
        if (n > most) most = n;
    }
    return best;
}

static int tell_stray(struct examination *e, const struct doctor_person *p, const float *v,
                      size_t root) {
    size_t n = 0, like = root;
    float score = -1, own = best_outside(e, p, v, root);

    for (size_t i = p->first; i < p->first + p->n; i++) {
        if (find_root(e->root, i) != root) continue;
        e->stray[i] = 1;
        e->list[n++] = e->samples.ids[i];
        if (e->other[i] == i || e->scores[2 * i + 1] <= score) continue;
        like = e->other[i];
        score = e->scores[2 * i + 1];
    }
    return tell(e, like == root ? MIEN_GALLERY_UNLIKE : MIEN_GALLERY_MISLABELLED, root, n, like,
                score, own);
}

/* Says which samples of a person are not like the most of them. */
static int look_at_person(struct examination *e, const struct doctor_person *p) {
    size_t dims = (size_t)e->samples.dims, roots = 0, first;
    float *v;
    int rc = MIEN_OK;

    for (size_t i = p->first; i < p->first + p->n; i++) roots += e->root[i] == i;
    if (roots < 2 || p->n > MANY) return MIEN_OK;
    v = calloc(p->n, dims * sizeof *v);
    if (!v) return err_set(MIEN_ENOMEM, "no memory for a person's samples");
    for (size_t i = 0; i < p->n && rc == MIEN_OK; i++)
        rc = index_read(e->samples.index, (int64_t)(p->first + i), v + i * dims);
    if (rc == MIEN_OK) unite_all(e, p, v);
    first = main_root(e, p);
    for (size_t i = p->first; i < p->first + p->n && rc == MIEN_OK; i++)
        if (e->root[i] == i && i != first) rc = tell_stray(e, p, v, i);
    free(v);
    return rc;
}

static int by_persons(const void *a, const void *b) {
    const struct pair *x = a, *y = b;

    if (x->a != y->a) return x->a < y->a ? -1 : 1;
    if (x->b != y->b) return x->b < y->b ? -1 : 1;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    if (x->of_a != y->of_a) return x->of_a < y->of_a ? -1 : 1;
    return (x->of_b > y->of_b) - (x->of_b < y->of_b);
}

/* Pairs of persons, each once; not where a sample that is not like its person explains it. */
static int tell_pairs(struct examination *e) {
    const struct pair *last = NULL;
    int rc = MIEN_OK;

    if (e->n_pairs) qsort(e->pairs, e->n_pairs, sizeof *e->pairs, by_persons);
    for (size_t i = 0; i < e->n_pairs && rc == MIEN_OK; i++) {
        const struct pair *p = &e->pairs[i];
        if (e->stray[p->of_a] || e->stray[p->of_b]) continue;
        if (last && last->a == p->a && last->b == p->b) continue;
        last = p;
        e->list[0] = e->samples.ids[p->of_a];
        rc = tell(e, MIEN_GALLERY_CONFUSABLE, p->of_a, 1, p->of_b, p->score, -1);
    }
    return rc;
}

static int tell_doubles(struct examination *e) {
    int rc = MIEN_OK;

    for (size_t i = 0; i < e->samples.n && rc == MIEN_OK; i++) {
        if (e->double_of[i] == i) continue;
        e->list[0] = e->samples.ids[i];
        rc = tell(e, MIEN_GALLERY_DUPLICATE, i, 1, e->double_of[i], e->scores[2 * i],
                  e->scores[2 * i]);
    }
    return rc;
}

static int examine(struct examination *e) {
    int rc = open_examination(e);

    if (rc == MIEN_OK) rc = search_all(e);
    for (size_t i = 0; i < e->samples.n_persons && rc == MIEN_OK; i++)
        rc = look_at_person(e, &e->samples.persons[i]);
    if (rc == MIEN_OK) rc = tell_pairs(e);
    return rc ? rc : tell_doubles(e);
}

int mien_gallery_doctor(mien_gallery *g, int64_t collection, int64_t contract,
                        const mien_gallery_doctor_options *options, mien_gallery_finding_seen *seen,
                        void *context) {
    mien_gallery_doctor_options o = {.struct_size = sizeof o};
    struct examination e = {.o = &o, .seen = seen, .context = context};
    int rc;

    if (!options || !seen) return err_null("mien_gallery_doctor");
    rc = sized_read(&o, sizeof o, options, "mien_gallery_doctor_options");
    if (rc) return rc;
    rc = doctor_read(g, collection, contract, &e.samples);
    if (rc == MIEN_OK) rc = examine(&e);
    close_examination(&e);
    return rc;
}

const char *mien_gallery_finding_name(int kind) {
    static const char *const names[] = {[MIEN_GALLERY_MISLABELLED] = "mislabelled",
                                        [MIEN_GALLERY_UNLIKE] = "unlike",
                                        [MIEN_GALLERY_CONFUSABLE] = "confusable",
                                        [MIEN_GALLERY_DUPLICATE] = "duplicate"};

    return kind >= 1 && kind <= MIEN_GALLERY_DUPLICATE ? names[kind] : NULL;
}
