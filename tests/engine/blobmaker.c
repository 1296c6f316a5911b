#include "tests/engine/blobmaker.h"

#include "engine/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(struct blobmaker *m, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(m->header + m->header_size, sizeof m->header - m->header_size, fmt, ap);
    va_end(ap);
    m->header_size += (size_t)n;
    if (m->header_size >= sizeof m->header) abort();
}

void blobmaker_open(struct blobmaker *m, uint64_t seed) {
    memset(m, 0, sizeof *m);
    m->state = seed * 0x9E3779B97F4A7C15ull | 1;
    add(m, "{");
}

static uint64_t next(struct blobmaker *m) {
    m->state ^= m->state >> 12;
    m->state ^= m->state << 25;
    m->state ^= m->state >> 27;
    return m->state * 2685821657736338717ull;
}

float blobmaker_random(struct blobmaker *m, float low, float high) {
    return low + (high - low) * (float)(next(m) >> 40) / 16777216.0f;
}

int blobmaker_int(struct blobmaker *m, int low, int high) {
    return low + (int)((next(m) >> 33) % (uint64_t)(high - low + 1));
}

void blobmaker_meta(struct blobmaker *m, const char *meta) {
    add(m,
        "\"__metadata__\":{\"mien\":\"1\",\"input\":\"{\\\"width\\\":32,\\\"height\\\":32,"
        "\\\"channels\\\":\\\"BGR\\\",\\\"mean\\\":[104,117,123],\\\"scale\\\":[0.01,0.02,0.03]}\"%"
        "s%s}",
        *meta ? "," : "", meta);
}

void blobmaker_meta_with_input(struct blobmaker *m, const char *meta) {
    add(m, "\"__metadata__\":{\"mien\":\"1\",%s}", meta);
}

void blobmaker_tensor(struct blobmaker *m, const char *name, float low, float high, int d0, int d1,
                      int d2, int d3) {
    int d[] = {d0, d1, d2, d3};
    size_t n = 1;
    add(m, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[", m->header_size > 1 ? "," : "", name);
    for (int i = 0; i < 4 && d[i]; i++) {
        add(m, "%s%d", i ? "," : "", d[i]);
        n *= (size_t)d[i];
    }
    add(m, "],\"data_offsets\":[%zu,%zu]}", m->count * 4, (m->count + n) * 4);
    if (m->count + n > m->capacity) {
        m->capacity = 2 * (m->count + n);
        m->data = realloc(m->data, m->capacity * sizeof *m->data);
        if (!m->data) abort();
    }
    for (size_t i = 0; i < n; i++) m->data[m->count++] = blobmaker_random(m, low, high);
}

void blobmaker_bn(struct blobmaker *m, const char *name, int c) {
    char full[128];
    snprintf(full, sizeof full, "%s.weight", name);
    blobmaker_tensor(m, full, 0.5f, 1.5f, c, 0, 0, 0);
    snprintf(full, sizeof full, "%s.bias", name);
    blobmaker_tensor(m, full, -1, 1, c, 0, 0, 0);
    snprintf(full, sizeof full, "%s.running_mean", name);
    blobmaker_tensor(m, full, -1, 1, c, 0, 0, 0);
    snprintf(full, sizeof full, "%s.running_var", name);
    blobmaker_tensor(m, full, 0.5f, 2, c, 0, 0, 0);
}

struct blob *blobmaker_finish(struct blobmaker *m) {
    add(m, "}");
    while ((8 + m->header_size) % 64) add(m, " ");
    m->size = 8 + m->header_size + m->count * 4;
    m->bytes = malloc(m->size);
    if (!m->bytes) abort();
    for (int i = 0; i < 8; i++) m->bytes[i] = (uint8_t)((uint64_t)m->header_size >> 8 * i);
    memcpy(m->bytes + 8, m->header, m->header_size);
    if (m->count) memcpy(m->bytes + 8 + m->header_size, m->data, m->count * 4);
    struct blob *b;
    if (blob_from_memory(m->bytes, m->size, "test", &b) != 0) {
        fprintf(stderr, "blobmaker: %s\n", err_text());
        abort();
    }
    return b;
}

void blobmaker_close(struct blobmaker *m) {
    free(m->data);
    free(m->bytes);
}
