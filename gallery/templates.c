#include "gallery/templates.h"

#include "engine/err.h"
#include "mien.h"

#include <math.h>
#include <stdlib.h>

/* What is made with. */
struct maker {
    struct index *samples;
    struct ids ids;
    size_t dims;
    double *sum; /* [dims] */
    float *v;    /* [dims] */
};

/* In the order of their ids, so that it does not matter how they came to be the person's. */
static int add_up(struct maker *m) {
    for (size_t j = 0; j < m->dims; j++) m->sum[j] = 0;
    for (size_t i = 0; i < m->ids.n; i++) {
        int rc = index_read(m->samples, m->ids.at[i], m->v);
        if (rc) return rc;
        for (size_t j = 0; j < m->dims; j++) m->sum[j] += (double)m->v[j];
    }
    return MIEN_OK;
}

/* To length 1: 0 where it has no direction. */
static int to_unit(struct maker *m) {
    double length = 0;

    for (size_t j = 0; j < m->dims; j++) length += m->sum[j] * m->sum[j];
    if (length < 1e-6) return 0;
    for (size_t j = 0; j < m->dims; j++) m->v[j] = (float)(m->sum[j] / sqrt(length));
    return 1;
}

static int make(struct maker *m, struct index *templates, const struct roster *roster,
                struct roster_person *p) {
    int rc;

    if (p->samples < 2) return MIEN_OK;
    rc = roster_samples(roster, p, &m->ids);
    if (rc == MIEN_OK) rc = add_up(m);
    if (rc || !to_unit(m)) return rc;
    rc = index_add(templates, m->ids.at[0], m->v);
    if (rc == MIEN_OK) p->template_row = m->ids.at[0];
    return rc;
}

/* Rows that go make room for the names of those that come: a sample may be another's oldest now. */
static int remove_rows(struct index *templates, struct roster *roster) {
    const struct ids *changed = roster_changed(roster);

    for (size_t i = 0; i < changed->n; i++) {
        struct roster_person *p = roster_person(roster, changed->at[i]);
        int rc = p->template_row ? index_remove(templates, p->template_row) : MIEN_OK;
        if (rc) return rc;
        p->template_row = 0;
    }
    return MIEN_OK;
}

int templates_refresh(struct index *templates, struct roster *roster, struct index *samples) {
    const struct ids *changed = roster_changed(roster);
    struct maker m = {.samples = samples, .dims = (size_t)index_dims(samples)};
    int rc = remove_rows(templates, roster);

    if (rc || !changed->n) return rc;
    m.sum = malloc(m.dims * sizeof *m.sum);
    m.v = malloc(m.dims * sizeof *m.v);
    if (!m.sum || !m.v) rc = err_set(MIEN_ENOMEM, "searching a gallery: out of memory");
    for (size_t i = 0; i < changed->n && rc == MIEN_OK; i++)
        rc = make(&m, templates, roster, roster_person(roster, changed->at[i]));
    if (rc == MIEN_OK) roster_settle(roster);
    ids_free(&m.ids);
    free(m.sum);
    free(m.v);
    return rc;
}
