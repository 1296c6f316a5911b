#include "analysis/analysis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int has(steps_t steps, int i) {
    return (int)(steps >> i & 1);
}

steps_t analysis_steps(const struct networks *networks, enum mien_result result) {
    steps_t steps = 0;

    for (int i = 0; i < networks->n; i++)
        if (networks->at[i].task.result == result) steps |= 1U << i;
    return steps;
}

steps_t analysis_with_needs(const struct networks *networks, steps_t steps) {
    for (int i = 0; i < networks->n; i++)
        if (has(steps, i) && networks->at[i].task.item == MIEN_ITEM_FACE)
            return steps | analysis_steps(networks, MIEN_RESULT_FACES);
    return steps;
}

/* The network of a step that is wanted and not left out; else NULL. */
static const struct network *step_network(const struct networks *networks,
                                          const struct analysis_options *o, int i) {
    const struct network *network = &networks->at[i];

    if (!has(o->steps, i) || !network->net) return NULL;
    if (network->methods && !(network->methods >> o->method & 1)) return NULL;
    if (network->task.result == MIEN_RESULT_ATTRIBUTES && !o->told.of[i]) return NULL;
    return (o->aligned || o->given) && network->task.result == MIEN_RESULT_FACES ? NULL : network;
}

/* Detection alone may work on a JPEG decoded at a reduced scale; everything else wants all
 * pixels. */
int analysis_min_side(const struct networks *networks, const struct analysis_options *o) {
    const struct network *detector = networks_giving(networks, MIEN_RESULT_FACES);
    int side = 0;

    if (o->all_pixels || o->aligned || o->quality || !detector) return 0;
    if (o->steps & ~analysis_steps(networks, MIEN_RESULT_FACES)) return 0;
    return mien_detect_min_side(detector->net, &o->detect, &side) == MIEN_OK ? side : 0;
}

int analysis_looks(const struct networks *networks, const struct analysis_options *o) {
    int n = 0;

    for (int i = 0; i < networks->n; i++) n += step_network(networks, o, i) != NULL;
    return n;
}

static void fail(struct analysis *a, int rc, const char *why) {
    if (a->rc) return; /* the first cause is the one to tell */
    a->rc = rc;
    snprintf(a->why, sizeof a->why, "%s", why);
}

/* Has the run of step i do for those behind it that share its most part. */
static void join(struct analysis *a, int i) {
    struct item *item = &a->item[i];

    for (int k = i + 1; k < a->networks->n; k++) {
        const struct network *other = step_network(a->networks, a->options, k);
        if (!other || has(a->begun, k) || other->task.item != MIEN_ITEM_FACE ||
            !mien_net_shares(item->network->net, other->net))
            continue;
        item->also[item->nalso++] = other;
        a->begun |= 1U << k;
    }
}

static void submit(struct analysis *a, int i, struct runner *runner) {
    const struct network *network = &a->networks->at[i];
    struct item *item = &a->item[i];
    int looks_at_faces = network->task.item == MIEN_ITEM_FACE;

    *item = (struct item){.network = network,
                          .image = looks_at_faces && a->upright ? a->upright : a->image,
                          .faces = !looks_at_faces ? NULL
                                   : a->upright    ? a->upright_faces
                                                   : a->faces,
                          .n = looks_at_faces ? a->nfaces : 1,
                          .detect = &a->options->detect,
                          .top = a->options->top};
    a->begun |= 1U << i;
    if (a->options->aligned && network->task.result == MIEN_RESULT_EMBEDDING) {
        item->crops = a->crop;
        item->image = NULL;
        item->faces = NULL;
    } else if (looks_at_faces) {
        join(a, i);
    }
    runner->submit(runner, item);
}

/* Submits the steps of which what they look at is there. */
static void submit_ready(struct analysis *a, enum mien_item there, struct runner *runner) {
    for (int i = 0; i < a->networks->n && !a->rc; i++) {
        const struct network *network = step_network(a->networks, a->options, i);
        if (network && network->task.item == there && !has(a->begun, i)) submit(a, i, runner);
    }
}

/* Faces from..from+n-1, as networks see them: upright. */
static int measure(void *analysis, int from, int n) {
    const struct analysis *a = analysis;

    return measures_take(a->measures + from, a->upright ? a->upright : a->image,
                         (a->upright ? a->upright_faces : a->faces) + from, n);
}

static void submit_measuring(struct analysis *a, struct runner *runner) {
    if (!a->options->quality || a->measures || a->rc) return;
    a->measures = calloc((size_t)a->nfaces, sizeof *a->measures);
    if (!a->measures) {
        fail(a, MIEN_ENOMEM, "out of memory");
        return;
    }
    a->measuring = (struct item){.call = measure, .context = a, .n = a->nfaces};
    runner->submit(runner, &a->measuring);
}

/* Submits all that looks at the faces, which are there. */
static void submit_faces(struct analysis *a, struct runner *runner) {
    if (a->nfaces == 0) return;
    submit_ready(a, MIEN_ITEM_FACE, runner);
    submit_measuring(a, runner);
}

/* The picture is the face. */
static void take_aligned(struct analysis *a) {
    a->faces = malloc(sizeof *a->faces);
    if (!a->faces) {
        fail(a, MIEN_ENOMEM, "out of memory");
        return;
    }
    mien_crop_face(a->faces);
    a->nfaces = 1;
    faces_copy_crop(a->image, a->crop);
}

/* 1 where faces are looked at. */
static int faces_are_seen(const struct analysis *a) {
    if (a->options->quality) return 1;
    for (int i = 0; i < a->networks->n; i++) {
        const struct network *network = step_network(a->networks, a->options, i);
        if (network && network->task.item == MIEN_ITEM_FACE) return 1;
    }
    return 0;
}

/* Makes the picture and its faces upright for the networks that look at them. */
static void set_upright(struct analysis *a) {
    if (a->turned == 0 || a->nfaces == 0 || !faces_are_seen(a)) return;
    a->upright_faces = malloc((size_t)a->nfaces * sizeof *a->upright_faces);
    if (!a->upright_faces)
        fail(a, MIEN_ENOMEM, "out of memory");
    else if (mien_image_turn(a->image, a->turned, &a->upright))
        fail(a, MIEN_ENOMEM, mien_error());
    for (int i = 0; i < a->nfaces && a->upright; i++) {
        a->upright_faces[i] = a->faces[i];
        mien_face_turn(&a->upright_faces[i], a->turned, a->width, a->height);
    }
}

/* Those that somebody has found in it before. */
static void take_given(struct analysis *a, const struct analysis_given *given) {
    size_t n = (size_t)given->n;

    if (n == 0) return;
    a->faces = malloc(n * sizeof *a->faces);
    if (!a->faces) {
        fail(a, MIEN_ENOMEM, "out of memory");
        return;
    }
    memcpy(a->faces, given->faces, n * sizeof *a->faces);
    a->nfaces = given->n;
    a->turned = given->turned;
    set_upright(a);
}

void analysis_begin(struct analysis *a, const struct networks *networks,
                    const struct analysis_options *options, const mien_image *image,
                    struct runner *runner) {
    memset(a, 0, offsetof(struct analysis, crop));
    a->networks = networks;
    a->options = options;
    a->image = image;
    memcpy(a->warning, image->warning, sizeof a->warning);
    a->width = image->full_width ? image->full_width : image->width;
    a->height = image->full_height ? image->full_height : image->height;
    if (options->aligned && (a->width != MIEN_CROP_SIDE || a->height != MIEN_CROP_SIDE))
        fail(a, MIEN_EINVAL, "an aligned face must be a picture of 112x112 pixels");
    else if (options->aligned)
        take_aligned(a);
    else if (options->given)
        take_given(a, options->given);
    submit_ready(a, MIEN_ITEM_IMAGE, runner);
    submit_faces(a, runner);
}

/* Gives the steps that ran with step i items of their own. */
static void part(struct analysis *a, int i) {
    struct item *item = &a->item[i];
    double own = 1, seconds = item->seconds;

    for (int k = 0; k < item->nalso; k++) {
        struct item *other = &a->item[item->also[k] - a->networks->at];
        *other = *item;
        other->network = item->also[k];
        other->nalso = 0;
        other->values = item->also_values[k];
        other->norms = NULL;
        if (other->network->task.result == MIEN_RESULT_EMBEDDING) {
            other->norms = item->norms;
            item->norms = NULL;
        }
        other->seconds = seconds * item->also_part[k];
        other->aligning = other->waited = 0;
        own -= item->also_part[k];
    }
    item->seconds = seconds * own;
    if (own > 0) item->aligning /= own;
    item->nalso = 0;
}

/* The results of step i, which has run. */
static void take(struct analysis *a, int i) {
    struct item *item = &a->item[i];
    part(a, i);
    double seconds = item->seconds * item->part;

    a->done |= 1U << i;
    a->seconds[i] = seconds * (1 - item->aligning);
    a->aligning += seconds * item->aligning;
    if (item->rc) {
        fail(a, item->rc, item->why);
    } else if (item->found) {
        a->faces = item->found;
        item->found = NULL;
        a->nfaces = faces_pick(a->faces, item->nfound, a->options->pick, a->width, a->height);
        a->turned = item->turned;
        set_upright(a);
    }
}

/* Takes what has run and submits what it made possible. Returns how many steps are under way. */
static int advance(struct analysis *a, struct runner *runner) {
    steps_t fresh = a->begun & ~a->done;
    int under_way;

    for (int i = 0; i < a->networks->n; i++)
        if (has(fresh, i)) take(a, i);
    if (a->measures && !a->measured) {
        a->measured = 1;
        if (a->measuring.rc) fail(a, a->measuring.rc, a->measuring.why);
    }
    submit_faces(a, runner);
    under_way = a->measures && !a->measured;
    for (int i = 0; i < a->networks->n; i++) under_way += has(a->begun & ~a->done, i);
    return under_way;
}

int analysis_end(struct analysis *const *list, int n, struct runner *runner) {
    int under_way;

    do {
        if (runner->wait(runner)) return -1;
        under_way = 0;
        for (int i = 0; i < n; i++) under_way += advance(list[i], runner);
    } while (under_way > 0);
    return 0;
}

void analysis_free(struct analysis *a) {
    if (!a->networks) return;
    for (int i = 0; i < a->networks->n; i++) item_clear(&a->item[i]);
    mien_image_free(a->upright);
    free(a->upright_faces);
    free(a->faces);
    free(a->measures);
    a->upright = NULL;
    a->measures = NULL;
    a->upright_faces = a->faces = NULL;
    a->networks = NULL;
}

int analysis_tells(const struct analysis *a, int network, int t) {
    return (int)(a->options->told.of[network] >> t & 1);
}

const struct item *analysis_item(const struct analysis *a, enum mien_result result) {
    for (int i = 0; i < a->networks->n; i++)
        if (has(a->done, i) && a->networks->at[i].task.result == result && !a->item[i].rc)
            return &a->item[i];
    return NULL;
}

const struct item *analysis_item_of(const struct analysis *a, const struct network *network) {
    ptrdiff_t i = network ? network - a->networks->at : -1;

    return i >= 0 && i < a->networks->n && has(a->done, (int)i) && !a->item[i].rc ? &a->item[i]
                                                                                  : NULL;
}

const float *analysis_embedding(const struct analysis *a, int i) {
    const struct item *item = analysis_item(a, MIEN_RESULT_EMBEDDING);

    return item ? item->values + (size_t)i * (size_t)item_width(item->network) : NULL;
}
