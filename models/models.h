/*
 * models.h - from a blob to a folded network.
 *
 * One file a family, each of which reads like the figure in its paper; widths and depths come from
 * the blob's tensors, so one file serves all sizes of a family. Tensor names and metadata are in
 * docs/blob.md.
 */
#ifndef MIEN_MODELS_MODELS_H
#define MIEN_MODELS_MODELS_H

#include "engine/net.h"

/* Builds and folds the network of the blob's `arch`. MIEN_EWEIGHTS where tensors or metadata do not
 * fit; free with net_free(). blob must outlive the net. */
int models_build(const struct blob *blob, struct net **out);
/* The same without folding: layers, outputs and shapes, for who wants to know what a network is. */
int models_shape(const struct blob *blob, struct net **out);

#endif
