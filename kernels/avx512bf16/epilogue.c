/* Epilogues that store bf16, by the instruction that rounds to it. */
#define TO_BF16(v) ((__m256i)_mm512_cvtneps_pbh(v))
#include "kernels/avx512/epilogue.inc"

#include "kernels/avx512bf16/avx512bf16.h"

EPILOGUE(epilogue_f32_to_bf16, 0, KERN_BF16)
EPILOGUE(epilogue_s32_to_bf16, 1, KERN_BF16)

static void epilogue_avx512bf16(int w, int c, const void *acc, ptrdiff_t acc_px,
                                const struct kern_epi *e, const void *res, ptrdiff_t res_px,
                                int res_shift, void *dst, ptrdiff_t dst_px) {
    kern_epilogue_fn *fn = e->dst_type != KERN_BF16 ? kern_epilogue_avx512
                           : e->acc_scale           ? epilogue_s32_to_bf16
                                                    : epilogue_f32_to_bf16;
    fn(w, c, acc, acc_px, e, res, res_px, res_shift, dst, dst_px);
}

void kern_init_avx512bf16_epilogue(struct kern *k) {
    k->epilogue = epilogue_avx512bf16;
}
