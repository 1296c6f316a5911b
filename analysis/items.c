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
    if (a->nalso != b->nalso) return 0;
    for (int i = 0; i < a->nalso; i++)
        if (a->also[i] != b->also[i]) return 0;
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
    options.stop = r->items[0]->stop;
    options.stop_context = r->items[0]->stop_context;
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

/* Network k of an item: its own, then the further ones. */
static const struct network *network_at(const struct item *item, int k) {
    return k == 0 ? item->network : item->also[k - 1];
}

static float **values_at(struct item *item, int k) {
    return k == 0 ? &item->values : &item->also_values[k - 1];
}

/* Which network of an item embeds; -1: none does. */
static int embedder_at(const struct item *item) {
    for (int k = 0; k <= item->nalso; k++)
        if (network_at(item, k)->task.result == MIEN_RESULT_EMBEDDING) return k;
    return -1;
}

static int embed_crops(const struct run *r, float *out, float *norms) {
    uint8_t *crops = malloc((size_t)r->units * FACES_CROP_BYTES), *at = crops;
    int rc = MIEN_ENOMEM;

    for (int i = 0; crops && i < r->n; at += (size_t)r->items[i++]->n * FACES_CROP_BYTES)
        memcpy(at, r->items[i]->crops, (size_t)r->items[i]->n * FACES_CROP_BYTES);
    if (crops) rc = mien_embed_norms(r->items[0]->network->net, crops, r->units, out, norms);
    free(crops);
    return rc;
}

/* out: of each network, [units][its item_width()]. norms: [units], of the one that embeds. */
static int call_values(const struct run *r, float *const *out, float *norms) {
    const struct item *first = r->items[0];
    mien_net *nets[1 + ITEM_ALSO];
    float *lengths[1 + ITEM_ALSO] = {NULL};

    if (first->crops) return embed_crops(r, out[0], norms);
    for (int k = 0; k <= first->nalso; k++) nets[k] = network_at(first, k)->net;
    if (first->nalso == 0 && !norms)
        return mien_attributes(nets[0], r->images, r->faces, r->units, out[0]);
    if (norms) lengths[embedder_at(first)] = norms;
    return mien_run_faces_norms(nets, 1 + first->nalso, r->images, r->faces, r->units, out,
                                lengths);
}

/* Each item's part of what network k gave. */
static void keep_values(const struct run *r, int k, const float *out) {
    size_t width = (size_t)item_width(network_at(r->items[0], k)), at = 0;

    for (int i = 0; i < r->n; at += (size_t)r->items[i++]->n) {
        struct item *item = r->items[i];
        *values_at(item, k) = keep(item, out + at * width, (size_t)item->n * width * sizeof *out);
    }
}

static void keep_norms(const struct run *r, const float *norms) {
    for (int i = 0, at = 0; i < r->n; at += r->items[i++]->n)
        r->items[i]->norms = keep(r->items[i], norms + at, (size_t)r->items[i]->n * sizeof *norms);
}

static int run_values(const struct run *r) {
    int networks = 1 + r->items[0]->nalso, embeds = embedder_at(r->items[0]) >= 0, rc = MIEN_OK;
    float *out[1 + ITEM_ALSO] = {NULL}, *norms = NULL;

    if (embeds && !(norms = malloc((size_t)r->units * sizeof *norms + 1))) rc = MIEN_ENOMEM;
    for (int k = 0; k < networks && !rc; k++) {
        size_t width = (size_t)item_width(network_at(r->items[0], k));
        out[k] = malloc((size_t)r->units * width * sizeof **out + 1);
        if (!out[k]) rc = MIEN_ENOMEM;
    }
    if (rc) {
        for (int i = 0; i < r->n; i++) no_memory(r->items[i]);
    } else {
        rc = call_values(r, out, norms);
        for (int i = 0; i < r->n; i++) set_result(r->items[i], rc);
    }
    if (!rc && embeds) keep_norms(r, norms);
    for (int k = 0; k < networks; k++) {
        if (!rc) keep_values(r, k, out[k]);
        free(out[k]);
    }
    free(norms);
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

/* What the networks of an item have spent so far. times: [1 + item->nalso]. */
static void read_times(const struct item *item, mien_times *times) {
    for (int k = 0; k <= item->nalso; k++) {
        times[k] = (mien_times){.struct_size = sizeof *times};
        mien_net_times(network_at(item, k)->net, &times[k]);
    }
}

/* The parts of the run between two readings that aligned faces, and that each further network
 * took. */
static void set_parts(struct item *item, const mien_times *before, const mien_times *after) {
    double all = 0;

    for (int k = 0; k <= item->nalso; k++) all += sum_of(&after[k]) - sum_of(&before[k]);
    if (all <= 0) return;
    item->aligning = (after[0].align - before[0].align) / all;
    for (int k = 1; k <= item->nalso; k++)
        item->also_part[k - 1] = (sum_of(&after[k]) - sum_of(&before[k])) / all;
}

static void take_times(struct item *const *items, int n, double seconds) {
    int units = 0;

    for (int i = 0; i < n; i++) units += items[i]->n;
    for (int i = 0; i < n; i++) {
        items[i]->seconds = seconds;
        items[i]->part = (double)items[i]->n / units;
    }
}

void items_run(struct item *const *items, int n) {
    mien_times before[1 + ITEM_ALSO], after[1 + ITEM_ALSO];
    double start = clock_seconds();
    int rc;

    if (items[0]->call) {
        set_result(items[0], items[0]->call(items[0]->context, 0, items[0]->n));
        take_times(items, 1, clock_seconds() - start);
        return;
    }
    read_times(items[0], before);
    rc = run_network(items, n);
    if (rc != MIEN_OK && n > 1) { /* one may be at fault: find out which */
        for (int i = 0; i < n; i++) items_run(&items[i], 1);
        return;
    }
    read_times(items[0], after);
    take_times(items, n, clock_seconds() - start);
    for (int i = 0; i < n; i++) set_parts(items[i], before, after);
}

/* The mean of a part of what has been and of the piece, by their time. */
static double mean_part(const struct item *item, double part, const struct item *piece,
                        double piece_part) {
    double seconds = item->seconds + piece->seconds;

    return seconds > 0 ? (item->seconds * part + piece->seconds * piece_part) / seconds : part;
}

/* Appends what a piece gave, `width` numbers of each of its n, to what the item has. */
static void append(struct item *item, float **list, const struct item *piece, const float *from,
                   size_t width) {
    if (!*list) *list = malloc((size_t)item->n * width * sizeof **list);
    if (*list)
        memcpy(*list + (size_t)item->ran * width, from, (size_t)piece->n * width * sizeof **list);
    else
        no_memory(item);
}

/* Adds a run's results and times to those of the item it is a piece of. */
static void add_piece(struct item *item, struct item *piece) {
    item->aligning = mean_part(item, item->aligning, piece, piece->aligning);
    for (int k = 0; k < item->nalso; k++)
        item->also_part[k] = mean_part(item, item->also_part[k], piece, piece->also_part[k]);
    item->seconds += piece->seconds;
    item->rc = piece->rc;
    memcpy(item->why, piece->why, sizeof item->why);
    for (int k = 0; k <= item->nalso && !item->rc; k++)
        append(item, values_at(item, k), piece, *values_at(piece, k),
               (size_t)item_width(network_at(item, k)));
    if (piece->norms && !item->rc) append(item, &item->norms, piece, piece->norms, 1);
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
        piece.norms = NULL;
        for (int k = 0; k <= piece.nalso; k++) *values_at(&piece, k) = NULL;
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
    free(item->norms);
    item->found = NULL;
    item->classes = NULL;
    item->norms = NULL;
    for (int k = 0; k <= item->nalso; k++) {
        free(*values_at(item, k));
        *values_at(item, k) = NULL;
    }
}
