#include "tests/tasks/toy.h"

#include "tests/models/families.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct family *find(const char *arch) {
    for (int i = 0; i < FAMILY_COUNT; i++) {
        struct family *f = family_list(i);
        if (strcmp(f->arch, arch) == 0) return f;
    }
    abort();
}

/* "key":"text" with the text escaped, at `at` of size bytes; returns what follows it. */
static char *add(char *at, const char *key, const char *text) {
    at += sprintf(at, ",\"%s\":\"", key);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') *at++ = '\\';
        *at++ = *text;
    }
    *at++ = '"';
    *at = '\0';
    return at;
}

static void add_metadata(struct blobmaker *m, const struct family *f, const char *const *meta) {
    static char all[sizeof m->header];
    char variant[256];
    snprintf(variant, sizeof variant, "%s", f->variant);
    for (char *c = variant; *c; c++)
        if (*c == '\'') *c = '"';
    size_t most = 0;
    for (int i = 0; meta[i]; i++) most += 2 * strlen(meta[i]) + 8;
    if (most > sizeof all / 2) abort();
    char *at = all + sprintf(all, "\"arch\":\"%s\"", f->arch);
    at = add(add(at, "variant", variant), "bn_eps", "{\"\":1e-5}");
    for (int i = 0; meta[i]; i += 2) at = add(at, meta[i], meta[i + 1]);
    blobmaker_meta(m, all);
}

struct toy *toy_open(const char *arch, int outputs, const char *const *meta) {
    struct toy *t = calloc(1, sizeof *t);
    if (!t) abort();
    const struct family *f = find(arch);
    blobmaker_open(&t->maker, 7);
    add_metadata(&t->maker, f, meta);
    for (int i = 0; i < f->count; i++) {
        const struct family_tensor *x = &f->tensors[i];
        int last = strncmp(x->name, "fc.", 3) == 0 || strncmp(x->name, "fc_bn.", 6) == 0;
        blobmaker_tensor(&t->maker, x->name, 0.5f, 1.5f, last && outputs ? outputs : x->dims[0],
                         x->dims[1], x->dims[2], x->dims[3]);
    }
    t->blob = blobmaker_finish(&t->maker);
    return t;
}

void toy_close(struct toy *t) {
    blob_close(t->blob);
    blobmaker_close(&t->maker);
    free(t);
}

const char *toy_file(const char *arch, int outputs, const char *const *meta) {
    static char path[64];
    strcpy(path, "/tmp/mien-toy-XXXXXX.safetensors");
    struct toy *t = toy_open(arch, outputs, meta);
    int fd = mkstemps(path, (int)strlen(".safetensors"));
    if (fd < 0 || write(fd, t->maker.bytes, t->maker.size) != (ssize_t)t->maker.size) abort();
    close(fd);
    toy_close(t);
    return path;
}
