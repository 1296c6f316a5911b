#include "recognition/contract.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What is done to a face before: ArcFace's template, 112 pixels a side. */
#define PREPARED "arcface-112"
/* How two networks are one (tasks/pair.h): what is hashed before their own hashes. */
#define PAIR_RULE "both, each times the root of one half"

/* The bytes of a file, for free(). */
static uint8_t *read_file(const char *path, size_t *size, char why[CONTRACT_WHY]) {
    FILE *in = fopen(path, "rbe");
    struct stat st;
    uint8_t *bytes = NULL;

    errno = in ? 0 : errno;
    if (in && fstat(fileno(in), &st) == 0) bytes = malloc((size_t)st.st_size + 1);
    if (bytes) *size = fread(bytes, 1, (size_t)st.st_size, in);
    if (!bytes || ferror(in)) {
        snprintf(why, CONTRACT_WHY, "%s: %s", path, strerror(errno ? errno : EIO));
        free(bytes);
        bytes = NULL;
    }
    if (in) fclose(in);
    return bytes;
}

/* A file of weights: eight bytes with the header's length, the header, tensors (docs/blob.md). */
struct weights {
    uint8_t *bytes;
    size_t size, data; /* data: where tensors begin */
    json_t *header;    /* NULL: none */
};

static int read_weights(const char *path, struct weights *w, char why[CONTRACT_WHY]) {
    uint64_t header = 0;

    *w = (struct weights){.header = NULL};
    w->bytes = read_file(path, &w->size, why);
    if (!w->bytes) return -1;
    for (int i = 0; i < 8 && w->size >= 8; i++) header |= (uint64_t)w->bytes[i] << 8 * i;
    if (w->size >= 8 && header <= w->size - 8) {
        w->data = 8 + (size_t)header;
        w->header = json_loadb((const char *)w->bytes + 8, (size_t)header, 0, NULL);
    }
    if (w->header) return 0;
    snprintf(why, CONTRACT_WHY, "%s: it has changed while it was read", path); /* it was loaded */
    free(w->bytes);
    return -1;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Ranges of int8 are how a network is run, not what it is. */
static int is_weight(const char *name) {
    return strcmp(name, "__metadata__") != 0 && strncmp(name, "int8.", 5) != 0;
}

/* The names of its weights, sorted, for free(); they belong to the header. NULL: no memory. */
static const char **weight_names(const struct weights *w, size_t *n) {
    const char **names = calloc(json_object_size(w->header) + 1, sizeof *names), *name;
    json_t *tensor;

    *n = 0;
    json_object_foreach(w->header, name, tensor) if (names && is_weight(name)) names[(*n)++] = name;
    if (names) qsort(names, *n, sizeof *names, by_name);
    return names;
}

static void hash_tensor(const struct weights *w, const char *name,
                        uint8_t out[MIEN_GALLERY_HASH_SIZE]) {
    const json_t *offsets = json_object_get(json_object_get(w->header, name), "data_offsets");
    size_t from = (size_t)json_integer_value(json_array_get(offsets, 0));
    size_t to = (size_t)json_integer_value(json_array_get(offsets, 1));
    size_t there = w->size - w->data;

    if (to > there) to = there;
    if (from > to) from = to; /* it has changed since it was loaded */
    mien_gallery_hash(w->bytes + w->data + from, to - from, out);
}

/* Of each weight its name and the hash of its values, and how the input is made of a picture. */
static int hash_network(const struct weights *w, uint8_t out[MIEN_GALLERY_HASH_SIZE]) {
    const char *input =
        json_string_value(json_object_get(json_object_get(w->header, "__metadata__"), "input"));
    size_t n, size = 0;
    const char **names = weight_names(w, &n);
    char *text = NULL;
    FILE *stream = names ? open_memstream(&text, &size) : NULL;
    int failed = !stream;

    for (size_t i = 0; stream && i < n; i++) {
        uint8_t hash[MIEN_GALLERY_HASH_SIZE];
        hash_tensor(w, names[i], hash);
        fputs(names[i], stream);
        fputc('\n', stream);
        fwrite(hash, sizeof hash, 1, stream);
    }
    if (stream) fputs(input ? input : "", stream);
    if (stream && (ferror(stream) | fclose(stream))) failed = 1;
    if (!failed) mien_gallery_hash(text, size, out);
    free(text);
    free(names);
    return failed ? -1 : 0;
}

static void hash_text(const uint8_t hash[MIEN_GALLERY_HASH_SIZE], char out[CONTRACT_HASH]) {
    size_t n = (size_t)snprintf(out, CONTRACT_HASH, "sha256:");

    for (int i = 0; i < MIEN_GALLERY_HASH_SIZE; i++)
        n += (size_t)snprintf(out + n, CONTRACT_HASH - n, "%02x", hash[i]);
    snprintf(out + n, CONTRACT_HASH - n, "/%s", PREPARED);
}

static int hash_file(const char *path, char out[CONTRACT_HASH], char why[CONTRACT_WHY]) {
    uint8_t hash[MIEN_GALLERY_HASH_SIZE];
    struct weights w;
    int failed = read_weights(path, &w, why);

    if (failed) return failed;
    failed = hash_network(&w, hash);
    json_decref(w.header);
    free(w.bytes);
    if (failed) {
        snprintf(why, CONTRACT_WHY, "out of memory");
        return failed;
    }
    hash_text(hash, out);
    return 0;
}

/* Of one network of those a name stands for; 1 where it has no such part. */
static int hash_part(const mien_ctx *ctx, const char *name, int i, char out[CONTRACT_HASH],
                     char why[CONTRACT_WHY]) {
    char *part = NULL, *path = NULL;
    int rc = mien_net_part(ctx, name, i, &part), failed;

    if (rc == MIEN_EINVAL && i > 0) return 1;
    if (rc || mien_net_path(ctx, part, &path)) {
        snprintf(why, CONTRACT_WHY, "%s", mien_error());
        failed = -1;
    } else {
        failed = hash_file(path, out, why);
    }
    free(path);
    free(part);
    return failed;
}

int contract_hash(const mien_ctx *ctx, const char *name, char out[CONTRACT_HASH],
                  char why[CONTRACT_WHY]) {
    char second[CONTRACT_HASH], text[sizeof PAIR_RULE + 2 * CONTRACT_HASH + 2];
    uint8_t hash[MIEN_GALLERY_HASH_SIZE];
    int failed = hash_part(ctx, name, 0, out, why), n;

    if (failed) return -1;
    failed = hash_part(ctx, name, 1, second, why);
    if (failed) return failed < 0 ? -1 : 0;
    n = snprintf(text, sizeof text, "%s\n%s\n%s", PAIR_RULE, out, second);
    mien_gallery_hash(text, (size_t)n, hash);
    hash_text(hash, out);
    return 0;
}

struct wanted {
    const char *hash;
    int64_t id;
};

static int see(void *context, const mien_gallery_contract *contract) {
    struct wanted *wanted = context;

    if (strcmp(contract->hash, wanted->hash) == 0) wanted->id = contract->id;
    return 0;
}

int contract_find(mien_gallery *gallery, int64_t collection, const mien_net_info *info,
                  const char *hash, int make, int64_t *contract) {
    mien_gallery_contract own = {
        .struct_size = sizeof own, .name = info->name, .hash = hash, .dims = info->embedding_size};
    struct wanted wanted = {.hash = hash};
    int rc;

    *contract = 0;
    rc = mien_gallery_contracts(gallery, see, &wanted);
    *contract = rc ? 0 : wanted.id;
    if (rc == MIEN_OK && collection)
        rc = mien_gallery_contract_check(gallery, collection, wanted.id);
    if (rc || *contract || !make) return rc;
    return mien_gallery_contract_use(gallery, &own, contract);
}
