/* Master keys: reading one, opening a gallery's keys with it, making a gallery an encrypted one,
 * another master key. */
#include "gallery/keyring_open.h"

#include "engine/err.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static int hex_of(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* 64 digits, and nothing else but white space behind them. */
static int read_digits(const char *text, size_t n, uint8_t *key) {
    size_t digits = 2 * (size_t)MIEN_GALLERY_KEY_SIZE;

    if (n < digits) return 0;
    for (size_t i = digits; i < n; i++)
        if (!strchr(" \t\r\n", text[i]) || !text[i]) return 0;
    for (size_t i = 0; i < MIEN_GALLERY_KEY_SIZE; i++) {
        int high = hex_of(text[2 * i]), low = hex_of(text[2 * i + 1]);
        if (high < 0 || low < 0) return 0;
        key[i] = (uint8_t)(high << 4 | low);
    }
    return 1;
}

int mien_gallery_key_read(const char *path, uint8_t key[MIEN_GALLERY_KEY_SIZE]) {
    char text[2 * MIEN_GALLERY_KEY_SIZE + 8];
    size_t n = 0;
    FILE *in;
    int rc = MIEN_OK;

    if (!path || !key) return err_null("mien_gallery_key_read");
    in = fopen(path, "rbe");
    if (in) n = fread(text, 1, sizeof text, in);
    if (!in || ferror(in))
        rc = err_set(MIEN_EIO, "%s: %s", path, strerror(errno));
    else if (n == MIEN_GALLERY_KEY_SIZE)
        memcpy(key, text, n);
    else if (n == sizeof text || !read_digits(text, n, key))
        rc = err_set(MIEN_EFORMAT,
                     "%s: is no key, which has 32 bytes, or 64 hexadecimal digits: make one by "
                     "'openssl rand -hex 32'",
                     path);
    if (in) fclose(in);
    explicit_bzero(text, sizeof text);
    return rc;
}

static int wrong_key(const char *path) {
    return err_set(MIEN_GALLERY_EKEY, "%s: the key is not this gallery's", path);
}

/* The file of keys beside a gallery's. */
static int open_file(struct keyring *k, const char *path, const struct store_options *options,
                     int create) {
    struct store_options own = *options;
    char *name = NULL;
    int rc = MIEN_OK, is_file = strcmp(path, ":memory:") != 0;

    own.keys = 1;
    own.must_exist = !create;
    if (asprintf(&name, "%s%s", path, is_file ? "-keys" : "") < 0)
        return err_set(MIEN_ENOMEM, "%s: out of memory", path);
    if (is_file && !create && access(name, F_OK) != 0)
        rc = err_set(MIEN_GALLERY_EKEY,
                     "%s: its keys, which lie in %s, are not there: without them nothing in it can "
                     "be read",
                     path, name);
    if (rc == MIEN_OK) rc = k->ops->open(name, &own, &k->store);
    free(name);
    return rc;
}

static int new_keyring(mien_gallery *g, const uint8_t *key) {
    const struct libcrypto *lib = libcrypto_use();
    struct keyring *k = lib ? calloc(1, sizeof *k) : NULL;

    if (!lib) return MIEN_EDEVICE;
    if (k) k->ctx = lib->ctx_new();
    if (!k || !k->ctx) {
        free(k);
        return err_set(MIEN_ENOMEM, "an encrypted gallery: out of memory");
    }
    g->keys = k;
    k->lib = lib;
    k->ops = g->ops;
    k->store = g->store;
    k->ahead = 1;
    memcpy(k->master, key, sizeof k->master);
    return MIEN_OK;
}

void keyring_close(struct keyring *k) {
    if (!k) return;
    if (k->is_apart && k->store) k->ops->close(k->store);
    k->lib->ctx_free(k->ctx);
    ids_free(&k->going);
    if (k->fresh) explicit_bzero(k->fresh, k->room_fresh * sizeof *k->fresh);
    free(k->fresh);
    explicit_bzero(k, sizeof *k);
    free(k);
}

/* Of what is looked for, the key that says whether the master key is right. */
static int read_lookup(struct keyring *k, const char *path) {
    int rc = keyring_find(k, 0, k->lookup);

    if (rc == KEYRING_GONE)
        return err_set(MIEN_EFORMAT, "%s: its keys are damaged: restore a copy of them", path);
    return rc == MIEN_GALLERY_EKEY ? wrong_key(path) : rc;
}

static int attach(mien_gallery *g, const char *path, const struct store_options *options,
                  const uint8_t *key, int create) {
    int rc = new_keyring(g, key);

    if (rc || !g->ops->path(g->store)) return rc;
    g->keys->is_apart = 1;
    g->keys->store = NULL;
    return open_file(g->keys, path, options, create);
}

static int seal_number(mien_gallery *g, int64_t *number) {
    *number = 0;
    return gallery_number(g, "SELECT value FROM settings WHERE name = 'sealed'", NULL, 0, number);
}

/* In a database of a server's the keys have a schema of their own, which dumps of the gallery's
 * leave out. */
static int make_tables(mien_gallery *g) {
    int rc = gallery_run(g, "CREATE SCHEMA IF NOT EXISTS mien_gallery_keys", NULL, 0, NULL, NULL);

    if (rc) return rc;
    return gallery_run(g,
                       "CREATE TABLE IF NOT EXISTS mien_gallery_keys.keys (id bigint PRIMARY KEY,"
                       " wrapped bytea NOT NULL, going bigint NOT NULL DEFAULT 0)",
                       NULL, 0, NULL, NULL);
}

static int take_number(void *context, const struct store_value *row, int n) {
    if (n) *(int64_t *)context = row[0].i;
    return MIEN_OK;
}

/* Keys that are there may be those of a gallery that was moved: they are nobody's to overwrite. */
static int check_unused(struct keyring *k, const char *path) {
    int64_t others = 0;
    int rc = k->ops->run(k->store, "SELECT count(*) FROM keys WHERE id > 0", NULL, 0, take_number,
                         &others);

    if (rc || !others) return rc;
    return err_set(MIEN_GALLERY_EKEY,
                   "%s: beside it lie the keys of another gallery: move them to where that is",
                   path);
}

/* Within a transaction of a gallery that has nothing yet. */
static int make_sealed(mien_gallery *g, const char *path) {
    struct keyring *k = g->keys;
    uint64_t number = 0;
    int rc = k->is_apart ? MIEN_OK : make_tables(g);

    if (rc == MIEN_OK) rc = check_unused(k, path);
    if (rc == MIEN_OK && getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        rc = err_set(MIEN_EIO, "random numbers: %s", strerror(errno));
    k->gallery = (int64_t)(number >> 2 | 1);
    if (rc == MIEN_OK) rc = keyring_new(k, 0);
    if (rc == MIEN_OK) rc = keyring_find(k, 0, k->lookup);
    return rc ? rc
              : GALLERY_RUN(g, "INSERT INTO settings (name, value) VALUES ('sealed', ?1)", NULL,
                            NULL, store_int(k->gallery));
}

/* Whether a gallery has nothing yet. */
static int count_rows(mien_gallery *g, int64_t *rows) {
    return gallery_number(g,
                          "SELECT (SELECT count(*) FROM collections) + (SELECT count(*) FROM"
                          " contracts) + (SELECT count(*) FROM events)",
                          NULL, 0, rows);
}

static int make(mien_gallery *g, const char *path, const struct store_options *options,
                const uint8_t *key) {
    int64_t rows = 0, sealed = 0;
    int rc = count_rows(g, &rows);

    if (rc == MIEN_OK && (rows || options->read_only))
        rc = err_set(MIEN_GALLERY_EKEY,
                     "%s: is not encrypted, so that there is no key to it: 'mien gallery export' "
                     "and 'import' make an encrypted one of it",
                     path);
    if (rc == MIEN_OK) rc = attach(g, path, options, key, 1);
    if (rc == MIEN_OK) rc = gallery_enter_to_write(g, "mien_gallery_open");
    if (rc) return rc;
    rc = seal_number(g, &sealed); /* another may have been first */
    if (rc == MIEN_OK) rc = count_rows(g, &rows);
    if (rc == MIEN_OK && !sealed && rows)
        rc = err_set(MIEN_GALLERY_EBUSY, "%s: another process has just made it", path);
    if (rc == MIEN_OK && !sealed) rc = make_sealed(g, path);
    g->keys->gallery = sealed ? sealed : g->keys->gallery;
    rc = gallery_leave_written(g, rc);
    return rc || !sealed ? rc : read_lookup(g->keys, path);
}

int keyring_open(mien_gallery *g, const char *path, const struct store_options *options,
                 const uint8_t *key) {
    int64_t sealed;
    int rc = seal_number(g, &sealed);

    if (rc || (!sealed && !key)) return rc;
    if (!sealed) return make(g, path, options, key);
    if (!key)
        return err_set(MIEN_GALLERY_EKEY,
                       "%s: is encrypted: the file of its key is missing (--gallery-key)", path);
    rc = attach(g, path, options, key, 0);
    if (rc) return rc;
    g->keys->gallery = sealed;
    return read_lookup(g->keys, path);
}

/* Of those marked, the rows say whether the deletion was committed. */
int keyring_settle(mien_gallery *g) {
    struct keyring *k = g->keys;
    struct ids marked = {0};
    int rc =
        k->ops->run(k->store, "SELECT id FROM keys WHERE going <> 0", NULL, 0, ids_take, &marked);

    if (rc == MIEN_OK) rc = k->ops->begin(k->store);
    for (size_t i = 0; i < marked.n && rc == MIEN_OK; i++) {
        struct store_value id = store_int(marked.at[i]);
        int64_t there = 0;
        rc = GALLERY_NUMBER(g,
                            "SELECT (SELECT count(*) FROM persons WHERE id = ?1) +"
                            " (SELECT count(*) FROM samples WHERE id = ?1)",
                            &there, id);
        if (rc == MIEN_OK)
            rc = k->ops->run(k->store,
                             there ? "UPDATE keys SET going = 0 WHERE id = ?1" : KEYRING_DELETE,
                             &id, 1, NULL, NULL);
    }
    if (rc == MIEN_OK) rc = k->ops->commit(k->store);
    if (rc) k->ops->rollback(k->store);
    ids_free(&marked);
    return rc;
}

/* A key that is wrapped anew: by id, one after the other. */
struct rewrapping {
    struct keyring *k;
    const uint8_t *key;
    int64_t id;
    int found;
    uint8_t wrapped[KEYRING_WRAPPED];
};

static int rewrap(void *context, const struct store_value *row, int n) {
    struct rewrapping *r = context;
    struct keyring_place place = {.row = n ? row[0].i : 0};
    uint8_t plain[MIEN_GALLERY_KEY_SIZE];
    int rc;

    if (n < 2) return MIEN_OK;
    r->found = 1;
    r->id = place.row;
    if (row[1].n != KEYRING_WRAPPED)
        return err_set(MIEN_EFORMAT, "%016" PRIx64 ": its key is damaged", (uint64_t)r->id);
    rc = keyring_unseal(r->k, r->k->master, &place, row[1].bytes, row[1].n, plain, "its key");
    if (rc == MIEN_OK) rc = keyring_seal(r->k, r->key, &place, plain, sizeof plain, r->wrapped);
    explicit_bzero(plain, sizeof plain);
    return rc;
}

static int rewrap_all(struct keyring *k, const uint8_t *key) {
    struct rewrapping r = {.k = k, .key = key, .id = -1};
    int rc;

    do {
        struct store_value values[2] = {store_int(r.id)};
        r.found = 0;
        rc = k->ops->run(k->store, "SELECT id, wrapped FROM keys WHERE id > ?1 ORDER BY id LIMIT 1",
                         values, 1, rewrap, &r);
        values[0] = store_int(r.id);
        values[1] = store_bytes(r.wrapped, sizeof r.wrapped);
        if (rc == MIEN_OK && r.found)
            rc = k->ops->run(k->store, "UPDATE keys SET wrapped = ?2 WHERE id = ?1", values, 2,
                             NULL, NULL);
    } while (rc == MIEN_OK && r.found);
    return rc;
}

int mien_gallery_rekey(mien_gallery *g, const uint8_t key[MIEN_GALLERY_KEY_SIZE]) {
    struct keyring *k;
    int done, rc;

    if (!key) return err_null("mien_gallery_rekey");
    rc = gallery_enter_to_write(g, "mien_gallery_rekey");
    if (rc) return rc;
    k = g->keys;
    if (!k)
        rc = err_set(MIEN_GALLERY_EKEY, "the gallery is not encrypted: it has no key to change");
    else if (g->depth > 1)
        rc = err_set(MIEN_EINVAL, "the key cannot be changed between begin and commit");
    if (rc == MIEN_OK && k->is_apart) rc = k->ops->begin(k->store);
    if (rc) return gallery_leave_written(g, rc);
    rc = rewrap_all(k, key);
    if (rc == MIEN_OK && k->is_apart) rc = k->ops->commit(k->store);
    if (rc && k->is_apart) k->ops->rollback(k->store);
    rc = gallery_leave_written(g, rc);
    if (rc) return rc;
    memcpy(k->master, key, sizeof k->master);
    return keyring_scrub(k, &done); /* what the old one wrapped */
}
