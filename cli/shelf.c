#include "shelf.h"

#include "common/json_values.h"
#include "files.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int shelf_say_error(void) {
    say("%s", mien_gallery_error());
    return EXIT_FAILED;
}

/* gallery.db in the user's data folder, for free(); NULL where there is no memory. */
static char *default_path(void) {
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    char *path = NULL;
    int n;

    if (data && *data)
        n = asprintf(&path, "%s/mien/gallery.db", data);
    else
        n = asprintf(&path, "%s/.local/share/mien/gallery.db", home && *home ? home : ".");
    return n < 0 ? NULL : path;
}

static int open_at(const char *path, enum shelf_mode mode, struct shelf *shelf) {
    char who[128];
    const char *user = getenv("USER");
    mien_gallery_options o = {.struct_size = sizeof o,
                              .read_only = mode == SHELF_READ,
                              .must_exist = mode != SHELF_MAKE,
                              .who = who};
    int failed;

    if (user && *user)
        snprintf(who, sizeof who, "%s", user);
    else
        snprintf(who, sizeof who, "user %ld", (long)getuid());
    failed = mode == SHELF_MAKE ? files_make_folders(path) : 0;
    if (failed) {
        say("%s: %s", path, strerror(failed));
        return EXIT_FAILED;
    }
    return mien_gallery_open(path, &o, &shelf->gallery) ? shelf_say_error() : EXIT_OK;
}

int shelf_open(const struct options *opt, enum shelf_mode mode, struct shelf *shelf) {
    char *path = opt->gallery ? strdup(opt->gallery) : default_path();
    int rc, status;

    *shelf = (struct shelf){.as_lines = !opt->json && isatty(STDOUT_FILENO)};
    if (!path) return say_no_memory();
    status = open_at(path, mode, shelf);
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

struct named {
    int n;
    int64_t id;
    char ids[256]; /* of all, for the sentence */
};

static int see_named(void *context, const mien_gallery_person *p) {
    struct named *named = context;
    size_t used = strlen(named->ids);
    char id[MIEN_GALLERY_ID_SIZE];

    named->id = p->id;
    snprintf(named->ids + used, sizeof named->ids - used, "%s%s", named->n++ ? ", " : "",
             mien_gallery_id_text(p->id, id));
    return 0;
}

static int see_any(void *context, const mien_gallery_person *p) {
    *(int64_t *)context = p->id;
    return 0;
}

int shelf_person(const struct shelf *shelf, const char *text, int may_miss, int64_t *person) {
    struct named named = {0};

    *person = 0;
    if (mien_gallery_id_read(text, person) == MIEN_OK) {
        int rc = mien_gallery_person_get(shelf->gallery, *person, see_any, person);
        return rc ? shelf_say_error() : EXIT_OK;
    }
    if (mien_gallery_persons(shelf->gallery, shelf->collection, text, 0, 0, see_named, &named))
        return shelf_say_error();
    if (named.n > 1) {
        say("%d persons are called %s: give one's id: %s", named.n, text, named.ids);
        return EXIT_FAILED;
    }
    if (named.n == 0 && !may_miss) {
        say("nobody is called %s", text);
        return EXIT_FAILED;
    }
    *person = named.id;
    return EXIT_OK;
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

char *shelf_time(int64_t time, char out[SHELF_TIME]) {
    time_t seconds = (time_t)(time / 1000000);
    struct tm utc;

    gmtime_r(&seconds, &utc);
    if (!strftime(out, SHELF_TIME, "%Y-%m-%dT%H:%M:%SZ", &utc)) out[0] = '\0';
    return out;
}

json_t *shelf_id(int64_t id) {
    char text[MIEN_GALLERY_ID_SIZE];

    return id ? json_string(mien_gallery_id_text(id, text)) : json_null();
}
