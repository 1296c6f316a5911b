#include "gallery/store.h"

#include <string.h>

/* The kinds of store by how their places begin; all that are left are files. */
static const struct {
    const char *prefix;
    const struct store_ops *ops;
} KINDS[] = {
    {"postgresql://", &STORE_POSTGRES},
    {"postgres://", &STORE_POSTGRES},
    {"", &STORE_SQLITE},
};

const struct store_ops *store_for(const char *place) {
    size_t i = 0;

    while (strncmp(place, KINDS[i].prefix, strlen(KINDS[i].prefix)) != 0) i++;
    return KINDS[i].ops;
}

struct store_value store_int(int64_t i) {
    return (struct store_value){.type = STORE_INT, .i = i};
}

struct store_value store_real(double v) {
    return (struct store_value){.type = STORE_REAL, .real = v};
}

struct store_value store_text(const char *text) {
    if (!text) return (struct store_value){.type = STORE_NULL};
    return (struct store_value){.type = STORE_TEXT, .bytes = text, .n = strlen(text)};
}

struct store_value store_bytes(const void *bytes, size_t n) {
    if (!bytes) return (struct store_value){.type = STORE_NULL};
    return (struct store_value){.type = STORE_BYTES, .bytes = bytes, .n = n};
}

const char *store_get_text(const struct store_value *column) {
    return column->type == STORE_TEXT ? column->bytes : NULL;
}

const char *store_need_text(const struct store_value *column) {
    return column->type == STORE_TEXT ? column->bytes : "";
}
