#include "shelf.h"

#include "common/folders.h"
#include "recognition/person.h"
#include "recognition/place.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int shelf_say_error(void) {
    say("%s", mien_gallery_error());
    return EXIT_FAILED;
}

static int open_at(const struct options *opt, const char *path, enum shelf_mode mode,
                   struct shelf *shelf) {
    const char *key_file = opt->gallery_key;
    uint8_t key[MIEN_GALLERY_KEY_SIZE];
    char who[128];
    const char *user = getenv("USER");
    mien_gallery_options o = {.struct_size = sizeof o,
                              .read_only = mode == SHELF_READ,
                              .must_exist = mode != SHELF_MAKE,
                              .who = who,
                              .index = opt->index,
                              .index_memory = opt->index_memory};
    int failed, rc;

    if (key_file && mien_gallery_key_read(key_file, key)) return shelf_say_error();
    if (key_file) o.key = key;
    if (user && *user)
        snprintf(who, sizeof who, "%s", user);
    else
        snprintf(who, sizeof who, "user %ld", (long)getuid());
    failed = mode == SHELF_MAKE && !strstr(path, "://") ? folders_make(path) : 0;
    if (failed) {
        say("%s: %s", path, strerror(failed));
        return EXIT_FAILED;
    }
    rc = mien_gallery_open(path, &o, &shelf->gallery);
    explicit_bzero(key, sizeof key);
    return rc ? shelf_say_error() : EXIT_OK;
}

int shelf_open(const struct options *opt, enum shelf_mode mode, struct shelf *shelf) {
    char *path = opt->gallery ? strdup(opt->gallery) : place_default();
    int rc, status;

    *shelf = (struct shelf){.as_lines = !opt->json && isatty(STDOUT_FILENO)};
    if (!path) return say_no_memory();
    status = open_at(opt, path, mode, shelf);
    free(path);
    if (status) return status;
    rc = mien_gallery_collection_use(shelf->gallery, opt->collection, mode == SHELF_MAKE,
                                     &shelf->collection);
    return rc && rc != MIEN_GALLERY_ENOTFOUND ? shelf_say_error() : EXIT_OK;
}

void shelf_close(struct shelf *shelf) {
    mien_gallery_close(shelf->gallery);
    shelf->gallery = NULL;
}

int shelf_person(const struct shelf *shelf, const char *text, int may_miss, int64_t *person) {
    char why[PERSON_WHY];

    if (person_find(shelf->gallery, shelf->collection, text, may_miss, person, why) == MIEN_OK)
        return EXIT_OK;
    say("%s", why);
    return EXIT_FAILED;
}

int shelf_samples(char *const *texts, int n, int64_t **samples) {
    *samples = calloc((size_t)n + 1, sizeof **samples);
    if (!*samples) return say_no_memory();
    for (int i = 0; i < n; i++)
        if (mien_gallery_id_read(texts[i], &(*samples)[i])) return shelf_say_error();
    return EXIT_OK;
}

static int copy_name(void *context, const mien_gallery_person *p) {
    *(char **)context = strdup(p->name);
    return 0;
}

char *shelf_name(const struct shelf *shelf, int64_t person) {
    char *name = NULL;

    if (mien_gallery_person_get(shelf->gallery, person, copy_name, &name))
        shelf_say_error();
    else if (!name)
        say_no_memory();
    return name;
}
