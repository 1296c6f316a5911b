#include "recognition/scale.h"

#include <math.h>

/* Decades: -log10 of the rate of strangers that reach a similarity. What is beyond the second is
 * told of nobody: a millionth of a millionth of the way to `high` is left. */
#define USUAL 3.0
#define MOST  40.0
/* mien_impostor_similarity() knows rates up to this. */
static const double LEAST = 0.30103; /* -log10 0.5 */

/* The similarity reached by 10^-decades of strangers. 0 where it is known. */
static int similarity_at(const mien_net *embedder, double decades, double *similarity) {
    float value;
    int rc = mien_impostor_similarity(embedder, pow(10, -decades), &value);

    if (rc == MIEN_OK) *similarity = (double)value;
    return rc;
}

/* Without rates: evenly on both sides of the similarity of one person. */
static double even_decades(double same, double similarity) {
    if (similarity <= same) return USUAL * (similarity + 1) / (same + 1);
    return USUAL + (MOST - USUAL) * (similarity - same) / (1 - same);
}

/* By halves: the similarity rises with the decades. */
static double decades_of(const mien_net *embedder, double similarity) {
    double from = LEAST, to = MOST, at;
    mien_net_info info = {.struct_size = sizeof info};

    if (similarity_at(embedder, LEAST, &at)) {
        mien_net_info_get(embedder, &info);
        return even_decades((double)info.same_person, similarity);
    }
    if (similarity <= at) return LEAST * (similarity + 1) / (at + 1);
    for (int i = 0; i < 40; i++) {
        double middle = (from + to) / 2;
        if (similarity_at(embedder, middle, &at) == MIEN_OK && at < similarity)
            from = middle;
        else
            to = middle;
    }
    return from;
}

static double score_of(const struct scale *s, double decades) {
    if (decades <= USUAL) return s->low + (s->usual - s->low) * decades / USUAL;
    return s->high - (s->high - s->usual) * exp2(USUAL - decades);
}

double scale_score(const struct scale *scale, const mien_net *embedder, double similarity) {
    return score_of(scale, fmax(0, decades_of(embedder, fmin(1, fmax(-1, similarity)))));
}

double scale_similarity(const struct scale *scale, const mien_net *embedder, double score) {
    double from = -1, to = 1;

    if (scale_score(scale, embedder, -1) >= score) return -1;
    for (int i = 0; i < 40; i++) {
        double middle = (from + to) / 2;
        if (scale_score(scale, embedder, middle) < score)
            from = middle;
        else
            to = middle;
    }
    return to;
}
