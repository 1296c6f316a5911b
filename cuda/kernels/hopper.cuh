/*
 * hopper.cuh - the words of Hopper (sm_90a) beside those of device.cuh: its copy engine ("TMA"),
 * the barriers copies complete on, and matrix instructions of four warps that read shared memory.
 *
 * Such copies and multiplications run beside the threads that start them, in what PTX calls the
 * async proxy. They see each other's effects through barriers alone. Where threads themselves have
 * written what the copy engine or a multiplication then reads, async_fence() comes between, in each
 * thread that wrote.
 */
#ifndef MIEN_CUDA_KERNELS_HOPPER_CUH
#define MIEN_CUDA_KERNELS_HOPPER_CUH

#include "cuda/kernels/device.cuh"
#include "cuda/kernels/hopper_params.h"

#ifdef MIEN_CUDA_EMULATED
#include "tests/cuda/emulator/hopper.h"
#else

/*
 * A barrier, eight bytes of shared memory, goes through phases. One ends when `arrivals` threads
 * have arrived in it and all bytes it was told to expect have come; the next begins at once. They
 * are told apart by their parity, that of the first being 0; waiting for parity 1 of a fresh
 * barrier therefore returns at once.
 */
DEVICE void barrier_init(uint64_t *barrier, unsigned arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(barrier)),
                 "r"(arrivals)
                 : "memory");
}

/* Lets the copy engine and other threads see barriers this thread has initialised; the threads do
 * after a block_sync(). */
DEVICE void barrier_init_fence() {
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}

/* What this thread wrote to shared memory comes before what the copy engine and matrix
 * instructions are asked to do next. */
DEVICE void async_fence() {
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

/* Arrives, and has the phase wait for so many bytes of copies, too. */
DEVICE void barrier_expect(uint64_t *barrier, unsigned bytes) {
    asm volatile(
        "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(barrier)),
        "r"(bytes)
        : "memory");
}

DEVICE void barrier_arrive(uint64_t *barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(barrier))
                 : "memory");
}

/* Returns when the barrier's phase of this parity has ended; it may be at most one further. */
DEVICE void barrier_wait(uint64_t *barrier, unsigned parity) {
    uint32_t ended;
    do {
        asm volatile("{\n"
                     ".reg .pred ended;\n"
                     "mbarrier.try_wait.parity.shared::cta.b64 ended, [%1], %2;\n"
                     "selp.u32 %0, 1, 0, ended;\n"
                     "}"
                     : "=r"(ended)
                     : "r"(shared_address(barrier)), "r"(parity)
                     : "memory");
    } while (!ended);
}

/* block_sync() among `threads` threads of the block, whole warps; id is 1 to 15. */
DEVICE void threads_sync(int id, int threads) {
    asm volatile("barrier.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

/* block_sync() of a cluster's blocks: all threads of all of them call it, but those that have
 * ended. What was written to shared memory before it is seen by the others behind it. */
DEVICE void cluster_sync() {
    asm volatile("barrier.cluster.arrive.release;\n"
                 "barrier.cluster.wait.acquire;" ::
                     : "memory");
}

/* Four floats that lie where `own` points to, but in the shared memory of block `rank` of the
 * cluster. */
DEVICE void load_cluster(float out[4], const float *own, int rank) {
    asm volatile("{\n"
                 ".reg .b32 there;\n"
                 "mapa.shared::cluster.u32 there, %4, %5;\n"
                 "ld.shared::cluster.v4.f32 {%0, %1, %2, %3}, [there];\n"
                 "}"
                 : "=f"(out[0]), "=f"(out[1]), "=f"(out[2]), "=f"(out[3])
                 : "r"(shared_address(own)), "r"(rank)
                 : "memory");
}

DEVICE void load_cluster(int out[4], const int *own, int rank) {
    float as[4];
    load_cluster(as, (const float *)own, rank);
    for (int i = 0; i < 4; i++) out[i] = __float_as_int(as[i]);
}

/* From here on each thread of this group of four warps has n registers, a multiple of 8 from 24 on:
 * fewer than before and the multiprocessor can give the rest to others, or more, for which it waits
 * until others have given enough. The kernel's branches between the groups must be one if and else.
 */
template <int n> DEVICE void registers_release() {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(n));
}

template <int n> DEVICE void registers_acquire() {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(n));
}

/* Has the copy engine fetch a tensor map, which is a part of a kernel's parameters, before its
 * first use. */
DEVICE void tensor_map_prefetch(const cuda_tensor_map &map) {
    asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
}

/* Starts to copy the box of a tensor that begins at column x of row y; what lies outside the tensor
 * becomes zeros. All the box's bytes count for the barrier. */
DEVICE void copy_box(void *shared, const cuda_tensor_map &map, int x, int y, uint64_t *barrier) {
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes "
                 "[%0], [%1, {%3, %4}], [%2];" ::"r"(shared_address(shared)),
                 "l"(&map), "r"(shared_address(barrier)), "r"(x), "r"(y)
                 : "memory");
}

/* The same of an im2col map of [n][h][w][c]: channels from c on of tap kx, ky in the windows from
 * that with its first pixel at x, y of image n on. */
DEVICE void copy_windows(void *shared, const cuda_tensor_map &map, int c, int x, int y, int n,
                         int kx, int ky, uint64_t *barrier) {
    asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.im2col"
                 ".mbarrier::complete_tx::bytes "
                 "[%0], [%1, {%3, %4, %5, %6}], [%2], {%7, %8};" ::"r"(shared_address(shared)),
                 "l"(&map), "r"(shared_address(barrier)), "r"(c), "r"(x), "r"(y), "r"(n),
                 "h"((uint16_t)kx), "h"((uint16_t)ky)
                 : "memory");
}

/*
 * Describes a matrix in shared memory to multiply_group(): rows of 128 bytes, one after the other
 * from a multiple of 1024 bytes on, in which 16 bytes number i of row r stand where number
 * i ^ r % 8 would: so the copy engine leaves a box of 128-byte rows if its map says SWIZZLE_128B.
 * `first` is the address of row 0, or 32, 64 or 96 bytes further, for the columns from there on.
 *
 * Bits 0-13: the address / 16. 32-45: bytes / 16 from 8 rows to the next 8. 62-63: 1, this order.
 * Bits 16-29 mean something to other orders only.
 */
DEVICE uint64_t matrix_descriptor(const void *first) {
    return (shared_address(first) & 0x3FFFF) >> 4 | (uint64_t)(1024 >> 4) << 32 | (uint64_t)1 << 62;
}

/* Comes before the first multiplication that uses sums other instructions have written. The four
 * warps of a group (warps 4 i to 4 i + 3) call this and all below together. */
DEVICE void multiply_begin() {
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}

/* Closes a batch of multiplications. */
DEVICE void multiply_commit() {
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}

/* Waits until at most n batches are under way; memory of the others may be written again. */
template <int n> DEVICE void multiply_wait() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(n) : "memory");
}

/* Comes after multiply_wait<0>() and before sums are used: the compiler does not know that sums
 * change between an instruction and the wait for it. */
template <int count> DEVICE void multiply_end(float (&sum)[count]) {
#pragma unroll
    for (int i = 0; i < count; i++) asm volatile("" : "+f"(sum[i])::"memory");
}

template <int count> DEVICE void multiply_end(int (&sum)[count]) {
#pragma unroll
    for (int i = 0; i < count; i++) asm volatile("" : "+r"(sum[i])::"memory");
}

#define SUMS_0_16                                                                                  \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, "                                           \
    "%12, %13, %14, %15"
#define SUMS_16_32                                                                                 \
    "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, "                                 \
    "%28, %29, %30, %31"
#define SUMS_32_64                                                                                 \
    "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, "                                 \
    "%44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, "                                 \
    "%56, %57, %58, %59, %60, %61, %62, %63"
#define SUMS_64_128                                                                                \
    "%64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, "                                 \
    "%76, %77, %78, %79, %80, %81, %82, %83, %84, %85, %86, %87, "                                 \
    "%88, %89, %90, %91, %92, %93, %94, %95, %96, %97, %98, %99, "                                 \
    "%100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, "                     \
    "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, "                     \
    "%124, %125, %126, %127"
#define SUM_4(r, i)  r(sum[i]), r(sum[i + 1]), r(sum[i + 2]), r(sum[i + 3])
#define SUM_16(r, i) SUM_4(r, i), SUM_4(r, i + 4), SUM_4(r, i + 8), SUM_4(r, i + 12)
#define SUM_64(r, i) SUM_16(r, i), SUM_16(r, i + 16), SUM_16(r, i + 32), SUM_16(r, i + 48)
#define MULTIPLY(n, kind, list, at_a, at_b, more, ...)                                             \
    asm volatile("{\n"                                                                             \
                 ".reg .pred add;\n"                                                               \
                 "setp.eq.u32 add, 0, 0;\n"                                                        \
                 "wgmma.mma_async.sync.aligned.m64n" #n kind " {" list "}, "                       \
                 "%" #at_a ", %" #at_b ", add" more ";\n"                                          \
                 "}"                                                                               \
                 : __VA_ARGS__                                                                     \
                 : "l"(a), "l"(b))
/* For each n; r: the constraint of a sum. */
#define MULTIPLY_GROUP(kind, more, r)                                                              \
    if constexpr (count == 16)                                                                     \
        MULTIPLY(32, kind, SUMS_0_16, 16, 17, more, SUM_16(r, 0));                                 \
    else if constexpr (count == 32)                                                                \
        MULTIPLY(64, kind, SUMS_0_16 ", " SUMS_16_32, 32, 33, more, SUM_16(r, 0), SUM_16(r, 16));  \
    else if constexpr (count == 64)                                                                \
        MULTIPLY(128, kind, SUMS_0_16 ", " SUMS_16_32 ", " SUMS_32_64, 64, 65, more,               \
                 SUM_64(r, 0));                                                                    \
    else                                                                                           \
        MULTIPLY(256, kind, SUMS_0_16 ", " SUMS_16_32 ", " SUMS_32_64 ", " SUMS_64_128, 128, 129,  \
                 more, SUM_64(r, 0), SUM_64(r, 64))

/*
 * Starts sum[64][n] += a[64][16] b[n][16]^T of fp16 for the group, n = 2 count. Warp w of the four
 * holds rows 16 w to 16 w + 15, each 8 columns as multiply_f16() has them: of columns 8 j and up,
 * with g = lane / 4 and t = lane % 4, sum[4 j] and [4 j + 1] are columns 2 t and 2 t + 1 of row g,
 * the other two of row g + 8.
 */
template <int count> DEVICE void multiply_group(float (&sum)[count], uint64_t a, uint64_t b) {
    static_assert(count == 16 || count == 32 || count == 64 || count == 128, "32 to 256 columns");
    MULTIPLY_GROUP("k16.f32.f16.f16", ", 1, 1, 0, 0", "+f");
}

/* The same of bytes by int8_t, of which there are 32 a row. */
template <int count> DEVICE void multiply_group(int (&sum)[count], uint64_t a, uint64_t b) {
    static_assert(count == 16 || count == 32 || count == 64 || count == 128, "32 to 256 columns");
    MULTIPLY_GROUP("k32.s32.u8.s8", "", "+r");
}

#undef MULTIPLY_GROUP
#undef MULTIPLY
#undef SUM_64
#undef SUM_16
#undef SUM_4
#undef SUMS_0_16
#undef SUMS_16_32
#undef SUMS_32_64
#undef SUMS_64_128

#endif
#endif
