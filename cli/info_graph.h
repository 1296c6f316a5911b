/*
 * info_graph.h - the op list of a network of arch `graph` (docs/blob.md), for people to read.
 */
#ifndef MIEN_CLI_INFO_GRAPH_H
#define MIEN_CLI_INFO_GRAPH_H

#include "mien.h"

#include <jansson.h>
#include <stdio.h>

/* *graph: the list of a blob that has one; NULL for any other. The caller frees it. Returns -1
 * where memory ran out. */
int info_graph_read(const mien_blob *blob, json_t **graph);
/* How many of what: "57 conv, 35 relu, ..." in at most size bytes. */
void info_graph_summary(const json_t *graph, char *text, size_t size);
/* A line a node: its number, what it does, its tensors and attributes, what it reads. Returns -1
 * where memory ran out. */
int info_graph_print(const json_t *graph, FILE *out);

#endif
