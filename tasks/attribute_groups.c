#include "tasks/attribute_groups.h"

/* Where a part of `all` lies below: the density of a group is flat between its edges. density:
 * [n]. */
static double quantile(const struct groups *g, const double *density, double all, double part) {
    double below = 0;
    int i = 0;
    while (i < g->n - 1 && below + density[i] < part * all) below += density[i++];
    double within = density[i] > 0 ? (part * all - below) / density[i] : 0;
    if (within < 0) within = 0;
    if (within > 1) within = 1;
    return g->edges[i] + within * (g->edges[i + 1] - g->edges[i]);
}

void groups_number(const struct groups *g, const float *share, float *out) {
    double density[GROUPS_MOST], all = 0, sum = 0;
    for (int i = 0; i < g->n; i++) {
        density[i] = (double)share[i] / g->prior[i];
        all += density[i];
        sum += density[i] * g->means[i];
    }
    out[0] = (float)(sum / all);
    out[1] = (float)quantile(g, density, all, (1 - g->interval) / 2);
    out[2] = (float)quantile(g, density, all, (1 + g->interval) / 2);
}
