#include "kernels/c/c.h"

static void add_products(int k, const uint8_t *rows, const int8_t *query, int32_t *sums) {
    for (int l = 0; l < k; l += 4, rows += 4 * KERN_SCAN_ROWS)
        for (int r = 0; r < KERN_SCAN_ROWS; r++)
            for (int j = 0; j < 4; j++) sums[r] += rows[4 * r + j] * query[l + j];
}

static uint32_t scan_u8_c(const struct kern_queries *q, const uint8_t *rows, const uint16_t *scale,
                          int32_t *sums, uint32_t *above) {
    uint32_t any = 0;
    for (int i = 0; i < q->n; i++, sums += KERN_SCAN_ROWS) {
        for (int r = 0; r < KERN_SCAN_ROWS; r++) sums[r] = q->start[i];
        add_products(q->k, rows, q->values + (ptrdiff_t)i * q->k, sums);
        above[i] = 0;
        for (int r = 0; r < KERN_SCAN_ROWS; r++)
            if ((float)sums[r] * kern_bf16_to_f32(scale[r]) >= q->least[i]) above[i] |= 1u << r;
        any |= above[i];
    }
    return any;
}

void kern_init_c_scan(struct kern *k) {
    k->scan_u8 = scan_u8_c;
}
