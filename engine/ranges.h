/*
 * ranges.h - what a calibration left in a blob: tensors that are none of the network's.
 *
 * "int8.<number> <name>" of shape [3][channels] holds what was measured of a node's value
 * (calibrate.h): the lowest and the highest value worth representing, and the mean. "int8.exempt"
 * holds numbers (net_node.number) of nodes whose values cost more exactness in bytes than they save
 * time: they stay in the better type (tools/exempt.py chooses them). precision.h makes use of both.
 */
#ifndef MIEN_ENGINE_RANGES_H
#define MIEN_ENGINE_RANGES_H

#include "engine/blob.h"

#define RANGES_PREFIX "int8."
#define RANGES_EXEMPT RANGES_PREFIX "exempt"
enum { RANGES_NAME = 160 };

/* The name of the tensor of node `number`, called `node`. name: [RANGES_NAME] */
void ranges_name(int number, const char *node, char *name);
/* Is the tensor one of these, and not one of the network's? */
int ranges_is(const struct blob_tensor *t);
/* Does the blob have any? */
int ranges_has(const struct blob *blob);

#endif
