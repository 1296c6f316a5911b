/* The command gallery import: what gallery export wrote into a gallery, all of it or nothing. */
#include "commands.h"
#include "output.h"
#include "say.h"
#include "server/base64.h"
#include "shelf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, MAPPED_MAX = 4096, CROP_MOST = 1 << 24, LINE_MOST = 2 * CROP_MOST };

/* An id of the file, and what it is called here. */
struct mapped {
    int64_t there, here;
};

struct import {
    struct shelf shelf;
    struct mapped at[MAPPED_MAX]; /* of contracts and collections */
    int n;
    int persons, samples;
    const char *why; /* a line is none of ours */
};

static const char *text_of(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

static int64_t integer_of(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

static int64_t id_of(const json_t *object, const char *key) {
    const char *text = text_of(object, key);
    int64_t id = 0;

    if (text) mien_gallery_id_read(text, &id);
    return id;
}

static int64_t here(const struct import *in, int64_t there) {
    for (int i = 0; i < in->n; i++)
        if (in->at[i].there == there) return in->at[i].here;
    return 0;
}

static int map(struct import *in, int64_t there, int64_t id) {
    if (in->n == MAPPED_MAX) {
        in->why = "there are too many collections";
        return -1;
    }
    in->at[in->n++] = (struct mapped){there, id};
    return 0;
}

/* Return 0, -1 with in->why, or the gallery's code. */
static int read_head(struct import *in, const json_t *o) {
    if (integer_of(o, "version") == VERSION) return 0;
    in->why = "it was written by another version";
    return -1;
}

static int read_contract(struct import *in, const json_t *o) {
    mien_gallery_contract c = {.struct_size = sizeof c,
                               .name = text_of(o, "name"),
                               .hash = text_of(o, "hash"),
                               .dims = (int)integer_of(o, "dims")};
    int64_t id;
    int rc = mien_gallery_contract_use(in->shelf.gallery, &c, &id);

    return rc ? rc : map(in, id_of(o, "id"), id);
}

static int read_collection(struct import *in, const json_t *o) {
    const char *name = text_of(o, "name");
    int64_t id;
    int rc = mien_gallery_collection_use(in->shelf.gallery, name ? name : "", 1, &id);

    return rc ? rc : map(in, id_of(o, "id"), id);
}

static int read_person(struct import *in, const json_t *o) {
    mien_gallery_person p = {.struct_size = sizeof p,
                             .id = id_of(o, "id"),
                             .collection = here(in, id_of(o, "collection")),
                             .name = text_of(o, "name"),
                             .external_id = text_of(o, "external_id"),
                             .metadata = text_of(o, "metadata"),
                             .created = integer_of(o, "created"),
                             .updated = integer_of(o, "updated")};
    int64_t id;

    in->persons++;
    return mien_gallery_person_add(in->shelf.gallery, &p, &id);
}

/* An array of numbers, malloc; *n is how many. */
static float *floats_of(const json_t *object, const char *key, int *n) {
    const json_t *array = json_object_get(object, key);
    float *v = malloc((json_array_size(array) + 1) * sizeof *v);

    *n = v ? (int)json_array_size(array) : 0;
    for (int i = 0; i < *n; i++) v[i] = (float)json_number_value(json_array_get(array, (size_t)i));
    return v;
}

/* Bytes in base64, malloc; NULL where there are none. */
static int bytes_of(struct import *in, const json_t *object, const char *key, uint8_t **bytes,
                    size_t *n) {
    const json_t *value = json_object_get(object, key);
    static char why[WHY_SIZE];

    *bytes = NULL;
    *n = 0;
    if (!json_is_string(value)) return 0;
    if (!base64_to_bytes(json_string_value(value), json_string_length(value), CROP_MOST, bytes, n,
                         why))
        return 0;
    in->why = why;
    return -1;
}

static int add_sample(struct import *in, const json_t *o, mien_gallery_sample *s) {
    uint8_t *hash = NULL, *crop = NULL;
    size_t hash_bytes = 0;
    int rc = bytes_of(in, o, "source_sha256", &hash, &hash_bytes);

    if (rc == 0) rc = bytes_of(in, o, "crop", &crop, &s->crop_bytes);
    s->source_hash = hash_bytes == MIEN_GALLERY_HASH_SIZE ? hash : NULL;
    s->crop = crop;
    if (rc == 0) rc = mien_gallery_samples_add(in->shelf.gallery, s, 1, NULL);
    free(hash);
    free(crop);
    return rc;
}

static int read_sample(struct import *in, const json_t *o) {
    const json_t *quality = json_object_get(o, "quality");
    mien_gallery_sample s = {.struct_size = sizeof s,
                             .id = id_of(o, "id"),
                             .person = id_of(o, "person"),
                             .contract = here(in, id_of(o, "contract")),
                             .quality =
                                 json_is_number(quality) ? (float)json_number_value(quality) : -1,
                             .source = text_of(o, "source"),
                             .external_id = text_of(o, "external_id"),
                             .metadata = text_of(o, "metadata"),
                             .forced = text_of(o, "forced"),
                             .created = integer_of(o, "created"),
                             .updated = integer_of(o, "updated")};
    int n = 0, rc = MIEN_ENOMEM;
    float *box = floats_of(o, "box", &n), *v = floats_of(o, "embedding", &s.dims);

    for (int i = 0; box && i < 4 && i < n; i++) s.box[i] = box[i];
    s.embedding = v;
    in->samples++;
    if (box && v) rc = add_sample(in, o, &s);
    free(box);
    free(v);
    return rc;
}

static const struct {
    const char *key;
    int (*read)(struct import *in, const json_t *o);
} KINDS[] = {
    {"gallery", read_head},  {"contract", read_contract}, {"collection", read_collection},
    {"person", read_person}, {"sample", read_sample},
};

/* A line of the file; the first must be the head. */
static int read_line(struct import *in, const char *line, int number) {
    json_t *object = json_loads(line, 0, NULL);
    int rc = -1;

    in->why = "this is no line of an export";
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        const json_t *inside = json_object_get(object, KINDS[i].key);
        if (!json_is_object(inside) || (i == 0) != (number == 1)) continue;
        in->why = NULL;
        rc = KINDS[i].read(in, inside);
        break;
    }
    json_decref(object);
    return rc;
}

/* Makes room for one byte more and an end behind n; -1 with in->why. */
static int grow_line(struct import *in, char **line, size_t *room, size_t n) {
    size_t more = *room ? 2 * *room : 4096;
    char *grown;

    if (n + 2 <= *room) return 0;
    grown = more <= LINE_MOST ? realloc(*line, more) : NULL;
    in->why = more <= LINE_MOST ? "out of memory" : "the line is too long for an export's";
    if (!grown) return -1;
    *line = grown;
    *room = more;
    return 0;
}

/* The file's next line in memory that grows for it, up to LINE_MOST: 1, 0 at its end, or -1 with
 * in->why. */
static int next_line(struct import *in, FILE *file, char **line, size_t *room) {
    size_t n = 0;
    int c = 0;

    while (c != '\n' && (c = getc(file)) != EOF) {
        if (grow_line(in, line, room, n)) return -1;
        (*line)[n++] = (char)c;
    }
    in->why = ferror(file) ? strerror(errno) : "this is no line of an export";
    if (ferror(file) || (n > 0 && memchr(*line, 0, n))) return -1;
    if (n > 0) (*line)[n] = 0;
    return n > 0;
}

static int read_all(struct import *in, FILE *file, const char *path) {
    char *line = NULL;
    size_t room = 0;
    int number = 0, rc = 0, more = 1;

    while (rc == 0 && (more = next_line(in, file, &line, &room)) > 0)
        rc = read_line(in, line, ++number);
    free(line);
    if (rc == 0 && more == 0 && number > 0) return EXIT_OK;
    if (rc == 0 && more == 0)
        say("%s: it is empty", path);
    else
        say("%s:%d: %s", path, number + (more < 0), in->why ? in->why : mien_gallery_error());
    return EXIT_FAILED;
}

static int import(struct import *in, const char *path) {
    FILE *file = fopen(path, "re");
    int status;

    if (!file) {
        say("%s: %s", path, strerror(errno));
        return EXIT_FAILED;
    }
    status = mien_gallery_begin(in->shelf.gallery) ? shelf_say_error() : EXIT_OK;
    if (status == EXIT_OK) {
        status = read_all(in, file, path);
        if (status)
            mien_gallery_rollback(in->shelf.gallery);
        else if (mien_gallery_commit(in->shelf.gallery))
            status = shelf_say_error();
    }
    fclose(file);
    return status;
}

int cmd_gallery_import(const struct options *opt) {
    struct import *in = calloc(1, sizeof *in);
    int status = in ? shelf_open(opt, SHELF_MAKE, &in->shelf) : say_no_memory();

    if (!in) return status;
    if (status == EXIT_OK) status = import(in, opt->args[0]);
    if (status == EXIT_OK && in->shelf.as_lines)
        printf("%d persons, %d samples\n", in->persons, in->samples);
    else if (status == EXIT_OK)
        output_json(json_pack("{s:i, s:i}", "persons", in->persons, "samples", in->samples), 0);
    shelf_close(&in->shelf);
    free(in);
    return status;
}
