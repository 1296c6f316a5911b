/*
 * Hopper's barriers, copies and multiplications: see hopper.h.
 *
 * Not known from any text, and to be looked at on hardware first if results differ there:
 * - that im2col coordinates name a pixel to start at and that, beyond the box, a row starts again
 *   at the lower corner (and not, with a stride, where the pixel's remainder would have it);
 * - that the multiplier's swizzle is of address bits, so that a descriptor may start 32, 64 or 96
 *   bytes into a row of a swizzled matrix (CUTLASS relies on it, PTX does not quite say so);
 * - in which order, and to how many bits, products of one instruction are summed.
 */
#include "tests/cuda/emulator/hopper.h"

#include "tests/cuda/emulator/device.h"

#include <deque>
#include <map>
#include <memory>
#include <set>

enum { LANES = 32, GROUP = 128 };

/* An opaque 64-bit thing on a GPU. Memory that is no barrier has another magic: poison is 0xFF. */
struct barrier {
    uint8_t magic, phase;
    uint16_t arrivals, pending; /* of threads: of a phase, and missing in this one */
    uint16_t low;               /* bytes expected and not here, with `high`; may be below zero */
};
static_assert(sizeof(barrier) == 8, "mbarriers are 8 bytes");
enum { MAGIC = 0xB5, MOST_ARVENDORS = 0xFFFF, MOST_BYTES = (1 << 20) - 1 };

/* Bytes each barrier still waits for, by its place; and barriers that are initialised but whose
 * thread has not called barrier_init_fence(). */
static std::map<const void *, int> bytes;
static std::map<const void *, const emulator_thread *> unfenced;

static barrier *look(uint64_t *p, const char *what) {
    barrier *b = (barrier *)p;
    emulator_check_shared(p, sizeof *b, sizeof *b, what);
    if (b->magic != MAGIC) emulator_abort("%s: no barrier is initialised there", what);
    auto it = unfenced.find(p);
    if (it != unfenced.end() && it->second != emulator_current)
        emulator_abort("%s: another thread has initialised it and not called barrier_init_fence()",
                       what);
    return b;
}

static void end_phase(barrier *b) {
    if (b->pending || bytes[b]) return;
    b->phase++;
    b->pending = b->arrivals;
}

static void arrive(barrier *b, const char *what) {
    if (b->pending == 0) emulator_abort("%s: more arrivals than the phase takes", what);
    b->pending--;
    end_phase(b);
}

void barrier_init(uint64_t *p, unsigned arrivals) {
    emulator_check_shared(p, sizeof *p, sizeof *p, "barrier_init()");
    if (arrivals < 1 || arrivals > MOST_ARVENDORS)
        emulator_abort("barrier_init() for %u arrivals", arrivals);
    barrier b = {MAGIC, 0, (uint16_t)arrivals, (uint16_t)arrivals, 0};
    memcpy(p, &b, sizeof b);
    bytes[p] = 0;
    unfenced[p] = emulator_current;
}

void barrier_init_fence() {
    for (auto it = unfenced.begin(); it != unfenced.end();)
        it = it->second == emulator_current ? unfenced.erase(it) : std::next(it);
}

void barrier_expect(uint64_t *p, unsigned count) {
    barrier *b = look(p, "barrier_expect()");
    bytes[b] += (int)count;
    if (bytes[b] > MOST_BYTES) emulator_abort("barrier_expect(): beyond what a barrier counts");
    arrive(b, "barrier_expect()");
}

void barrier_arrive(uint64_t *p) {
    arrive(look(p, "barrier_arrive()"), "barrier_arrive()");
}

struct phase_wait {
    const barrier *b;
    unsigned parity;
};

static bool has_ended(void *context) {
    const phase_wait *w = (const phase_wait *)context;
    return (w->b->phase & 1) != w->parity;
}

void barrier_wait(uint64_t *p, unsigned parity) {
    phase_wait w = {look(p, "barrier_wait()"), parity};
    if (parity > 1) emulator_abort("barrier_wait() for parity %u", parity);
    emulator_wait_until("barrier_wait()", has_ended, &w);
}

/* Together: the sum of what all threads of a block have is looked at nowhere. */
void emulator_registers(int n, int take) {
    (void)n;
    emulator_meet_warp(take ? "registers_acquire()" : "registers_release()", NULL, NULL);
}

struct copy {
    char *to;
    uint32_t address; /* of `to` */
    const emulator_tensor_map *map;
    uint64_t *barrier;
    int at[4]; /* coordinates of the box's first element */
    int offset[2];
};

enum { UINT8 = 0, FLOAT16 = 6 }; /* as CU_TENSOR_MAP_DATA_TYPE_... */

static int size_of(const emulator_tensor_map *m) {
    return m->type == UINT8 ? 1 : 2;
}

static uint64_t bytes_of(const emulator_tensor_map *m) {
    uint64_t bytes = ((uint64_t)m->dims[0] + 1) * (uint64_t)size_of(m);
    for (int i = 1; i < m->rank; i++) bytes += m->dims[i] * m->strides[i - 1];
    return bytes;
}

static const emulator_tensor_map *map_of(const cuda_tensor_map &map, int im2col, int rank,
                                         const char *what) {
    const emulator_tensor_map *m = (const emulator_tensor_map *)&map;
    emulator_check_aligned(m, 64, what);
    if (m->magic != EMULATOR_TENSOR_MAP_MAGIC) emulator_abort("%s: not a tensor map", what);
    if (m->im2col != im2col || m->rank != rank)
        emulator_abort("%s: a tensor map of rank %d, %sim2col", what, m->rank,
                       m->im2col ? "" : "not ");
    if ((m->bits >> 21 & 1) != (bytes_of(m) >= EMULATOR_TENSOR_MAP_SMALL))
        emulator_abort("%s: bit 21 is wrong in the map of a tensor of %llu bytes", what,
                       (unsigned long long)bytes_of(m));
    if (m->type != FLOAT16 && m->type != UINT8)
        emulator_abort("%s: elements are neither fp16 nor bytes", what);
    return m;
}

/* Bytes of a row of the box. */
static int row_of(const emulator_tensor_map *m) {
    return m->box[0] * size_of(m);
}

/* Row i of the box: rows follow each other at 128 bytes, the 16-byte units of each at their number
 * XOR address bits 7-9. Of `from`, `valid` bytes are the tensor's; the others become zeros. */
static void land_row(const copy &c, int i, const char *from, int valid) {
    int row = row_of(c.map);
    for (int at = 0; at < row; at++) {
        uint32_t plain = c.address + (uint32_t)(i * row + at);
        uint32_t place = c.map->swizzle == 3 ? plain ^ (plain >> 7 & 7) << 4 : plain;
        c.to[(int32_t)(place - c.address)] = at < valid ? from[at] : 0;
    }
}

/* Bytes of the innermost row from x on that the tensor has; what is left of it is not emulated. */
static int valid_of(const emulator_tensor_map *m, int x) {
    int64_t left = (int64_t)m->dims[0] + 1 - x;
    return left <= 0 ? 0 : (int)(left < m->box[0] ? left : m->box[0]) * size_of(m);
}

static void complete(const copy &c, int count) {
    barrier *b = (barrier *)c.barrier;
    bytes[b] -= count;
    if (bytes[b] < -MOST_BYTES) emulator_abort("more bytes copied than a barrier counts");
    end_phase(b);
}

static void land_box(void *context) {
    const copy &c = *(const copy *)context;
    const emulator_tensor_map *m = c.map;
    for (int i = 0; i < m->box[1]; i++) {
        int64_t y = (int64_t)c.at[1] + i;
        int valid = y < 0 || y > m->dims[1] ? 0 : valid_of(m, c.at[0]);
        const char *from =
            (const char *)m->address + y * (int64_t)m->strides[0] + c.at[0] * size_of(m);
        if (valid) emulator_check_global(from, (size_t)valid, "copy_box()");
        land_row(c, i, from, valid);
    }
    complete(c, row_of(m) * m->box[1]);
}

/* W, H, N from the innermost on: a pixel beyond the box's upper corner is one at the lower corner
 * of the next. */
static void land_windows(void *context) {
    const copy &c = *(const copy *)context;
    const emulator_tensor_map *m = c.map;
    int64_t at[3] = {c.at[1], c.at[2], c.at[3]};
    for (int i = 0; i < m->box[1]; i++) {
        int64_t w = at[0] + c.offset[0], h = at[1] + c.offset[1], n = at[2];
        int inside =
            w >= 0 && w <= m->dims[1] && h >= 0 && h <= m->dims[2] && n >= 0 && n <= m->dims[3];
        int valid = inside ? valid_of(m, c.at[0]) : 0;
        const char *from = (const char *)m->address + w * (int64_t)m->strides[0] +
                           h * (int64_t)m->strides[1] + n * (int64_t)m->strides[2] +
                           c.at[0] * size_of(m);
        if (valid) emulator_check_global(from, (size_t)valid, "copy_windows()");
        land_row(c, i, from, valid);
        for (int d = 0; d < 2; d++) {
            at[d] += m->steps[d + 1];
            if (at[d] <= (int64_t)m->dims[d + 1] + m->upper[d]) break;
            at[d] = m->lower[d];
            if (d == 1) at[2]++;
        }
    }
    complete(c, row_of(m) * m->box[1]);
}

static void start(const copy &c, const char *what, void (*land)(void *)) {
    size_t size = (size_t)row_of(c.map) * c.map->box[1];
    look(c.barrier, what);
    if (unfenced.count(c.barrier))
        emulator_abort("%s: its barrier is initialised without barrier_init_fence()", what);
    if (c.map->swizzle != 3 || row_of(c.map) != 128)
        emulator_abort("%s: only rows of 128 swizzled bytes are emulated", what);
    emulator_check_shared(c.to, size, 128, what);
    if (c.address % 1024) emulator_abort("%s: not to a multiple of 1024 bytes", what);
    emulator_poison(c.to, size);
    emulator_defer(what, land, &c, sizeof c);
}

static struct {
    int arrived;
    unsigned generation;
} meeting; /* of the cluster that runs */

/* The last of the threads that have not ended lets all go on. */
static bool all_are_there(void *context) {
    unsigned mine = *(unsigned *)context;
    int alive = 0;
    if (meeting.generation != mine) return true;
    for (const emulator_block *b : emulator_cluster) alive += b->alive;
    if (meeting.arrived < alive) return false;
    meeting.arrived = 0;
    meeting.generation++;
    return true;
}

void cluster_sync() {
    unsigned mine = meeting.generation;
    meeting.arrived++;
    emulator_wait_until("cluster_sync()", all_are_there, &mine);
}

void load_cluster(float out[4], const float *own, int rank) {
    emulator_check_shared(own, 16, 16, "load_cluster()");
    const char *from = emulator_shared_pointer(emulator_shared_address(own), rank);
    if (!emulator_cluster[(size_t)rank]->alive)
        emulator_abort("load_cluster() of block %d, which has ended", rank);
    memcpy(out, from, 16);
}

void tensor_map_prefetch(const cuda_tensor_map &map) {
    emulator_check_aligned(&map, 64, "tensor_map_prefetch()");
}

void copy_box(void *shared, const cuda_tensor_map &map, int x, int y, uint64_t *barrier) {
    copy c = {(char *)shared,
              emulator_shared_address(shared),
              map_of(map, 0, 2, "copy_box()"),
              barrier,
              {x, y},
              {}};
    if (x < 0 || x % 8) emulator_abort("copy_box() from column %d is not emulated", x);
    start(c, "copy_box()", land_box);
}

void copy_windows(void *shared, const cuda_tensor_map &map, int c, int x, int y, int n, int kx,
                  int ky, uint64_t *barrier) {
    copy o = {(char *)shared,
              emulator_shared_address(shared),
              map_of(map, 1, 4, "copy_windows()"),
              barrier,
              {c, x, y, n},
              {kx, ky}};
    if (kx < 0 || kx > 255 || ky < 0 || ky > 255)
        emulator_abort("copy_windows() of tap %d, %d", kx, ky); /* 8 bits each in a map of rank 4 */
    if (c < 0) emulator_abort("copy_windows() from channel %d is not emulated", c);
    if (emulator_launched->programmatic && !emulator_current->block->grid_waited)
        emulator_abort("copy_windows() before grid_wait(): the kernel before may write it still");
    start(o, "copy_windows()", land_windows);
}

uint64_t matrix_descriptor(const void *first) {
    uint64_t stride = 1024 / 16, swizzle_128b = 1;
    return (emulator_shared_address(first) & 0x3FFFF) >> 4 | stride << 32 | swizzle_128b << 62;
}

enum { COLUMNS = 32 }; /* bytes of a row that one instruction multiplies */

/* Those of `rows` rows from `first` on, through what a descriptor says. */
static void read_matrix(uint64_t d, int first, int rows, uint8_t *out) {
    uint32_t start = (uint32_t)(d & 0x3FFF) << 4, stride = (uint32_t)(d >> 32 & 0x3FFF) << 4;
    if (d >> 62 != 1 || (d >> 49 & 7) || (d & 0x3FFF1FFF3FFF3FFFull) != (d & 0x3FFFFFFFFFFFFFFFull))
        emulator_abort("a matrix descriptor %016llx that is not emulated", (unsigned long long)d);
    for (int r = first; r < first + rows; r++)
        for (int k = 0; k < COLUMNS; k += 16) {
            uint32_t at = start + (uint32_t)(r / 8) * stride + (uint32_t)(r % 8) * 128 + k;
            at ^= (at >> 7 & 7) << 4;
            const char *p = emulator_shared_pointer(at);
            emulator_check_shared(p, 16, 16, "multiply_group()");
            memcpy(&out[(r - first) * COLUMNS + k], p, 16);
        }
}

/* A warp's part of a multiplication: sixteen rows. */
struct product {
    uint32_t *sum[LANES]; /* floats or, of integers, int */
    int integers, count, row;
    uint64_t a, b;
    std::vector<uint8_t> left, right; /* operands, once read: [16][COLUMNS], [2 count][COLUMNS] */
};

/* What a warp has under way. Values of sums are here while their variables hold nothing of use. */
struct flight {
    std::deque<std::vector<product>> batches;         /* the last one is not committed */
    std::map<uint32_t *, std::vector<uint32_t>> sums; /* by lane 0's, [count][LANES] */
    bool begun;
};

static std::map<const emulator_warp *, flight> flights;

static void read_operands(product &p) {
    p.left.resize(16 * COLUMNS);
    p.right.resize((size_t)p.count * 2 * COLUMNS);
    read_matrix(p.a, p.row, 16, p.left.data());
    read_matrix(p.b, 0, 2 * p.count, p.right.data());
}

static const float *floats() {
    static std::vector<float> all;
    if (all.empty()) {
        all.resize(1 << 16);
        for (int i = 0; i < 1 << 16; i++) all[(size_t)i] = half_to_float((uint16_t)i);
    }
    return all.data();
}

static uint32_t add_halves(uint32_t sum, const uint8_t *a, const uint8_t *b) {
    const float *f = floats();
    float total = 0, was;
    for (int k = 0; k < COLUMNS; k += 2) total += f[a[k] | a[k + 1] << 8] * f[b[k] | b[k + 1] << 8];
    memcpy(&was, &sum, sizeof was);
    was += total;
    memcpy(&sum, &was, sizeof was);
    return sum;
}

static uint32_t add_bytes(uint32_t sum, const uint8_t *a, const uint8_t *b) {
    for (int k = 0; k < COLUMNS; k++) sum += (uint32_t)((int)a[k] * (int8_t)b[k]);
    return sum;
}

static void multiply(product &p, std::vector<uint32_t> &sums) {
    if (p.left.empty()) read_operands(p);
    for (int y = 0; y < 16; y++)
        for (int x = 0; x < 2 * p.count; x++) {
            int lane = y % 8 * 4 + x % 8 / 2, i = x / 8 * 4 + y / 8 * 2 + x % 2;
            uint32_t &sum = sums[(size_t)(i * LANES + lane)];
            const uint8_t *a = &p.left[(size_t)(y * COLUMNS)], *b = &p.right[(size_t)(x * COLUMNS)];
            sum = p.integers ? add_bytes(sum, a, b) : add_halves(sum, a, b);
        }
}

/* Batches until n are left; then sums that nothing is under way for are in place. */
static void land(flight &f, size_t n) {
    while (f.batches.size() > n + 1) {
        std::vector<product> done = std::move(f.batches.front());
        f.batches.pop_front();
        for (product &p : done) multiply(p, f.sums[p.sum[0]]);
        for (product &p : done) {
            bool more = false;
            for (auto &batch : f.batches)
                for (product &q : batch) more |= q.sum[0] == p.sum[0];
            auto it = f.sums.find(p.sum[0]);
            if (more || it == f.sums.end()) continue;
            for (int i = 0; i < p.count; i++)
                for (int lane = 0; lane < LANES; lane++)
                    p.sum[lane][i] = it->second[(size_t)(i * LANES + lane)];
            f.sums.erase(it);
        }
    }
}

/* Of the current warp, which must be one of four. */
static flight &flight_of(const char *what) {
    emulator_block *b = emulator_current->block;
    size_t group = (size_t)emulator_current->rank / GROUP;
    if (group >= b->warpgroups.size()) emulator_abort("%s: its group has not four warps", what);
    flight &f = flights[emulator_current->warp];
    if (f.batches.empty()) f.batches.emplace_back();
    return f;
}

static void begin_together(void **args) {
    (void)args;
    flight_of("multiply_begin()").begun = true;
}

void multiply_begin() {
    emulator_meet_warp("multiply_begin()", begin_together, NULL);
}

static void commit_together(void **args) {
    (void)args;
    flight_of("multiply_commit()").batches.emplace_back();
}

void multiply_commit() {
    emulator_meet_warp("multiply_commit()", commit_together, NULL);
}

static void wait_together(void **args) {
    flight &f = flight_of("multiply_wait()");
    land(f, (size_t) * (int *)args[0]);
    f.begun = false;
}

void emulator_multiply_wait(int n) {
    emulator_meet_warp("multiply_wait()", wait_together, &n);
}

struct call {
    uint32_t *sum;
    int integers, count;
    uint64_t a, b;
};

static void multiply_together(void **args) {
    flight &f = flight_of("multiply_group()");
    const call *first = (const call *)args[0];
    if (!f.begun) emulator_abort("multiply_group() without multiply_begin()");
    product p;
    p.integers = first->integers;
    p.count = first->count;
    p.row = emulator_current->rank % GROUP / LANES * 16;
    p.a = first->a;
    p.b = first->b;
    for (int lane = 0; lane < LANES; lane++) {
        const call *c = (const call *)args[lane];
        if (c->a != p.a || c->b != p.b)
            emulator_abort("multiply_group(): lane %d has other descriptors", lane);
        p.sum[lane] = c->sum;
    }
    std::vector<uint32_t> &sums = f.sums[p.sum[0]];
    if (sums.empty()) {
        sums.resize((size_t)p.count * LANES);
        for (int i = 0; i < p.count; i++)
            for (int lane = 0; lane < LANES; lane++)
                sums[(size_t)(i * LANES + lane)] = p.sum[lane][i];
    }
    for (int lane = 0; lane < LANES; lane++)
        emulator_poison(p.sum[lane], (size_t)p.count * sizeof *p.sum[lane]);
    if (emulator_random() & 1) read_operands(p);
    f.batches.back().push_back(std::move(p));
}

void emulator_multiply(void *sum, int integers, int count, uint64_t a, uint64_t b) {
    call c = {(uint32_t *)sum, integers, count, a, b};
    emulator_meet_warp("multiply_group()", multiply_together, &c);
}
