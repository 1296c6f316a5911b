/*
 * tiles.h - AMX's tile registers, as far as the kernels here use them: intrinsics, or, where
 * MIEN_AMX_EMULATED is defined, plain C functions with Intel's documented semantics ("Intel 64 and
 * IA-32 Architectures Software Developer's Manual", volume 2: LDTILECFG, TILELOADD, TILESTORED,
 * TDPBF16PS, TDPBUSD), so that tests run the kernels on any processor.
 *
 * A register is named by a literal, 0 to 7, and holds 16 rows of 64 bytes; pitches are bytes.
 */
#ifndef MIEN_KERNELS_AMX_TILES_H
#define MIEN_KERNELS_AMX_TILES_H

#include <stddef.h>
#include <stdint.h>

enum { TILES = 8, TILE_ROWS = 16, TILE_ROW = 64, TILE = TILE_ROWS * TILE_ROW };

/* The operand of LDTILECFG. */
struct tile_config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

#ifdef MIEN_AMX_EMULATED

/* Shapes and contents are a thread's own. All zeros end an unconfigured or released register's use:
 * loads and products of it do nothing. */
void tile_configure(const struct tile_config *c);
void tile_release(void);
void tile_zero(int t);
void tile_load(int t, const void *src, ptrdiff_t pitch);
void tile_store(int t, void *dst, ptrdiff_t pitch);
void tile_multiply_bf16(int sums, int a, int b);
void tile_multiply_u8(int sums, int a, int b); /* u8 by s8 */
static inline void tile_fence(void) {}
#define AMX_NAME(name)       name##_amx_emulated
#define KERN_INIT_AMX        kern_init_amx_emulated
#define KERN_INIT_AMX_BF16X3 kern_init_amx_bf16x3_emulated

#else

#include <immintrin.h>
#define tile_configure(c)              _tile_loadconfig(c)
#define tile_release()                 _tile_release()
#define tile_zero(t)                   _tile_zero(t)
#define tile_load(t, src, pitch)       _tile_loadd(t, src, pitch)
#define tile_store(t, dst, pitch)      _tile_stored(t, dst, pitch)
#define tile_multiply_bf16(sums, a, b) _tile_dpbf16ps(sums, a, b)
#define tile_multiply_u8(sums, a, b)   _tile_dpbusd(sums, a, b)
/* Makes what was stored to arrays visible to tile_load and tile_configure: gcc's intrinsics do not
 * tell the compiler which memory they read. */
static inline void tile_fence(void) {
    __asm__ volatile("" ::: "memory");
}
#define AMX_NAME(name)                 name##_amx
#define KERN_INIT_AMX                  kern_init_amx
#define KERN_INIT_AMX_BF16X3           kern_init_amx_bf16x3

#endif
#endif
