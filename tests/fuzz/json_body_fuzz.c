/*
 * json_body_fuzz.c - feeds arbitrary bytes to the reader of pictures in JSON.
 *
 * The first byte picks the limits. What is taken must be within them, whole, and readable to its
 * last byte; what is not must have a sentence and leave nothing.
 */
#include "server/json_body.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_picture(const struct body_picture *p, const struct json_body_limits *limits) {
    if (p->status) {
        if (!limits->keep_bad || p->bytes || p->url || !p->why[0]) abort();
        return;
    }
    if (p->kind == PICTURE_URL) {
        if (!p->url || p->bytes) abort();
        volatile size_t length = strlen(p->url);
        (void)length;
        return;
    }
    if (p->url || !p->bytes || p->size < 1 || p->size > limits->max_bytes) abort();
    volatile unsigned sum = 0;
    for (size_t i = 0; i < p->size; i++) sum = sum + p->bytes[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct json_body b;
    char why[WHY_SIZE] = "";
    if (size < 1) return 0;
    const struct json_body_limits limits = {.max_bytes = data[0] & 4 ? 1000 : 8,
                                            .max_pictures = 3,
                                            .strings = data[0] & 1 ? PICTURE_URL : PICTURE_BYTES,
                                            .keep_bad = data[0] >> 1 & 1};
    if (json_body_read((const char *)data + 1, size - 1, &limits, &b, why)) {
        if (!why[0] || b.pictures || b.options || b.count) abort();
        return 0;
    }
    if (b.count < 1 || b.count > limits.max_pictures || !json_is_object(b.options)) abort();
    for (int i = 0; i < b.count; i++) check_picture(&b.pictures[i], &limits);
    json_body_free(&b);
    return 0;
}
