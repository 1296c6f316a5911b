/* Whether a gallery holds together, and copies of it, of mien_gallery.h. */
#include "engine/err.h"
#include "gallery/keyring.h"
#include "gallery/log.h"
#include "gallery/seal.h"

#include <stdio.h>

struct checking {
    mien_gallery_problem *problem;
    void *context;
    const char *sentence; /* about an id */
    mien_gallery *gallery;
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

/* Each finds the ids of rows of which something cannot be so. sealed: ?1 is how many bytes sealing
 * adds. */
static const struct {
    const char *sql, *sentence;
    int sealed;
} RULES[] = {
    {"SELECT s.id FROM samples s JOIN persons p ON p.id = s.person"
     " WHERE s.state = 0 AND p.state <> 0",
     "the sample's person is not there any more", 0},
    {"SELECT s.id FROM samples s JOIN contracts c ON c.id = s.contract"
     " WHERE length(s.embedding) <> 4 * c.dims + ?1",
     "the sample's embedding is not as long as its contract says", 1},
    {"SELECT e.sample FROM embeddings e JOIN contracts c ON c.id = e.contract"
     " WHERE length(e.embedding) <> 4 * c.dims + ?1",
     "a further embedding of the sample is not as long as its contract says", 1},
    {"SELECT s.id FROM samples s JOIN not_persons n ON n.sample = s.id AND n.person = s.person"
     " WHERE s.state = 0",
     "the sample is with a person that it was said not to be", 0},
    {"SELECT id FROM samples WHERE state NOT IN (0, -1)", "the sample's state is none", 0},
    {"SELECT p.id FROM persons p LEFT JOIN persons q ON q.id = p.state"
     " WHERE p.state > 0 AND q.id IS NULL",
     "the person was merged into one that there is not", 0},
    {"SELECT s.id FROM samples s WHERE NOT EXISTS"
     " (SELECT 1 FROM changes c WHERE c.subject = s.id AND c.field = 3)",
     "no event tells where the sample comes from", 0},
    {"SELECT p.id FROM persons p WHERE NOT EXISTS"
     " (SELECT 1 FROM changes c WHERE c.subject = p.id AND c.field = 2)",
     "no event tells where the person comes from", 0},
    {"SELECT x.id FROM (SELECT max(id) AS id FROM persons UNION SELECT max(id) FROM samples) x"
     " WHERE x.id > (SELECT value FROM settings WHERE name = 'last_id')",
     "the id is higher than the last one that was given", 0},
};

/* Tells what is wrong with a row that was unsealed. */
static int tell_seal(struct checking *c, struct seal *seal) {
    char id[MIEN_GALLERY_ID_SIZE], sentence[256];
    int is = seal->rc;

    seal_end(seal);
    if (is == MIEN_EFORMAT) return tell(c, mien_gallery_error());
    if (is != SEAL_GONE) return is;
    snprintf(sentence, sizeof sentence,
             "%s: its key was deleted, so that nobody can read it: it is from before a deletion, "
             "and can be deleted again",
             mien_gallery_id_text(seal->id, id));
    return tell(c, sentence);
}

/* Rows: id, name, external id, metadata of a person. */
static int check_person(void *context, const struct store_value *row, int n) {
    struct checking *c = context;
    struct seal seal = seal_begin(c->gallery, n ? row[0].i : 0);

    if (n < 4) return MIEN_OK;
    (void)unseal_name(&seal, &row[1]);
    (void)unseal_text(&seal, SEAL_PERSON_EXTERNAL, &row[2]);
    (void)unseal_text(&seal, SEAL_PERSON_METADATA, &row[3]);
    return tell_seal(c, &seal);
}

/* Rows: id, contract, embedding, crop, source, external id, metadata of a sample; of a further
 * embedding the first three. */
static int check_sample(void *context, const struct store_value *row, int n) {
    static const enum seal_field texts[] = {SEAL_SOURCE, SEAL_SAMPLE_EXTERNAL,
                                            SEAL_SAMPLE_METADATA};
    struct checking *c = context;
    struct seal seal = seal_begin(c->gallery, n ? row[0].i : 0);

    if (n < 3) return MIEN_OK;
    (void)unseal_bytes(&seal, SEAL_EMBEDDING, row[1].i, &row[2]);
    if (n > 3) (void)unseal_bytes(&seal, SEAL_CROP, 0, &row[3]);
    for (int i = 4; i < n; i++) (void)unseal_text(&seal, texts[i - 4], &row[i]);
    return tell_seal(c, &seal);
}

/* Rows: person, field, text before, text after. Of one whose row is gone nothing can be told. */
static int check_change(void *context, const struct store_value *row, int n) {
    struct checking *c = context;
    struct seal seal = seal_begin(c->gallery, n ? row[0].i : 0);

    for (int i = 2; i < 4 && i < n; i++) {
        if (row[1].i == LOG_PERSON_NAME && row[i].type == STORE_TEXT)
            (void)unseal_name(&seal, &row[i]);
        else if (row[1].i != LOG_PERSON_NAME)
            (void)unseal_text(&seal,
                              row[1].i == LOG_PERSON_EXTERNAL ? SEAL_PERSON_EXTERNAL
                                                              : SEAL_PERSON_METADATA,
                              &row[i]);
    }
    if (seal.rc == SEAL_GONE) return seal_end(&seal);
    return tell_seal(c, &seal);
}

/* That what is sealed can be unsealed, all of it. */
static int check_sealed(mien_gallery *g, struct checking *c) {
    int rc = gallery_run(g, "SELECT id, name, external_id, metadata FROM persons ORDER BY id", NULL,
                         0, check_person, c);

    if (rc == MIEN_OK)
        rc = gallery_run(g,
                         "SELECT id, contract, embedding, crop, source, external_id, metadata"
                         " FROM samples ORDER BY id",
                         NULL, 0, check_sample, c);
    if (rc == MIEN_OK)
        rc = gallery_run(g, "SELECT sample, contract, embedding FROM embeddings ORDER BY sample",
                         NULL, 0, check_sample, c);
    if (rc == MIEN_OK)
        rc = GALLERY_RUN(g,
                         "SELECT subject, field, was_text, now_text FROM changes"
                         " WHERE field IN (?1, ?2, ?3) ORDER BY subject",
                         check_change, c, store_int(LOG_PERSON_NAME),
                         store_int(LOG_PERSON_EXTERNAL), store_int(LOG_PERSON_METADATA));
    return rc;
}

int mien_gallery_check(mien_gallery *g, mien_gallery_problem *problem, void *context,
                       int *problems) {
    struct store_value more = store_int(g && g->keys ? KEYRING_MORE : 0);
    struct checking c = {.problem = problem, .context = context, .gallery = g};
    int rc;

    if (problems) *problems = 0;
    if (!problem || !problems) return err_null("mien_gallery_check");
    rc = gallery_enter(g, "mien_gallery_check");
    if (rc) return rc;
    rc = g->ops->check(g->store, tell, &c);
    if (rc == MIEN_OK && g->keys && g->keys->is_apart) rc = g->ops->check(g->keys->store, tell, &c);
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES && rc == MIEN_OK; i++) {
        c.sentence = RULES[i].sentence;
        rc = gallery_run(g, RULES[i].sql, &more, RULES[i].sealed, tell_row, &c);
    }
    if (rc == MIEN_OK && g->keys) rc = check_sealed(g, &c);
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
