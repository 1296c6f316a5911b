#include "engine/quantise.h"

#include <math.h>
#include <stdint.h>

void quantise_filter(const struct quantise_layer *l, const struct net_storage *input, int o,
                     float *filter) {
    float largest = 1e-30f;
    for (int i = 0; i < l->cin; i++)
        for (int t = 0; t < l->taps; t++) {
            filter[i * l->taps + t] *= input->scale[i];
            largest = fmaxf(largest, fabsf(filter[i * l->taps + t]));
        }
    l->acc_scale[o] = largest / 127;
    int64_t sum = 0;
    double shift = 0;
    for (int i = 0; i < l->cin * l->taps; i++) {
        float exact = filter[i] / l->acc_scale[o], mean = input->mean[i / l->taps];
        filter[i] = fmaxf(-127, fminf(rintf(exact), 127)); /* a NaN of broken weights, too */
        sum += (int64_t)filter[i];
        shift += (double)((filter[i] - exact) * mean / input->scale[i / l->taps]);
    }
    shift += (double)(sum * input->zero);
    for (int b = 0; b < l->bias_classes; b++)
        l->bias[b * l->cout + o] -= (float)(shift * (double)l->acc_scale[o]);
}

void quantise_grouped(const struct quantise_layer *l, const struct net_storage *input, int first,
                      int inputs, int o, float *filter) {
    double sum = 0;
    for (int i = 0; i < inputs; i++)
        for (int t = 0; t < l->taps; t++) {
            filter[i * l->taps + t] *= input->scale[first + i];
            sum += (double)filter[i * l->taps + t];
        }
    for (int b = 0; b < l->bias_classes; b++)
        l->bias[b * l->cout + o] -= (float)(sum * input->zero);
}
