/*
 * oracle.h - runs an unfolded op list by the definition of each operation.
 *
 * One value a node, in double, without fusion, halo or reuse of memory: nothing in common with the
 * engine but the op list, so that folding, planning and the backend are tested against what the
 * network means.
 */
#ifndef MIEN_TESTS_ENGINE_ORACLE_H
#define MIEN_TESTS_ENGINE_ORACLE_H

#include "engine/net.h"

struct oracle_value {
    int h, w, c;
    double *data; /* [h][w][c] */
};

/* Runs one image; input: [h][w][3]. values: [net->count], filled, freed by oracle_free. The net
 * must not be folded. */
void oracle_run(const struct net *net, const float *input, int h, int w,
                struct oracle_value *values);
void oracle_free(const struct net *net, struct oracle_value *values);

#endif
