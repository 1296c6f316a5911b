/*
 * contract.h - which embeddings of a network may be compared with those of a gallery.
 */
#ifndef MIEN_CLI_CONTRACT_H
#define MIEN_CLI_CONTRACT_H

#include "analysis/networks.h"
#include "shelf.h"

/* Finds the contract of an embedder in the gallery, and makes it where there is none and `make`;
 * else *contract is 0. Its hash is that of the network's weights and input, so that calibrating
 * or renaming it changes nothing. Returns an exit status after saying what went wrong. */
int contract_find(const struct shelf *shelf, const mien_ctx *ctx, const char *name,
                  const mien_net_info *info, int make, int64_t *contract);

#endif
