#include "album.h"

#include "common/folders.h"
#include "common/json_values.h"
#include "output.h"
#include "recognition/gallery_json.h"
#include "say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FOLDER_NAME = 201, SHOWN = 3, LINKS_MAX = 10000 /* of one name */ };

struct persons {
    int64_t *ids;
    size_t n, room;
};

/* What is told of one. */
struct telling {
    const struct shelf *shelf;
    const char *folder; /* NULL: no links */
    char *name, id[MIEN_GALLERY_ID_SIZE];
    int64_t samples;
    json_t *faces;
    char *line;
    size_t line_size;
    FILE *text;
    int told, failed;
};

/* The gallery is not to be used while it lists. */
static int note_person(void *context, const mien_gallery_person *p) {
    struct persons *all = context;

    if (!*p->name && p->samples < 2) return 0;
    if (all->n == all->room) {
        size_t room = all->room ? 2 * all->room : 256;
        int64_t *more = realloc(all->ids, room * sizeof *more);
        if (!more) return say_no_memory();
        all->ids = more;
        all->room = room;
    }
    all->ids[all->n++] = p->id;
    return 0;
}

static int take_person(void *context, const mien_gallery_person *p) {
    struct telling *t = context;

    t->name = strdup(p->name);
    t->samples = p->samples;
    return t->name ? 0 : say_no_memory();
}

/* What a folder is called: the name without what leads elsewhere, or the id. */
static void folder_name(const struct telling *t, char out[FOLDER_NAME]) {
    snprintf(out, FOLDER_NAME, "%s", *t->name ? t->name : t->id);
    for (char *c = out; *c; c++)
        if (*c == '/' || (c == out && *c == '.')) *c = '_';
}

/* Whether a link is there that leads to the picture. */
static int leads_to(const char *path, const char *picture) {
    char *there = realpath(path, NULL);
    int same = there && strcmp(there, picture) == 0;

    free(there);
    return same;
}

/* A link in the person's folder, of the picture's name or the first that is free. */
static int make_link(const struct telling *t, const char *picture, const char *base) {
    char folder[FOLDER_NAME], *path = NULL;
    const char *end = strrchr(base, '.');
    int stem = end && end > base ? (int)(end - base) : (int)strlen(base), error = EEXIST;

    folder_name(t, folder);
    for (int i = 1; i < LINKS_MAX && error == EEXIST; i++) {
        char number[16] = "";
        if (i > 1) snprintf(number, sizeof number, "-%d", i);
        if (asprintf(&path, "%s/%s/%.*s%s%s", t->folder, folder, stem, base, number, base + stem) <
            0)
            return say_no_memory();
        error = folders_make(path);
        if (!error && symlink(picture, path)) error = errno;
        if (error == EEXIST && leads_to(path, picture)) error = 0;
        if (error && error != EEXIST) say("%s: %s", path, strerror(error));
        free(path);
    }
    return error ? EXIT_FAILED : EXIT_OK;
}

static int link_picture(const struct telling *t, const char *source) {
    char *picture = realpath(source, NULL);
    const char *slash = strrchr(source, '/');
    int status = EXIT_FAILED;

    if (picture)
        status = make_link(t, picture, slash ? slash + 1 : source);
    else
        say("%s: %s", source, strerror(errno));
    free(picture);
    return status;
}

static json_t *face_json(const mien_gallery_sample *s, int *failed) {
    json_t *object = json_object(), *box = json_array();

    for (int i = 0; i < 4; i++)
        json_value_append(box, json_value_number((double)s->box[i], 3), failed);
    json_value_set(object, "sample", gallery_json_id(s->id), failed);
    json_value_set(object, "file", json_value_text(s->source), failed);
    json_value_set(object, "box", box, failed);
    return object;
}

static int take_face(void *context, const mien_gallery_sample *s) {
    struct telling *t = context;

    if (t->folder && s->source && link_picture(t, s->source)) t->failed = 1;
    if (!t->shelf->as_lines)
        json_value_append(t->faces, face_json(s, &t->failed), &t->failed);
    else if (s->source && t->told++ < SHOWN)
        fprintf(t->text, "%s%s", t->told == 1 ? ": " : ", ", s->source);
    return 0;
}

static void print(struct telling *t) {
    json_t *object;
    int failed = 0;

    if (t->shelf->as_lines) {
        printf("%s  %s: %lld %s%s", t->id, *t->name ? t->name : "(no name)", (long long)t->samples,
               t->samples == 1 ? "face" : "faces", t->line);
        if (t->told > SHOWN) printf(" and %d more", t->told - SHOWN);
        putchar('\n');
        output_flush();
        return;
    }
    object = json_object();
    json_value_set(object, "person", json_string(t->id), &failed);
    json_value_set(object, "name", json_value_text(t->name), &failed);
    json_value_set(object, "faces", json_incref(t->faces), &failed);
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    output_json(object, 0);
}

static int tell_person(const struct shelf *shelf, const char *folder, int64_t person) {
    struct telling t = {.shelf = shelf, .folder = folder, .faces = json_array()};
    int rc, status = EXIT_OK;

    mien_gallery_id_text(person, t.id);
    t.text = open_memstream(&t.line, &t.line_size);
    rc = t.text && t.faces ? mien_gallery_person_get(shelf->gallery, person, take_person, &t)
                           : say_no_memory();
    if (rc == MIEN_GALLERY_ENOTFOUND) rc = 0; /* it has gone since */
    if (rc == 0 && t.name) rc = mien_gallery_samples(shelf->gallery, person, 0, 0, take_face, &t);
    if (t.text && fclose(t.text) && rc == 0) rc = say_no_memory();
    if (rc == 0 && t.name) print(&t);
    if (rc < 0) shelf_say_error();
    if (rc || t.failed) status = EXIT_FAILED;
    json_decref(t.faces);
    free(t.line);
    free(t.name);
    return status;
}

int album_tell(const struct shelf *shelf, const char *folder) {
    struct persons all = {0};
    int status = EXIT_OK, rc;

    rc = mien_gallery_persons(shelf->gallery, shelf->collection, NULL, 0, 0, note_person, &all);
    if (rc < 0) shelf_say_error();
    if (rc) status = EXIT_FAILED;
    for (size_t i = 0; i < all.n && rc == 0 && !output_broken(); i++)
        if (tell_person(shelf, folder, all.ids[i])) status = EXIT_FAILED;
    free(all.ids);
    return status;
}
