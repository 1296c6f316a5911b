#include "tasks/shared.h"

#include "engine/err.h"
#include "tasks/backbone.h"
#include "tasks/faces.h"
#include "tasks/run.h"

#include <stdlib.h>

/* Memory for the values of faces that run together. Results do not depend on how many those are. */
enum { PIECE_BYTES = 16 << 20, PIECE_LEAST = 32 };

/* A run of a backbone. */
struct shared {
    struct mien_net *backbone;
    const struct shared_part *parts;
    int nparts;
    unsigned want;                   /* of the backbone (plan_cache.h) */
    size_t each[PLAN_MOST_VALUES];   /* floats of a face's value; 0: it is not wanted */
    float *values[PLAN_MOST_VALUES]; /* [piece][each] */
    int piece;
};

static size_t item_values(const struct mien_net *net) {
    return (size_t)(net->task->result == MIEN_RESULT_EMBEDDING ? net->info.embedding_size
                                                               : net->info.attribute_values);
}

static size_t prepare(struct shared *s, int n) {
    size_t all = 0;
    for (int i = 0; i < s->nparts; i++) {
        const struct mien_net *net = s->parts[i].net;
        if (net == s->backbone) {
            s->want |= PLAN_OUTPUTS;
        } else if (!s->each[net->value]) {
            s->want |= PLAN_VALUE << net->value;
            s->each[net->value] =
                (size_t)net->info.width * (size_t)net->info.height * (size_t)net->net->features;
            all += s->each[net->value];
        }
    }
    size_t most = all ? PIECE_BYTES / sizeof(float) / all : (size_t)n;
    if (most < PIECE_LEAST) most = PIECE_LEAST;
    s->piece = most < (size_t)n ? (int)most : n;
    return all * (size_t)s->piece;
}

/* Room for `count` floats that a network keeps for the next run; NULL without memory. */
static float *acquire_room(struct mien_net *net, size_t count) {
    float *room = NULL;
    pthread_mutex_lock(&net->lock);
    if (net->room_size >= count) {
        room = net->room;
        net->room = NULL;
        net->room_size = 0;
    }
    pthread_mutex_unlock(&net->lock);
    return room ? room : malloc((count + 1) * sizeof *room);
}

static void release_room(struct mien_net *net, float *room, size_t count) {
    pthread_mutex_lock(&net->lock);
    if (net->room_size < count) {
        float *smaller = net->room;
        net->room = room;
        net->room_size = count;
        room = smaller;
    }
    pthread_mutex_unlock(&net->lock);
    free(room);
}

/* Faces first..first+n-1: the backbone, then each network on what it has given. */
static int run_piece(const struct shared *s, const mien_image *const *images,
                     const mien_face *faces, int first, int n) {
    struct task_call call = {.net = s->backbone,
                             .account = s->parts[0].net,
                             .n = n,
                             .images = images + first,
                             .faces = faces + first,
                             .aligns = s->backbone->task->result == MIEN_RESULT_EMBEDDING,
                             .want = s->want,
                             .values = s->values};
    for (int i = 0; i < s->nparts; i++)
        if (s->parts[i].net == s->backbone) {
            int embeds = s->backbone->task->result == MIEN_RESULT_EMBEDDING;
            size_t row = embeds ? s->parts[i].place.row : item_values(s->backbone);
            call.out = s->parts[i].out + row * (size_t)first;
            call.place = &s->parts[i].place;
            if (s->parts[i].norms) call.norms = s->parts[i].norms + first;
        }
    int rc = task_run(&call);
    for (int i = 0; i < s->nparts && !rc; i++) {
        struct mien_net *net = s->parts[i].net;
        if (net == s->backbone) continue;
        rc = task_run(
            &(struct task_call){.net = net,
                                .n = n,
                                .images = images + first,
                                .faces = faces + first,
                                .features = s->values[net->value],
                                .out = s->parts[i].out + item_values(net) * (size_t)first});
    }
    return rc;
}

int shared_run(const struct shared_part *parts, int nparts, const mien_image *const *images,
               const mien_face *faces, int n) {
    struct shared s = {.backbone = backbone_of(parts[0].net), .parts = parts, .nparts = nparts};
    size_t count = prepare(&s, n);
    float *room = acquire_room(s.backbone, count), *at = room;
    if (!room) return err_set(MIEN_ENOMEM, "out of memory");
    for (int v = 0; v < PLAN_MOST_VALUES; at += s.each[v++] * (size_t)s.piece)
        if (s.each[v]) s.values[v] = at;
    int rc = MIEN_OK;
    for (int i = 0; i < n && !rc; i += s.piece)
        rc = run_piece(&s, images, faces, i, n - i < s.piece ? n - i : s.piece);
    release_room(s.backbone, room, count);
    return rc;
}

static int is_shared(const struct mien_net *a, const struct mien_net *b) {
    return (a->backbone ? a->backbone : a) == (b->backbone ? b->backbone : b);
}

int mien_net_shares(const mien_net *a, const mien_net *b) {
    if (!a || !b) return 0;
    for (int i = 0; i < pair_size(a); i++)
        for (int k = 0; k < pair_size(b); k++)
            if (is_shared(a->pair[0] ? a->pair[i] : a, b->pair[0] ? b->pair[k] : b)) return 1;
    return 0;
}

static int check(mien_net *const *nets, int nnets, float *const *out) {
    if (nnets > SHARED_MOST)
        return err_set(MIEN_EINVAL, "%d networks; at most %d are possible", nnets, SHARED_MOST);
    for (int i = 0; i < nnets; i++) {
        if (!nets[i] || !out[i]) return err_null("mien_run_faces");
        enum mien_result result = nets[i]->task->result;
        if (nets[i]->task->item != MIEN_ITEM_FACE ||
            (result != MIEN_RESULT_EMBEDDING && result != MIEN_RESULT_ATTRIBUTES))
            return err_set(MIEN_EINVAL, "network '%s' does not look at faces; it can %s",
                           nets[i]->info.name, nets[i]->task->verb);
        for (int k = 0; k < pair_size(nets[i]) && result == MIEN_RESULT_EMBEDDING; k++) {
            int rc = face_crop_check_side(pair_member(nets[i], k));
            if (rc) return rc;
        }
    }
    return MIEN_OK;
}

/* Those that share a backbone run together. */
static int run_parts(const struct shared_part *all, int n, const mien_image *const *images,
                     const mien_face *faces, int nfaces) {
    struct shared_part parts[2 * SHARED_MOST];
    char done[2 * SHARED_MOST] = {0};
    int rc = MIEN_OK;
    for (int i = 0; i < n && !rc; i++) {
        int count = 0;
        for (int k = i; k < n && !done[i]; k++) {
            if (!is_shared(all[i].net, all[k].net) || (k > i && done[k])) continue;
            parts[count++] = all[k];
            if (k > i) done[k] = 1;
        }
        if (count > 0) rc = shared_run(parts, count, images, faces, nfaces);
    }
    return rc;
}

int mien_run_faces_norms(mien_net *const *nets, int nnets, const mien_image *const *images,
                         const mien_face *faces, int n, float *const *out, float *const *norms) {
    struct shared_part all[2 * SHARED_MOST];
    if (nnets < 0 || (nnets > 0 && (!nets || !out))) return err_null("mien_run_faces");
    int rc = check(nets, nnets, out), nparts = 0;
    if (!rc) rc = face_crop_check_items(images, faces, n, out);
    for (int i = 0; i < nnets && !rc; i++)
        for (int k = 0; k < pair_size(nets[i]); k++)
            all[nparts++] =
                (struct shared_part){pair_member(nets[i], k), out[i],
                                     norms && k == 0 ? norms[i] : NULL, pair_place(nets[i], k)};
    return rc ? rc : run_parts(all, nparts, images, faces, n);
}

int mien_run_faces(mien_net *const *nets, int nnets, const mien_image *const *images,
                   const mien_face *faces, int n, float *const *out) {
    return mien_run_faces_norms(nets, nnets, images, faces, n, out, NULL);
}
