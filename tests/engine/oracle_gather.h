/*
 * oracle_gather.h - the oracle's slices and gathers (engine/gather.h), a value at a time.
 */
#ifndef MIEN_TESTS_ENGINE_ORACLE_GATHER_H
#define MIEN_TESTS_ENGINE_ORACLE_GATHER_H

#include "tests/engine/oracle.h"

/* like: the node's last input. */
void oracle_gather_size(const struct net_node *n, const struct oracle_value *x,
                        const struct oracle_value *like, int *h, int *w);
/* Channel c of pixel oy, ox of y, whose size is set. */
double oracle_gather(const struct net_node *n, const struct oracle_value *x,
                     const struct oracle_value *y, int oy, int ox, int c);

#endif
