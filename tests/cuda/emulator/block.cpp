/* Runs grids: which fiber comes next, where they meet, and what to say when none can go on. */
#include "tests/cuda/emulator/emulator.h"
#include "tests/cuda/emulator/fiber.h"
#include "tests/cuda/emulator/memory.h"

#include <memory>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

enum { LANES = 32, PAGE = 4096, SHARED_MAX = 256 << 10, PATTERN = 0xA5 };
enum { DYNAMIC_AT = 1024, STATIC_AT = 1 << 24, RANK_SHIFT = 26 };

emulator_thread *emulator_current;
const emulator_launch *emulator_launched;
std::vector<emulator_block *> emulator_cluster;

/* Static __shared__ variables of all kernels: the linker knows where the section starts and ends.
 */
extern "C" {
extern char __start_emulated_shared[] __attribute__((weak, visibility("hidden")));
extern char __stop_emulated_shared[] __attribute__((weak, visibility("hidden")));
}

struct deferred_work {
    const char *what;
    void (*fn)(void *);
    std::string context;
};

static struct {
    std::vector<std::unique_ptr<emulator_block>> blocks; /* reused from cluster to cluster */
    std::vector<emulator_warp *> warps;                  /* of the whole cluster */
    std::vector<deferred_work> deferred;
    std::vector<char *> shared; /* a mapping for each rank of the cluster */
    emulator_block *statics_of; /* whose static variables are in place */
    void *outside;              /* the stack of emulator_run() */
    uint32_t random;
    uint32_t hurry; /* a warp is left early once in hurry + 1 meetings; ~0: never */
    bool moved;     /* something happened since pollers were last let go */
    int alive;
} grid;

static void say(const char *sentence) {
    char text[1024], who[256] = "";
    if (emulator_launched && emulator_current) {
        const emulator_dim &b = emulator_current->block->index, &t = emulator_current->index;
        snprintf(who, sizeof who, "kernel %s, block (%u, %u, %u), thread (%u, %u, %u): ",
                 emulator_launched->kernel->name, b.x, b.y, b.z, t.x, t.y, t.z);
    } else if (emulator_launched) {
        snprintf(who, sizeof who, "kernel %s: ", emulator_launched->kernel->name);
    }
    int n = snprintf(text, sizeof text, "emulated CUDA: %s%s\n", who, sentence);
    if (n >= (int)sizeof text) n = sizeof text - 1;
    if (write(STDERR_FILENO, text, (size_t)n) < 0) return;
}

void emulator_abort(const char *format, ...) {
    char sentence[512];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    say(sentence);
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void on_fault(int number, siginfo_t *info, void *context) {
    (void)context;
    char what[256];
    if (number == SIGILL || number == SIGTRAP)
        emulator_abort("misaligned access, or what else the compiler's checks stop");
    for (size_t i = 0; i < emulator_cluster.size(); i++) {
        const char *shared = emulator_cluster[i]->shared, *at = (const char *)info->si_addr;
        if (at >= shared - PAGE && at < shared + SHARED_MAX)
            emulator_abort("touches byte %td of %zu bytes of shared memory", at - shared,
                           emulator_launched->shared);
    }
    memory_describe(info->si_addr, what, sizeof what);
    emulator_abort("touches %s", what);
}

/* While a grid runs its faults are explained, on a stack of their own. */
struct fault_guard {
    struct sigaction old[4];
    stack_t old_stack;
    static constexpr int signals[4] = {SIGSEGV, SIGBUS, SIGILL, SIGTRAP};
    fault_guard() {
        static char stack[64 << 10];
        stack_t s = {};
        s.ss_sp = stack;
        s.ss_size = sizeof stack;
        sigaltstack(&s, &old_stack);
        struct sigaction action = {};
        action.sa_sigaction = on_fault;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        for (int i = 0; i < 4; i++) sigaction(signals[i], &action, &old[i]);
    }
    ~fault_guard() {
        for (int i = 0; i < 4; i++) sigaction(signals[i], &old[i], NULL);
        sigaltstack(&old_stack, NULL);
    }
};
constexpr int fault_guard::signals[4];

void emulator_poison(void *p, size_t size) {
    memset(p, 0xFF, size);
}

void emulator_check_aligned(const void *p, size_t align, const char *what) {
    if ((uintptr_t)p % align) emulator_abort("%s: %p is not aligned to %zu bytes", what, p, align);
}

static bool in_statics(const void *p) {
    return (const char *)p >= __start_emulated_shared && (const char *)p < __stop_emulated_shared;
}

void emulator_check_shared(const void *p, size_t size, size_t align, const char *what) {
    const char *at = (const char *)p, *base = emulator_current->block->shared;
    size_t total = emulator_launched->shared;
    emulator_check_aligned(p, align, what);
    if (in_statics(p) && size <= (size_t)(__stop_emulated_shared - at)) return;
    if (at >= base && at <= base + total && size <= (size_t)(base + total - at)) return;
    if (at >= base - PAGE && at < base + SHARED_MAX)
        emulator_abort("%s: %zu bytes at %td of %zu bytes of shared memory", what, size, at - base,
                       total);
    emulator_abort("%s: %p is not shared memory", what, p);
}

void emulator_check_global(const void *p, size_t size, const char *what) {
    emulator_range r;
    if (memory_live(p, size, &r)) return;
    char text[256];
    memory_describe(p, text, sizeof text);
    emulator_abort("%s: %zu bytes at %s", what, size, text);
}

uint32_t emulator_shared_address(const void *p) {
    const char *at = (const char *)p;
    if (in_statics(p)) return STATIC_AT + (uint32_t)(at - __start_emulated_shared);
    const char *base = emulator_current->block->shared;
    /* One past the end is an address, too. */
    if (at < base || at > base + emulator_launched->shared)
        emulator_abort("shared_address(): %p is not shared memory of its block", p);
    return DYNAMIC_AT + (uint32_t)(at - base);
}

char *emulator_shared_pointer(uint32_t address) {
    return emulator_shared_pointer(address, emulator_current->block->cluster_rank);
}

char *emulator_shared_pointer(uint32_t address, int rank) {
    if (rank < 0 || rank >= (int)emulator_cluster.size())
        emulator_abort("there is no block %d in its cluster", rank);
    if (address >= STATIC_AT) {
        if (rank != emulator_current->block->cluster_rank)
            emulator_abort("static shared memory of another block is not emulated");
        return __start_emulated_shared + (address - STATIC_AT);
    }
    if (address < DYNAMIC_AT || address - DYNAMIC_AT > emulator_launched->shared)
        emulator_abort("shared address %u lies outside of its block's memory", address);
    return emulator_cluster[(size_t)rank]->shared + (address - DYNAMIC_AT);
}

uint32_t emulator_random() {
    uint32_t x = grid.random;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return grid.random = x;
}

/* Who waits in what, by word: "31 threads wait in ballot() (first: thread 0)". */
[[noreturn]] static void complain_of_deadlock() {
    std::string text = "nothing can go on: ";
    std::vector<std::string> said;
    for (emulator_block *b : emulator_cluster)
        for (emulator_thread &t : b->threads) {
            std::string what = t.ended ? "ended" : t.waits ? t.waits : "run";
            bool known = false;
            for (std::string &s : said) known |= s == what;
            if (known) continue;
            said.push_back(what);
            int n = 0;
            for (emulator_block *c : emulator_cluster)
                for (emulator_thread &u : c->threads)
                    n += what == (u.ended ? "ended" : u.waits ? u.waits : "run");
            char part[128];
            snprintf(part, sizeof part,
                     t.ended ? "%s%d threads have %s (first: %d)"
                             : "%s%d threads wait in %s (first: %d)",
                     said.size() > 1 ? ", " : "", n, what.c_str(), t.rank);
            text += part;
        }
    for (emulator_block *b : emulator_cluster)
        for (emulator_thread &t : b->threads)
            if (!t.ended && t.waits) {
                emulator_current = &t;
                emulator_abort("%s", text.c_str());
            }
    emulator_abort("%s", text.c_str());
}

static bool run_deferred() {
    if (grid.deferred.empty()) return false;
    size_t i = emulator_random() % grid.deferred.size();
    deferred_work d = std::move(grid.deferred[i]);
    grid.deferred.erase(grid.deferred.begin() + (ptrdiff_t)i);
    grid.moved = true;
    d.fn(&d.context[0]);
    return true;
}

/* A warp with a ready lane, not `but` unless it is the only one. */
static emulator_warp *pick_warp(const emulator_warp *but) {
    size_t n = grid.warps.size(), start = n > 1 ? emulator_random() % n : 0;
    emulator_warp *found = NULL;
    for (size_t i = 0; i < n; i++) {
        emulator_warp *w = grid.warps[start + i < n ? start + i : start + i - n];
        if (!w->ready) continue;
        found = w;
        if (w != but) break;
    }
    return found;
}

/* Any of its ready lanes: a random one and then its neighbours in either direction. */
static emulator_thread *pick_lane(emulator_warp *w) {
    uint32_t r = emulator_random(), turn = r >> 8 & 31, ready = w->ready;
    uint32_t turned = turn ? ready >> turn | ready << (LANES - turn) : ready;
    uint32_t lane =
        r >> 20 & 1 ? (uint32_t)__builtin_ctz(turned) : 31 - (uint32_t)__builtin_clz(turned);
    return &w->lanes[(lane + turn) & 31];
}

/* The static variables of the block that goes on, where a cluster has several. */
static void place_statics(emulator_block *b) {
    size_t size = (size_t)(__stop_emulated_shared - __start_emulated_shared);
    if (grid.statics_of == b) return;
    if (grid.statics_of && size)
        memcpy(grid.statics_of->statics.data(), __start_emulated_shared, size);
    if (size) memcpy(__start_emulated_shared, b->statics.data(), size);
    grid.statics_of = b;
}

/* Goes on with some fiber that can; `warp`'s come first unless NULL. */
static void switch_away(void **from, emulator_warp *warp, const emulator_warp *but) {
    emulator_thread *self = emulator_current;
    emulator_warp *w = warp && warp->ready ? warp : pick_warp(but);
    while (!w) {
        if (grid.alive == 0) {
            fiber_switch(from, grid.outside);
            return;
        }
        bool polling = false;
        for (emulator_warp *p : grid.warps) polling |= p->polling != 0;
        if (!(polling && grid.moved) && !run_deferred()) complain_of_deadlock();
        grid.moved = false;
        for (emulator_warp *p : grid.warps) {
            p->ready |= p->polling;
            p->polling = 0;
        }
        w = pick_warp(NULL);
    }
    emulator_thread *next = pick_lane(w);
    if (next == self) return;
    place_statics(next->block);
    emulator_current = next;
    void *to = next->stack;
    fiber_switch(from, to);
}

static void wait_for_others(const char *what) {
    emulator_thread *t = emulator_current;
    t->waits = what;
    t->warp->ready &= ~(1u << t->lane);
    switch_away(&t->stack, t->warp, NULL);
    t->waits = NULL;
}

void emulator_yield() {
    emulator_thread *t = emulator_current;
    switch_away(&t->stack, NULL, t->warp);
}

void emulator_meet(emulator_meeting &m, const char *what, void (*together)(void **), void *arg) {
    emulator_thread *t = emulator_current;
    void **args = &t->block->args[(size_t)m.first];
    if (m.arrived == 0) {
        m.what = what;
        m.together = together;
    } else if (m.together != together || (m.what != what && strcmp(m.what, what))) {
        emulator_abort("calls %s where others of its %s wait in %s", what,
                       m.size == LANES ? "warp" : "group", m.what);
    }
    t->block->args[(size_t)t->rank] = arg;
    if (++m.arrived < m.size) {
        wait_for_others(what);
        return;
    }
    if (together) together(args);
    m.arrived = 0;
    grid.moved = true;
    for (int i = m.first; i < m.first + m.size; i += LANES) {
        int lanes = m.first + m.size - i;
        t->block->warps[(size_t)i / LANES].ready = lanes < LANES ? (1u << lanes) - 1 : ~0u;
    }
    if (grid.hurry != ~0u && (emulator_random() & grid.hurry) == 0) emulator_yield();
}

void emulator_meet_warp(const char *what, void (*together)(void **), void *arg) {
    emulator_meeting &m = emulator_current->warp->meeting;
    if (m.size != LANES) emulator_abort("calls %s in a warp of %d threads", what, m.size);
    emulator_meet(m, what, together, arg);
}

void emulator_meet_warpgroup(const char *what, void (*together)(void **), void *arg) {
    emulator_block *b = emulator_current->block;
    size_t i = (size_t)emulator_current->rank / (4 * LANES);
    if (i >= b->warpgroups.size()) emulator_abort("calls %s, but its warpgroup is not full", what);
    emulator_meet(b->warpgroups[i], what, together, arg);
}

void emulator_meet_block(const char *what, void (*together)(void **), void *arg) {
    emulator_meet(emulator_current->block->meeting, what, together, arg);
}

void emulator_wait_until(const char *what, bool (*is_true)(void *), void *context) {
    emulator_thread *t = emulator_current;
    while (!is_true(context)) {
        t->waits = what;
        t->warp->polling |= 1u << t->lane;
        t->warp->ready &= ~(1u << t->lane);
        switch_away(&t->stack, t->warp, NULL);
    }
    t->waits = NULL;
    grid.moved = true;
}

void emulator_defer(const char *what, void (*fn)(void *), const void *context, size_t size) {
    grid.deferred.push_back({what, fn, std::string((const char *)context, size)});
    if (emulator_random() % 8 == 0) run_deferred();
}

static void arrive(int id, int threads) {
    if (id < 0 || id > 15 || threads <= 0 || threads % LANES)
        emulator_abort("barrier %d of %d threads", id, threads);
    emulator_barrier &b = emulator_current->block->barriers[id];
    if (b.arrived && b.expected != threads)
        emulator_abort("barrier %d is of %d threads for some, of %d for others", id, b.expected,
                       threads);
    b.expected = threads;
    if (++b.arrived < threads) return;
    b.arrived = 0;
    b.generation++;
    grid.moved = true;
}

struct barrier_wait {
    emulator_barrier *barrier;
    unsigned generation;
};

static bool has_passed(void *context) {
    barrier_wait *w = (barrier_wait *)context;
    return w->barrier->generation != w->generation;
}

void emulator_barrier_sync(int id, int threads) {
    emulator_barrier *b = &emulator_current->block->barriers[id & 15];
    barrier_wait w = {b, b->generation};
    arrive(id, threads);
    emulator_wait_until("a named barrier", has_passed, &w);
}

void emulator_barrier_arrive(int id, int threads) {
    arrive(id, threads);
}

/* The first function of every fiber. */
static void run_thread() {
    emulator_launched->kernel->run(emulator_launched->params);
    emulator_thread *t = emulator_current;
    t->ended = true;
    t->block->alive--;
    grid.alive--;
    grid.moved = true;
    t->warp->ready &= ~(1u << t->lane);
    t->copies.clear();
    switch_away(&t->stack, t->warp, NULL);
    abort(); /* nobody goes on with what has ended */
}

/* Pages of shared memory for a block of the cluster: those before and behind are unreadable. */
static char *shared_mapping(size_t rank) {
    while (grid.shared.size() <= rank) {
        void *p = mmap(NULL, SHARED_MAX + 2 * PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED || mprotect(p, PAGE, PROT_NONE) ||
            mprotect((char *)p + PAGE + SHARED_MAX, PAGE, PROT_NONE))
            emulator_abort("no memory for shared memory");
        grid.shared.push_back((char *)p + PAGE);
    }
    return grid.shared[rank];
}

/* Dynamic memory ends at the unreadable page, but for the pattern that keeps its start aligned. */
static void make_shared(emulator_block *b) {
    size_t size = emulator_launched->shared, space = (size + 1023) / 1024 * 1024;
    char *end = shared_mapping((size_t)b->cluster_rank) + SHARED_MAX;
    b->shared = end - space;
    emulator_poison(b->shared, size);
    memset(b->shared + size, PATTERN, space - size);
    size_t statics = (size_t)(__stop_emulated_shared - __start_emulated_shared);
    b->statics.assign(statics, (char)0xFF);
}

static void check_shared_end(const emulator_block *b) {
    size_t size = emulator_launched->shared, space = (size + 1023) / 1024 * 1024;
    for (size_t i = size; i < space; i++)
        if ((unsigned char)b->shared[i] != PATTERN)
            emulator_abort("block (%u, %u, %u) wrote byte %zu of %zu bytes of shared memory",
                           b->index.x, b->index.y, b->index.z, i, size);
}

static void make_threads(emulator_block *b) {
    const emulator_dim &d = emulator_launched->block;
    size_t n = (size_t)d.x * d.y * d.z, warps = (n + LANES - 1) / LANES;
    b->threads.resize(n);
    b->warps.assign(warps, emulator_warp());
    b->args.assign(n, NULL);
    b->warpgroups.clear();
    for (size_t i = 0; i + 4 * LANES <= n; i += 4 * LANES)
        b->warpgroups.push_back({(int)i, 4 * LANES, 0, NULL, NULL});
    b->meeting = {0, (int)n, 0, NULL, NULL};
    memset(b->barriers, 0, sizeof b->barriers);
    for (size_t i = 0; i < warps; i++) {
        int left = (int)(n - i * LANES), lanes = left < LANES ? left : LANES;
        b->warps[i].block = b;
        b->warps[i].lanes = &b->threads[i * LANES];
        b->warps[i].ready = lanes < LANES ? (1u << lanes) - 1 : ~0u;
        b->warps[i].meeting = {(int)i * LANES, lanes, 0, NULL, NULL};
        grid.warps.push_back(&b->warps[i]);
    }
    for (size_t i = 0; i < n; i++) {
        emulator_thread &t = b->threads[i];
        t.index = {(unsigned)(i % d.x), (unsigned)(i / d.x % d.y), (unsigned)(i / d.x / d.y)};
        t.block = b;
        t.warp = &b->warps[i / LANES];
        t.rank = (int)i;
        t.lane = (int)(i % LANES);
        t.waits = NULL;
        t.ended = false;
        t.groups = 0;
        t.copied = 0;
        t.copies.clear();
        t.stack = fiber_new(fiber_stack((size_t)b->cluster_rank * n + i), run_thread);
    }
    b->alive = (int)n;
    grid.alive += (int)n;
}

/* The blocks of the cluster whose first one is at `first`. */
static void run_cluster(const emulator_launch &l, emulator_dim first) {
    size_t n = (size_t)l.cluster.x * l.cluster.y * l.cluster.z;
    while (grid.blocks.size() < n) grid.blocks.emplace_back(new emulator_block());
    emulator_cluster.clear();
    grid.warps.clear();
    grid.alive = 0;
    grid.moved = true;
    grid.statics_of = NULL;
    static const uint32_t hurries[] = {~0u, 15, 1, ~0u};
    grid.hurry = hurries[emulator_random() >> 13 & 3];
    for (size_t i = 0; i < n; i++) {
        emulator_block *b = grid.blocks[i].get();
        b->index = {first.x + (unsigned)(i % l.cluster.x),
                    first.y + (unsigned)(i / l.cluster.x % l.cluster.y),
                    first.z + (unsigned)(i / l.cluster.x / l.cluster.y)};
        b->cluster_rank = (int)i;
        b->grid_waited = false;
        emulator_cluster.push_back(b);
        make_shared(b);
        make_threads(b);
    }
    emulator_current = NULL;
    switch_away(&grid.outside, NULL, NULL);
    emulator_current = NULL;
    for (emulator_block *b : emulator_cluster) {
        check_shared_end(b);
        if (l.programmatic && !b->grid_waited)
            emulator_abort("block (%u, %u, %u) never called grid_wait(), but was launched to start "
                           "before the kernel in front of it has ended",
                           b->index.x, b->index.y, b->index.z);
    }
    if (!grid.deferred.empty())
        emulator_abort("block (%u, %u, %u) ended with %s under way", first.x, first.y, first.z,
                       grid.deferred[0].what);
}

static uint64_t common_divisor(uint64_t a, uint64_t b) {
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static uint32_t seed_of_launch() {
    static uint32_t launches;
    const char *text = getenv("MIEN_EMULATOR_SEED");
    uint32_t seed = text && *text ? (uint32_t)strtoul(text, NULL, 10) : 1;
    uint32_t mixed = (seed * 0x9E3779B9u) ^ (++launches * 0x85EBCA6Bu);
    return mixed ? mixed : 1;
}

void emulator_run(const emulator_launch &l) {
    fault_guard guard;
#if defined(__x86_64__)
    unsigned control = _mm_getcsr();
    _mm_setcsr(0x1F80); /* a GPU keeps subnormals, whatever the calling thread does */
#endif
    emulator_launched = &l;
    grid.random = seed_of_launch();
    grid.deferred.clear();
    emulator_dim n = {l.grid.x / l.cluster.x, l.grid.y / l.cluster.y, l.grid.z / l.cluster.z};
    uint64_t count = (uint64_t)n.x * n.y * n.z;
    uint64_t at = emulator_random() % count, step = 1 + emulator_random() % count;
    while (common_divisor(step, count) != 1) step++;
    for (uint64_t i = 0; i < count; i++, at = (at + step) % count)
        run_cluster(l,
                    {(unsigned)(at % n.x) * l.cluster.x, (unsigned)(at / n.x % n.y) * l.cluster.y,
                     (unsigned)(at / n.x / n.y) * l.cluster.z});
    emulator_launched = NULL;
    emulator_cluster.clear();
#if defined(__x86_64__)
    _mm_setcsr(control);
#endif
}

static std::vector<emulator_kernel> &kernels() {
    static std::vector<emulator_kernel> all; /* made by the first registrar, whichever that is */
    return all;
}

emulator_registrar::emulator_registrar(const char *name, size_t params, int threads,
                                       void (*run)(const void *)) {
    kernels().push_back({name, params, threads, run});
}

const emulator_kernel *emulator_find_kernel(const char *name) {
    for (const emulator_kernel &k : kernels())
        if (!strcmp(k.name, name)) return &k;
    return NULL;
}
