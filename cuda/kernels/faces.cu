/*
 * faces.cu - a detector's outputs to faces: what vision/anchors.c and vision/nms.c do, an image a
 * block once its candidates are found.
 *
 * Compiled without fused multiply-adds (cmake/cuda.cmake): equal candidates must stay equal.
 */
#include "cuda/kernels/epilogue.cuh"
#include "cuda/kernels/picture_params.h"

enum { THREADS = 256, WORD = 32 };

DEVICE void decode_box(const cuda_decode &p, float cx, float cy, float size, const float *box,
                       float *out) {
    if (p.distances) {
        out[0] = cx - box[0] * size;
        out[1] = cy - box[1] * size;
        out[2] = cx + box[2] * size;
        out[3] = cy + box[3] * size;
        return;
    }
    float x = cx + box[0] * p.variance[0] * size, y = cy + box[1] * p.variance[0] * size;
    float half_w = 0.5f * (size * expf(box[2] * p.variance[1]) - (float)p.plus_one);
    float half_h = 0.5f * (size * expf(box[3] * p.variance[1]) - (float)p.plus_one);
    out[0] = x - half_w;
    out[1] = y - half_h;
    out[2] = x + half_w;
    out[3] = y + half_h;
}

/* Anchor `at` of image b in level l; false where it is no face. */
DEVICE int decode(const cuda_decode &p, const cuda_face_level &l, int b, int at,
                  cuda_candidate *out) {
    int64_t from = (int64_t)b * l.h * l.w * l.anchors + at;
    float score = p.root ? sqrtf(l.score[from]) : l.score[from], sum = 0, *v = out->value;
    if (!(score >= p.threshold)) return 0;
    int cell = at / l.anchors;
    float cx = (float)(cell % l.w) * (float)l.stride + l.centre;
    float cy = (float)(cell / l.w) * (float)l.stride + l.centre;
    float size = p.distances ? (float)l.stride : l.size[at % l.anchors];
    decode_box(p, cx, cy, size, l.box + 4 * from, v);
    v[4] = score;
    for (int i = 0; i < 10; i++) {
        float centre = i % 2 ? cy : cx;
        v[5 + i] = l.landmark ? centre + l.landmark[10 * from + i] * p.landmark_variance * size : 0;
    }
    for (int i = 0; i < CUDA_FACE_VALUES; i++)
        if (i != 4) sum += v[i] * 0;
    for (int i = 0; i < CUDA_FACE_VALUES; i++)
        if (i != 4) v[i] *= p.scale[b][i < 4 ? i % 2 : (i - 5) % 2];
    return sum == 0; /* no infinity and no NaN among them */
}

/* A thread an anchor. */
KERNEL(faces_decode, cuda_decode, THREADS, 1) {
    grid_wait();
    int64_t n = (int64_t)p.batch * p.anchors;
    for (int64_t i = grid_thread(); i < n; i += grid_threads()) {
        int b = (int)(i / p.anchors), order = (int)(i % p.anchors), at = order, l = 0;
        for (; at >= p.level[l].h * p.level[l].w * p.level[l].anchors; l++)
            at -= p.level[l].h * p.level[l].w * p.level[l].anchors;
        cuda_candidate c;
        if (!decode(p, p.level[l], b, at, &c)) continue;
        unsigned slot = atomic_add(&p.counts[b], 1u);
        c.order = order;
        if (slot < CUDA_CANDIDATES) p.candidates[(int64_t)b * CUDA_CANDIDATES + slot] = c;
    }
}

/* Falling score, then rising order, as one number that rises. Scores are above zero, where floats
 * are ordered as their bits. */
DEVICE uint64_t sort_key(const cuda_candidate &c) {
    return (uint64_t)(0xFFFFFFFFu - __float_as_uint(c.value[4])) << 32 | (uint32_t)c.order;
}

/* Sorts n keys, a power of two, and what goes with them; a block together. */
DEVICE void bitonic_sort(uint64_t *key, uint16_t *slot, int n) {
    for (int run = 2; run <= n; run *= 2)
        for (int step = run / 2; step > 0; step /= 2) {
            block_sync();
            for (int i = threadIdx.x; i < n / 2; i += blockDim.x) {
                int low = 2 * step * (i / step) + i % step, high = low + step;
                if ((key[low] > key[high]) != ((low & run) == 0)) continue;
                uint64_t k = key[low];
                uint16_t s = slot[low];
                key[low] = key[high];
                slot[low] = slot[high];
                key[high] = k;
                slot[high] = s;
            }
        }
    block_sync();
}

/* boxes: [4][CUDA_CANDIDATES], so that neighbouring threads read neighbours. */
DEVICE float overlap(const float *boxes, int i, int j, float plus) {
    float a[4], b[4];
    for (int k = 0; k < 4; k++) {
        a[k] = boxes[k * CUDA_CANDIDATES + i];
        b[k] = boxes[k * CUDA_CANDIDATES + j];
    }
    float w = fminf(a[2], b[2]) - fmaxf(a[0], b[0]) + plus;
    float h = fminf(a[3], b[3]) - fmaxf(a[1], b[1]) + plus;
    if (w <= 0 || h <= 0) return 0;
    float area_a = (a[2] - a[0] + plus) * (a[3] - a[1] + plus);
    float area_b = (b[2] - b[0] + plus) * (b[3] - b[1] + plus);
    return w * h / (area_a + area_b - w * h);
}

DEVICE float clip(float v, float high) {
    return v < 0 ? 0 : v > high ? high : v;
}

/* Writes a face, clipped; false, and nothing written, where nothing of its box is left. */
DEVICE int put_face(const cuda_candidate &c, const float *size, float *out) {
    float box[4];
    for (int k = 0; k < 4; k++) box[k] = clip(c.value[k], size[k % 2]);
    if (!(box[2] > box[0] && box[3] > box[1])) return 0;
    if (threadIdx.x < CUDA_FACE_VALUES)
        out[threadIdx.x] = threadIdx.x < 4 ? clip(c.value[threadIdx.x], size[threadIdx.x % 2])
                                           : c.value[threadIdx.x];
    return 1;
}

/* A bit a candidate: it overlaps a better one that was kept. */
DEVICE int next_left(const uint32_t *gone, int i, int n) {
    while (i < n && gone[i / WORD] >> i % WORD & 1)
        i = gone[i / WORD] == 0xFFFFFFFFu ? (i / WORD + 1) * WORD : i + 1;
    return i;
}

/* A block an image. All threads walk along the kept ones, and look at what comes after each
 * together: a warp a word of bits. */
KERNEL(faces_select, cuda_select, CUDA_FACE_THREADS, 1) {
    __shared__ uint64_t key[CUDA_CANDIDATES];
    __shared__ uint16_t slot[CUDA_CANDIDATES];
    __shared__ uint32_t gone[CUDA_CANDIDATES / WORD];
    grid_wait();
    int b = blockIdx.x, n = (int)min(p.counts[b], (unsigned)CUDA_CANDIDATES + 1), padded = 1;
    if (n > CUDA_CANDIDATES) {
        if (threadIdx.x == 0) p.found[b] = -1;
        return;
    }
    const cuda_candidate *c = p.candidates + (int64_t)b * CUDA_CANDIDATES;
    float *boxes = p.boxes + (int64_t)b * 4 * CUDA_CANDIDATES;
    while (padded < n) padded *= 2;
    for (int i = threadIdx.x; i < padded; i += blockDim.x) {
        key[i] = i < n ? sort_key(c[i]) : ~(uint64_t)0;
        slot[i] = (uint16_t)i;
    }
    for (int i = threadIdx.x; i < CUDA_CANDIDATES / WORD; i += blockDim.x) gone[i] = 0;
    bitonic_sort(key, slot, padded);
    for (int i = threadIdx.x; i < n; i += blockDim.x)
        for (int k = 0; k < 4; k++) boxes[k * CUDA_CANDIDATES + i] = c[slot[i]].value[k];
    block_sync();

    int found = 0, lane = threadIdx.x % WORD, words = (n + WORD - 1) / WORD;
    float *faces = p.faces + (int64_t)b * p.most * CUDA_FACE_VALUES;
    for (int i = next_left(gone, 0, n); i < n && found < p.most; i = next_left(gone, i + 1, n)) {
        block_sync(); /* all have found i before bits are set */
        found += put_face(c[slot[i]], p.size[b], faces + (int64_t)found * CUDA_FACE_VALUES);
        for (int word = i / WORD + threadIdx.x / WORD; word < words; word += blockDim.x / WORD) {
            int j = word * WORD + lane;
            int hides = j > i && j < n && overlap(boxes, i, j, p.plus) > p.iou;
            uint32_t bits = ballot(hides);
            if (lane == 0) gone[word] |= bits;
        }
        block_sync();
    }
    if (threadIdx.x == 0) p.found[b] = found;
}
