#include "tests/cuda/emulator/memory.h"

#include <deque>
#include <map>
#include <mutex>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <vector>

enum { PAGE = 4096, PATTERN = 0xA5, QUARANTINE = 4096 /* allocations */ };

static std::mutex lock;
static std::map<char *, emulator_range> ranges; /* by the end of the mapping */
static std::deque<char *> freed;                /* their keys, oldest first */
static int live;
static size_t bytes;

char *memory_alloc(size_t size, size_t align, bool pinned) {
    if (size == 0 || size > (size_t)1 << 40) return NULL;
    size_t space = (size + align - 1) / align * align; /* from data to the page behind */
    size_t inner = (space + PAGE - 1) / PAGE * PAGE, mapped = inner + 2 * PAGE;
    void *p = mmap(NULL, mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return NULL;
    emulator_range r = {};
    r.mapping = (char *)p;
    r.mapped = mapped;
    r.size = size;
    r.pinned = pinned;
    r.data = r.mapping + PAGE + inner - space;
    if (mprotect(r.mapping + PAGE, inner, PROT_READ | PROT_WRITE)) {
        munmap(p, mapped);
        return NULL;
    }
    memset(r.mapping + PAGE, PATTERN, inner);
    memset(r.data, 0xFF, size);
    std::lock_guard<std::mutex> hold(lock);
    ranges[r.mapping + mapped] = r;
    live++;
    if (!pinned) bytes += size;
    return r.data;
}

static bool find(const void *p, emulator_range *out) {
    auto it = ranges.upper_bound((char *)p);
    if (it == ranges.end() || it->second.mapping > (char *)p) return false;
    *out = it->second;
    return true;
}

bool memory_find(const void *p, emulator_range *out) {
    std::lock_guard<std::mutex> hold(lock);
    return find(p, out);
}

bool memory_live(const void *p, size_t size, emulator_range *out) {
    const char *at = (const char *)p;
    return memory_find(p, out) && !out->freed && at >= out->data && at <= out->data + out->size &&
           size <= (size_t)(out->data + out->size - at);
}

bool memory_intact(const emulator_range &r) {
    const char *end = r.mapping + r.mapped - PAGE;
    for (const char *p = r.mapping + PAGE; p < r.data; p++)
        if (*(const unsigned char *)p != PATTERN) return false;
    for (const char *p = r.data + r.size; p < end; p++)
        if (*(const unsigned char *)p != PATTERN) return false;
    return true;
}

/* Holds the lock. */
static void retire(emulator_range r) {
    if (!memory_intact(r)) {
        fprintf(stderr, "emulated CUDA: bytes next to an allocation of %zu bytes were written\n",
                r.size);
        abort();
    }
    /* New pages of no access: the old ones go back to the system, the addresses stay taken. */
    mmap(r.mapping, r.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
         -1, 0);
    ranges[r.mapping + r.mapped].freed = true;
    freed.push_back(r.mapping + r.mapped);
    live--;
    if (!r.pinned) bytes -= r.size;
    if (freed.size() <= QUARANTINE) return;
    emulator_range oldest = ranges[freed.front()];
    munmap(oldest.mapping, oldest.mapped);
    ranges.erase(freed.front());
    freed.pop_front();
}

bool memory_free(void *p, bool pinned) {
    std::lock_guard<std::mutex> hold(lock);
    emulator_range r;
    if (!find(p, &r) || r.freed || r.data != p || r.pinned != pinned) return false;
    retire(r);
    return true;
}

int memory_forget() {
    std::lock_guard<std::mutex> hold(lock);
    std::vector<emulator_range> all;
    for (auto &entry : ranges)
        if (!entry.second.freed) all.push_back(entry.second);
    for (emulator_range &r : all) retire(r);
    return (int)all.size();
}

size_t memory_bytes() {
    std::lock_guard<std::mutex> hold(lock);
    return bytes;
}

int memory_count() {
    std::lock_guard<std::mutex> hold(lock);
    return live;
}

void memory_describe(const void *p, char *out, size_t size) {
    emulator_range r;
    std::unique_lock<std::mutex> hold(lock, std::try_to_lock); /* also called by a signal */
    if (!hold || !find(p, &r))
        snprintf(out, size, "%p, which is no memory of the device", p);
    else
        snprintf(out, size, "byte %td of %s%s of %zu bytes", (const char *)p - r.data,
                 r.freed ? "freed " : "", r.pinned ? "pinned memory" : "device memory", r.size);
}
