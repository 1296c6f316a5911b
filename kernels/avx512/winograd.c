#define LANES        16
#define SUFFIX(name) name##_f32_avx512
#include "kernels/winograd.inc"

#include "kernels/avx512/avx512.h"

void kern_init_avx512_winograd(struct kern *k) {
    k->winograd_input_f32 = winograd_input_f32_avx512;
    k->winograd_output_f32 = winograd_output_f32_avx512;
}
