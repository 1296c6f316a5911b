/*
 * judge.h - how sure is sure enough: the rules for what people are told of a face, and of two.
 *
 * Numbers stay what the networks give; these say when a person should not be shown one as if it
 * were known. Labels, JSON (`unsure`, `too_small`, `verdict`) and the page all go by them.
 */
#ifndef MIEN_ANALYSIS_JUDGE_H
#define MIEN_ANALYSIS_JUDGE_H

#include "mien.h"

/* Nothing but its place is told of a face whose box has a shorter side, pixels of the original: the
 * networks see it scaled up from next to nothing. */
#define JUDGE_SIDE 40.0f
/* Similarities this far below the threshold of one person tell neither (docs/accuracy.md). */
#define JUDGE_MARGIN 0.1

int judge_too_small(const mien_face *face);
/* 1 where the likeliest label or group, or whether something is so, is less likely than the network
 * says an answer has to be. values: all of the face's. */
int judge_unsure(const mien_attribute *attribute, const float *values);
/* The probability of the likeliest group of a value that is told of groups. */
float judge_group(const mien_attribute *attribute, const float *values);
/* From which similarity on one of many is meant. */
struct judge_limits {
    double same, unsure; /* "likely the same" from here on, "unsure" from there on */
};

/* The limits by which a stranger is taken for one of `faces` faces with a probability of `fpir`
 * (the false positive identification rate of ISO/IEC 19795-1), and unsure with ten times that.
 * MIEN_EUNSUPPORTED where the embedder was not measured. */
int judge_crowd(const mien_net *embedder, double fpir, int64_t faces, struct judge_limits *out);

/* How likely it is taken to be, before a face is seen, that it is of somebody who is enrolled. */
#define JUDGE_PRIOR 0.5

/* The probability that a face is each of the n persons it is most like, of `persons` who are all as
 * likely before and of strangers. similarities, samples: [n], to a person and of how many samples
 * that is the mean. Others are taken to be unlike it. MIEN_EUNSUPPORTED where the embedder was not
 * measured. */
int judge_probabilities(const mien_net *embedder, int64_t persons, const float *similarities,
                        const int *samples, int n, double *probabilities);

/* The same of the logarithms of n likelihood ratios, each of a person against a stranger. */
void judge_ratios(int64_t persons, const double *ratios, int n, double *probabilities);

/* "likely the same", "unsure" or "different"; same_person: the similarity from which two faces are
 * called one person. Static storage. */
const char *judge_pair(double similarity, double same_person);

#endif
