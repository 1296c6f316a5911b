#include "analysis/judge.h"

#include <math.h>

int judge_too_small(const mien_face *face) {
    return face->box[2] - face->box[0] < JUDGE_SIDE || face->box[3] - face->box[1] < JUDGE_SIDE;
}

float judge_group(const mien_attribute *attribute, const float *values) {
    return values[attribute->first + 3 + mien_attribute_best(attribute, values)];
}

/* How likely what would be told is; 1 of what has no probability. */
static float certainty(const mien_attribute *attribute, const float *values) {
    float share = values[attribute->first];

    if (attribute->groups > 0) return judge_group(attribute, values);
    if (attribute->kind == MIEN_DISTRIBUTION)
        return values[attribute->first + mien_attribute_best(attribute, values)];
    if (attribute->kind == MIEN_PROBABILITY) return share > 0.5f ? share : 1 - share;
    return 1;
}

int judge_unsure(const mien_attribute *attribute, const float *values) {
    return !(certainty(attribute, values) >= attribute->unsure_below);
}

/* The rate of one comparison by which one of so many has `fpir`; strangers' faces are as good as
 * independent. */
static double one_of(int64_t faces, double fpir) {
    return -expm1(log1p(-fpir) / (double)(faces > 1 ? faces : 1));
}

int judge_crowd(const mien_net *embedder, double fpir, int64_t faces, struct judge_limits *out) {
    double unsure = 10 * fpir < 0.5 ? 10 * fpir : 0.5;
    float at;
    int rc = mien_impostor_similarity(embedder, one_of(faces, fpir), &at);

    if (rc) return rc;
    out->same = (double)at;
    rc = mien_impostor_similarity(embedder, one_of(faces, unsure), &at);
    out->unsure = (double)at;
    return rc;
}

void judge_ratios(int64_t persons, const double *ratios, int n, double *probabilities) {
    double sum = 1 - JUDGE_PRIOR;

    for (int i = 0; i < n; i++) {
        probabilities[i] = JUDGE_PRIOR / (double)(persons > n ? persons : n) * exp(ratios[i]);
        sum += probabilities[i];
    }
    for (int i = 0; i < n; i++) probabilities[i] /= sum;
}

int judge_probabilities(const mien_net *embedder, int64_t persons, const float *similarities,
                        const int *samples, int n, double *probabilities) {
    for (int i = 0; i < n; i++) {
        int rc =
            mien_log_likelihood_ratio(embedder, similarities[i], samples[i], &probabilities[i]);
        if (rc) return rc;
    }
    judge_ratios(persons, probabilities, n, probabilities);
    return MIEN_OK;
}

const char *judge_pair(double similarity, double same_person) {
    if (similarity >= same_person) return "likely the same";
    return similarity >= same_person - JUDGE_MARGIN ? "unsure" : "different";
}
