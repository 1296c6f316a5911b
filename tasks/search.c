/*
 * A detector finds faces of some 16 to 500 pixels of its input, upright. So an image is looked at
 * in several scales and in parts (search_views.c), and turned (search_turns.c). The looks of all
 * images run together, those of one size side by side.
 */
#include "tasks/search.h"

#include "engine/err.h"
#include "tasks/net.h"
#include "tasks/search_turns.h"
#include "vision/image.h"

#include <math.h>
#include <stdlib.h>

enum { LOOK_FACES = 2000 }; /* of one look, at most */

/* Something is there that may be a face, if it were turned, from here on. */
static const float PATCH_SCORE = 0.1F;

int search_side(const mien_net *net, const mien_detect_options *o) {
    int side = o->size < 0 ? MIEN_SEARCH_SIDE : o->size;
    if (o->search == MIEN_SEARCH_THOROUGH || side == 0) return 0;
    return side > net->info.width ? side : net->info.width;
}

/* Looks at all images as they are. */
static int look_upright(struct search *s) {
    int rc = MIEN_OK;
    for (int i = 0; i < s->n && !rc; i++) {
        struct scale scales[SCALES];
        int n = views_scales(s->net, s->options, s->images[i], scales);
        for (int k = 0; k < n && !rc; k++) rc = views_add_scale(s, i, s->images[i], 0, &scales[k]);
    }
    if (!rc) rc = views_run(s);
    for (int i = 0; i < s->n && !rc; i++) views_settle(s, i, 0);
    return rc;
}

static int look_at_all(struct search *s) {
    int which[TURNED_AT_ONCE], n = 0;
    int rc = look_upright(s);
    for (int i = 0; i < s->n && !rc; i++) {
        if (!s->pictures[i].is_good) which[n++] = i;
        if (n < TURNED_AT_ONCE) continue;
        rc = turns_look(s, which, n);
        n = 0;
    }
    return n > 0 && !rc ? turns_look(s, which, n) : rc;
}

/* Faces of turned images are given as they lie in the image. */
static void give(const struct search *s, const struct look_want *want, mien_face *faces,
                 int *counts) {
    for (int i = 0; i < s->n; i++) {
        const struct picture *p = &s->pictures[i];
        int size[2], swap = p->quarters % 2;
        image_full_size(s->images[i], &size[0], &size[1]);
        const struct candidates *found = &p->found[p->quarters];
        mien_face *out = faces + (size_t)i * (size_t)want->row;
        int n = 0;
        for (; n < found->n && found->at[n].face.score >= want->threshold; n++) {
            out[n] = found->at[n].face;
            mien_face_turn(&out[n], (360 - 90 * p->quarters) % 360, size[swap], size[1 - swap]);
        }
        counts[i] = n;
        if (s->options->turned) s->options->turned[i] = 90 * p->quarters;
    }
}

int search_run(mien_net *net, const mien_image *const *images, int n, const mien_detect_options *o,
               const struct look_want *want, mien_face *faces, int *counts) {
    int most = at_most(want->most, LOOK_FACES);
    struct search s = {.net = net, .options = o, .images = images, .n = n, .most = want->most};
    s.want = (struct look_want){.threshold = fminf(want->threshold, PATCH_SCORE),
                                .nms = want->nms,
                                .most = most,
                                .row = most,
                                .stop = o->stop,
                                .stop_context = o->stop_context};
    s.pictures = calloc((size_t)n + 1, sizeof *s.pictures);
    s.faces = malloc((size_t)most * LOOKS_AT_ONCE * sizeof *s.faces);
    int rc = s.pictures && s.faces ? MIEN_OK : err_set(MIEN_ENOMEM, "out of memory");
    if (!rc) rc = look_at_all(&s);
    if (!rc) give(&s, want, faces, counts);
    for (int i = 0; i < n && s.pictures; i++)
        for (int q = 0; q < 4; q++) candidates_free(&s.pictures[i].found[q]);
    free(s.pictures);
    free(s.faces);
    free(s.views);
    return rc;
}
