/* What a warp does together: each lane brings its registers, the last one computes for all. */
#include "tests/cuda/emulator/device.h"

enum { LANES = 32 };

/* -------------------------------------------------------------------- numbers */

static float float_of(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

static uint32_t bits_of(float f) {
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
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

/* ------------------------------------------------------------------- meetings */

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

/* --------------------------------------------------------------------- copies */

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

/* ------------------------------------------------------------------- matrices */

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
static void gather(void **args, uint32_t a[16][8], uint32_t b[8][8]) {
    for (int i = 0; i < LANES; i++) {
        const product *p = (const product *)args[i];
        int g = i / 4, t = i % 4;
        a[g][t] = p->a[0];
        a[g + 8][t] = p->a[1];
        a[g][t + 4] = p->a[2];
        a[g + 8][t + 4] = p->a[3];
        b[g][t] = p->b[0];
        b[g][t + 4] = p->b[1];
    }
}

template <typename type> static type *sum_of(void **args, int row, int column) {
    const product *p = (const product *)args[row % 8 * 4 + column / 2];
    return (type *)p->sum + row / 8 * 2 + column % 2;
}

/* sum += a b; b as [k][8], for the columns to be computed side by side. */
template <typename type, int depth>
static void add_product(void **args, const type a[16][depth], const type b[depth][8]) {
    for (int y = 0; y < 16; y++) {
        type sum[8];
        for (int x = 0; x < 8; x++) sum[x] = *sum_of<type>(args, y, x);
        for (int k = 0; k < depth; k++)
            for (int x = 0; x < 8; x++) sum[x] += a[y][k] * b[k][x];
        for (int x = 0; x < 8; x++) *sum_of<type>(args, y, x) = sum[x];
    }
}

static void f16_together(void **args) {
    uint32_t a[16][8], b[8][8];
    gather(args, a, b);
    uint16_t ah[16][16], bh[8][16];
    memcpy(ah, a, sizeof ah);
    memcpy(bh, b, sizeof bh);
    float left[16][16], columns[8][16], right[16][8];
    for (int y = 0; y < 16; y++)
        for (int k = 0; k < 16; k++) left[y][k] = widen(ah[y][k]);
    for (int x = 0; x < 8; x++)
        for (int k = 0; k < 16; k++) columns[x][k] = widen(bh[x][k]);
    for (int k = 0; k < 16; k++)
        for (int x = 0; x < 8; x++) right[k][x] = columns[x][k];
    add_product<float, 16>(args, left, right);
}

/* The multiplier does not look at the low 13 bits. */
static void tf32_together(void **args) {
    uint32_t a[16][8], b[8][8];
    gather(args, a, b);
    float left[16][8], right[8][8];
    for (int y = 0; y < 16; y++)
        for (int k = 0; k < 8; k++) left[y][k] = float_of(a[y][k] & ~0x1FFFu);
    for (int k = 0; k < 8; k++)
        for (int x = 0; x < 8; x++) right[k][x] = float_of(b[x][k] & ~0x1FFFu);
    add_product<float, 8>(args, left, right);
}

static void u8s8_together(void **args) {
    uint32_t a[16][8], b[8][8];
    gather(args, a, b);
    uint8_t bytes[16][32];
    int8_t columns[8][32];
    memcpy(bytes, a, sizeof bytes);
    memcpy(columns, b, sizeof columns);
    int left[16][32], right[32][8];
    for (int y = 0; y < 16; y++)
        for (int k = 0; k < 32; k++) left[y][k] = bytes[y][k];
    for (int k = 0; k < 32; k++)
        for (int x = 0; x < 8; x++) right[k][x] = columns[x][k];
    add_product<int, 32>(args, left, right);
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
