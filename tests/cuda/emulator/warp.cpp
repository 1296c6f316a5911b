/* What a warp does together: each lane brings its registers, the last one computes for all. */
#include "tests/cuda/emulator/device.h"

enum { LANES = 32 };

/* Not memcpy(): loops over this one become vector code. */
static inline float float_of(uint32_t bits) {
    return __builtin_bit_cast(float, bits);
}

static inline uint32_t bits_of(float f) {
    return __builtin_bit_cast(uint32_t, f);
}

/* The exponent is moved by a multiplication, which normalises subnormals, too. Written without
 * branches for loops over it. */
static inline float widen(uint16_t h) {
    uint32_t rest = (uint32_t)(h & 0x7FFF) << 13, sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t finite = bits_of(float_of(rest) * 0x1p112f);
    uint32_t special = rest | 0x7F800000;
    return float_of(sign | (rest >= 0x0F800000 ? special : finite));
}

float half_to_float(uint16_t h) {
    return widen(h);
}

uint16_t half_from_float(float f) {
    uint32_t v = bits_of(f), sign = v >> 16 & 0x8000;
    v &= 0x7FFFFFFF;
    if (v > 0x7F800000) return 0x7FFF;
    if (v >= 0x477FF000) return (uint16_t)(sign | 0x7C00); /* 65520 is nearest to 65536 */
    /* Below 2^-14 the last place is 2^-24, that of floats in [0.5, 1): the addition rounds. */
    if (v < 0x38800000) return (uint16_t)(sign | (bits_of(float_of(v) + 0.5f) - 0x3F000000));
    v += 0x0FFF + (v >> 13 & 1);
    return (uint16_t)(sign | (v - 0x38000000) >> 13);
}

uint32_t tf32_from_float(float f) {
    uint32_t v = bits_of(f);
    if ((v & 0x7F800000) == 0x7F800000) return v & 0x007FFFFF ? 0x7FFFFFFF : v;
    return (v + 0x1000) & ~0x1FFFu;
}

void block_sync() {
    emulator_meet_block("block_sync()", NULL, NULL);
}

static void any_together(void **args) {
    int any = 0;
    size_t n = emulator_current->block->threads.size();
    for (size_t i = 0; i < n; i++) any |= *(int *)args[i] != 0;
    for (size_t i = 0; i < n; i++) *(int *)args[i] = any;
}

int block_any(int v) {
    emulator_meet_block("block_any()", any_together, &v);
    return v;
}

void warp_sync() {
    emulator_meet_warp("warp_sync()", NULL, NULL);
}

struct shuffle {
    uint32_t in, out;
    int mask;
};

static void shuffle_together(void **args) {
    for (int i = 0; i < LANES; i++) {
        shuffle *s = (shuffle *)args[i];
        if (s->mask < 0 || s->mask >= LANES) emulator_abort("shuffle_xor() by %d", s->mask);
        s->out = ((shuffle *)args[i ^ s->mask])->in;
    }
}

int shuffle_xor(int v, int mask) {
    shuffle s = {(uint32_t)v, 0, mask};
    emulator_meet_warp("shuffle_xor()", shuffle_together, &s);
    return (int)s.out;
}

float shuffle_xor(float v, int mask) {
    return float_of((uint32_t)shuffle_xor((int)bits_of(v), mask));
}

static void ballot_together(void **args) {
    uint32_t votes = 0;
    for (int i = 0; i < LANES; i++) votes |= (uint32_t)(*(uint32_t *)args[i] != 0) << i;
    for (int i = 0; i < LANES; i++) *(uint32_t *)args[i] = votes;
}

uint32_t ballot(int v) {
    uint32_t vote = (uint32_t)v;
    emulator_meet_warp("ballot()", ballot_together, &vote);
    return vote;
}

void emulator_copy_async(void *shared, const void *global, int size, int valid) {
    if (valid < 0 || valid > size) emulator_abort("copy_async<%d>() of %d bytes", size, valid);
    emulator_check_shared(shared, (size_t)size, (size_t)size, "copy_async()");
    emulator_check_aligned(global, (size_t)size, "copy_async(), global side");
    emulator_thread *t = emulator_current;
    emulator_poison(shared, (size_t)size);
    t->copies.push_back({(char *)shared, (const char *)global, size, valid, t->groups});
}

void emulator_copy_async_wait(unsigned under_way) {
    emulator_thread *t = emulator_current;
    while (t->copied < t->copies.size()) {
        const emulator_copy &c = t->copies[t->copied];
        if (c.group + under_way >= t->groups) return;
        if (c.valid) memcpy(c.to, c.from, (size_t)c.valid);
        memset(c.to + c.valid, 0, (size_t)(c.size - c.valid));
        t->copied++;
    }
    t->copies.clear();
    t->copied = 0;
}

struct matrix_row {
    uint32_t *out;
    const char *row;
};

static void load_together(void **args) {
    for (int i = 0; i < LANES; i++)
        emulator_check_shared(((matrix_row *)args[i])->row, 16, 16, "load_matrices()");
    for (int m = 0; m < 4; m++)
        for (int i = 0; i < LANES; i++)
            memcpy(&((matrix_row *)args[i])->out[m],
                   ((matrix_row *)args[8 * m + i / 4])->row + 4 * (i % 4), 4);
}

void load_matrices(uint32_t out[4], const void *row) {
    matrix_row r = {out, (const char *)row};
    emulator_meet_warp("load_matrices()", load_together, &r);
}

struct product {
    void *sum;
    const uint32_t *a, *b;
};

/* The rows of a [16][8 words] and the columns of b [8][8 words] from the lanes' registers: word
 * w of a row is 4 bytes of k. */
static void gather(void **args, uint32_t *a, uint32_t *b) {
    for (int i = 0; i < LANES; i++) {
        const product *p = (const product *)args[i];
        uint32_t *row = a + i / 4 * 8 + i % 4, *column = b + i / 4 * 8 + i % 4;
        row[0] = p->a[0];
        row[8 * 8] = p->a[1];
        row[4] = p->a[2];
        row[8 * 8 + 4] = p->a[3];
        column[0] = p->b[0];
        column[4] = p->b[1];
    }
}

/* The loops below are most of the time of a test: also compiled for AVX2, chosen when loaded. */
#if defined(__x86_64__) && !defined(__clang__)
#define FAST __attribute__((noinline, target_clones("avx2", "default")))
#else
#define FAST __attribute__((noinline))
#endif

FAST static void widen_all(const uint16_t *h, float *f, int n) {
    for (int i = 0; i < n; i++) f[i] = widen(h[i]);
}

typedef float float_row __attribute__((vector_size(32)));
typedef int int_row __attribute__((vector_size(32)));

/* sum += a b for a [16][depth] and b [8][depth], which is turned to compute columns side by side;
 * four rows at a time, for additions wait for each other. */
template <typename type, typename row, int depth>
static inline __attribute__((always_inline)) void add_product(type sum[16][8], const type *a,
                                                              const type *b) {
    row turned[depth];
    for (int k = 0; k < depth; k++)
        for (int x = 0; x < 8; x++) turned[k][x] = b[x * depth + k];
    for (int y = 0; y < 16; y += 4, a += 4 * depth) {
        row r0, r1, r2, r3;
        memcpy(&r0, sum[y], sizeof r0);
        memcpy(&r1, sum[y + 1], sizeof r1);
        memcpy(&r2, sum[y + 2], sizeof r2);
        memcpy(&r3, sum[y + 3], sizeof r3);
        for (int k = 0; k < depth; k++) {
            r0 += a[k] * turned[k];
            r1 += a[depth + k] * turned[k];
            r2 += a[2 * depth + k] * turned[k];
            r3 += a[3 * depth + k] * turned[k];
        }
        memcpy(sum[y], &r0, sizeof r0);
        memcpy(sum[y + 1], &r1, sizeof r1);
        memcpy(sum[y + 2], &r2, sizeof r2);
        memcpy(sum[y + 3], &r3, sizeof r3);
    }
}

FAST static void add_f16(float sum[16][8], const float *a, const float *b) {
    add_product<float, float_row, 16>(sum, a, b);
}

FAST static void add_tf32(float sum[16][8], const float *a, const float *b) {
    add_product<float, float_row, 8>(sum, a, b);
}

FAST static void add_int(int sum[16][8], const int *a, const int *b) {
    add_product<int, int_row, 32>(sum, a, b);
}

/* The lanes' sums as a matrix, or back. */
template <typename type> static void exchange_sums(void **args, type sum[16][8], bool back) {
    for (int i = 0; i < LANES; i++) {
        type *own = (type *)((const product *)args[i])->sum;
        for (int half = 0; half < 2; half++) {
            type *at = &sum[i / 4 + 8 * half][i % 4 * 2];
            memcpy(back ? own + 2 * half : at, back ? at : own + 2 * half, 2 * sizeof(type));
        }
    }
}

static void f16_together(void **args) {
    uint32_t a[128], b[64];
    float left[256], right[128], sum[16][8];
    gather(args, a, b);
    widen_all((const uint16_t *)a, left, 256);
    widen_all((const uint16_t *)b, right, 128);
    exchange_sums(args, sum, false);
    add_f16(sum, left, right);
    exchange_sums(args, sum, true);
}

/* The multiplier does not look at the low 13 bits. */
static void tf32_together(void **args) {
    uint32_t a[128], b[64];
    float left[128], right[64], sum[16][8];
    gather(args, a, b);
    for (int i = 0; i < 128; i++) left[i] = float_of(a[i] & ~0x1FFFu);
    for (int i = 0; i < 64; i++) right[i] = float_of(b[i] & ~0x1FFFu);
    exchange_sums(args, sum, false);
    add_tf32(sum, left, right);
    exchange_sums(args, sum, true);
}

static void u8s8_together(void **args) {
    uint32_t a[128], b[64];
    int left[512], right[256], sum[16][8];
    gather(args, a, b);
    for (int i = 0; i < 512; i++) left[i] = ((const uint8_t *)a)[i];
    for (int i = 0; i < 256; i++) right[i] = ((const int8_t *)b)[i];
    exchange_sums(args, sum, false);
    add_int(sum, left, right);
    exchange_sums(args, sum, true);
}

void multiply_f16(float sum[4], const uint32_t a[4], const uint32_t b[2]) {
    product p = {sum, a, b};
    emulator_meet_warp("multiply_f16()", f16_together, &p);
}

void multiply_tf32(float sum[4], const uint32_t a[4], const uint32_t b[2]) {
    product p = {sum, a, b};
    emulator_meet_warp("multiply_tf32()", tf32_together, &p);
}

void multiply_u8s8(int sum[4], const uint32_t a[4], const uint32_t b[2]) {
    product p = {sum, a, b};
    emulator_meet_warp("multiply_u8s8()", u8s8_together, &p);
}
