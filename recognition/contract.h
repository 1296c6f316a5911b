/*
 * contract.h - which embeddings of a network may be compared with those of a gallery.
 */
#ifndef MIEN_RECOGNITION_CONTRACT_H
#define MIEN_RECOGNITION_CONTRACT_H

#include "mien_gallery.h"

enum { CONTRACT_HASH = 128, CONTRACT_WHY = 512 };

/* What the contract of an embedder is known by, of the network's weights and input, so that
 * calibrating or renaming it changes nothing; of two as one by those of both and their order. name:
 * as mien_net_load() takes it. -1 with a sentence in why. */
int contract_hash(const mien_ctx *ctx, const char *name, char out[CONTRACT_HASH],
                  char why[CONTRACT_WHY]);
/* Finds the contract of that hash in the gallery, and makes it where there is none and `make`; else
 * *contract is 0. collection: where that goes by another since it was migrated, it is
 * MIEN_GALLERY_ECONFLICT; 0: there is none. Returns the gallery's code. */
int contract_find(mien_gallery *gallery, int64_t collection, const mien_net_info *info,
                  const char *hash, int make, int64_t *contract);

#endif
