/*
 * near.h - which of many words was meant by one that is none of them.
 *
 * A slip of the finger in a command, an option, a network or an environment variable gets a hint,
 * and all of them go by the same measure: at most two letters off (of a short word one), or one the
 * beginning of the other.
 */
#ifndef MIEN_CLI_NEAR_H
#define MIEN_CLI_NEAR_H

#include <stddef.h>

struct near {
    const char *word; /* what was given, [length] */
    size_t length;
    const char *best; /* the nearest so far; NULL: none is near */
    int distance;     /* of the best */
};

/* word must live as long as *n is used. */
void near_begin(struct near *n, const char *word, size_t length);
void near_offer(struct near *n, const char *candidate);

#endif
