#include "gallery/cluster.h"

#include "engine/err.h"
#include "gallery/groups.h"
#include "gallery/means.h"
#include "mien.h"

#include <stdlib.h>

/* For the default embedder; measured in docs/search.md. */
const struct cluster_options cluster_usual = {
    .join = 0.6f, .least = 0.35f, .unknown = 0.1f, .neighbours = 24};

static int by_id(const void *a, const void *b) {
    const struct cluster_face *p = a, *q = b;
    return (p->id > q->id) - (p->id < q->id);
}

static int by_group(const void *a, const void *b) {
    const struct cluster_face *const *p = a, *const *q = b;
    if ((*p)->group != (*q)->group) return (*p)->group < (*q)->group ? -1 : 1;
    return by_id(*p, *q);
}

/* Faces that are in one group already are one from the start. */
static int take_groups(struct groups *w, struct cluster_face *faces, size_t n) {
    struct cluster_face **order = malloc((n + 1) * sizeof(struct cluster_face *));
    int rc = order ? 0 : err_set(MIEN_ENOMEM, "no memory to group faces");
    for (size_t i = 0; i < n && !rc; i++) {
        order[i] = &faces[i];
        w->at[i] = (struct group){.links = w->graph.links + w->graph.first[i],
                                  .n = (uint32_t)(w->graph.first[i + 1] - w->graph.first[i]),
                                  .into = (uint32_t)i,
                                  .faces = 1,
                                  .name = faces[i].group};
    }
    if (!rc && n > 0) qsort(order, n, sizeof *order, by_group);
    for (size_t i = 1; i < n && !rc; i++)
        if (order[i]->group != GROUP_NONE && order[i]->group == order[i - 1]->group) {
            uint32_t a = groups_root(w, (uint32_t)(order[i - 1] - faces));
            rc = groups_unite(w, a, (uint32_t)(order[i] - faces));
        }
    free(order);
    return rc;
}

static void tell_groups(struct groups *w, struct cluster_face *faces, size_t n) {
    for (uint32_t i = 0; i < n; i++) {
        struct group *g = &w->at[groups_root(w, i)];
        if (g->name == GROUP_NONE && g->faces > 1)
            g->name = faces[i].id; /* the least comes first */
        faces[i].group = g->name;
    }
}

/* Numbers of the faces of pairs that are told apart; a pair with another face says nothing here. */
static int number_apart(const struct cluster_face *faces, size_t n,
                        const struct cluster_apart *apart, size_t *n_apart, uint32_t **out) {
    uint32_t *numbers = malloc((2 * *n_apart + 1) * sizeof *numbers);
    if (!numbers) return err_set(MIEN_ENOMEM, "no memory to group faces");
    size_t kept = 0;
    for (size_t i = 0; n > 0 && i < *n_apart; i++) {
        struct cluster_face a = {.id = apart[i].a}, b = {.id = apart[i].b};
        const struct cluster_face *p = bsearch(&a, faces, n, sizeof *faces, by_id);
        const struct cluster_face *q = bsearch(&b, faces, n, sizeof *faces, by_id);
        if (!p || !q || p == q) continue;
        numbers[2 * kept] = (uint32_t)(p - faces);
        numbers[2 * kept++ + 1] = (uint32_t)(q - faces);
    }
    *n_apart = kept;
    *out = numbers;
    return 0;
}

static int find_graph(struct index *x, const struct cluster_options *o,
                      const struct cluster_face *faces, size_t n, const struct cluster_apart *apart,
                      size_t n_apart, const int64_t *ids, struct graph *g) {
    struct graph_options go = {o->neighbours, o->least, o->progress, o->context};
    uint32_t *numbers = NULL;
    int rc = number_apart(faces, n, apart, &n_apart, &numbers);
    if (!rc) rc = graph_open(x, ids, n, &go, numbers, n_apart, g);
    free(numbers);
    return rc;
}

static struct cluster_options filled(const struct cluster_options *o) {
    struct cluster_options all = o ? *o : cluster_usual;
    if (all.neighbours == 0) all.neighbours = cluster_usual.neighbours;
    if (all.join == 0 && all.least == 0 && all.unknown == 0) {
        all.join = cluster_usual.join;
        all.least = cluster_usual.least;
        all.unknown = cluster_usual.unknown;
    }
    return all;
}

static void groups_close(struct groups *w) {
    for (size_t i = 0; i < w->graph.n && w->at; i++)
        if (w->at[i].owned) free(w->at[i].links);
    free(w->at);
    free(w->chain);
    graph_close(&w->graph);
}

int cluster_run(struct index *x, const struct cluster_options *options, struct cluster_face *faces,
                size_t n, const struct cluster_apart *apart, size_t n_apart) {
    struct cluster_options o = filled(options);
    struct groups w = {(double)o.join, (double)o.unknown, o.neighbours, {0}, NULL, NULL};
    if (n > UINT32_MAX || o.neighbours < 1 || o.neighbours >= INDEX_MAX_HITS)
        return err_set(MIEN_EINVAL, "%zu faces with %d neighbours each cannot be grouped", n,
                       o.neighbours);
    if (n > 0) qsort(faces, n, sizeof *faces, by_id);
    w.at = calloc(n + 1, sizeof *w.at);
    w.chain = malloc((n + 1) * sizeof *w.chain);
    int64_t *ids = malloc((n + 1) * sizeof *ids);
    int rc = w.at && w.chain && ids ? 0 : err_set(MIEN_ENOMEM, "no memory to group faces");
    for (size_t i = 0; i < n && !rc; i++) ids[i] = faces[i].id;
    if (!rc) rc = find_graph(x, &o, faces, n, apart, n_apart, ids, &w.graph);
    if (!rc) rc = take_groups(&w, faces, n);
    for (int more = 1; more > 0 && !rc;) { /* what has grown may be like others now */
        rc = groups_link(&w);
        if (!rc) more = means_join(x, ids, &w);
        if (more < 0) rc = more;
    }
    if (!rc) tell_groups(&w, faces, n);
    free(ids);
    groups_close(&w);
    return rc;
}
