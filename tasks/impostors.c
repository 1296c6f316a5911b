#include "tasks/impostors.h"

#include <math.h>

static double polynomial(const double *c, int n, double x) {
    double sum = 0;
    while (n-- > 0) sum = sum * x + c[n];
    return sum;
}

/* M. J. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied
 * Statistics 37 (1988), PPND7: seven digits. */
double impostors_quantile(double p) {
    static const double a[] = {3.3871327179, 50.434271938, 159.29113202, 59.109374720};
    static const double b[] = {1, 17.895169469, 78.757757664, 67.187563600};
    static const double c[] = {1.4234372777, 2.7568153900, 1.3067284816, 0.17023821103};
    static const double d[] = {1, 0.73700164250, 0.12021132975};
    static const double e[] = {6.6579051150, 3.0812263860, 0.42868294337, 0.017337203997};
    static const double f[] = {1, 0.24197894225, 0.012258202635};
    double q = 0.5 - p, r, z;
    if (fabs(q) <= 0.425) {
        r = 0.180625 - q * q;
        return q * polynomial(a, 4, r) / polynomial(b, 4, r);
    }
    r = sqrt(-log(q > 0 ? p : 1 - p));
    z = r <= 5 ? polynomial(c, 4, r - 1.6) / polynomial(d, 3, r - 1.6)
               : polynomial(e, 4, r - 5) / polynomial(f, 3, r - 5);
    return q > 0 ? z : -z;
}

double impostors_similarity(const float points[IMPOSTOR_POINTS], double rate) {
    int i = 0;
    double at = impostors_quantile(rate), from, to, similarity;
    while (i < IMPOSTOR_POINTS - 2 && at > impostors_quantile(pow(10, -(i + 2)))) i++;
    from = impostors_quantile(pow(10, -(i + 1)));
    to = impostors_quantile(pow(10, -(i + 2)));
    similarity =
        (double)points[i] + ((double)points[i + 1] - (double)points[i]) * (at - from) / (to - from);
    return similarity < 1 ? similarity : 1;
}

double impostors_deviations(const float points[IMPOSTOR_POINTS], double similarity) {
    int i = 0;
    double from, to;
    while (i < IMPOSTOR_POINTS - 2 && similarity > (double)points[i + 1]) i++;
    from = impostors_quantile(pow(10, -(i + 1)));
    to = impostors_quantile(pow(10, -(i + 2)));
    return from + (to - from) * (similarity - (double)points[i]) /
                      ((double)points[i + 1] - (double)points[i]);
}
