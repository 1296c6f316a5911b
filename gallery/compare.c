/* mien_gallery_compare(): a face against one person. */
#include "engine/err.h"
#include "gallery/people.h"
#include "gallery/quantise.h"
#include "gallery/seal.h"

#include <inttypes.h>

struct comparison {
    const float *query;
    int dims;
    int64_t contract;
    mien_gallery *gallery;
    mien_gallery_match *best;
};

/* A row of a sample: id, embedding. Of equals the older one stays. */
static int see(void *context, const struct store_value *row, int n) {
    struct comparison *c = context;
    struct store_value embedding;
    struct seal seal;
    float score;
    int rc;

    if (n < 2) return MIEN_OK;
    seal = seal_begin(c->gallery, row[0].i);
    embedding = unseal_bytes(&seal, SEAL_EMBEDDING, c->contract, &row[1]);
    if (seal.rc || embedding.n != (size_t)c->dims * sizeof(float)) return seal_end(&seal);
    c->best->samples++;
    score = score_of(c->dims, c->query, embedding.bytes);
    rc = seal_end(&seal);
    if (rc) return rc;
    if (c->best->sample && score <= c->best->similarity) return MIEN_OK;
    c->best->sample = row[0].i;
    c->best->similarity = score;
    return MIEN_OK;
}

static int compare(mien_gallery *g, int64_t contract, struct comparison *c) {
    int64_t collection, dims = 0;
    int rc = people_live(g, c->best->person, &collection);

    if (rc == MIEN_OK)
        rc = GALLERY_NUMBER(g, "SELECT dims FROM contracts WHERE id = ?1", &dims,
                            store_int(contract));
    if (rc) return rc;
    if (!dims)
        return err_set(MIEN_GALLERY_ENOTFOUND, "there is no contract %016" PRIx64,
                       (uint64_t)contract);
    c->dims = (int)dims;
    return GALLERY_RUN(
        g,
        "SELECT s.id, CASE WHEN s.contract = ?2 THEN s.embedding ELSE e.embedding END"
        " FROM samples s LEFT JOIN embeddings e ON e.sample = s.id AND"
        " e.contract = ?2 WHERE s.person = ?1 AND s.state = 0"
        " AND (s.contract = ?2 OR e.contract = ?2) ORDER BY s.id",
        see, c, store_int(c->best->person), store_int(contract));
}

int mien_gallery_compare(mien_gallery *g, int64_t person, int64_t contract, const float *query,
                         mien_gallery_match *best) {
    struct comparison c = {.query = query, .best = best, .contract = contract, .gallery = g};
    int rc;

    if (!query || !best) return err_null("mien_gallery_compare");
    *best = (mien_gallery_match){.person = person, .similarity = -1};
    rc = gallery_enter(g, "mien_gallery_compare");
    if (rc) return rc;
    return gallery_leave(g, compare(g, contract, &c));
}
