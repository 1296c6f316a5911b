/* The command gallery export: a gallery as lines of JSON (docs/gallery.md), without its
 * history. */
#include "commands.h"
#include "common/json_values.h"
#include "files.h"
#include "output.h"
#include "recognition/gallery_json.h"
#include "say.h"
#include "shelf.h"

#include <nettle/base64.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { VERSION = 1 };

struct export {
    const struct shelf *shelf;
    FILE *out;
    int64_t *ids; /* of collections, then of their persons */
    size_t n, room;
    int failed; /* memory ran out */
};

/* Writes {"kind": object}, which it takes over. */
static int write_line(struct export *e, const char *kind, json_t *object) {
    json_t *line = e->failed ? NULL : json_pack("{s:O}", kind, object);

    json_decref(object);
    if (!line || output_print(line, 0, e->out)) e->failed = 1;
    json_decref(line);
    return e->failed || ferror(e->out);
}

static void keep_id(struct export *e, int64_t id) {
    if (e->n == e->room) {
        size_t room = e->room ? 2 * e->room : 256;
        int64_t *more = realloc(e->ids, room * sizeof *more);
        if (!more) e->failed = 1;
        if (!more) return;
        e->ids = more;
        e->room = room;
    }
    e->ids[e->n++] = id;
}

static int write_contract(void *context, const mien_gallery_contract *c) {
    return write_line(context, "contract",
                      json_pack("{s:o, s:o, s:o, s:i}", "id", gallery_json_id(c->id), "name",
                                json_value_text(c->name), "hash", json_value_text(c->hash), "dims",
                                c->dims));
}

static int write_collection(void *context, const mien_gallery_collection *c) {
    keep_id(context, c->id);
    return write_line(
        context, "collection",
        json_pack("{s:o, s:o}", "id", gallery_json_id(c->id), "name", json_value_text(c->name)));
}

static int write_person(void *context, const mien_gallery_person *p) {
    keep_id(context, p->id);
    return write_line(
        context, "person",
        json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:I}", "id", gallery_json_id(p->id), "collection",
                  gallery_json_id(p->collection), "name", json_value_text(p->name), "external_id",
                  json_value_text(p->external_id), "metadata", json_value_text(p->metadata),
                  "created", (json_int_t)p->created, "updated", (json_int_t)p->updated));
}

static json_t *bytes_json(const void *bytes, size_t n) {
    size_t length = BASE64_ENCODE_RAW_LENGTH(n);
    char *text = bytes ? malloc(length + 1) : NULL;
    json_t *value;

    if (!text) return bytes ? NULL : json_null();
    base64_encode_raw(text, n, bytes);
    value = json_stringn(text, length);
    free(text);
    return value;
}

static json_t *floats_json(const float *v, int n, int *failed) {
    json_t *array = json_array();

    for (int i = 0; i < n; i++) json_value_append(array, json_value_float(v[i]), failed);
    return array;
}

static int write_sample(void *context, const mien_gallery_sample *s) {
    struct export *e = context;
    json_t *o = json_object();

    json_value_set(o, "id", gallery_json_id(s->id), &e->failed);
    json_value_set(o, "person", gallery_json_id(s->person), &e->failed);
    json_value_set(o, "contract", gallery_json_id(s->contract), &e->failed);
    json_value_set(o, "embedding", floats_json(s->embedding, s->dims, &e->failed), &e->failed);
    json_value_set(o, "quality", s->quality < 0 ? json_null() : json_value_float(s->quality),
                   &e->failed);
    json_value_set(o, "box", floats_json(s->box, 4, &e->failed), &e->failed);
    json_value_set(o, "source", json_value_text(s->source), &e->failed);
    json_value_set(o, "source_sha256", bytes_json(s->source_hash, MIEN_GALLERY_HASH_SIZE),
                   &e->failed);
    json_value_set(o, "crop", bytes_json(s->crop, s->crop_bytes), &e->failed);
    json_value_set(o, "external_id", json_value_text(s->external_id), &e->failed);
    json_value_set(o, "metadata", json_value_text(s->metadata), &e->failed);
    json_value_set(o, "forced", json_value_text(s->forced), &e->failed);
    json_value_set(o, "created", json_integer(s->created), &e->failed);
    json_value_set(o, "updated", json_integer(s->updated), &e->failed);
    return write_line(e, "sample", o);
}

/* Each kind of line after those it names. */
static int write_all(const void *context, FILE *out) {
    struct export e = *(const struct export *)context;
    mien_gallery *g = e.shelf->gallery;
    size_t collections, persons;
    int rc;

    e.out = out;
    write_line(&e, "gallery", json_pack("{s:i}", "version", VERSION));
    rc = mien_gallery_contracts(g, write_contract, &e);
    if (rc == MIEN_OK) rc = mien_gallery_collections(g, write_collection, &e);
    collections = e.n;
    for (size_t i = 0; i < collections && rc == MIEN_OK; i++)
        rc = mien_gallery_persons(g, e.ids[i], NULL, 0, 0, write_person, &e);
    persons = e.n;
    for (size_t i = collections; i < persons && rc == MIEN_OK; i++)
        rc = mien_gallery_samples(g, e.ids[i], 0, 0, write_sample, &e);
    free(e.ids);
    if (rc < 0) shelf_say_error();
    return e.failed || rc < 0 ? -1 : 0;
}

int cmd_gallery_export(const struct options *opt) {
    struct shelf shelf;
    struct export e = {.shelf = &shelf};
    int status = shelf_open(opt, SHELF_READ, &shelf);

    umask(077); /* faces are nobody else's business */
    if (status == EXIT_OK) status = files_write(opt->args[0], write_all, &e);
    shelf_close(&shelf);
    return status;
}
