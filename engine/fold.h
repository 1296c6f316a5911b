/*
 * fold.h - make a network smaller without changing what it computes.
 *
 * Batch norms and the input's normalisation are linear, and so are convolutions: where one follows
 * the other they become one. Folding happens once a network, above every backend, and changes only
 * the vectors around a convolution's weights (struct net_weights); the weights themselves stay in
 * the blob until a backend packs them.
 */
#ifndef MIEN_ENGINE_FOLD_H
#define MIEN_ENGINE_FOLD_H

#include "engine/net.h"

/* Folds every affine node it can into a convolution before or after it and takes it out of the net:
 * values are named anew (net_numbered). The rest stay nodes. */
int fold_net(struct net *net);

/* Marks convolutions that read one value through one window and whose results are outputs, as the
 * score, box and landmark heads of a RetinaFace level are: together they fill the channels of a
 * tile that each would leave mostly empty. Done by fold_net. */
int fold_siblings(struct net *net);
/* Output channels of a convolution and the siblings it computes. */
int fold_outputs(const struct net *net, const struct net_node *conv);

/* How many uses a value has: inputs of nodes and outputs. uses: [net->count], filled. */
void fold_count_uses(const struct net *net, int *uses);

/*
 * Bias vectors of a convolution after folding, in out: [classes][cout].
 *
 * A shift before a zero-padded 3x3 convolution cannot become one bias: a tap that falls outside the
 * map sees 0, not shift. Which taps fall outside depends only on whether the output pixel touches
 * the top, bottom, left or right border, so there is one bias for each combination (nine of them
 * occur on maps of 2x2 and more). The class is the sum of the FOLD_* bits. With siblings, cout
 * counts theirs. Returned is the number of classes: 1 where the border does not matter, else 16;
 * out may be NULL to ask only for that.
 */
enum { FOLD_TOP = 1, FOLD_BOTTOM = 2, FOLD_LEFT = 4, FOLD_RIGHT = 8, FOLD_CLASSES = 16 };
int fold_bias(const struct net *net, const struct net_node *conv, float *out);

/* The filter of output o (of the siblings, too) after folding: out[i][ky][kx], i over the inputs of
 * its group. */
void fold_filter(const struct net *net, const struct net_node *conv, int o, float *out);
/* Around packing a convolution and the siblings it computes: has the blob's filters in memory.
 * MIEN_EWEIGHTS where one of their weights is not finite, MIEN_EIO where they cannot be read. */
int fold_acquire_filters(const struct net *net, const struct net_node *conv);
void fold_release_filters(const struct net *net, const struct net_node *conv);
/* Input channels a group reads. */
int fold_group_inputs(const struct net *net, const struct net_node *conv);

#endif
