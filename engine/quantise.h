/*
 * quantise.h - weights for inputs stored as bytes.
 *
 * A layer that reads bytes sums products of what is stored; what the bytes stand for (a scale a
 * channel and a zero point, precision.h) goes into its weights and biases when they are packed, the
 * same on every device.
 */
#ifndef MIEN_ENGINE_QUANTISE_H
#define MIEN_ENGINE_QUANTISE_H

#include "engine/net.h"

/* The vectors of a layer that is being packed; bias holds what fold_bias() gave. */
struct quantise_layer {
    int cin, taps, cout, bias_classes;
    float *bias;      /* [bias_classes][cout] */
    float *acc_scale; /* [cout] */
};

/*
 * Multiplies the filter of output o, [cin][taps], by its inputs' scales, chooses its own scale and
 * leaves the integers -127..127 in filter. The zero point of the input, which every tap sees (halos
 * hold it too), goes into the biases, and so does what rounding the weights changes for the mean
 * input (Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction",
 * 2019).
 */
void quantise_filter(const struct quantise_layer *l, const struct net_storage *input, int o,
                     float *filter);

/* Grouped layers compute in floats: the scales of bytes go into filter, [inputs][taps] over the
 * channels from `first` on, their zero point, which halos hold, too, into the biases. */
void quantise_grouped(const struct quantise_layer *l, const struct net_storage *input, int first,
                      int inputs, int o, float *filter);

#endif
