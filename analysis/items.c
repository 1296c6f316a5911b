#include "analysis/items.h"

#include "analysis/faces.h"
#include "common/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int item_width(const struct network *network) {
    return network->task.result == MIEN_RESULT_EMBEDDING ? network->info.embedding_size
                                                         : network->info.attribute_values;
}

int item_looks(const struct item *item) {
    enum { SEARCH_LOOKS = 4 }; /* MIEN_SEARCH_AUTO, of a picture that is large or may be turned */
    return item->detect && item->detect->search == MIEN_SEARCH_AUTO ? SEARCH_LOOKS * item->n
                                                                    : item->n;
}

int items_join(const struct item *a, const struct item *b) {
    if (a == b) return 1;
    if (a->network != b->network || a->call || b->call || !a->crops != !b->crops) return 0;
    if (a->network->task.result != MIEN_RESULT_FACES) return 1;
    return a->detect->threshold == b->detect->threshold && a->detect->nms == b->detect->nms &&
           a->detect->size == b->detect->size && a->detect->max_faces == b->detect->max_faces &&
           a->detect->search == b->detect->search && a->detect->search != MIEN_SEARCH_THOROUGH;
}

static void set_result(struct item *item, int rc) {
    item->rc = rc;
    snprintf(item->why, sizeof item->why, "%s", rc == MIEN_OK ? "" : mien_error());
}

static void no_memory(struct item *item) {
    item->rc = MIEN_ENOMEM;
    snprintf(item->why, sizeof item->why, "out of memory");
}

/* The arrays a call of mien.h takes, of n pictures or of the faces of all items. */
struct run {
    struct item *const *items;
    int n, units;
    const mien_image **images; /* [units] */
    mien_face *faces;          /* [units], of face after face; NULL where images are looked at */
};

static int open_run(struct run *r, struct item *const *items, int n) {
    int at = 0;

    *r = (struct run){.items = items, .n = n};
    for (int i = 0; i < n; i++) r->units += items[i]->n;
    r->images = calloc((size_t)r->units + 1, sizeof *r->images);
    if (items[0]->faces) r->faces = malloc((size_t)r->units * sizeof *r->faces + 1);
    if (!r->images || (items[0]->faces && !r->faces)) return MIEN_ENOMEM;
    for (int i = 0; i < n; at += items[i++]->n)
        for (int k = 0; k < items[i]->n; k++) {
            r->images[at + k] = items[i]->image;
            if (r->faces) r->faces[at + k] = items[i]->faces[k];
        }
    return MIEN_OK;
}

static void close_run(struct run *r) {
    free(r->images);
    free(r->faces);
}

/* A copy of an item's part of what a call gave: bytes from `from` on. */
static void *keep(struct item *item, const void *from, size_t bytes) {
    void *copy = malloc(bytes + 1);

    if (copy)
        memcpy(copy, from, bytes);
    else
        no_memory(item);
    return copy;
}

static int run_detector(const struct run *r) {
    mien_detect_options options = *r->items[0]->detect;
    size_t capacity = (size_t)options.max_faces, n = (size_t)r->n;
    mien_face *faces = malloc(n * capacity * sizeof *faces);
    int *counts = calloc(n, sizeof *counts), *turned = calloc(n, sizeof *turned);
    int rc = MIEN_ENOMEM;

    options.turned = turned;
    if (faces && counts && turned)
        rc = mien_detect(r->items[0]->network->net, r->images, r->n, &options, options.max_faces,
                         faces, counts);
    for (int i = 0; i < r->n && faces && counts && turned; i++) {
        struct item *item = r->items[i];
        set_result(item, rc);
        if (rc) continue;
        item->nfound = counts[i];
        item->turned = turned[i];
        item->found = keep(item, faces + (size_t)i * capacity, (size_t)counts[i] * sizeof *faces);
    }
    if (!faces || !counts || !turned)
        for (int i = 0; i < r->n; i++) no_memory(r->items[i]);
    free(faces);
    free(counts);
    free(turned);
    return rc;
}

/* Items may want different numbers of classes: the best of many are the best of few. */
static int run_classifier(const struct run *r) {
    size_t n = r->n > 0 ? (size_t)r->n : 0, top = 1;
    mien_class *classes;
    int rc = MIEN_ENOMEM;

    for (int i = 0; i < r->n; i++)
        if (r->items[i]->top > (int)top) top = (size_t)r->items[i]->top;
    classes = calloc(n * top, sizeof *classes);
    if (classes) rc = mien_classify(r->items[0]->network->net, r->images, r->n, (int)top, classes);
    for (int i = 0; i < r->n; i++) {
        struct item *item = r->items[i];
        if (!classes)
            no_memory(item);
        else
            set_result(item, rc);
        if (rc == MIEN_OK)
            item->classes =
                keep(item, classes + (size_t)i * top, (size_t)item->top * sizeof *classes);
    }
    free(classes);
    return rc;
}

static int embed_crops(const struct run *r, float *out) {
    uint8_t *crops = malloc((size_t)r->units * FACES_CROP_BYTES), *at = crops;
    int rc = MIEN_ENOMEM;

    for (int i = 0; crops && i < r->n; at += (size_t)r->items[i++]->n * FACES_CROP_BYTES)
        memcpy(at, r->items[i]->crops, (size_t)r->items[i]->n * FACES_CROP_BYTES);
    if (crops) rc = mien_embed(r->items[0]->network->net, crops, r->units, out);
    free(crops);
    return rc;
}

static int call_values(const struct run *r, float *out) {
    mien_net *net = r->items[0]->network->net;

    if (r->items[0]->crops) return embed_crops(r, out);
    if (r->items[0]->network->task.result == MIEN_RESULT_EMBEDDING)
        return mien_embed_faces(net, r->images, r->faces, r->units, out);
    return mien_attributes(net, r->images, r->faces, r->units, out);
}

static int run_values(const struct run *r) {
    size_t width = (size_t)item_width(r->items[0]->network), at = 0;
    float *out = malloc((size_t)r->units * width * sizeof *out + 1);
    int rc = out ? call_values(r, out) : MIEN_ENOMEM;

    for (int i = 0; i < r->n; at += (size_t)r->items[i++]->n) {
        struct item *item = r->items[i];
        if (!out)
            no_memory(item);
        else
            set_result(item, rc);
        if (rc == MIEN_OK)
            item->values = keep(item, out + at * width, (size_t)item->n * width * sizeof *out);
    }
    free(out);
    return rc;
}

static int run_network(struct item *const *items, int n) {
    struct run r;
    int rc = open_run(&r, items, n);

    if (rc) {
        for (int i = 0; i < n; i++) no_memory(items[i]);
    } else {
        switch (items[0]->network->task.result) {
        case MIEN_RESULT_FACES: rc = run_detector(&r); break;
        case MIEN_RESULT_CLASSES: rc = run_classifier(&r); break;
        case MIEN_RESULT_EMBEDDING:
        case MIEN_RESULT_ATTRIBUTES: rc = run_values(&r); break;
        case MIEN_RESULT_OUTPUTS: break; /* no network of an analysis */
        }
    }
    close_run(&r);
    return rc;
}

static double sum_of(const mien_times *t) {
    return t->align + t->input + t->network + t->results;
}

/* The part of the calls between two readings that aligned faces. */
static double align_part(const mien_times *before, const mien_times *after) {
    double all = sum_of(after) - sum_of(before);

    return all > 0 ? (after->align - before->align) / all : 0;
}

static void take_times(struct item *const *items, int n, double seconds, double aligning) {
    int units = 0;

    for (int i = 0; i < n; i++) units += items[i]->n;
    for (int i = 0; i < n; i++) {
        items[i]->seconds = seconds;
        items[i]->part = (double)items[i]->n / units;
        items[i]->aligning = aligning;
    }
}

void items_run(struct item *const *items, int n) {
    mien_times before = {.struct_size = sizeof before}, after = before;
    double start = clock_seconds();
    int rc;

    if (items[0]->call) {
        set_result(items[0], items[0]->call(items[0]->context, 0, items[0]->n));
        take_times(items, 1, clock_seconds() - start, 0);
        return;
    }
    mien_net_times(items[0]->network->net, &before);
    rc = run_network(items, n);
    if (rc != MIEN_OK && n > 1) { /* one may be at fault: find out which */
        for (int i = 0; i < n; i++) items_run(&items[i], 1);
        return;
    }
    mien_net_times(items[0]->network->net, &after);
    take_times(items, n, clock_seconds() - start, align_part(&before, &after));
}

/* Adds a run's results and times to those of the item it is a piece of. */
static void add_piece(struct item *item, const struct item *piece) {
    size_t width = (size_t)item_width(item->network) * sizeof *item->values;
    double seconds = item->seconds + piece->seconds;

    if (seconds > 0)
        item->aligning =
            (item->seconds * item->aligning + piece->seconds * piece->aligning) / seconds;
    item->seconds = seconds;
    item->rc = piece->rc;
    memcpy(item->why, piece->why, sizeof item->why);
    if (piece->rc) return;
    if (!item->values) item->values = malloc((size_t)item->n * width);
    if (item->values)
        memcpy((char *)item->values + (size_t)item->ran * width, piece->values,
               (size_t)piece->n * width);
    else
        no_memory(item);
}

void item_run_piece(struct item *item, int n) {
    struct item piece = *item, *one = &piece;
    double start = clock_seconds();

    item->part = 1;
    if (item->call) {
        set_result(item, item->call(item->context, item->ran, n));
        item->seconds += clock_seconds() - start;
    } else {
        piece.n = n;
        piece.values = NULL;
        if (piece.faces) piece.faces += item->ran;
        if (piece.crops) piece.crops += (size_t)item->ran * FACES_CROP_BYTES;
        items_run(&one, 1);
        add_piece(item, &piece);
        item_clear(&piece);
    }
    item->ran += n;
}

void item_clear(struct item *item) {
    free(item->found);
    free(item->classes);
    free(item->values);
    item->found = NULL;
    item->classes = NULL;
    item->values = NULL;
}
