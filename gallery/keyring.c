#include "gallery/keyring.h"

#include "engine/err.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static int random_bytes(void *out, size_t n) {
    if (getrandom(out, n, 0) == (ssize_t)n) return MIEN_OK;
    return err_set(MIEN_EIO, "random numbers: %s", strerror(errno));
}

static int failed(void) {
    return err_set(MIEN_EIO, "libcrypto: a cipher failed");
}

/* The place as what a sealed text is bound to. */
struct bound {
    int64_t gallery, field, row, more;
};

/* Encrypts or decrypts n bytes; tag: [KEYRING_TAG], written or asked for. 1: it does not fit. */
static int apply(struct keyring *k, int encrypt, const uint8_t *key, const uint8_t *nonce,
                 const struct keyring_place *place, const uint8_t *in, size_t n, uint8_t *out,
                 uint8_t *tag) {
    const struct bound bound = {k->gallery, place->field, place->row, place->more};
    int done = 0;

    if (n > INT32_MAX) return err_set(MIEN_ETOOBIG, "a value is too long to be encrypted");
    if (!k->lib->init(k->ctx, k->lib->aes_256_gcm(), NULL, key, nonce, encrypt) ||
        !k->lib->update(k->ctx, NULL, &done, (const unsigned char *)&bound, sizeof bound) ||
        (n && !k->lib->update(k->ctx, out, &done, in, (int)n)))
        return failed();
    if (!encrypt && !k->lib->ctx_ctrl(k->ctx, EVP_CTRL_AEAD_SET_TAG, KEYRING_TAG, tag))
        return failed();
    if (!k->lib->final(k->ctx, out + n, &done)) return encrypt ? failed() : 1;
    if (encrypt && !k->lib->ctx_ctrl(k->ctx, EVP_CTRL_AEAD_GET_TAG, KEYRING_TAG, tag))
        return failed();
    return MIEN_OK;
}

int keyring_seal(struct keyring *k, const uint8_t *key, const struct keyring_place *place,
                 const void *bytes, size_t n, uint8_t *out) {
    int rc = random_bytes(out, KEYRING_NONCE);

    return rc ? rc
              : apply(k, 1, key, out, place, bytes, n, out + KEYRING_NONCE,
                      out + KEYRING_NONCE + n);
}

int keyring_unseal(struct keyring *k, const uint8_t *key, const struct keyring_place *place,
                   const uint8_t *sealed, size_t n, uint8_t *out, const char *what) {
    uint8_t tag[KEYRING_TAG];
    int rc = 1;

    if (n >= KEYRING_MORE) {
        memcpy(tag, sealed + n - KEYRING_TAG, sizeof tag);
        rc = apply(k, 0, key, sealed, place, sealed + KEYRING_NONCE, n - KEYRING_MORE, out, tag);
    }
    if (rc != 1) return rc;
    return err_set(MIEN_EFORMAT,
                   "%016" PRIx64 ": %s is damaged, or was put there by somebody without its key: "
                   "restore a backup",
                   (uint64_t)place->row, what);
}

int keyring_hmac(struct keyring *k, char kind, int64_t more, const void *bytes, size_t n,
                 uint8_t out[32]) {
    size_t head = 1 + sizeof more;
    uint8_t *all = malloc(head + n);
    int rc = MIEN_OK;

    if (!all) return err_set(MIEN_ENOMEM, "an encrypted gallery: out of memory");
    all[0] = (uint8_t)kind;
    memcpy(all + 1, &more, sizeof more);
    if (n) memcpy(all + head, bytes, n);
    if (!k->lib->hmac(k->lib->sha256(), k->lookup, sizeof k->lookup, all, head + n, out, NULL))
        rc = failed();
    free(all);
    return rc;
}

/* Where a key is, or would be, among those not yet written. */
static size_t fresh_place(const struct keyring *k, int64_t id) {
    size_t low = 0, high = k->n_fresh;

    if (high && k->fresh[high - 1].id < id) return high; /* as ids are given */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (k->fresh[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int keyring_new(struct keyring *k, int64_t id) {
    size_t at = fresh_place(k, id);

    if (at < k->n_fresh && k->fresh[at].id == id) return MIEN_OK; /* its row will be refused */
    if (k->n_fresh == k->room_fresh) {
        size_t room = k->room_fresh ? 2 * k->room_fresh : 64;
        struct keyring_key *more = realloc(k->fresh, room * sizeof *more);
        if (!more) return err_set(MIEN_ENOMEM, "an encrypted gallery: out of memory");
        k->fresh = more;
        k->room_fresh = room;
    }
    memmove(k->fresh + at + 1, k->fresh + at, (k->n_fresh - at) * sizeof *k->fresh);
    k->n_fresh++;
    k->fresh[at].id = id;
    return random_bytes(k->fresh[at].bytes, sizeof k->fresh[at].bytes);
}

struct taking {
    struct keyring *k;
    int n;
};

/* A row: id, wrapped key. One that does not open is another master key's. */
static int take_key(void *context, const struct store_value *row, int n) {
    struct taking *t = context;
    struct keyring_place place = {.row = n ? row[0].i : 0};
    int rc;

    if (n < 2 || row[1].n != KEYRING_WRAPPED || t->n == KEYRING_AHEAD) return MIEN_OK;
    rc = keyring_unseal(t->k, t->k->master, &place, row[1].bytes, row[1].n, t->k->cache[t->n].bytes,
                        "its key");
    if (rc == MIEN_EFORMAT)
        return err_set(MIEN_GALLERY_EKEY,
                       "%016" PRIx64 ": its key does not open with this master "
                       "key, which was changed, or the key is damaged",
                       (uint64_t)place.row);
    if (rc) return rc;
    t->k->cache[t->n++].id = place.row;
    return MIEN_OK;
}

static int run(struct keyring *k, const char *sql, const struct store_value *values, int n,
               store_row *row, void *context) {
    return k->ops->run(k->store, sql, values, n, row, context);
}

static const struct keyring_key *cached(const struct keyring *k, int64_t id) {
    int low = 0, high = k->n_cache;

    while (low < high) {
        int middle = low + (high - low) / 2;
        if (k->cache[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < k->n_cache && k->cache[low].id == id ? &k->cache[low] : NULL;
}

/* Rows are mostly read by rising ids: the longer they are, the more keys are read at once. */
static int read_ahead(struct keyring *k, int64_t id) {
    int64_t last = k->n_cache ? k->cache[k->n_cache - 1].id : INT64_MAX;
    struct taking t = {.k = k};
    struct store_value from[2];
    int rc;

    k->ahead = id > last ? k->ahead * 2 : 1;
    if (k->ahead > KEYRING_AHEAD) k->ahead = KEYRING_AHEAD;
    k->n_cache = 0;
    from[0] = store_int(id);
    from[1] = store_int(k->ahead);
    rc = run(k, "SELECT id, wrapped FROM keys WHERE id >= ?1 ORDER BY id LIMIT ?2", from, 2,
             take_key, &t);
    if (rc == MIEN_OK) k->n_cache = t.n;
    return rc;
}

int keyring_find(struct keyring *k, int64_t id, uint8_t *key) {
    size_t at = fresh_place(k, id);
    const struct keyring_key *found =
        at < k->n_fresh && k->fresh[at].id == id ? &k->fresh[at] : cached(k, id);
    int rc = found ? MIEN_OK : read_ahead(k, id);

    if (rc) return rc;
    if (!found) found = cached(k, id);
    if (!found) return KEYRING_GONE;
    memcpy(key, found->bytes, sizeof found->bytes);
    return MIEN_OK;
}

int keyring_see_wrapped(struct keyring *k, int64_t id, store_row *row, void *context) {
    struct store_value value = store_int(id);

    return run(k, "SELECT wrapped FROM keys WHERE id = ?1", &value, 1, row, context);
}

int keyring_delete(struct keyring *k, int64_t id) {
    struct store_value value = store_int(id);

    return ids_take(&k->going, &value, 1);
}

static int write_fresh(struct keyring *k) {
    int rc = MIEN_OK;

    for (size_t i = 0; i < k->n_fresh && rc == MIEN_OK; i++) {
        struct keyring_place place = {.row = k->fresh[i].id};
        uint8_t wrapped[KEYRING_WRAPPED];
        struct store_value values[2] = {store_int(place.row), store_bytes(wrapped, sizeof wrapped)};
        rc = keyring_seal(k, k->master, &place, k->fresh[i].bytes, MIEN_GALLERY_KEY_SIZE, wrapped);
        /* One that is there is of a row that was never committed. */
        if (rc == MIEN_OK) rc = run(k, KEYRING_DELETE, values, 1, NULL, NULL);
        if (rc == MIEN_OK)
            rc = run(k, "INSERT INTO keys (id, wrapped) VALUES (?1, ?2)", values, 2, NULL, NULL);
    }
    return rc;
}

static int run_each(struct keyring *k, const char *sql) {
    int rc = MIEN_OK;

    for (size_t i = 0; i < k->going.n && rc == MIEN_OK; i++) {
        struct store_value id = store_int(k->going.at[i]);
        rc = run(k, sql, &id, 1, NULL, NULL);
    }
    return rc;
}

int keyring_commit(struct keyring *k) {
    int rc = MIEN_OK;

    if (!k->n_fresh && !k->going.n) return MIEN_OK;
    if (k->is_apart) rc = k->ops->begin(k->store);
    if (rc) return rc;
    rc = write_fresh(k);
    if (rc == MIEN_OK)
        rc = run_each(k, k->is_apart ? "UPDATE keys SET going = 1 WHERE id = ?1" : KEYRING_DELETE);
    if (!k->is_apart) return rc;
    if (rc == MIEN_OK) rc = k->ops->commit(k->store);
    if (rc) k->ops->rollback(k->store);
    return rc;
}

int keyring_committed(struct keyring *k) {
    int rc = MIEN_OK;

    if (k->is_apart && k->going.n) {
        rc = k->ops->begin(k->store);
        if (rc == MIEN_OK) rc = run_each(k, KEYRING_DELETE);
        if (rc == MIEN_OK) rc = k->ops->commit(k->store);
        if (rc) k->ops->rollback(k->store);
    }
    keyring_rollback(k);
    return rc;
}

/* What is not in the cache is read anew: nothing that was deleted stays there. */
void keyring_rollback(struct keyring *k) {
    if (k->fresh) explicit_bzero(k->fresh, k->n_fresh * sizeof *k->fresh);
    explicit_bzero(k->cache, sizeof k->cache);
    k->n_fresh = 0;
    k->n_cache = 0;
    ids_free(&k->going);
    k->going = (struct ids){0};
}

static int take_number(void *context, const struct store_value *row, int n) {
    if (n) *(int64_t *)context = row[0].i;
    return MIEN_OK;
}

int keyring_has_going(struct keyring *k, int64_t *going) {
    *going = 0;
    if (!k->is_apart) return MIEN_OK;
    return run(k, "SELECT count(*) FROM keys WHERE going <> 0", NULL, 0, take_number, going);
}

int keyring_scrub(struct keyring *k, int *done) {
    if (k->is_apart) return k->ops->scrub(k->store, done);
    *done = 0;
    return run(k, "VACUUM (INDEX_CLEANUP ON) keys", NULL, 0, NULL, NULL);
}
