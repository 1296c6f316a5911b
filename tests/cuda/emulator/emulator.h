/*
 * emulator.h - threads of a GPU as fibers: what the words of device.h and hopper.h are made of.
 *
 * One cluster of blocks runs at a time (a cluster is one block unless the launch says more), every
 * thread of it a fiber on one thread of the system. A fiber runs until it waits for others, so the
 * order in which threads come is ours to choose: it is drawn from MIEN_EMULATOR_SEED and the number
 * of the launch, so that a missing barrier shows with one seed or another, and shows again.
 *
 * What is wrong with a kernel ends the process with a sentence that names kernel, block and thread:
 * there is nothing sensible to go on with, and a test that forks sees it.
 */
#ifndef MIEN_TESTS_CUDA_EMULATOR_H
#define MIEN_TESTS_CUDA_EMULATOR_H

#include <stddef.h>
#include <stdint.h>
#include <vector>

struct emulator_dim {
    unsigned x, y, z;
};

/* Threads that come together: a warp, a warpgroup, a block. */
struct emulator_meeting {
    int first, size; /* threads of the block */
    int arrived;
    const char *what; /* the word they came by */
    void (*together)(void **args);
};

struct emulator_warp {
    struct emulator_block *block;
    struct emulator_thread *lanes;
    uint32_t ready;   /* lanes that can go on */
    uint32_t polling; /* lanes in emulator_wait_until() */
    emulator_meeting meeting;
};

/* A copy_async() under way. */
struct emulator_copy {
    char *to;
    const char *from;
    int size, valid;
    unsigned group;
};

struct emulator_thread {
    void *stack; /* where the fiber stopped */
    emulator_dim index;
    emulator_block *block;
    emulator_warp *warp;
    int rank, lane;
    const char *waits; /* the word it waits in, or NULL */
    bool ended;
    unsigned groups; /* copy groups closed so far */
    size_t copied;   /* of `copies`, those before are done */
    std::vector<emulator_copy> copies;
};

/* bar.sync's sixteen, for emulator_barrier_*(). */
struct emulator_barrier {
    int arrived, expected;
    unsigned generation;
};

struct emulator_block {
    emulator_dim index;
    int cluster_rank; /* among the blocks of the cluster */
    char *shared;     /* dynamic shared memory */
    std::vector<emulator_thread> threads;
    std::vector<emulator_warp> warps;
    std::vector<emulator_meeting> warpgroups; /* of four warps, those that are full */
    std::vector<void *> args;                 /* [threads], what each brought to its meeting */
    emulator_meeting meeting;
    emulator_barrier barriers[16];
    bool grid_waited;
    int alive;
    std::vector<char> statics; /* its static __shared__ variables while others' are in place */
};

struct emulator_kernel {
    const char *name;
    size_t params;
    int threads;
    void (*run)(const void *params);
};

struct emulator_launch {
    const emulator_kernel *kernel;
    const void *params;
    emulator_dim grid, block, cluster;
    size_t shared;
    bool programmatic; /* with programmatic stream serialization: grid_wait() is a duty */
};

extern emulator_thread *emulator_current; /* the fiber that runs */
extern const emulator_launch *emulator_launched;
extern std::vector<emulator_block *> emulator_cluster; /* the blocks that run, by cluster_rank */

/* Runs a whole grid. One at a time in the process: the caller sees to that. */
void emulator_run(const emulator_launch &launch);

/* Ends the process with a sentence about the current thread. */
[[noreturn]] void emulator_abort(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Aborts unless all of [p, p + size) is shared memory of the current block, p aligned to `align`.
 */
void emulator_check_shared(const void *p, size_t size, size_t align, const char *what);
void emulator_check_aligned(const void *p, size_t align, const char *what);
/* Aborts where [p, p + size) is not all in live memory of the device or pinned memory. */
void emulator_check_global(const void *p, size_t size, const char *what);
/* Makes bytes worthless: 0xFF everywhere, a NaN for floats. For what will be written later. */
void emulator_poison(void *p, size_t size);

/* Addresses as PTX has them, 32 bits within the shared memory of a block. Of another block of the
 * cluster: `rank` instead of its own. Dynamic memory starts at 1024, static variables at 1 << 24.
 */
uint32_t emulator_shared_address(const void *p);
char *emulator_shared_pointer(uint32_t address);
char *emulator_shared_pointer(uint32_t address, int rank);

/*
 * The threads of a meeting call this with the same words; the last one to come runs together(args)
 * for all, where args[i] is what thread first + i brought (it may point into that thread's stack),
 * and then all go on. together may be NULL. Different words in one meeting abort, and so does a
 * thread that is never joined by the others.
 */
void emulator_meet(emulator_meeting &m, const char *what, void (*together)(void **args), void *arg);
void emulator_meet_warp(const char *what, void (*together)(void **args), void *arg);
/* Four warps, the first a multiple of four: args has 128. */
void emulator_meet_warpgroup(const char *what, void (*together)(void **args), void *arg);
void emulator_meet_block(const char *what, void (*together)(void **args), void *arg);

/* Lets others run until is_true(context) holds. Aborts when nothing can make it true any more. */
void emulator_wait_until(const char *what, bool (*is_true)(void *context), void *context);
/* Lets others run for a while, now and then. Legal anywhere in a kernel. */
void emulator_yield();

/* bar.sync id, threads and bar.arrive id, threads. */
void emulator_barrier_sync(int id, int threads);
void emulator_barrier_arrive(int id, int threads);

/*
 * Work a machine beside the threads does, such as TMA: fn(context) runs when no thread of the
 * cluster can go on without it, which is as late as can be, or earlier where the seed wants it; in
 * any order among them. `context` of `size` bytes is copied. Poison what it will write when asking
 * for it. A cluster that ends with some of it left aborts. It belongs to no thread: what it needs
 * of the one that asked, pointers into shared memory first of all, has to be in `context`.
 */
void emulator_defer(const char *what, void (*fn)(void *context), const void *context, size_t size);

/* A number drawn by the seed. */
uint32_t emulator_random();

/* What cuTensorMapEncode* writes into a CUtensorMap, for hopper.h to read. */
struct emulator_tensor_map {
    uint64_t address;
    uint64_t bits;              /* what drivers up to CUDA 13.1 leave here (tensor_map.cpp) */
    uint64_t strides[4];        /* bytes, from dimension 1 on */
    uint32_t dims[5];           /* less one */
    uint16_t box[5];            /* tiled; im2col: [0] channels a pixel, [1] pixels a column */
    uint8_t steps[5];           /* element strides */
    int16_t lower[3], upper[3]; /* im2col: corners of the box of pixels, from dimension 1 (W) on */
    uint8_t rank, type, interleave, swizzle, nan_fill, im2col,
        magic; /* as the CU_TENSOR_MAP enums */
};
enum { EMULATOR_TENSOR_MAP_MAGIC = 0x5A, EMULATOR_TENSOR_MAP_SMALL = 128 << 10 };

/* Kernels, by name; NULL: none. */
const emulator_kernel *emulator_find_kernel(const char *name);
struct emulator_registrar {
    emulator_registrar(const char *name, size_t params, int threads, void (*run)(const void *));
};

#endif
