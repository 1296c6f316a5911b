/* Memory of the device and of the host, and copies between them. */
#include "tests/cuda/emulator/driver.h"
#include "tests/cuda/emulator/emulator.h"
#include "tests/cuda/emulator/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 256 };

/* MIEN_EMULATOR_MEMORY: bytes the device has. */
static size_t memory_size() {
    const char *text = getenv("MIEN_EMULATOR_MEMORY");
    return text && *text ? strtoull(text, NULL, 10) : (size_t)8 << 30;
}

CUresult CUDAAPI cuMemAlloc(CUdeviceptr *out, size_t size) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready_uncaptured("cuMemAlloc");
    if (r != CUDA_SUCCESS) return r;
    if (!out || !size) return CUDA_ERROR_INVALID_VALUE;
    size_t total = memory_size(), used = memory_bytes();
    if (size > total || used > total - size) return CUDA_ERROR_OUT_OF_MEMORY;
    *out = (CUdeviceptr)(uintptr_t)memory_alloc(size, ALIGN, false);
    return *out ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

/* Waits for all work, as the real one. */
CUresult CUDAAPI cuMemFree(CUdeviceptr p) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready_uncaptured("cuMemFree");
    if (r != CUDA_SUCCESS) return r;
    driver_finish_all();
    if (memory_free((void *)(uintptr_t)p, false)) return CUDA_SUCCESS;
    return driver_refuse(CUDA_ERROR_INVALID_VALUE, "cuMemFree of what is no allocation");
}

CUresult CUDAAPI cuMemHostAlloc(void **out, size_t size, unsigned flags) {
    driver_hold hold(driver_lock);
    (void)flags;
    CUresult r = driver_ready_uncaptured("cuMemHostAlloc");
    if (r != CUDA_SUCCESS) return r;
    if (!out || !size) return CUDA_ERROR_INVALID_VALUE;
    *out = memory_alloc(size, ALIGN, true);
    return *out ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult CUDAAPI cuMemFreeHost(void *p) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready_uncaptured("cuMemFreeHost");
    if (r != CUDA_SUCCESS) return r;
    driver_finish_all();
    if (memory_free(p, true)) return CUDA_SUCCESS;
    return driver_refuse(CUDA_ERROR_INVALID_VALUE, "cuMemFreeHost of what is no allocation");
}

CUresult CUDAAPI cuPointerGetAttribute(void *out, CUpointer_attribute attribute, CUdeviceptr p) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready();
    if (r != CUDA_SUCCESS) return r;
    emulator_range range;
    if (!out || !memory_live((void *)(uintptr_t)p, 1, &range)) return CUDA_ERROR_INVALID_VALUE;
    switch ((int)attribute) {
    case CU_POINTER_ATTRIBUTE_MEMORY_TYPE:
        *(unsigned *)out = range.pinned ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE;
        return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL: *(int *)out = 0; return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_DEVICE_POINTER: *(CUdeviceptr *)out = p; return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_RANGE_START_ADDR:
        *(CUdeviceptr *)out = (CUdeviceptr)(uintptr_t)range.data;
        return CUDA_SUCCESS;
    case CU_POINTER_ATTRIBUTE_RANGE_SIZE: *(size_t *)out = range.size; return CUDA_SUCCESS;
    default: return CUDA_ERROR_INVALID_VALUE;
    }
}

enum side { DEVICE_SIDE, HOST_SIDE, EITHER };

struct copy {
    char *to;
    const char *from;
    size_t to_pitch, from_pitch, width, height;
};

static size_t span(size_t pitch, const copy &c) {
    return (c.height - 1) * pitch + c.width;
}

/* Is it memory of the kind the call is about? *pageable: of the host, and not pinned. */
static bool is_right(const void *p, size_t size, side s, bool *pageable) {
    emulator_range r;
    *pageable = s != DEVICE_SIDE && !memory_find(p, &r);
    if (*pageable) return p != NULL;
    return memory_live(p, size, &r) && (s != HOST_SIDE || r.pinned);
}

static void check_still_there(const void *p, size_t size) {
    emulator_range r;
    char text[256];
    if (!memory_find(p, &r) || memory_live(p, size, &r)) return;
    memory_describe(p, text, sizeof text);
    emulator_abort("a copy comes to its turn when it is about %s", text);
}

static void run_copy(const copy &c) {
    check_still_there(c.to, span(c.to_pitch, c));
    check_still_there(c.from, span(c.from_pitch, c));
    for (size_t y = 0; y < c.height; y++)
        memmove(c.to + y * c.to_pitch, c.from + y * c.from_pitch, c.width);
}

static bool is_host(const void *p) {
    emulator_range r;
    return !memory_find(p, &r) || r.pinned;
}

/* MIEN_EMULATOR_COPIES names a file that gets a line a copy: up, down or across, and bytes. */
static void log_copy(const copy &c) {
    const char *path = getenv("MIEN_EMULATOR_COPIES");
    FILE *f = path && *path ? fopen(path, "a") : NULL;
    if (!f) return;
    fprintf(f, "%s %zu\n",
            is_host(c.from) ? "up"
            : is_host(c.to) ? "down"
                            : "across",
            c.width * c.height);
    fclose(f);
}

/* Memory of the host that is not pinned is read before the call returns, except by a graph. */
static CUresult enqueue_copy(CUstream s, copy c, side to, side from, const char *what) {
    CUresult r = driver_ready();
    if (r != CUDA_SUCCESS) return r;
    if (!c.width || !c.height) return driver_refuse(CUDA_ERROR_INVALID_VALUE, "a copy of nothing");
    bool to_pageable = false, from_pageable = false;
    const void *wrong = NULL;
    size_t size = 0;
    if (!is_right(c.to, span(c.to_pitch, c), to, &to_pageable))
        wrong = c.to, size = span(c.to_pitch, c);
    else if (!is_right(c.from, span(c.from_pitch, c), from, &from_pageable))
        wrong = c.from, size = span(c.from_pitch, c);
    if (size) {
        char text[256];
        memory_describe(wrong, text, sizeof text);
        return driver_refuse(CUDA_ERROR_INVALID_VALUE, "%s: %zu bytes at %s", what, size, text);
    }
    log_copy(c);
    if (!from_pageable || driver_capturing(s)) return driver_enqueue(s, [c] { run_copy(c); });
    auto bytes = std::make_shared<std::vector<char>>(c.width * c.height);
    for (size_t y = 0; y < c.height; y++)
        memcpy(bytes->data() + y * c.width, c.from + y * c.from_pitch, c.width);
    c.from = bytes->data();
    c.from_pitch = c.width;
    return driver_enqueue(s, [c, bytes] { run_copy(c); });
}

CUresult CUDAAPI cuMemcpyHtoDAsync(CUdeviceptr to, const void *from, size_t size, CUstream s) {
    driver_hold hold(driver_lock);
    copy c = {(char *)(uintptr_t)to, (const char *)from, size, size, size, 1};
    return enqueue_copy(s, c, DEVICE_SIDE, HOST_SIDE, "cuMemcpyHtoDAsync");
}

CUresult CUDAAPI cuMemcpyDtoHAsync(void *to, CUdeviceptr from, size_t size, CUstream s) {
    driver_hold hold(driver_lock);
    copy c = {(char *)to, (const char *)(uintptr_t)from, size, size, size, 1};
    return enqueue_copy(s, c, HOST_SIDE, DEVICE_SIDE, "cuMemcpyDtoHAsync");
}

CUresult CUDAAPI cuMemcpyAsync(CUdeviceptr to, CUdeviceptr from, size_t size, CUstream s) {
    driver_hold hold(driver_lock);
    copy c = {(char *)(uintptr_t)to, (const char *)(uintptr_t)from, size, size, size, 1};
    return enqueue_copy(s, c, EITHER, EITHER, "cuMemcpyAsync");
}

static bool side_of(CUmemorytype type, side *out) {
    *out = type == CU_MEMORYTYPE_HOST     ? HOST_SIDE
           : type == CU_MEMORYTYPE_DEVICE ? DEVICE_SIDE
                                          : EITHER;
    return type == CU_MEMORYTYPE_HOST || type == CU_MEMORYTYPE_DEVICE ||
           type == CU_MEMORYTYPE_UNIFIED;
}

CUresult CUDAAPI cuMemcpy2DAsync(const CUDA_MEMCPY2D *d, CUstream s) {
    driver_hold hold(driver_lock);
    side to, from;
    if (!d || !side_of(d->dstMemoryType, &to) || !side_of(d->srcMemoryType, &from))
        return CUDA_ERROR_INVALID_VALUE;
    size_t to_pitch = d->dstPitch ? d->dstPitch : d->WidthInBytes;
    size_t from_pitch = d->srcPitch ? d->srcPitch : d->WidthInBytes;
    if (d->dstXInBytes + d->WidthInBytes > to_pitch ||
        d->srcXInBytes + d->WidthInBytes > from_pitch)
        return driver_refuse(CUDA_ERROR_INVALID_VALUE,
                             "cuMemcpy2DAsync: rows wider than their pitch");
    char *dst = to == HOST_SIDE ? (char *)d->dstHost : (char *)(uintptr_t)d->dstDevice;
    const char *src =
        from == HOST_SIDE ? (const char *)d->srcHost : (const char *)(uintptr_t)d->srcDevice;
    copy c = {dst + d->dstY * to_pitch + d->dstXInBytes,
              src + d->srcY * from_pitch + d->srcXInBytes,
              to_pitch,
              from_pitch,
              d->WidthInBytes,
              d->Height};
    return enqueue_copy(s, c, to, from, "cuMemcpy2DAsync");
}

CUresult CUDAAPI cuMemsetD8Async(CUdeviceptr p, unsigned char value, size_t size, CUstream s) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready();
    if (r != CUDA_SUCCESS) return r;
    void *to = (void *)(uintptr_t)p;
    emulator_range range;
    if (!size) return driver_refuse(CUDA_ERROR_INVALID_VALUE, "clearing nothing");
    if (!memory_live(to, size, &range)) {
        char text[256];
        memory_describe(to, text, sizeof text);
        return driver_refuse(CUDA_ERROR_INVALID_VALUE, "cuMemsetD8Async: %zu bytes at %s", size,
                             text);
    }
    return driver_enqueue(s, [to, value, size] {
        check_still_there(to, size);
        memset(to, value, size);
    });
}
