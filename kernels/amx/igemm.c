/*
 * Implicit GEMM on AMX: tiles of 32 pixels by 32 (or 16) channels from two by two (or two by one)
 * tile registers, for bytes, bf16, and floats as sums of two bf16.
 *
 * Registers 0 to 3 hold the sums, [upper, lower sixteen pixels][left, right sixteen channels]; 4
 * and 5 the pixels, 6 and 7 the weights. This code was never run on the processors it is for, only
 * emulated (tiles.h), so each tile proves itself before a table takes it up.
 */
#include "kernels/amx/tiles.h"
#include "kernels/kern.h"

#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum { MR = 2 * TILE_ROWS, LANES = 16 };

static void enter(void) {
    struct tile_config c = {.palette = 1};
    for (int i = 0; i < TILES; i++) {
        c.row_bytes[i] = TILE_ROW;
        c.rows[i] = TILE_ROWS;
    }
    tile_configure(&c);
}

/* Live tile registers make a thread's state larger and keep a core from its deepest sleep. */
static void leave(void) {
    tile_release();
}

/* The parts that are wanted of a tile: `tall` above sixteen pixels, `wide` above sixteen channels.
 */
INLINE void clear(const int tall, const int wide) {
    tile_zero(0);
    if (wide) tile_zero(1);
    if (tall) tile_zero(2);
    if (tall && wide) tile_zero(3);
}

INLINE void load_weights(const int wide, const char *panel) {
    tile_load(6, panel, TILE_ROW);
    if (wide) tile_load(7, panel + TILE, TILE_ROW);
}

INLINE void multiply(const int bytes, const int tall, const int wide) {
    if (bytes) {
        tile_multiply_u8(0, 4, 6);
        if (wide) tile_multiply_u8(1, 4, 7);
        if (tall) tile_multiply_u8(2, 5, 6);
        if (tall && wide) tile_multiply_u8(3, 5, 7);
    } else {
        tile_multiply_bf16(0, 4, 6);
        if (wide) tile_multiply_bf16(1, 4, 7);
        if (tall) tile_multiply_bf16(2, 5, 6);
        if (tall && wide) tile_multiply_bf16(3, 5, 7);
    }
}

/* The schedule of loads is that of the prototype that was measured: the second half of the pixels
 * last, behind what the first products need. */
INLINE void block(const int bytes, const int tall, const int wide, const char *src, ptrdiff_t pitch,
                  const char *panel) {
    tile_load(4, src, pitch);
    load_weights(wide, panel);
    if (tall) tile_load(5, src + TILE_ROWS * pitch, pitch);
    multiply(bytes, tall, wide);
}

/* x = hi + lo in both: lo hi + hi hi + hi lo, in the order that loads least; lo lo is below what
 * fp32-like results need. */
INLINE void split_block(const int tall, const int wide, const char *high, const char *low,
                        ptrdiff_t pitch, const char *panel) {
    block(0, tall, wide, low, pitch, panel);
    tile_load(4, high, pitch);
    if (tall) tile_load(5, high + TILE_ROWS * pitch, pitch);
    multiply(0, tall, wide);
    load_weights(wide, panel + (wide + 1) * TILE);
    multiply(0, tall, wide);
}

/* The last n bytes of m pixels' runs with zeros behind them: what lies there may be infinite, and
 * zero weights do not cancel that. */
static void copy_tail(int m, int n, const char *src, ptrdiff_t pitch, char *dst) {
    for (int i = 0; i < m; i++, dst += TILE_ROW) {
        memset(dst, 0, TILE_ROW);
        memcpy(dst, src + i * pitch, (size_t)n);
    }
}

INLINE void store(const int tall, const int wide, char *out) {
    const ptrdiff_t pitch = (wide + 1) * TILE_ROW;
    tile_store(0, out, pitch);
    if (wide) tile_store(1, out + TILE_ROW, pitch);
    if (tall) tile_store(2, out + TILE_ROWS * pitch, pitch);
    if (tall && wide) tile_store(3, out + TILE_ROWS * pitch + TILE_ROW, pitch);
}

/* size: bytes an element. Bytes beyond k meet zero weights, which is enough for integers. */
INLINE void tile(const int size, const int tall, const int wide, int taps, int k, int m,
                 const ptrdiff_t *offset, const char *src, ptrdiff_t pitch, const char *panel,
                 char *out) {
    _Alignas(64) char tail[MR * TILE_ROW];
    const int bytes = size == 1, rest = k * size % TILE_ROW;
    clear(tall, wide);
    for (int t = 0; t < taps; t++) {
        const char *a = src + offset[t] * size, *end = a + k * size - rest;
        for (; a < end; a += TILE_ROW, panel += (wide + 1) * TILE)
            block(bytes, tall, wide, a, pitch, panel);
        if (!rest) continue;
        if (bytes) {
            block(bytes, tall, wide, a, pitch, panel);
        } else {
            copy_tail(m, rest, a, pitch, tail);
            tile_fence();
            block(bytes, tall, wide, tail, TILE_ROW, panel);
        }
        panel += (wide + 1) * TILE;
    }
    store(tall, wide, out);
}

INLINE void split_tile(const int tall, const int wide, int taps, int k, int m,
                       const ptrdiff_t *offset, const char *src, ptrdiff_t pitch, const char *panel,
                       char *out) {
    _Alignas(64) char tail[2][MR * TILE_ROW];
    const int rest = k * 2 % TILE_ROW;
    const ptrdiff_t low = offset[taps] * 2;
    clear(tall, wide);
    for (int t = 0; t < taps; t++) {
        const char *a = src + offset[t] * 2, *end = a + k * 2 - rest;
        for (; a < end; a += TILE_ROW, panel += 2 * (wide + 1) * TILE)
            split_block(tall, wide, a, a + low, pitch, panel);
        if (!rest) continue;
        copy_tail(m, rest, a, pitch, tail[0]);
        copy_tail(m, rest, a + low, pitch, tail[1]);
        tile_fence();
        split_block(tall, wide, tail[0], tail[1], TILE_ROW, panel);
        panel += 2 * (wide + 1) * TILE;
    }
    store(tall, wide, out);
}

/* One copy of each loop for tiles of more than sixteen pixels and one for the others. */
#define TILE_FUNCTION(NAME, SIZE, WIDE)                                                            \
    static void NAME(int m, int taps, int k, const ptrdiff_t *offset, const void *src,             \
                     ptrdiff_t src_px, const void *panel, void *out) {                             \
        if (m > TILE_ROWS)                                                                         \
            tile(SIZE, 1, WIDE, taps, k, m, offset, src, src_px *(SIZE), panel, out);              \
        else                                                                                       \
            tile(SIZE, 0, WIDE, taps, k, m, offset, src, src_px *(SIZE), panel, out);              \
    }
#define SPLIT_FUNCTION(NAME, WIDE)                                                                 \
    static void NAME(int m, int taps, int k, const ptrdiff_t *offset, const void *src,             \
                     ptrdiff_t src_px, const void *panel, void *out) {                             \
        if (m > TILE_ROWS)                                                                         \
            split_tile(1, WIDE, taps, k, m, offset, src, src_px * 2, panel, out);                  \
        else                                                                                       \
            split_tile(0, WIDE, taps, k, m, offset, src, src_px * 2, panel, out);                  \
    }

TILE_FUNCTION(igemm_u8_32x32_amx, 1, 1)
TILE_FUNCTION(igemm_u8_32x16_amx, 1, 0)
TILE_FUNCTION(igemm_bf16_32x32_amx, 2, 1)
TILE_FUNCTION(igemm_bf16_32x16_amx, 2, 0)
SPLIT_FUNCTION(igemm_f32_32x32_amx, 1)
SPLIT_FUNCTION(igemm_f32_32x16_amx, 0)

/* ------------------------------------------------------------- self-check */

/* Small whole numbers, whose sums every type here holds exactly: -8..7, and 0..15 for bytes. */
static int number(unsigned *state, enum kern_type type) {
    *state = *state * 1664525u + 1013904223u;
    return (int)(*state >> 28) - (type == KERN_U8 ? 0 : 8);
}

static void put(char *array, enum kern_type type, size_t i, int v) {
    if (type == KERN_U8)
        array[i] = (char)v;
    else
        ((uint16_t *)(void *)array)[i] = kern_bf16_from_f32((float)v);
}

/* Does a tile of m pixels come out as it should? One tap of some blocks and a bit. Low halves are
 * twice and four times the high ones: with lo hi + hi hi + hi lo a product counts seven times. */
static int right(const struct kern_igemm *g, int m) {
    enum { K = 72, PX = 128 };
    const enum kern_type type = g->type == KERN_U8 ? KERN_U8 : KERN_BF16;
    const int factor = g->split ? 7 : 1;
    const ptrdiff_t offset[2] = {0, MR * PX};
    _Alignas(64) char src[2 * 2 * MR * PX] = {0}, panel[2 * 2 * 96 * MR] = {0};
    _Alignas(64) int32_t out[MR * MR];
    int a[MR][K], b[K][MR];
    unsigned state = 1;
    for (int i = 0; i < m; i++)
        for (int l = 0; l < K; l++) {
            put(src, type, (size_t)(i * PX + l), a[i][l] = number(&state, type));
            if (g->split) put(src, type, (size_t)(offset[1] + i * PX + l), 2 * a[i][l]);
        }
    for (int l = 0; l < K; l++)
        for (int j = 0; j < g->nr; j++) {
            b[l][j] = number(&state, KERN_BF16);
            put(panel, type, kern_panel_at(g, K, 0, l, j, 0), b[l][j]);
            if (g->split) put(panel, type, kern_panel_at(g, K, 0, l, j, 1), 4 * b[l][j]);
        }
    tile_fence();
    g->enter();
    g->tile(m, 1, K, offset, src, PX, panel, out);
    g->leave();
    for (int i = 0; i < m; i++)
        for (int j = 0; j < g->nr; j++) {
            int want = 0;
            float got;
            for (int l = 0; l < K; l++) want += a[i][l] * b[l][j] * factor;
            memcpy(&got, &out[i * g->nr + j], sizeof got);
            if (type == KERN_U8 ? out[i * g->nr + j] != want : got != (float)want) return 0;
        }
    return 1;
}

/* rate: of the peaks measured on one core, 3.1 TFLOP/s of bf16, 6.2 TOP/s and 0.2 TFLOP/s of
 * AVX-512; three products make a float's. */
static int take(struct kern *k, enum kern_type type, int narrow, kern_tile_fn *fn) {
    const int bytes = type == KERN_U8, floats = type == KERN_F32;
    const struct kern_igemm g = {.mr = MR,
                                 .nr = narrow ? LANES : 2 * LANES,
                                 .group = bytes ? 4 : 2,
                                 .block = TILE_ROWS,
                                 .type = type,
                                 .tile = fn,
                                 .rate = bytes    ? 32
                                         : floats ? 5
                                                  : 16,
                                 .matrix = 1,
                                 .split = floats,
                                 .enter = enter,
                                 .leave = leave};
    if (!right(&g, MR - 1) || !right(&g, TILE_ROWS / 2)) return 0;
    k->igemm[type][narrow] = g;
    return 1;
}

/* Floats are left to AVX-512 unless asked for: three products have an error of 4e-6 a layer, which
 * grows to 1e-5 or 1e-4 in small networks. */
void AMX_NAME(kern_init)(struct kern *k, int bf16x3) {
    int taken = 0;
    taken += take(k, KERN_U8, 0, igemm_u8_32x32_amx) + take(k, KERN_U8, 1, igemm_u8_32x16_amx);
    taken += take(k, KERN_BF16, 0, igemm_bf16_32x32_amx);
    taken += take(k, KERN_BF16, 1, igemm_bf16_32x16_amx);
    if (taken) k->name = "amx";
    if (bf16x3 &&
        take(k, KERN_F32, 0, igemm_f32_32x32_amx) + take(k, KERN_F32, 1, igemm_f32_32x16_amx))
        k->name = "amx-bf16x3";
}
