/*
 * impostors.h - how alike the faces of different people are by chance.
 *
 * An embedder was measured at a few rates: the similarity that one in ten pairs of faces of
 * different people reaches, one in a hundred, and so on. Similarities of such pairs are nearly
 * normal (of LFW the five points lie on a line of the normal quantile within .01), so that what
 * lies between and beyond the points follows from the line through the nearest two.
 */
#ifndef MIEN_TASKS_IMPOSTORS_H
#define MIEN_TASKS_IMPOSTORS_H

enum { IMPOSTOR_POINTS = 5 }; /* rates of 1e-1, 1e-2, ... 1e-5 */

/* The similarity that a share `rate` of pairs reaches, 0 < rate <= 0.5; points: rising. Never above
 * 1. */
double impostors_similarity(const float points[IMPOSTOR_POINTS], double rate);
/* How many deviations from the mean a normal variable that stands for such pairs is at this
 * similarity. */
double impostors_deviations(const float points[IMPOSTOR_POINTS], double similarity);
/* What a normal variable of mean 0 and deviation 1 exceeds with this probability, 0 < p < 1. */
double impostors_quantile(double p);

#endif
