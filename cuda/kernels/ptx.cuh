/* ptx.cuh - the words of device.cuh on a GPU. */
#ifndef MIEN_CUDA_KERNELS_PTX_CUH
#define MIEN_CUDA_KERNELS_PTX_CUH

#include <cuda_fp16.h>
#include <stdint.h>

#define DEVICE __device__ __forceinline__
#define KERNEL(name, type, threads, blocks)                                                        \
    extern "C" __global__ void __launch_bounds__(threads, blocks)                                  \
        name(const __grid_constant__ type p)

DEVICE float half_to_float(uint16_t h) {
    return __half2float(__ushort_as_half(h));
}

/* To nearest, ties to even. Beyond 65504 it becomes infinite. */
DEVICE uint16_t half_from_float(float f) {
    return __half_as_ushort(__float2half_rn(f));
}

/* Two at once, `low` in the lower half. */
DEVICE uint32_t half2_from_floats(float low, float high) {
    uint32_t v;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(v) : "f"(high), "f"(low));
    return v;
}

/* The float with the mantissa of a TF32 (10 bits), rounded to nearest, ties away from zero. */
DEVICE uint32_t tf32_from_float(float f) {
    uint32_t v;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(v) : "f"(f));
    return v;
}

/* The block's dynamic shared memory, aligned to 1024 bytes. */
DEVICE char *shared_memory() {
    extern __shared__ __align__(1024) char shared_memory_bytes[];
    return shared_memory_bytes;
}

/* A pointer into shared memory as instructions want it. */
DEVICE uint32_t shared_address(const void *p) {
    return (uint32_t)__cvta_generic_to_shared(p);
}

DEVICE void block_sync() {
    __syncthreads();
}

/* For all threads of the block: is v true in any of them? */
DEVICE int block_any(int v) {
    return __syncthreads_or(v);
}

DEVICE void warp_sync() {
    __syncwarp();
}

/* All 32 threads of a warp call these. */
DEVICE float shuffle_xor(float v, int mask) {
    return __shfl_xor_sync(0xFFFFFFFFu, v, mask);
}

DEVICE int shuffle_xor(int v, int mask) {
    return __shfl_xor_sync(0xFFFFFFFFu, v, mask);
}

DEVICE uint32_t ballot(int v) {
    return __ballot_sync(0xFFFFFFFFu, v);
}

/* Makes what this thread wrote to global memory visible to all blocks before what it writes next.
 */
DEVICE void device_fence() {
    __threadfence();
}

DEVICE unsigned atomic_add(unsigned *p, unsigned v) {
    return atomicAdd(p, v);
}

DEVICE int atomic_add(int *p, int v) {
    return atomicAdd(p, v);
}

/* Programmatic dependent launch: a kernel may be started while the one before it in the stream
 * still runs. Everything a kernel reads or writes of what others write comes after grid_wait(),
 * which returns when those before it have ended; grid_release() lets the next one start. Both do
 * nothing where the launch does not ask for it, and before sm_90. */
DEVICE void grid_wait() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

DEVICE void grid_release() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" :::);
#endif
}

/* Starts to copy `size` bytes (4, 8 or 16, both sides aligned to it) from global to shared memory,
 * of which those beyond `valid` become zero: with 0, nothing is read. */
template <int size> DEVICE void copy_async(void *shared, const void *global, int valid) {
    if (size == 16)
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)),
                     "l"(global), "r"(valid)
                     : "memory");
    else
        asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(shared_address(shared)),
                     "l"(global), "n"(size), "r"(valid)
                     : "memory");
}

/* Closes a group of this thread's copies. */
DEVICE void copy_async_commit() {
    asm volatile("cp.async.commit_group;" ::: "memory");
}

/* Waits until at most n of this thread's groups are under way. Others' copies are seen after a
 * block_sync() that follows theirs. */
template <int n> DEVICE void copy_async_wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(n) : "memory");
}

/* Four 8x8 matrices of 16-bit elements, rows of 16 bytes. Thread 8 i + r of the warp names row r of
 * matrix i; it gets elements 2 (lane % 4) and one more of row lane / 4 of each: for 32-bit elements
 * one, for bytes four neighbouring ones. */
DEVICE void load_matrices(uint32_t out[4], const void *row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(out[0]), "=r"(out[1]), "=r"(out[2]), "=r"(out[3])
                 : "r"(shared_address(row))
                 : "memory");
}

/*
 * sum[16][8] += a[16][k] b[k][8], a warp together; k is 32 bytes: 16 fp16, 8 TF32 or 32 bytes. With
 * g = lane / 4, t = lane % 4 a thread holds of the sum rows g (elements 0, 1) and g + 8 (2, 3),
 * columns 2 t and 2 t + 1. Its parts of a and b are what load_matrices() gives for
 * a: {rows 0-7, first 16 bytes}, {rows 8-15, first}, {rows 0-7, last}, {rows 8-15, last}
 * b, kept as [8][k]: {first 16 bytes}, {last}.
 */
DEVICE void multiply_f16(float sum[4], const uint32_t a[4], const uint32_t b[2]) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, "
                 "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

DEVICE void multiply_tf32(float sum[4], const uint32_t a[4], const uint32_t b[2]) {
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, "
                 "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/* Bytes by int8_t. */
DEVICE void multiply_u8s8(int sum[4], const uint32_t a[4], const uint32_t b[2]) {
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0, %1, %2, %3}, "
                 "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                 : "+r"(sum[0]), "+r"(sum[1]), "+r"(sum[2]), "+r"(sum[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

#endif
