#include "migrate_pictures.h"

#include "batches.h"
#include "commands.h"
#include "file_hash.h"
#include "output.h"
#include "say.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of two boxes of one face by two detectors, or of one at another size of the picture. */
#define SAME_FACE 0.4f

struct search {
    const struct shelf *shelf;
    int64_t contract, *embedded;
    struct lost *lost; /* [n] by rising hash, those with one */
    size_t n;
    struct inputs pictures; /* that somebody is looked for in */
    size_t *first;          /* [pictures.count]: in lost */
    int failed, stopped;
};

static int by_hash(const void *a, const void *b) {
    const struct lost *x = a, *y = b;

    if (x->has_hash != y->has_hash) return y->has_hash - x->has_hash;
    return memcmp(x->hash, y->hash, sizeof x->hash);
}

static float overlap(const float *a, const float *b) {
    float w = (a[2] < b[2] ? a[2] : b[2]) - (a[0] > b[0] ? a[0] : b[0]);
    float h = (a[3] < b[3] ? a[3] : b[3]) - (a[1] > b[1] ? a[1] : b[1]);
    float both = w > 0 && h > 0 ? w * h : 0;
    float all = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both;

    return all > 0 ? both / all : 0;
}

/* The face of a picture that a sample is of; -1 after noting why there is none. */
static int find_face(const struct analysis *a, struct lost *s) {
    int has_box = s->box[2] > s->box[0], best = -1;
    float most = SAME_FACE;

    if (!has_box && a->nfaces == 1) return 0;
    for (int i = 0; has_box && i < a->nfaces; i++) {
        float here = overlap(a->faces[i].box, s->box);
        if (here < most) continue;
        most = here;
        best = i;
    }
    if (best >= 0) return best;
    if (has_box || !a->nfaces)
        snprintf(s->why, sizeof s->why, "its face was not found in its picture");
    else
        snprintf(s->why, sizeof s->why, "its picture has %d faces, and where its is is not known",
                 a->nfaces);
    return -1;
}

static int embed(struct search *x, const struct analysis *a, struct lost *s) {
    int face = find_face(a, s);
    int64_t added = 0;

    if (face < 0) return 0;
    if (mien_gallery_embeddings_add(x->shelf->gallery, x->contract, &s->id,
                                    analysis_embedding(a, face), 1, &added, NULL)) {
        shelf_say_error();
        return -1;
    }
    s->is_embedded = 1;
    *x->embedded += added;
    return 0;
}

/* Of batches_run(): all samples that came of this picture. */
static int take(void *context, struct picture *picture, int i) {
    struct search *x = context;
    const struct lost *first = &x->lost[x->first[i]];

    if (picture->error[0]) {
        x->failed++;
        say("%s", picture->error);
    }
    for (struct lost *s = &x->lost[x->first[i]];
         s < x->lost + x->n && s->has_hash && memcmp(s->hash, first->hash, sizeof s->hash) == 0 &&
         !x->stopped;
         s++) {
        if (picture->error[0])
            snprintf(s->why, sizeof s->why, "its picture cannot be read");
        else if (!s->is_embedded)
            x->stopped = embed(x, picture->analysis, s) != 0;
    }
    return x->stopped || output_broken();
}

/* The first sample of that hash; SIZE_MAX: none has it. */
static size_t find_hash(const struct search *x, const uint8_t hash[MIEN_GALLERY_HASH_SIZE]) {
    size_t low = 0, high = x->n;

    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct lost *s = &x->lost[middle];
        if (s->has_hash && memcmp(s->hash, hash, sizeof s->hash) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < x->n && x->lost[low].has_hash && memcmp(x->lost[low].hash, hash, 32) == 0) return low;
    return SIZE_MAX;
}

/* Which of the folder's files are looked at: of two copies of a picture the first. */
static int choose(struct search *x, const struct inputs *all) {
    uint8_t hash[MIEN_GALLERY_HASH_SIZE], *seen = calloc(x->n + 1, 1);

    x->first = calloc((size_t)all->count + 1, sizeof *x->first);
    if (!seen || !x->first) {
        free(seen);
        return say_no_memory();
    }
    for (int i = 0; i < all->count; i++) {
        const char *path = all->items[i].path;
        size_t at = SIZE_MAX;
        if (all->items[i].error)
            say("%s", all->items[i].error);
        else if (file_hash(path, hash))
            at = find_hash(x, hash);
        if (at == SIZE_MAX || seen[at]) continue;
        seen[at] = 1;
        x->first[x->pictures.count] = at;
        if (inputs_append(&x->pictures, path)) {
            free(seen);
            return say_no_memory();
        }
    }
    free(seen);
    return EXIT_OK;
}

int migrate_pictures(const struct pipeline *p, const struct shelf *shelf, int64_t contract,
                     const char *folder, struct lost *lost, size_t n, int64_t *embedded) {
    struct search x = {
        .shelf = shelf, .contract = contract, .embedded = embedded, .lost = lost, .n = n};
    char *folders[] = {(char *)(uintptr_t)folder};
    struct inputs all = {0};
    int status = EXIT_OK;

    if (n > 1) qsort(lost, n, sizeof *lost, by_hash);
    for (size_t i = 0; i < n; i++)
        snprintf(lost[i].why, sizeof lost[i].why, "%s",
                 lost[i].has_hash ? "no face is kept with it, and its picture is not in the folder"
                                  : "no face is kept with it, and its picture is not known");
    if (inputs_expand(folders, 1, NULL, &all)) status = say_no_memory();
    if (status == EXIT_OK) status = choose(&x, &all);
    if (status == EXIT_OK && x.pictures.count)
        status = batches_run(p, &x.pictures, take, &x, &x.failed);
    free(x.first);
    inputs_free(&x.pictures);
    inputs_free(&all);
    return status == EXIT_OK && x.stopped ? EXIT_FAILED : status;
}
