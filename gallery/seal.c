#include "gallery/seal.h"

#include "engine/err.h"
#include "gallery/keyring.h"

#include <stdlib.h>
#include <string.h>

static const char *const NAMES[] = {
    [SEAL_NAME] = "a name",
    [SEAL_PERSON_EXTERNAL] = "an external id",
    [SEAL_PERSON_METADATA] = "metadata",
    [SEAL_EMBEDDING] = "an embedding",
    [SEAL_CROP] = "a face",
    [SEAL_SOURCE] = "a source",
    [SEAL_SAMPLE_EXTERNAL] = "an external id",
    [SEAL_SAMPLE_METADATA] = "metadata",
};

struct seal seal_begin(mien_gallery *g, int64_t id) {
    return (struct seal){.g = g, .id = id};
}

int seal_end(struct seal *s) {
    for (int i = 0; i < s->n; i++) free(s->pieces[i]);
    if (s->has_key) explicit_bzero(s->key, sizeof s->key);
    s->n = 0;
    return s->rc == SEAL_GONE ? MIEN_OK : s->rc;
}

/* Memory that stays until seal_end(); NULL, and rc, where there is none. */
static void *piece(struct seal *s, size_t n) {
    void *p = s->n < SEAL_PIECES ? malloc(n + 1) : NULL;

    if (p)
        s->pieces[s->n++] = p;
    else
        s->rc = err_set(MIEN_ENOMEM, "an encrypted gallery: out of memory");
    return p;
}

/* 1 where there is something to seal or unseal, and a key to do it with. */
static int is_ready(struct seal *s, int is_null) {
    if (s->rc || is_null) return 0;
    if (!s->has_key) s->rc = keyring_find(s->g->keys, s->id, s->key);
    s->has_key = s->rc == MIEN_OK;
    return s->has_key;
}

static struct store_value null(void) {
    return (struct store_value){.type = STORE_NULL};
}

struct store_value seal_bytes(struct seal *s, enum seal_field field, int64_t more,
                              struct store_value value) {
    struct keyring_place place = {field, s->id, more};
    uint8_t *out;

    if (!s->g->keys) return value;
    if (!is_ready(s, value.type == STORE_NULL)) return null();
    out = piece(s, value.n + KEYRING_MORE);
    if (!out) return null();
    s->rc = keyring_seal(s->g->keys, s->key, &place, value.bytes, value.n, out);
    return s->rc ? null() : store_bytes(out, value.n + KEYRING_MORE);
}

/* Sealed bytes as a text, behind `head` letters that are left free. */
static char *sealed_text(struct seal *s, enum seal_field field, const void *bytes, size_t n,
                         size_t head) {
    struct store_value sealed =
        seal_bytes(s, field, 0, (struct store_value){STORE_BYTES, 0, 0, bytes, n});
    char *text = sealed.type == STORE_NULL ? NULL : piece(s, head + (sealed.n + 2) / 3 * 4);

    if (text) s->g->keys->lib->encode((unsigned char *)text + head, sealed.bytes, (int)sealed.n);
    return text;
}

struct store_value seal_text(struct seal *s, enum seal_field field, const char *text) {
    if (!s->g->keys || !text) return store_text(text);
    return store_text(sealed_text(s, field, text, strlen(text), 0));
}

struct store_value seal_name(struct seal *s, int64_t collection, const char *name) {
    char head[SEAL_NAME_HEAD + 1], *text;

    if (!s->g->keys || !*name) return store_text(name);
    text = sealed_text(s, SEAL_NAME, name, strlen(name), SEAL_NAME_HEAD);
    if (!text) return null();
    s->rc = seal_name_head(s->g, collection, name, head);
    memcpy(text, head, SEAL_NAME_HEAD);
    return store_text(text);
}

enum { HAS_HASH = 1, HAS_SOURCE = 2, HASH = MIEN_GALLERY_HASH_SIZE };

struct store_value seal_source(struct seal *s, const char *source, const uint8_t *hash) {
    size_t n = source ? strlen(source) : 0;
    uint8_t *both;

    if (!s->g->keys || (!source && !hash)) return store_text(source);
    both = piece(s, 1 + HASH + n);
    if (!both) return null();
    memset(both, 0, 1 + HASH);
    both[0] = (uint8_t)((hash ? HAS_HASH : 0) | (source ? HAS_SOURCE : 0));
    if (hash) memcpy(both + 1, hash, HASH);
    if (source) memcpy(both + 1 + HASH, source, n);
    return store_text(sealed_text(s, SEAL_SOURCE, both, 1 + HASH + n, 0));
}

struct store_value unseal_bytes(struct seal *s, enum seal_field field, int64_t more,
                                const struct store_value *column) {
    struct keyring_place place = {field, s->id, more};
    uint8_t *out;

    if (!s->g->keys) return *column;
    if (!is_ready(s, column->type == STORE_NULL)) return null();
    out = piece(s, column->n);
    if (!out) return null();
    s->rc = keyring_unseal(s->g->keys, s->key, &place, column->bytes, column->n, out, NAMES[field]);
    return s->rc ? null() : store_bytes(out, column->n - KEYRING_MORE);
}

/* What a sealed text was, with a 0 behind it; NULL where there is none. */
static char *unsealed(struct seal *s, enum seal_field field, const struct store_value *column,
                      size_t head, size_t *n) {
    struct store_value sealed = {.type = STORE_BYTES}, plain;
    size_t letters = column->n > head ? column->n - head : 0;
    const char *text = (const char *)column->bytes + head;
    unsigned char *bytes;
    int got = -1;

    if (!is_ready(s, column->type != STORE_TEXT)) return NULL;
    bytes = piece(s, letters / 4 * 3 + 1);
    if (!bytes) return NULL;
    if (letters % 4 == 0 && letters < INT32_MAX)
        got = s->g->keys->lib->decode(bytes, (const unsigned char *)text, (int)letters);
    for (size_t i = 1; got > 0 && i <= 2 && text[letters - i] == '='; i++) got--;
    sealed.bytes = bytes;
    sealed.n = got > 0 ? (size_t)got : 0; /* what is too short is not what was sealed */
    plain = unseal_bytes(s, field, 0, &sealed);
    if (plain.type == STORE_NULL) return NULL;
    ((char *)s->pieces[s->n - 1])[plain.n] = '\0';
    if (n) *n = plain.n;
    return s->pieces[s->n - 1];
}

const char *unseal_text(struct seal *s, enum seal_field field, const struct store_value *column) {
    return s->g->keys ? unsealed(s, field, column, 0, NULL) : store_get_text(column);
}

const char *unseal_name(struct seal *s, const struct store_value *column) {
    const char *name;

    if (!s->g->keys || !*store_need_text(column)) return store_need_text(column);
    name = unsealed(s, SEAL_NAME, column, SEAL_NAME_HEAD, NULL);
    return name ? name : "";
}

void unseal_source(struct seal *s, const struct store_value *column,
                   const struct store_value *column_hash, const char **source,
                   const uint8_t **hash) {
    const uint8_t *both;
    size_t n = 0;

    if (!s->g->keys) {
        *source = store_get_text(column);
        *hash = column_hash->n == HASH ? column_hash->bytes : NULL;
        return;
    }
    both = (const uint8_t *)unsealed(s, SEAL_SOURCE, column, 0, &n);
    *source = both && n > HASH && both[0] & HAS_SOURCE ? (const char *)both + 1 + HASH : NULL;
    *hash = both && n > HASH && both[0] & HAS_HASH ? both + 1 : NULL;
}

int seal_new_row(mien_gallery *g, int64_t id) {
    return g->keys ? keyring_new(g->keys, id) : MIEN_OK;
}

int seal_name_head(mien_gallery *g, int64_t collection, const char *name, char *out) {
    uint8_t hash[32];
    int rc = keyring_hmac(g->keys, 'n', collection, name, strlen(name), hash);

    out[0] = '\0';
    if (rc == MIEN_OK) g->keys->lib->encode((unsigned char *)out, hash, SEAL_NAME_HEAD / 4 * 3);
    return rc;
}

int seal_hash(mien_gallery *g, const uint8_t *hash, uint8_t *out) {
    if (g->keys) return keyring_hmac(g->keys, 's', 0, hash, HASH, out);
    memcpy(out, hash, HASH);
    return MIEN_OK;
}
