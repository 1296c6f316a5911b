#define LANES        8
#define SUFFIX(name) name##_f32_avx2
#include "kernels/winograd.inc"

#include "kernels/avx2/avx2.h"

void kern_init_avx2_winograd(struct kern *k) {
    k->winograd_input_f32 = winograd_input_f32_avx2;
    k->winograd_output_f32 = winograd_output_f32_avx2;
}
