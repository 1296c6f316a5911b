#include "eval/verification.h"

#include "mien.h"

#include <math.h>
#include <stdlib.h>

static int falling_pairs(const void *a, const void *b) {
    const struct verification_pair *x = *(const struct verification_pair *const *)a;
    const struct verification_pair *y = *(const struct verification_pair *const *)b;

    return (x->similarity < y->similarity) - (x->similarity > y->similarity);
}

int verification_make(struct verification *v, const struct verification_pair *pairs, int n) {
    size_t room = (size_t)n + 1;

    *v = (struct verification){.n = n,
                               .falling = malloc(room * sizeof *v->falling),
                               .others = malloc(room * sizeof *v->others)};
    if (!v->falling || !v->others) return MIEN_ENOMEM;
    for (int i = 0; i < n; i++) {
        v->falling[i] = &pairs[i];
        if (pairs[i].fold >= v->folds) v->folds = pairs[i].fold + 1;
    }
    if (n > 1) qsort((void *)v->falling, (size_t)n, sizeof *v->falling, falling_pairs);
    for (int i = 0; i < n; i++)
        if (!v->falling[i]->same) v->others[v->nothers++] = v->falling[i]->similarity;
    v->nsame = n - v->nothers;
    return MIEN_OK;
}

void verification_free(struct verification *v) {
    free((void *)v->falling);
    free(v->others);
    *v = (struct verification){.n = 0};
}

/* The pair that follows among those of other folds, from position i on; n: none does. */
static int next_pair(const struct verification *v, int left_out, int i) {
    while (i < v->n && v->falling[i]->fold == left_out) i++;
    return i;
}

/* From above all downward: each pair of one person that the threshold passes is right from there
 * on, each of two wrong. It lies half way to the next, so that chance decides neither. */
double verification_best(const struct verification *v, int left_out) {
    int right = 0, best = 0;
    double threshold = 2;

    for (int i = next_pair(v, left_out, 0), j; i < v->n; i = j) {
        double here = v->falling[i]->similarity;
        j = next_pair(v, left_out, i + 1);
        right += v->falling[i]->same ? 1 : -1;
        if (j < v->n && v->falling[j]->similarity == here) continue; /* they pass together */
        if (right <= best) continue;
        best = right;
        threshold = j < v->n ? (here + v->falling[j]->similarity) / 2 : here;
    }
    return threshold;
}

struct figure verification_accuracy(const struct verification *v) {
    int right = 0;

    if (v->folds < 2) return metrics_share(0, 0);
    for (int fold = 0; fold < v->folds; fold++) {
        double threshold = verification_best(v, fold);
        for (int i = 0; i < v->n; i++)
            if (v->falling[i]->fold == fold)
                right += (v->falling[i]->similarity >= threshold) == v->falling[i]->same;
    }
    return metrics_share(right, v->n);
}

double verification_threshold(const struct verification *v, double far) {
    int passing = (int)(far * v->nothers + 1e-9);

    return passing < v->nothers ? v->others[passing] : -2;
}

struct figure verification_tar(const struct verification *v, double threshold) {
    int passing = 0;

    for (int i = 0; i < v->n; i++)
        passing += v->falling[i]->same && v->falling[i]->similarity > threshold;
    return metrics_share(passing, v->nsame);
}

double verification_eer(const struct verification *v) {
    int accepted = 0, found = 0;
    double apart = 2, eer = NAN;

    if (v->nsame == 0 || v->nothers == 0) return NAN;
    for (int i = 0; i < v->n; i++) {
        double far, missed;
        accepted += !v->falling[i]->same;
        found += v->falling[i]->same;
        if (i + 1 < v->n && v->falling[i + 1]->similarity == v->falling[i]->similarity) continue;
        far = (double)accepted / v->nothers;
        missed = 1 - (double)found / v->nsame;
        if (fabs(far - missed) >= apart) continue;
        apart = fabs(far - missed);
        eer = (far + missed) / 2;
    }
    return eer;
}
