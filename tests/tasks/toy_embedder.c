#include "tests/tasks/toy_embedder.h"

#include "engine/blob.h"
#include "tests/models/families.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void toy_save(struct blobmaker *m, const char *path) {
    blob_close(blobmaker_finish(m));
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(m->bytes, 1, m->size, f), m->size);
    assert_int_equal(fclose(f), 0);
    blobmaker_close(m);
}

#define INPUT(side)                                                                                \
    "\"input\":\"{\\\"width\\\":" #side ",\\\"height\\\":" #side ",\\\"channels\\\":\\\"RGB\\\","  \
    "\\\"mean\\\":[127,127,127],\\\"scale\\\":[0.01,0.01,0.01]}\""

static const struct family *mobilefacenet(void) {
    for (int i = 0; i < FAMILY_COUNT; i++) {
        const struct family *f = family_list(i);
        if (strcmp(f->arch, "mobilefacenet") == 0) return f;
    }
    abort();
}

void toy_embedder(const char *path, const char *name, const char *sha256, uint64_t seed) {
    struct blobmaker m;
    char meta[512];
    const struct family *f = mobilefacenet();
    snprintf(meta, sizeof meta,
             INPUT(112) ",\"name\":\"%s\",\"arch\":\"mobilefacenet\",\"task\":\"embed\","
                        "\"source_sha256\":\"%s\",\"bn_eps\":\"{\\\"\\\":1e-5}\","
                        "\"variant\":\"{\\\"padding\\\":\\\"symmetric\\\"}\"",
             name, sha256);
    blobmaker_open(&m, seed);
    blobmaker_meta_with_input(&m, meta);
    for (int i = 0; i < f->count; i++) {
        const struct family_tensor *t = &f->tensors[i];
        int last = strcmp(t->name, "conv_6_dw.conv.weight") == 0, k = last ? 7 : t->dims[3];
        int vector = t->dims[1] == 0, filter = t->dims[3] > 0;
        /* around 0, so that what follows is neither all there nor all gone */
        blobmaker_tensor(&m, t->name,
                         vector   ? 0.5f
                         : filter ? -0.6f
                                  : -1,
                         vector ? 1.5f : 0.7f, t->dims[0], t->dims[1], last ? 7 : t->dims[2], k);
    }
    toy_save(&m, path);
}
