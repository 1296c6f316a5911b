#include "near.h"

#include <string.h>

enum { LONGEST = 64, FAR = 3, SHORTEST_BEGINNING = 3 };

static int smaller(int a, int b) {
    return a < b ? a : b;
}

/* Edits from a to b: letters put in, left out, changed, or swapped with the next (Damerau's optimal
 * string alignment). Anything long counts as far. */
static int distance(const char *a, size_t na, const char *b) {
    int rows[3][LONGEST + 1];
    size_t nb = strlen(b);

    if (na > LONGEST || nb > LONGEST) return FAR;
    for (size_t j = 0; j <= nb; j++) rows[0][j] = (int)j;
    for (size_t i = 1; i <= na; i++) {
        int *row = rows[i % 3], *above = rows[(i - 1) % 3];
        row[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            row[j] =
                smaller(above[j - 1] + (a[i - 1] != b[j - 1]), smaller(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = smaller(row[j], rows[(i - 2) % 3][j - 2] + 1);
        }
    }
    return rows[na % 3][nb];
}

void near_begin(struct near *n, const char *word, size_t length) {
    *n = (struct near){.word = word, .length = length, .distance = FAR};
}

/* One of them is the other's beginning. */
static int begins(const struct near *n, const char *candidate) {
    size_t length = strlen(candidate), common = length < n->length ? length : n->length;

    return common >= SHORTEST_BEGINNING && strncmp(n->word, candidate, common) == 0;
}

void near_offer(struct near *n, const char *candidate) {
    int d = distance(n->word, n->length, candidate);

    /* Of a short word two letters are too much: top is not foo. */
    if (d > 1 && n->length < FAR + 2) d = FAR;
    if (d >= FAR && begins(n, candidate)) d = FAR - 1;
    if (d >= n->distance) return;
    n->distance = d;
    n->best = candidate;
}
