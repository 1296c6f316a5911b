/*
 * device.h - the words of cuda/kernels/ptx.cuh on the host: same names, same meaning, and a
 * complaint wherever a GPU would merely compute something else.
 *
 * Kernels compiled over it are plain functions that emulator.h's fibers run. hopper.h, where there
 * is one, adds the words of sm_90.
 */
#ifndef MIEN_TESTS_CUDA_DEVICE_H
#define MIEN_TESTS_CUDA_DEVICE_H

#include "tests/cuda/emulator/emulator.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define DEVICE static inline
#define KERNEL(name, type, threads, blocks)                                                        \
    extern "C" __attribute__((visibility("default"))) void name(const type &p);                    \
    static const emulator_registrar name##_registrar(                                              \
        #name, sizeof(type), threads, [](const void *q) { name(*static_cast<const type *>(q)); }); \
    extern "C" void name(const type &p)

/* Blocks run one after another, so that their static variables can share a place: a section whose
 * ends the linker tells. */
#define __shared__ static __attribute__((section("emulated_shared")))

#define threadIdx (emulator_current->index)
#define blockIdx  (emulator_current->block->index)
#define blockDim  (emulator_launched->block)
#define gridDim   (emulator_launched->grid)

template <typename type> DEVICE type emulator_max(type a, type b) {
    return a < b ? b : a;
}
template <typename type> DEVICE type emulator_min(type a, type b) {
    return b < a ? b : a;
}
#define EMULATOR_MIN_MAX(type)                                                                     \
    DEVICE type max(type a, type b) {                                                              \
        return emulator_max(a, b);                                                                 \
    }                                                                                              \
    DEVICE type min(type a, type b) {                                                              \
        return emulator_min(a, b);                                                                 \
    }
EMULATOR_MIN_MAX(int)
EMULATOR_MIN_MAX(unsigned)
EMULATOR_MIN_MAX(long)
EMULATOR_MIN_MAX(unsigned long)
EMULATOR_MIN_MAX(long long)
EMULATOR_MIN_MAX(unsigned long long)
DEVICE float max(float a, float b) {
    return fmaxf(a, b);
}
DEVICE float min(float a, float b) {
    return fminf(a, b);
}

/* Vectors are loaded whole, so that they must lie as aligned as on a GPU. */
#define EMULATOR_VECTORS(type, name)                                                               \
    struct alignas(2 * sizeof(type)) name##2 {                                                     \
        type x, y;                                                                                 \
    };                                                                                             \
    struct alignas(4 * sizeof(type)) name##4 {                                                     \
        type x, y, z, w;                                                                           \
    };                                                                                             \
    DEVICE name##2 make_##name##2(type x, type y) {                                                \
        return {x, y};                                                                             \
    }                                                                                              \
    DEVICE name##4 make_##name##4(type x, type y, type z, type w) {                                \
        return {x, y, z, w};                                                                       \
    }
EMULATOR_VECTORS(float, float)
EMULATOR_VECTORS(int, int)
EMULATOR_VECTORS(unsigned, uint)
EMULATOR_VECTORS(short, short)
EMULATOR_VECTORS(unsigned short, ushort)
EMULATOR_VECTORS(signed char, char)
EMULATOR_VECTORS(unsigned char, uchar)

float half_to_float(uint16_t h);
uint16_t half_from_float(float f);
uint32_t tf32_from_float(float f);

DEVICE uint32_t half2_from_floats(float low, float high) {
    return half_from_float(low) | (uint32_t)half_from_float(high) << 16;
}

DEVICE float __int_as_float(int v) {
    float f;
    memcpy(&f, &v, sizeof f);
    return f;
}

DEVICE int __float_as_int(float f) {
    int v;
    memcpy(&v, &f, sizeof v);
    return v;
}

DEVICE float __uint_as_float(unsigned v) {
    return __int_as_float((int)v);
}

DEVICE unsigned __float_as_uint(float f) {
    return (unsigned)__float_as_int(f);
}

DEVICE char *shared_memory() {
    return emulator_current->block->shared;
}

DEVICE uint32_t shared_address(const void *p) {
    return emulator_shared_address(p);
}

void block_sync();
int block_any(int v);
void warp_sync();
float shuffle_xor(float v, int mask);
int shuffle_xor(int v, int mask);
uint32_t ballot(int v);

DEVICE void device_fence() {}

DEVICE unsigned atomic_add(unsigned *p, unsigned v) {
    emulator_check_aligned(p, sizeof *p, "atomic_add");
    unsigned old = *p;
    *p = old + v;
    return old;
}

DEVICE int atomic_add(int *p, int v) {
    return (int)atomic_add((unsigned *)p, (unsigned)v);
}

DEVICE void grid_wait() {
    emulator_current->block->grid_waited = true;
}

DEVICE void grid_release() {}

/* The source is read as late as a GPU may: by the copy_async_wait() that needs it. Until then the
 * destination holds nothing of use. */
void emulator_copy_async(void *shared, const void *global, int size, int valid);
void emulator_copy_async_wait(unsigned under_way);

template <int size> DEVICE void copy_async(void *shared, const void *global, int valid) {
    static_assert(size == 4 || size == 8 || size == 16, "cp.async has no such size");
    emulator_copy_async(shared, global, size, valid);
}

DEVICE void copy_async_commit() {
    emulator_current->groups++;
}

template <int n> DEVICE void copy_async_wait() {
    emulator_copy_async_wait(n);
}

void load_matrices(uint32_t out[4], const void *row);
void multiply_f16(float sum[4], const uint32_t a[4], const uint32_t b[2]);
void multiply_tf32(float sum[4], const uint32_t a[4], const uint32_t b[2]);
void multiply_u8s8(int sum[4], const uint32_t a[4], const uint32_t b[2]);

#if __has_include("tests/cuda/emulator/hopper.h")
#include "tests/cuda/emulator/hopper.h"
#endif

#endif
