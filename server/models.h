/*
 * models.h - the networks a server answers with, as one thing that can be replaced while requests
 * run: a reload loads a second set beside the first, and the first goes when its last request ends.
 */
#ifndef MIEN_SERVER_MODELS_H
#define MIEN_SERVER_MODELS_H

#include "analysis/networks.h"
#include "recognition/contract.h"
#include "server/config.h"

/* One loaded set. Immutable once made. */
struct models {
    struct networks networks;
    char contract[CONTRACT_HASH]; /* of the embedder; "" where there is none, or no gallery */
    char second_contract[CONTRACT_HASH]; /* of a second embedder, likewise */
    int users; /* under the store's lock; the store itself is one while the set is current */
};

struct models_store;

struct models_store *models_store_new(void);
void models_store_free(struct models_store *s);
/* Loads the set the configuration names and makes it current. Returns 0; or -1 with a sentence in
 * why, and what was current stays so. */
int models_store_load(struct models_store *s, const struct serve_config *config, char *why,
                      size_t room);
/* The current set, to be released; NULL while none is loaded. */
struct models *models_acquire(struct models_store *s);
/* Another share of a set that is held, to be released like the first. */
struct models *models_share(struct models_store *s, struct models *m);
void models_release(struct models_store *s, struct models *m);
/* The network of that name; NULL where none has it. */
const struct network *models_find(const struct models *m, const char *name);

#endif
