/* The command gallery index: makes what searches of a collection need, where they are not of the
 * memory's index, and tells what they find of what there is. */
#include "commands.h"
#include "common/json_values.h"
#include "output.h"
#include "say.h"
#include "shelf.h"

#include <stdio.h>
#include <string.h>

enum { QUERIES = 64, PERSONS = 10, CONTRACTS_MAX = 64 };

struct contracts {
    int n;
    struct {
        int64_t id;
        char name[64];
    } at[CONTRACTS_MAX];
};

static int see(void *context, const mien_gallery_contract *c) {
    struct contracts *all = context;

    if (all->n == CONTRACTS_MAX) return 0;
    all->at[all->n].id = c->id;
    snprintf(all->at[all->n++].name, sizeof all->at[0].name, "%s", c->name);
    return 0;
}

static void tell(const struct shelf *shelf, const char *index, const char *name,
                 const mien_gallery_recall *r) {
    json_t *object;
    int failed = 0;

    if (shelf->as_lines) {
        printf("%s: %lld samples; of the %d persons most like each of %d of them %s finds %.2f %%; "
               "%.1f ms a search, comparing with everything %.1f\n",
               name, (long long)r->samples, r->k, r->queries, index, 100 * r->recall,
               1e3 * r->seconds, 1e3 * r->exact_seconds);
        output_flush();
        return;
    }
    object = json_object();
    json_value_set(object, "embedder", json_value_text(name), &failed);
    json_value_set(object, "index", json_value_text(index), &failed);
    json_value_set(object, "samples", json_integer(r->samples), &failed);
    json_value_set(object, "queries", json_integer(r->queries), &failed);
    json_value_set(object, "persons", json_integer(r->k), &failed);
    json_value_set(object, "recall", json_value_number(r->recall, 6), &failed);
    json_value_set(object, "ms", json_value_number(1e3 * r->seconds, 3), &failed);
    json_value_set(object, "exact_ms", json_value_number(1e3 * r->exact_seconds, 3), &failed);
    if (failed) {
        json_decref(object);
        object = NULL;
    }
    output_json(object, 0);
}

static int measure(const struct options *opt, const struct shelf *shelf) {
    struct contracts all = {.n = 0};

    if (mien_gallery_contracts(shelf->gallery, see, &all)) return shelf_say_error();
    for (int i = 0; i < all.n && !output_broken(); i++) {
        mien_gallery_recall r = {.struct_size = sizeof r};
        if (mien_gallery_measure(shelf->gallery, shelf->collection, all.at[i].id, QUERIES, PERSONS,
                                 &r))
            return shelf_say_error();
        if (r.samples) tell(shelf, opt->index ? opt->index : "exact", all.at[i].name, &r);
    }
    return EXIT_OK;
}

int cmd_gallery_index(const struct options *opt) {
    struct shelf shelf;
    int status = shelf_open(opt, SHELF_WRITE, &shelf);

    if (status == EXIT_OK && !shelf.collection) {
        say("there is no collection %s", opt->collection);
        status = EXIT_FAILED;
    }
    if (status == EXIT_OK) status = measure(opt, &shelf);
    shelf_close(&shelf);
    return status;
}
