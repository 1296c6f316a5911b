#include "tasks/pair.h"

#include "engine/err.h"
#include "tasks/measured.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROOT_HALF 0.70710678f

int pair_size(const struct mien_net *net) {
    return net->pair[0] ? 2 : 1;
}

struct mien_net *pair_member(struct mien_net *net, int i) {
    return net->pair[0] ? net->pair[i] : net;
}

struct embedding_place pair_place(const struct mien_net *net, int i) {
    struct embedding_place place = {.row = (size_t)net->info.embedding_size, .scale = 1};
    if (!net->pair[0]) return place;
    place.scale = ROOT_HALF;
    if (i > 0) place.first = (size_t)net->pair[0]->info.embedding_size;
    return place;
}

int pair_refuse(const struct mien_net *net) {
    if (!net->pair[0]) return MIEN_OK;
    return err_set(MIEN_EINVAL, "'%s' is two networks: ask each of them", net->info.name);
}

static int is_there(const mien_ctx *ctx, const char *name) {
    char *path;
    if (mien_net_path(ctx, name, &path)) return 0;
    int there = access(path, F_OK) == 0;
    free(path);
    return there;
}

static void free_names(char *names[2]) {
    for (int i = 0; i < 2; i++) free(names[i]);
    names[0] = names[1] = NULL;
}

static int cut(const char *name, const char *plus, char *names[2]) {
    names[0] = strndup(name, (size_t)(plus - name));
    names[1] = strdup(plus + 1);
    if (names[0] && names[1]) return MIEN_OK;
    free_names(names);
    return err_set(MIEN_ENOMEM, "%s: out of memory", name);
}

/* Cuts at the plus on both sides of which a network is, since a folder may be called "a+b", too;
 * where there is none, at the first. */
static int cut_names(const mien_ctx *ctx, const char *name, char *names[2]) {
    for (const char *plus = strchr(name, '+'); plus; plus = strchr(plus + 1, '+')) {
        int rc = cut(name, plus, names);
        if (rc) return rc;
        if (is_there(ctx, names[0]) && is_there(ctx, names[1])) return MIEN_OK;
        free_names(names);
    }
    return cut(name, strchr(name, '+'), names);
}

int pair_names(const mien_ctx *ctx, const char *name, char *names[2], int *n) {
    names[0] = names[1] = NULL;
    *n = 0;
    if (!strchr(name, '+') || is_there(ctx, name)) {
        names[0] = strdup(name);
        if (!names[0]) return err_set(MIEN_ENOMEM, "%s: out of memory", name);
        *n = 1;
        return MIEN_OK;
    }
    int rc = cut_names(ctx, name, names);
    if (rc) return rc;
    if (!*names[0] || !*names[1] || (strchr(names[1], '+') && !is_there(ctx, names[1]))) {
        free_names(names);
        return err_set(MIEN_EINVAL, "'%s' is not NETWORK+NETWORK, two embedders that work as one",
                       name);
    }
    *n = 2;
    return MIEN_OK;
}

/* "a+b", or where both say the same that alone. */
static char *join(const char *a, const char *b, const char *between) {
    char *text = NULL;
    if (strcmp(a, b) == 0 || !*a || !*b) return strdup(*a ? a : b);
    return asprintf(&text, "%s%s%s", a, between, b) < 0 ? NULL : text;
}

static int describe(struct mien_net *pair) {
    const mien_net_info *a = &pair->pair[0]->info, *b = &pair->pair[1]->info;
    char **text = pair->texts;
    text[0] = join(a->name, b->name, "+");
    text[1] = join(a->arch, b->arch, "+");
    text[2] = join(a->license, b->license, "; ");
    text[3] = join(a->source, b->source, "; ");
    for (int i = 0; i < NET_TEXTS; i++)
        if (!text[i]) return err_set(MIEN_ENOMEM, "out of memory");
    /* Impostors of the mean are spread no wider than those of the two on average, so that the mean
     * of both thresholds accepts no more of them; where the pair was measured, that is known. */
    pair->info = (mien_net_info){.struct_size = sizeof pair->info,
                                 .name = text[0],
                                 .arch = text[1],
                                 .task = MIEN_TASK_EMBED,
                                 .width = a->width,
                                 .height = a->height,
                                 .channels = a->channels,
                                 .embedding_size = a->embedding_size + b->embedding_size,
                                 .same_person = (a->same_person + b->same_person) / 2,
                                 .license = text[2],
                                 .source = text[3],
                                 .accuracy = "",
                                 .features_of = "",
                                 .calibrated = a->calibrated && b->calibrated,
                                 .parameters = a->parameters + b->parameters,
                                 .file_bytes = a->file_bytes + b->file_bytes};
    const struct measured *m = measured_of(pair);
    if (m) pair->info.same_person = m->same_person;
    return MIEN_OK;
}

static int check(const struct mien_net *pair) {
    const struct mien_net *const *of = (const struct mien_net *const *)pair->pair;
    for (int i = 0; i < 2; i++) {
        int rc = net_check_result(of[i], MIEN_RESULT_EMBEDDING, task_named("embed")->verb);
        if (rc) return rc;
    }
    if (strcmp(blob_label(of[0]->blob), blob_label(of[1]->blob)) != 0) return MIEN_OK;
    return err_set(MIEN_EINVAL, "'%s+%s': that is one network twice", of[0]->info.name,
                   of[1]->info.name);
}

int pair_load(mien_ctx *ctx, char *const names[2], struct mien_net **out) {
    struct mien_net *pair = calloc(1, sizeof *pair);
    *out = NULL;
    if (!pair) return err_set(MIEN_ENOMEM, "%s: out of memory", names[0]);
    pair->ctx = ctx;
    pair->holders = 1;
    pair->by_program = 1;
    pair->task = task_named("embed");
    context_acquire(ctx);
    pthread_mutex_init(&pair->making, NULL);
    pthread_mutex_init(&pair->lock, NULL);
    int rc = net_load(ctx, names[0], 1, &pair->pair[0]);
    if (!rc) rc = net_load(ctx, names[1], 1, &pair->pair[1]);
    if (!rc) rc = check(pair);
    if (!rc) rc = describe(pair);
    if (rc)
        pair_free(pair);
    else
        *out = pair;
    return rc;
}

void pair_free(struct mien_net *pair) {
    for (int i = 0; i < 2; i++) net_release(pair->pair[i], 1);
    for (int i = 0; i < NET_TEXTS; i++) free(pair->texts[i]);
    pthread_mutex_destroy(&pair->lock);
    pthread_mutex_destroy(&pair->making);
    context_release(pair->ctx);
    free(pair);
}

int mien_net_part(const mien_ctx *ctx, const char *name_or_path, int i, char **part) {
    char *names[2];
    int n;
    if (!part) return err_null("mien_net_part");
    *part = NULL;
    if (!ctx || !name_or_path) return err_null("mien_net_part");
    int rc = pair_names(ctx, name_or_path, names, &n);
    if (rc) return rc;
    if (i < 0 || i >= n) rc = err_set(MIEN_EINVAL, "'%s' has no part %d", name_or_path, i);
    for (int k = 0; k < 2; k++) {
        if (k == i && !rc)
            *part = names[k];
        else
            free(names[k]);
    }
    return rc;
}
