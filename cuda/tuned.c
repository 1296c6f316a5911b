#include "cuda/tuned.h"

#include "engine/ascii.h"
#include "engine/pack_cache.h"
#include "mien.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST_KNOWN = 1 << 12, MOST_BYTES = MOST_KNOWN * 72 };

struct cuda_tuned *cuda_tuned_find(const struct cuda_tuning *t, uint64_t signature) {
    for (int i = 0; i < t->count; i++)
        if (t->known[i].signature == signature) return &t->known[i];
    return NULL;
}

static int grow(struct cuda_tuning *t) {
    int capacity = t->capacity ? 2 * t->capacity : 64;
    if (capacity > MOST_KNOWN) return 0;
    struct cuda_tuned *more = realloc(t->known, sizeof *more * (size_t)capacity);
    if (!more) return 0;
    t->known = more;
    t->capacity = capacity;
    return 1;
}

/* Where there is no room for it, it will be measured again. */
void cuda_tuned_keep(struct cuda_tuning *t, uint64_t signature, const char *kernel, int splits) {
    struct cuda_tuned *to = cuda_tuned_find(t, signature);
    if (!to) {
        if (t->count == t->capacity && !grow(t)) return;
        to = &t->known[t->count++];
    }
    to->signature = signature;
    snprintf(to->kernel, sizeof to->kernel, "%s", kernel);
    to->splits = splits;
}

void cuda_tuning_read(struct cuda_tuning *t, const char *text) {
    while (text && *text) {
        uint64_t signature;
        char kernel[CUDA_TUNED_NAME];
        int splits, end = 0;
        if (sscanf(text, "%16" SCNx64 " %47[a-z0-9_] %d%n", &signature, kernel, &splits, &end) ==
                3 &&
            (text[end] == '\n' || text[end] == '\0'))
            cuda_tuned_keep(t, signature, kernel, splits);
        text = strchr(text, '\n');
        if (text) text++;
    }
}

static void read_file(struct cuda_tuning *t) {
    FILE *f = t->path ? fopen(t->path, "re") : NULL;
    char *text = f ? malloc(MOST_BYTES + 1) : NULL;
    if (text) {
        text[fread(text, 1, MOST_BYTES, f)] = '\0';
        cuda_tuning_read(t, text);
    }
    free(text);
    if (f) fclose(f);
}

/* The whole file anew, in the place of the old one once it is there: two processes at it leave what
 * the later one knows. */
void cuda_tuned_write(const struct cuda_tuning *t) {
    char *temporary = NULL;
    if (!t->path || asprintf(&temporary, "%s.%ld", t->path, (long)getpid()) < 0) return;
    free(pack_cache_folder(1)); /* it exists now */
    FILE *f = fopen(temporary, "wxe");
    if (f) {
        for (int i = 0; i < t->count; i++)
            fprintf(f, "%016" PRIx64 " %s %d\n", t->known[i].signature, t->known[i].kernel,
                    t->known[i].splits);
        int good = !ferror(f);
        good = fclose(f) == 0 && good;
        if (!good || rename(temporary, t->path) != 0) unlink(temporary);
    }
    free(temporary);
}

/* A file for each kind of device, driver and version of mien. */
static char *path_of(const struct cuda_device *dev) {
    char *folder = pack_cache_folder(0), *path = NULL, name[sizeof dev->name];
    snprintf(name, sizeof name, "%s", dev->name);
    for (char *c = name; *c; c++)
        if (!ascii_is_alphanumeric(*c)) *c = '-';
    if (folder && asprintf(&path, "%s/cuda-%s-%d-%s.algorithms", folder, name, dev->driver->version,
                           MIEN_VERSION) < 0)
        path = NULL;
    free(folder);
    return path;
}

void cuda_tuning_open(struct cuda_tuning *t, const struct cuda_device *dev, int use_cache) {
    const char *wanted = getenv("MIEN_CUDA_TUNE"), *other = getenv("MIEN_LIBCUDA");
    memset(t, 0, sizeof *t);
    pthread_mutex_init(&t->lock, NULL);
    t->on = wanted && *wanted ? strcmp(wanted, "0") != 0 : !(other && *other);
    if (!t->on) return;
    t->path = use_cache ? path_of(dev) : NULL;
    read_file(t);
}

void cuda_tuning_close(struct cuda_tuning *t) {
    pthread_mutex_destroy(&t->lock);
    free(t->known);
    free(t->path);
}
