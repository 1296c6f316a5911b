/*
 * pair.h - two embedders that work as one: "A+B".
 *
 * The embedding of a pair is that of the first and that of the second behind each other, each of
 * length 1 times the root of one half: so it has length 1, and the similarity of two faces is the
 * mean of the two similarities. Networks err in different cases, so that the mean tells people
 * apart better than either (docs/thresholds.md). A pair has no blob, no layers and no plans of its
 * own: its members run, and write their parts where they belong.
 */
#ifndef MIEN_TASKS_PAIR_H
#define MIEN_TASKS_PAIR_H

#include "tasks/net.h"

/* The networks that a name stands for, as mien_net_path() takes them: two for "A+B", unless there
 * is a file of the whole name, else one. Each is for free(). MIEN_EINVAL where a part is empty, or
 * more than two are joined. */
int pair_names(const mien_ctx *ctx, const char *name, char *names[2], int *n);
/* Loads both networks and makes the pair. */
int pair_load(mien_ctx *ctx, char *const names[2], struct mien_net **out);
/* Lets go of the members and frees the rest, where nobody holds the pair. */
void pair_free(struct mien_net *pair);
/* MIEN_EINVAL with a sentence where the network is a pair, which has no layers to ask about. */
int pair_refuse(const struct mien_net *net);

/* How many members a network has: 1 (itself) or 2. */
int pair_size(const struct mien_net *net);
struct mien_net *pair_member(struct mien_net *net, int i);

/* Where a network's embeddings go: rows of `row` floats, of which it writes its own from `first`
 * on, times `scale`. */
struct embedding_place {
    size_t first, row;
    float scale;
};
/* The place of member i. */
struct embedding_place pair_place(const struct mien_net *net, int i);

#endif
