#include "analysis/judge.h"

int judge_too_small(const mien_face *face) {
    return face->box[2] - face->box[0] < JUDGE_SIDE || face->box[3] - face->box[1] < JUDGE_SIDE;
}

int judge_unsure(const mien_attribute *attribute, const float *values) {
    if (attribute->kind != MIEN_DISTRIBUTION) return 0;
    return !(values[attribute->first + mien_attribute_best(attribute, values)] >=
             JUDGE_PROBABILITY);
}

const char *judge_pair(double similarity, double same_person) {
    if (similarity >= same_person) return "likely the same";
    return similarity >= same_person - JUDGE_MARGIN ? "unsure" : "different";
}
