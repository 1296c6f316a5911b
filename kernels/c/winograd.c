#define LANES        4
#define SUFFIX(name) name##_f32_c
#include "kernels/winograd.inc"

#include "kernels/c/c.h"

void kern_init_c_winograd(struct kern *k) {
    k->winograd_input_f32 = winograd_input_f32_c;
    k->winograd_output_f32 = winograd_output_f32_c;
}
