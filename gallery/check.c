/* Whether a gallery holds together, and copies of it, of mien_gallery.h. */
#include "engine/err.h"
#include "gallery/gallery.h"

#include <stdio.h>

struct checking {
    mien_gallery_problem *problem;
    void *context;
    const char *sentence; /* about an id */
    int found;
};

static int tell(void *context, const char *sentence) {
    struct checking *c = context;

    c->found++;
    return c->problem(c->context, sentence);
}

static int tell_row(void *context, const struct store_value *row, int n) {
    struct checking *c = context;
    char id[MIEN_GALLERY_ID_SIZE], sentence[256];

    if (n < 1) return MIEN_OK;
    snprintf(sentence, sizeof sentence, "%s: %s", mien_gallery_id_text(row[0].i, id), c->sentence);
    return tell(c, sentence);
}

/* Each finds the ids of rows of which something cannot be so. */
static const struct {
    const char *sql, *sentence;
} RULES[] = {
    {"SELECT s.id FROM samples s JOIN persons p ON p.id = s.person"
     " WHERE s.state = 0 AND p.state <> 0",
     "the sample's person is not there any more"},
    {"SELECT s.id FROM samples s JOIN contracts c ON c.id = s.contract"
     " WHERE length(s.embedding) <> 4 * c.dims",
     "the sample's embedding is not as long as its contract says"},
    {"SELECT e.sample FROM embeddings e JOIN contracts c ON c.id = e.contract"
     " WHERE length(e.embedding) <> 4 * c.dims",
     "a further embedding of the sample is not as long as its contract says"},
    {"SELECT s.id FROM samples s JOIN not_persons n ON n.sample = s.id AND n.person = s.person"
     " WHERE s.state = 0",
     "the sample is with a person that it was said not to be"},
    {"SELECT id FROM samples WHERE state NOT IN (0, -1)", "the sample's state is none"},
    {"SELECT p.id FROM persons p LEFT JOIN persons q ON q.id = p.state"
     " WHERE p.state > 0 AND q.id IS NULL",
     "the person was merged into one that there is not"},
    {"SELECT s.id FROM samples s WHERE NOT EXISTS"
     " (SELECT 1 FROM changes c WHERE c.subject = s.id AND c.field = 3)",
     "no event tells where the sample comes from"},
    {"SELECT p.id FROM persons p WHERE NOT EXISTS"
     " (SELECT 1 FROM changes c WHERE c.subject = p.id AND c.field = 2)",
     "no event tells where the person comes from"},
    {"SELECT x.id FROM (SELECT max(id) AS id FROM persons UNION SELECT max(id) FROM samples) x"
     " WHERE x.id > (SELECT value FROM settings WHERE name = 'last_id')",
     "the id is higher than the last one that was given"},
};

int mien_gallery_check(mien_gallery *g, mien_gallery_problem *problem, void *context,
                       int *problems) {
    struct checking c = {.problem = problem, .context = context};
    int rc;

    if (problems) *problems = 0;
    if (!problem || !problems) return err_null("mien_gallery_check");
    rc = gallery_enter(g, "mien_gallery_check");
    if (rc) return rc;
    rc = g->ops->check(g->store, tell, &c);
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES && rc == MIEN_OK; i++) {
        c.sentence = RULES[i].sentence;
        rc = gallery_run(g, RULES[i].sql, NULL, 0, tell_row, &c);
    }
    *problems = c.found;
    return gallery_leave(g, rc);
}

int mien_gallery_backup(mien_gallery *g, const char *path) {
    int rc;

    if (!path) return err_null("mien_gallery_backup");
    rc = gallery_enter(g, "mien_gallery_backup");
    if (rc) return rc;
    if (g->depth)
        rc = err_set(MIEN_EINVAL, "a gallery cannot be copied between begin and commit");
    else
        rc = g->ops->backup(g->store, path);
    return gallery_leave(g, rc);
}
