/*
 * attribute_list.h - what the outputs of a network mean, as its blob tells it.
 *
 * Each attribute names the output it is read from, how, and what its values are (docs/blob.md,
 * `attributes`), so that a network which tells something new needs no code. It is a network's, not
 * a task's: any task may have results of this kind.
 */
#ifndef MIEN_TASKS_ATTRIBUTE_LIST_H
#define MIEN_TASKS_ATTRIBUTE_LIST_H

#include "mien.h"
#include "vision/resize.h"

struct attribute_list;

/* Reads the list of a network whose outputs are known, from its blob's metadata `attributes` or,
 * where `text` is not NULL, from that, into net->attributes, and completes net->info.
 * MIEN_EWEIGHTS. */
int attribute_list_open(struct mien_net *net, const char *text);
/* NULL is allowed. */
void attribute_list_free(struct attribute_list *a);
/* The values of one item, [attribute_values], from its outputs. Points are parts of the side of
 * what the network saw, and what follows from them is left out. */
void attribute_list_take(const struct attribute_list *a, const float *const *outputs,
                         float *values);
int attribute_list_has_points(const struct attribute_list *a);
/* Completes the values of a face, of which the network saw a square: points become pixels of the
 * image, and what follows from them is added. */
void attribute_list_place(const struct attribute_list *a, const struct rect_f *s, float *values);

#endif
