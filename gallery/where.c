#include "gallery/where.h"

#include "engine/err.h"
#include "engine/json_text.h"
#include "gallery/seal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { WHERE_MAX = 16 };

struct where {
    struct condition {
        char *key, *value; /* in text */
    } at[WHERE_MAX];
    int n;
    mien_gallery *gallery;
    char *text; /* malloc */
    struct ids *persons;
};

/* KEY=VALUE, several with commas between them. */
static int parse(const char *text, struct where *w) {
    char *rest, *part;

    w->text = strdup(text);
    if (!w->text) return err_set(MIEN_ENOMEM, "searching a gallery: out of memory");
    rest = w->text;
    while ((part = strsep(&rest, ","))) {
        char *equals = strchr(part, '=');
        if (!equals || equals == part)
            return err_set(MIEN_EINVAL, "'%s' is no condition: KEY=VALUE,KEY=VALUE", text);
        if (w->n == WHERE_MAX)
            return err_set(MIEN_EINVAL, "more than %d conditions at once", WHERE_MAX);
        *equals = 0;
        w->at[w->n++] = (struct condition){part, equals + 1};
    }
    return MIEN_OK;
}

/* Texts as they are, all else as JSON writes it. 1, 0, or MIEN_ENOMEM. */
static int equals(const json_t *member, const char *value) {
    char *text;
    size_t n;
    int same;

    if (!member) return 0;
    if (json_is_string(member)) return strcmp(json_string_value(member), value) == 0;
    text = json_written(member, JSON_ENCODE_ANY | JSON_COMPACT, &n);
    if (!text) return err_set(MIEN_ENOMEM, "searching a gallery: out of memory");
    same = strcmp(text, value) == 0;
    free(text);
    return same;
}

/* A store_row: id, metadata. What is no object has no members. */
static int take(void *context, const struct store_value *row, int n) {
    struct where *w = context;
    json_error_t why;
    json_t *object;
    const char *metadata;
    struct seal seal;
    int rc, holds = 1;

    if (n < 2) return MIEN_OK;
    seal = seal_begin(w->gallery, row[0].i);
    metadata = unseal_text(&seal, SEAL_PERSON_METADATA, &row[1]);
    errno = 0;
    object = metadata ? json_text(metadata, &why) : NULL;
    rc = seal_end(&seal);
    if (rc || !metadata) return rc;
    if (!object && errno == ENOMEM)
        return err_set(MIEN_ENOMEM, "searching a gallery: out of memory");
    for (int i = 0; i < w->n && holds == 1; i++)
        holds = equals(json_object_get(object, w->at[i].key), w->at[i].value);
    json_decref(object);
    return holds == 1 ? ids_take(w->persons, row, 1) : holds;
}

int where_persons(mien_gallery *g, int64_t collection, const char *where, struct ids *persons) {
    struct where w = {.persons = persons, .gallery = g};
    int rc = parse(where, &w);

    if (rc == MIEN_OK)
        rc = GALLERY_RUN(g,
                         "SELECT id, metadata FROM persons WHERE collection = ?1 AND state = 0"
                         " AND metadata IS NOT NULL ORDER BY id",
                         take, &w, store_int(collection));
    free(w.text);
    return rc;
}

int where_holds(const struct ids *persons, int64_t person) {
    size_t low = 0, high = persons->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (persons->at[middle] < person)
            low = middle + 1;
        else
            high = middle;
    }
    return low < persons->n && persons->at[low] == person;
}
