/*
 * tune.h - which algorithm a convolution runs by, found by measuring.
 *
 * A convolution can be computed by several kernels, in tiles of several sizes, by one block a tile
 * or by more (choose.h, hopper.h). Which is fastest depends on the device, its clocks and its
 * driver in ways no model of ours knows. So a plan's first making tries the most promising
 * algorithms on the device itself, a few launches each in a graph as they will run, and keeps the
 * fastest of those that are right there (judge.h). What was found is kept for all layers of the
 * same shape, in the process and in a file of the user's cache folder: a device is measured once,
 * not at every start.
 *
 * Algorithms differ in the order of their sums, so results may differ in their last bits from one
 * device's file to another's; with the same file they are the same.
 */
#ifndef MIEN_CUDA_TUNE_H
#define MIEN_CUDA_TUNE_H

#include "cuda/algorithms.h"
#include "cuda/tuned.h"

/* Puts what is known or can be measured into algorithms, [run->graph->nsteps], which are the
 * model's choice (algorithms.h), for a plan whose memory is not there yet. A context is current. */
void cuda_tune(struct cuda_tuning *t, const struct cuda_run *run,
               struct cuda_algorithm *algorithms);

#endif
