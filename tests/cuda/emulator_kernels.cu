/* Small kernels that test_emulator.c checks the emulator by. */
#include "cuda/kernels/device.cuh"
#include "tests/cuda/emulator_params.h"

enum { THREADS = 256 };

KERNEL(test_multiply, multiply_params, 32, 1) {
    grid_wait();
    char *a = shared_memory(), *b = a + 512;
    int lane = (int)threadIdx.x;
    copy_async<16>(a + 16 * lane, p.a + 16 * lane, 16);
    if (lane < 16) copy_async<16>(b + 16 * lane, p.b + 16 * lane, 16);
    copy_async_commit();
    copy_async_wait<0>();
    block_sync();
    /* Matrices of a: rows 0-7 and 8-15 of the first 16 bytes, then of the last; b: first, last. */
    uint32_t left[4], right[4];
    int i = lane / 8, r = lane % 8;
    load_matrices(left, a + (i % 2 * 8 + r) * 32 + i / 2 * 16);
    load_matrices(right, b + r * 32 + i % 2 * 16);
    float sum[4] = {0, 0, 0, 0};
    int whole[4] = {0, 0, 0, 0};
    for (int t = 0; t < p.times; t++) {
        if (p.kind == 0)
            multiply_f16(sum, left, right);
        else if (p.kind == 1)
            multiply_tf32(sum, left, right);
        else
            multiply_u8s8(whole, left, right);
    }
    for (int j = 0; j < 4; j++) {
        int at = (lane / 4 + j / 2 * 8) * 8 + lane % 4 * 2 + j % 2;
        if (p.kind == 2)
            ((int32_t *)p.sum)[at] = whole[j];
        else
            ((float *)p.sum)[at] = sum[j];
    }
}

DEVICE int play_copy(const play_params &p, int at, int t) {
    int *shared = (int *)shared_memory();
    switch (p.play) {
    case PLAY_COPY:
    case PLAY_COPY_EARLY:
        copy_async<4>(shared + t, p.in + at, 4 - p.n);
        copy_async_commit();
        if (p.play == PLAY_COPY) copy_async_wait<0>();
        return shared[t];
    case PLAY_COPY_TWO:
        copy_async<4>(shared + t, p.in + at, 4);
        copy_async_commit();
        copy_async<4>(shared + blockDim.x + t, p.in + at, 4);
        copy_async_commit();
        copy_async_wait<1>();
        return at == 1 ? shared[blockDim.x + t] : shared[t];
    default: copy_async<8>(shared + 1, p.in, 8); return 0;
    }
}

#ifdef MIEN_CUDA_EMULATED
/* What hopper.h will be made of. */
struct arrival {
    int *flag, value;
};

static void arrive(void *context) {
    *((arrival *)context)->flag = ((arrival *)context)->value;
}

static bool has_arrived(void *context) {
    return *(int *)context != -1;
}

DEVICE int play_internals(const play_params &p, int t) {
    int *shared = (int *)shared_memory();
    if (p.play == PLAY_NAMED) {
        int half = (int)blockDim.x / 2;
        if (t < half) {
            shared[t] = t;
            emulator_barrier_arrive(1, (int)blockDim.x);
            return -1;
        }
        emulator_barrier_sync(1, (int)blockDim.x);
        return shared[t - half];
    }
    if (p.play == PLAY_DEFERRED) {
        arrival a = {shared + t, p.n + t};
        emulator_defer("an arrival", arrive, &a, sizeof a);
        emulator_wait_until("a test", has_arrived, shared + t);
        return shared[t];
    }
    emulator_block *own = emulator_current->block;
    shared[t] = p.n + own->cluster_rank;
    emulator_barrier_arrive(2, 32); /* nobody waits here: it passes all the same */
    uint32_t address = emulator_shared_address(shared + t);
    char *other = emulator_shared_pointer(address, 1 - own->cluster_rank);
    emulator_wait_until("its neighbour", has_arrived, other);
    int got = *(int *)other;
    block_sync();
    return got;
}
#endif

DEVICE int play(const play_params &p, int at, int t) {
    int *shared = (int *)shared_memory();
    int lane = t % 32;
    switch (p.play) {
    case PLAY_IDENTITY: return at;
    case PLAY_SHUFFLE: {
        int v = p.in[at];
        for (int mask = 16; mask > 0; mask /= 2) v += shuffle_xor(v, mask);
        return v;
    }
    case PLAY_BALLOT: return (int)ballot(p.in[at] & 1);
    case PLAY_ANY: return block_any(p.in[at] == p.n);
    case PLAY_REVERSE:
    case PLAY_RACE:
        shared[t] = p.in[at];
        if (p.play == PLAY_REVERSE) block_sync();
        return shared[blockDim.x - 1 - t];
    case PLAY_COUNT: atomic_add((int *)p.out, 1); return p.out[at];
    case PLAY_DEADLOCK:
        if (t != 0) block_sync();
        return 0;
    case PLAY_DIVERGED:
        if (lane % 2) return shuffle_xor(lane, 2);
        return (int)ballot(1);
    case PLAY_SHARED_END: shared_memory()[p.n] = 1; return 0;
    case PLAY_GLOBAL_END: ((volatile int *)p.out)[p.n] = 1; return 0;
    case PLAY_MISALIGNED: return *(const int *)((const char *)p.in + 1);
    case PLAY_UNWRITTEN: {
        __shared__ int unwritten[THREADS];
        int v = t < 32 ? unwritten[t] : shared[t];
        unwritten[t] = t;
        shared[t] = t;
        return v;
    }
    case PLAY_HALF: {
        uint16_t h = half_from_float(((const float *)p.in)[at]);
        return (int)half2_from_floats(((const float *)p.in)[at], half_to_float(h));
    }
    default: return play_copy(p, at, t);
    }
}

KERNEL(test_play, play_params, THREADS, 1) {
    int t = (int)(threadIdx.x + blockDim.x * threadIdx.y);
    int at = (int)blockIdx.x * (int)(blockDim.x * blockDim.y) + t;
    if (p.play == PLAY_NO_GRID_WAIT) return;
    grid_wait();
#ifdef MIEN_CUDA_EMULATED
    if (p.play == PLAY_NAMED || p.play == PLAY_DEFERRED || p.play == PLAY_NEIGHBOUR) {
        p.out[at] = play_internals(p, t);
        return;
    }
#endif
    int v = play(p, at, t);
    if (p.play != PLAY_COUNT) p.out[at] = v;
}
