#include "engine/cpu/load.h"

#include "engine/err.h"
#include "engine/hash.h"
#include "engine/pack_cache.h"
#include "engine/plan.h"
#include "mien.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Has the node packed weights of its own? */
static int packed(const struct net *net, int i) {
    return net->nodes[i].first_sibling < 0;
}

/* Layers being packed side by side: each needs its source in memory, too. */
enum { LANES = 4 };

struct packing {
    const struct net *net;
    const struct backend_weights *weights;
    atomic_int next, failed;
};

static void pack_task(void *context, int task, int worker) {
    struct packing *p = context;
    (void)task;
    (void)worker;
    for (int i; (i = atomic_fetch_add(&p->next, 1)) < p->net->count && !p->failed;)
        if (packed(p->net, i) && cpu_pack_layer(p->net, &p->net->nodes[i], &p->weights->layers[i]))
            p->failed = 1;
}

static int pack_all(struct pool *pool, const struct net *net, const struct backend_weights *w) {
    struct packing p = {.net = net, .weights = w};
    pool_run(pool, LANES, pack_task, &p);
    /* the sentence about it is another thread's, and perhaps not about the first layer: once more
     */
    for (int i = 0; i < net->count && p.failed; i++) {
        int rc = packed(net, i) ? cpu_pack_layer(net, &net->nodes[i], &w->layers[i]) : MIEN_OK;
        if (rc) return rc;
    }
    return MIEN_OK;
}

static void add_numbers(struct hash *h, const void *values, size_t size, int n) {
    int there = values ? n : -1;
    hash_add(h, &there, sizeof there);
    if (values) hash_add(h, values, size * (size_t)n);
}

static void add_layer(struct hash *h, const struct net *net, const struct net_node *n,
                      const struct cpu_layer *l) {
    const struct kern_igemm *g = l->igemm;
    int inputs = n->op == NET_CONV ? net_channels(net, n->in[0]) : 0, c = n->channels;
    int geometry[] = {(int)n->op,
                      c,
                      (int)n->stored.type,
                      n->stored.zero,
                      (int)l->algorithm,
                      (int)l->type,
                      l->bias_classes,
                      l->kh,
                      l->kw,
                      l->stride,
                      l->dilation,
                      l->groups,
                      l->cin,
                      l->cout,
                      l->nr,
                      l->joined,
                      n->weights.difference,
                      n->weights.reverse_input,
                      n->next_sibling < 0 ? -1 : net->nodes[n->next_sibling].number,
                      g ? g->nr : 0,
                      g ? g->group : 0,
                      g ? g->block : 0,
                      g ? g->matrix : 0,
                      g ? g->split : 0,
                      g ? (int)g->type : 0};
    hash_add(h, geometry, sizeof geometry);
    add_numbers(h, n->weights.out_scale, sizeof(double), c);
    add_numbers(h, n->weights.out_shift, sizeof(double), c);
    add_numbers(h, n->weights.in_scale, sizeof(double), inputs);
    add_numbers(h, n->weights.in_shift, sizeof(double), inputs);
    add_numbers(h, n->scale, sizeof(double), c);
    add_numbers(h, n->shift, sizeof(double), c);
    add_numbers(h, n->stored.scale, sizeof(float), c);
    add_numbers(h, n->stored.mean, sizeof(float), c);
}

/* Hash of all that decides the packed bytes but the tensors themselves: what folding and
 * quantisation computed goes in as numbers, so that a change of theirs needs no new version. */
static uint64_t layout_of(const struct kern *k, const struct net *net,
                          const struct backend_weights *w) {
    struct hash h;
    int version = CPU_PACK_LAYOUT;
    hash_start(&h);
    hash_add(&h, MIEN_VERSION, sizeof MIEN_VERSION);
    hash_add(&h, &version, sizeof version);
    hash_add(&h, k->name, strlen(k->name) + 1);
    for (int i = 0; i < net->count; i++) add_layer(&h, net, &net->nodes[i], &w->layers[i]);
    return hash_end(&h);
}

static const char *precision_of(const struct net *net) {
    for (int i = 0; i < net->count; i++)
        if (net->nodes[i].stored.type == KERN_U8) return "int8";
    return net->half_weights ? "bf16" : "fp32";
}

/* Layers of at most that many packed bytes are packed to test the cache. */
enum { PROBE_BYTES = 1 << 20 };

/* Does packing layer i give the bytes the cache has at `at`? */
static int packs_to(const struct net *net, const struct backend_weights *w, int i, const char *at,
                    size_t bytes) {
    struct cpu_layer layer = w->layers[i];
    char *fresh = aligned_alloc(CPU_ALIGN, bytes);
    if (!fresh) return 0;
    memset(fresh, 0, bytes);
    cpu_place_layer(net, &net->nodes[i], &layer, fresh);
    int same =
        cpu_pack_layer(net, &net->nodes[i], &layer) == MIEN_OK && memcmp(fresh, at, bytes) == 0;
    free(fresh);
    return same;
}

/* Packs the smallest layer of each kind and compares: whoever changes a layout and forgets
 * CPU_PACK_LAYOUT finds his change at work all the same. */
static int passes_probe(const struct net *net, const struct backend_weights *w, const char *cache) {
    enum { ALGORITHMS = CPU_GEMV + 1, TYPES = KERN_TYPES };
    struct {
        size_t bytes, at;
        int layer;
    } smallest[ALGORITHMS][TYPES] = {0};
    size_t at = 0;
    for (int i = 0; i < net->count; i++) {
        struct cpu_layer *l = &w->layers[i];
        size_t bytes = packed(net, i) ? cpu_place_layer(net, &net->nodes[i], l, NULL) : 0;
        if (bytes && bytes <= PROBE_BYTES) {
            size_t *best = &smallest[l->algorithm][l->type].bytes;
            if (*best == 0 || bytes < *best) {
                *best = bytes;
                smallest[l->algorithm][l->type].at = at;
                smallest[l->algorithm][l->type].layer = i;
            }
        }
        at += bytes;
    }
    for (int a = 0; a < ALGORITHMS; a++)
        for (int t = 0; t < TYPES; t++)
            if (smallest[a][t].bytes && !packs_to(net, w, smallest[a][t].layer,
                                                  cache + smallest[a][t].at, smallest[a][t].bytes))
                return 0;
    return 1;
}

static void place_all(const struct net *net, struct backend_weights *w) {
    size_t at = 0;
    for (int i = 0; i < net->count; i++)
        if (packed(net, i))
            at += cpu_place_layer(net, &net->nodes[i], &w->layers[i],
                                  w->region ? w->region + at : NULL);
    w->bytes = at;
}

/* Fills the region of w, whose size is known. */
static int fill(struct pool *pool, const struct net *net, const struct pack_cache_key *cache,
                struct backend_weights *w) {
    const char *kept = cache && w->bytes ? pack_cache_read(cache) : NULL;
    if (kept && !passes_probe(net, w, kept)) {
        pack_cache_free(kept, w->bytes);
        kept = NULL;
    }
    if (kept) {
        w->region = (char *)(uintptr_t)kept;
        w->kept = 1;
        place_all(net, w);
        return MIEN_OK;
    }
    /* whole pages of zeros: what lies between two arrays is the same in every file */
    void *p = mmap(NULL, w->bytes + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return err_set(MIEN_ENOMEM, "%s: out of memory", blob_label(net->blob));
    w->region = p;
    place_all(net, w);
    int rc = pack_all(pool, net, w);
    if (!rc && cache && w->bytes) pack_cache_write(cache, w->region);
    return rc;
}

static int load(const struct kern *k, struct pool *pool, const struct net *net, int use_cache,
                const int *pixels, struct backend_weights *w) {
    for (int i = 0; i < net->count; i++)
        if (packed(net, i)) cpu_shape_layer(k, net, &net->nodes[i], pixels[i], &w->layers[i]);
    place_all(net, w);
    char variant[32];
    snprintf(variant, sizeof variant, "%s-%s", k->name, precision_of(net));
    struct pack_cache_key key = {net->blob, variant, layout_of(k, net, w), w->bytes, pool};
    return fill(pool, net, use_cache ? &key : NULL, w);
}

int cpu_load_weights(const struct kern *k, struct pool *pool, const struct net *net, int use_cache,
                     struct backend_weights **out) {
    *out = NULL;
    struct backend_weights *w = calloc(1, sizeof *w);
    int *pixels = malloc(sizeof *pixels * (size_t)net->count);
    if (w) w->layers = calloc((size_t)net->count, sizeof *w->layers);
    int rc = w && w->layers && pixels
                 ? plan_pixels(net, pixels)
                 : err_set(MIEN_ENOMEM, "%s: out of memory", blob_label(net->blob));
    if (w) w->count = net->count;
    if (!rc) rc = load(k, pool, net, use_cache, pixels, w);
    free(pixels);
    if (rc)
        cpu_free_weights(w);
    else
        *out = w;
    return rc;
}

void cpu_free_weights(struct backend_weights *w) {
    if (!w) return;
    if (w->kept)
        pack_cache_free(w->region, w->bytes);
    else if (w->region)
        munmap(w->region, w->bytes + 1);
    free(w->layers);
    free(w);
}
