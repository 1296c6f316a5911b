#include "gallery/store.h"

#include <string.h>

static const struct store_ops *const KINDS[] = {&STORE_SQLITE};

const struct store_ops *store_for(const char *place) {
    size_t kinds = sizeof KINDS / sizeof *KINDS;

    for (size_t i = 0; i < kinds; i++)
        if (strncmp(place, KINDS[i]->prefix, strlen(KINDS[i]->prefix)) == 0) return KINDS[i];
    return KINDS[kinds - 1];
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
