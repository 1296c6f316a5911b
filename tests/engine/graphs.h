/*
 * graphs.h - small networks for tests of the engine, and running them.
 *
 * Each named pattern is one that folding, planning or the backend treats specially; the random
 * graphs find the combinations nobody thought of. What is checked of a network is the test's
 * business.
 */
#ifndef MIEN_TESTS_ENGINE_GRAPHS_H
#define MIEN_TESTS_ENGINE_GRAPHS_H

#include "engine/backend.h"
#include "tests/engine/blobmaker.h"
#include "tests/engine/oracle.h"

/* Builds the op list of a network; the same list whenever it is called during one check. */
typedef void graphs_fn(struct net *net);
/* Is given one network at a time and an input size. The maker holds its tensors, not finished yet;
 * the check finishes and closes it. */
typedef void graphs_check(struct blobmaker *m, graphs_fn *fn, int h, int w, const char *what);

/* One pattern each, at several input sizes. */
void graphs_stem(graphs_check *check);
void graphs_border_bias(graphs_check *check);
void graphs_border_bias_thin(graphs_check *check);
void graphs_fpn(graphs_check *check);
void graphs_tensorflow(graphs_check *check);
void graphs_wide(graphs_check *check);
void graphs_deep(graphs_check *check);
void graphs_activations(graphs_check *check);
void graphs_gates(graphs_check *check);
void graphs_dilated(graphs_check *check);
void graphs_large_average(graphs_check *check);
void graphs_pooled(graphs_check *check);
void graphs_uneven(graphs_check *check);
void graphs_shuffles(graphs_check *check);
void graphs_places(graphs_check *check);
void graphs_resizes(graphs_check *check);
void graphs_reshapes(graphs_check *check);
void graphs_norms(graphs_check *check);
void graphs_matmuls(graphs_check *check);
void graphs_random(int count, graphs_check *check);

/* The op list over the blob, not folded. Fails the test on an error. */
struct net *graphs_build(const struct blob *blob, graphs_fn *fn);
/* Runs the folded net twice on one plan; the second run meets a used arena and is what the observer
 * (or NULL) sees. input: [batch][h][w][3]. out[i]: [batch][h][w][c] of output i, malloc'ed. */
void graphs_run(const struct net *net, const float *input, int batch, int h, int w, int threads,
                const char *kernels, const struct backend_observer *observer, float **out);

/* The node that graphs_fn knew by this value in a folded net; fails the test where there is none.
 */
const struct net_node *graphs_node(const struct net *net, net_value before);

size_t graphs_count(const struct oracle_value *v); /* of its numbers */
/* Root of the squared error relative to the squared values. got: [h][w][c] */
double graphs_error(const struct oracle_value *want, const float *got);

#endif
