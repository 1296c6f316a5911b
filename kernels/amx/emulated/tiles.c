/* AMX's tile registers in plain C, for tests. */
#include "kernels/amx/tiles.h"

#include "kernels/kern.h"

#include <float.h>
#include <math.h>

static _Thread_local struct {
    struct tile_config shape;
    uint8_t at[TILES][TILE_ROWS][TILE_ROW];
} tiles;

/* LDTILECFG clears the registers. */
void tile_configure(const struct tile_config *c) {
    memset(&tiles, 0, sizeof tiles);
    if (c->palette == 1) tiles.shape = *c;
}

void tile_release(void) {
    memset(&tiles, 0, sizeof tiles);
}

void tile_zero(int t) {
    memset(tiles.at[t], 0, TILE);
}

/* What lies outside the register's shape becomes zero. */
void tile_load(int t, const void *src, ptrdiff_t pitch) {
    tile_zero(t);
    for (int i = 0; i < tiles.shape.rows[t]; i++)
        memcpy(tiles.at[t][i], (const char *)src + i * pitch, tiles.shape.row_bytes[t]);
}

void tile_store(int t, void *dst, ptrdiff_t pitch) {
    for (int i = 0; i < tiles.shape.rows[t]; i++)
        memcpy((char *)dst + i * pitch, tiles.at[t][i], tiles.shape.row_bytes[t]);
}

/* Denormals are zeros, of operands and of results. */
static float flushed(float x) {
    return fabsf(x) < FLT_MIN ? 0 : x;
}

static float element(const uint8_t *row, int i) {
    uint16_t v;
    memcpy(&v, row + 2 * i, sizeof v);
    return flushed(kern_bf16_to_f32(v));
}

/* The even and the odd products of a row are summed apart, by fused operations, then added to each
 * other, then to what was there. A product of two bf16 is exact in fp32, so that a product and a
 * sum round as the fused operation does (but for products below the smallest normal number). */
void tile_multiply_bf16(int sums, int a, int b) {
    enum { PAIRS = TILE_ROW / 4 };
    static _Thread_local float even[PAIRS][PAIRS], odd[PAIRS][PAIRS];
    const struct tile_config *s = &tiles.shape;
    int depth = s->row_bytes[a] / 4, n = s->row_bytes[sums] / 4;
    for (int k = 0; k < depth; k++)
        for (int j = 0; j < PAIRS; j++) {
            even[k][j] = element(tiles.at[b][k], 2 * j);
            odd[k][j] = element(tiles.at[b][k], 2 * j + 1);
        }
    for (int i = 0; i < s->rows[sums]; i++) {
        float e[PAIRS] = {0}, o[PAIRS] = {0}, c[PAIRS];
        for (int k = 0; k < depth; k++) {
            float x = element(tiles.at[a][i], 2 * k), y = element(tiles.at[a][i], 2 * k + 1);
            for (int j = 0; j < PAIRS; j++) e[j] = flushed(e[j] + x * even[k][j]);
            for (int j = 0; j < PAIRS; j++) o[j] = flushed(o[j] + y * odd[k][j]);
        }
        memcpy(c, tiles.at[sums][i], sizeof c);
        for (int j = 0; j < n; j++) c[j] = flushed(flushed(c[j]) + flushed(e[j] + o[j]));
        memcpy(tiles.at[sums][i], c, sizeof c);
    }
}

void tile_multiply_u8(int sums, int a, int b) {
    enum { FOURS = TILE_ROW / 4 };
    const struct tile_config *s = &tiles.shape;
    int depth = s->row_bytes[a] / 4;
    for (int i = 0; i < s->rows[sums]; i++) {
        uint32_t c[FOURS]; /* wraps round */
        memcpy(c, tiles.at[sums][i], sizeof c);
        for (int k = 0; k < depth; k++) {
            const uint8_t *x = &tiles.at[a][i][4 * k];
            const int8_t *w = (const int8_t *)tiles.at[b][k];
            for (int j = 0; j < s->row_bytes[sums] / 4; j++)
                c[j] += (uint32_t)(x[0] * w[4 * j] + x[1] * w[4 * j + 1] + x[2] * w[4 * j + 2] +
                                   x[3] * w[4 * j + 3]);
        }
        memcpy(tiles.at[sums][i], c, sizeof c);
    }
}
