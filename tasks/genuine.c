#include "tasks/genuine.h"

#include <math.h>

#define FREEDOM  6.0
#define LOG_ROOT 0.9189385332 /* ln sqrt(2 pi), of the normal density */

/* ln of the density of a Student distribution of that mean and standard deviation. */
static double log_student(double x, double mean, double deviation) {
    double scale = deviation * sqrt((FREEDOM - 2) / FREEDOM), z = (x - mean) / scale;
    double constant =
        lgamma((FREEDOM + 1) / 2) - lgamma(FREEDOM / 2) - log(sqrt(FREEDOM * acos(-1)) * scale);

    return constant - (FREEDOM + 1) / 2 * log1p(z * z / FREEDOM);
}

double genuine_log_ratio(const struct genuine *g, const float impostors[IMPOSTOR_POINTS], int n,
                         double similarity) {
    double part = 1.0 / n, slope, z;
    double mean = (double)g->many_mean + ((double)g->one_mean - (double)g->many_mean) * part;
    double deviation =
        (double)g->many_deviation + ((double)g->one_deviation - (double)g->many_deviation) * part;
    double middle = impostors_similarity(impostors, 0.5);

    similarity = fmax(middle, fmin(similarity, 1));
    z = impostors_deviations(impostors, similarity);
    /* One slope for all, so that the density has no steps where the points are. */
    slope = ((double)impostors[IMPOSTOR_POINTS - 1] - middle) /
            impostors_quantile(pow(10, -IMPOSTOR_POINTS));
    return log_student(similarity, mean, deviation) + z * z / 2 + LOG_ROOT + log(slope);
}
