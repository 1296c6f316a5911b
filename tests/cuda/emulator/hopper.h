/*
 * hopper.h - the words of cuda/kernels/hopper.cuh on the host.
 *
 * Written from the PTX ISA's text. What runs beside the threads does so as late as it may, or at
 * once, as the seed wants it: a copy's destination is worthless until it lands, a multiplication
 * reads its operands when it is asked for or when it is waited for, and its sums are worthless
 * until then. So a stage handed back too soon, a wait for the wrong parity or sums used before
 * their wait give NaNs, a deadlock or a complaint, with one seed or another.
 */
#ifndef MIEN_TESTS_CUDA_EMULATOR_HOPPER_H
#define MIEN_TESTS_CUDA_EMULATOR_HOPPER_H

#include "cuda/kernels/hopper_params.h"
#include "tests/cuda/emulator/emulator.h"

void barrier_init(uint64_t *barrier, unsigned arrivals);
void barrier_init_fence();
void barrier_expect(uint64_t *barrier, unsigned bytes);
void barrier_arrive(uint64_t *barrier);
void barrier_wait(uint64_t *barrier, unsigned parity);

/* Not checked: that ordinary stores before an asynchronous read have one between. */
static inline void async_fence() {}

static inline void threads_sync(int id, int threads) {
    if (id < 1 || id > 15) emulator_abort("threads_sync() of barrier %d", id);
    emulator_barrier_sync(id, threads);
}

void cluster_sync();
void load_cluster(float out[4], const float *own, int rank);
static inline void load_cluster(int out[4], const int *own, int rank) {
    load_cluster((float *)out, (const float *)own, rank);
}

void emulator_registers(int n, int take);
template <int n> static inline void registers_release() {
    static_assert(n % 8 == 0 && n >= 24 && n <= 256, "setmaxnreg has no such count");
    emulator_registers(n, 0);
}
template <int n> static inline void registers_acquire() {
    static_assert(n % 8 == 0 && n >= 24 && n <= 256, "setmaxnreg has no such count");
    emulator_registers(n, 1);
}

void tensor_map_prefetch(const cuda_tensor_map &map);
void copy_box(void *shared, const cuda_tensor_map &map, int x, int y, uint64_t *barrier);
void copy_windows(void *shared, const cuda_tensor_map &map, int c, int x, int y, int n, int kx,
                  int ky, uint64_t *barrier);

uint64_t matrix_descriptor(const void *first);
void multiply_begin();
void multiply_commit();
void emulator_multiply_wait(int n);
/* sum: [count] floats of products of fp16, or int of bytes by int8_t. */
void emulator_multiply(void *sum, int integers, int count, uint64_t a, uint64_t b);

template <int n> static inline void multiply_wait() {
    static_assert(n >= 0 && n <= 7, "wgmma.wait_group has no such count");
    emulator_multiply_wait(n);
}

template <typename type, int count> static inline void multiply_end(type (&sum)[count]) {
    (void)sum; /* it is the compiler that needs it: a missing one does not show here */
}

template <int count>
static inline void multiply_group(float (&sum)[count], uint64_t a, uint64_t b) {
    static_assert(count == 16 || count == 32 || count == 64 || count == 128, "32 to 256 columns");
    emulator_multiply(sum, 0, count, a, b);
}

template <int count> static inline void multiply_group(int (&sum)[count], uint64_t a, uint64_t b) {
    static_assert(count == 16 || count == 32 || count == 64 || count == 128, "32 to 256 columns");
    emulator_multiply(sum, 1, count, a, b);
}

#endif
