/* The device, its context, modules and launches. */
#include "tests/cuda/emulator/driver.h"

#include "tests/cuda/emulator/emulator.h"
#include "tests/cuda/emulator/memory.h"

#include <errno.h>
#include <map>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <string>
#include <sys/mman.h>

enum { STATIC_SHARED = 48 << 10, PARAM_ALIGN = 128 };

struct CUctx_st {
    int retained;
};

struct CUfunc_st {
    const emulator_kernel *kernel;
    int max_shared, wide_clusters;
};

struct CUmod_st {
    std::map<std::string, CUfunc_st> functions;
};

std::recursive_mutex driver_lock;
double driver_delay_ms;
static bool started;
static CUctx_st primary;
static std::set<CUmodule> modules;
static int leaked;
static thread_local std::vector<CUcontext> contexts;

extern "C" __attribute__((visibility("default"))) int emulator_live_allocations(void);

/* Memory not freed, also by contexts that are gone. */
int emulator_live_allocations(void) {
    driver_hold hold(driver_lock);
    return leaked + memory_count();
}

CUresult driver_refuse(CUresult r, const char *format, ...) {
    char sentence[512];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    fprintf(stderr, "emulated CUDA: %s\n", sentence);
    return r;
}

CUresult driver_ready() {
    if (!started) return CUDA_ERROR_NOT_INITIALIZED;
    if (contexts.empty() || !contexts.back() || !primary.retained)
        return CUDA_ERROR_INVALID_CONTEXT;
    return CUDA_SUCCESS;
}

/* What differs between devices; the H100 stands for what is not listed. */
static const struct arch {
    int major, minor, multiprocessors, shared_optin, threads, blocks, l2;
} archs[] = {
    {7, 5, 40, 64 << 10, 1024, 16, 4 << 20},    {8, 0, 108, 163 << 10, 2048, 32, 40 << 20},
    {8, 6, 84, 99 << 10, 1536, 16, 6 << 20},    {8, 9, 128, 99 << 10, 1536, 24, 72 << 20},
    {9, 0, 132, 227 << 10, 2048, 32, 50 << 20}, {10, 0, 148, 227 << 10, 2048, 32, 126 << 20},
    {12, 0, 170, 99 << 10, 1536, 24, 96 << 20},
};

static arch device() {
    const char *text = getenv("MIEN_EMULATOR_ARCH");
    int major = 9, minor = 0;
    if (text && *text && sscanf(text, "%d.%d", &major, &minor) < 1) major = 9;
    for (const arch &a : archs)
        if (a.major == major && a.minor == minor) return a;
    arch a = archs[4];
    a.major = major;
    a.minor = minor;
    return a;
}

CUresult CUDAAPI cuInit(unsigned flags) {
    driver_hold hold(driver_lock);
    if (flags) return CUDA_ERROR_INVALID_VALUE;
    started = true;
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuDriverGetVersion(int *version) {
    if (!version) return CUDA_ERROR_INVALID_VALUE;
    *version = CUDA_VERSION;
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuGetErrorString(CUresult r, const char **out) {
    static const std::map<int, const char *> texts = {
        {CUDA_SUCCESS, "no error"},
        {CUDA_ERROR_INVALID_VALUE, "invalid argument"},
        {CUDA_ERROR_OUT_OF_MEMORY, "out of memory"},
        {CUDA_ERROR_NOT_INITIALIZED, "initialization error"},
        {CUDA_ERROR_NO_DEVICE, "no CUDA-capable device is detected"},
        {CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal"},
        {CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid"},
        {CUDA_ERROR_INVALID_CONTEXT, "invalid device context"},
        {CUDA_ERROR_INVALID_HANDLE, "invalid resource handle"},
        {CUDA_ERROR_ILLEGAL_STATE, "the operation cannot be performed in the present state"},
        {CUDA_ERROR_NOT_FOUND, "named symbol not found"},
        {CUDA_ERROR_NOT_READY, "device not ready"},
        {CUDA_ERROR_NOT_SUPPORTED, "operation not supported"},
        {CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "operation not permitted when stream is capturing"},
        {CUDA_ERROR_STREAM_CAPTURE_INVALIDATED,
         "operation failed due to a previous error during capture"},
        {CUDA_ERROR_STREAM_CAPTURE_IMPLICIT,
         "operation would make the legacy stream depend on a capturing blocking stream"},
        {CUDA_ERROR_CAPTURED_EVENT, "operation not permitted on an event last recorded in a "
                                    "capturing stream"},
        {CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD,
         "attempt to terminate a thread-local capture sequence from another thread"},
    };
    if (!out) return CUDA_ERROR_INVALID_VALUE;
    auto it = texts.find(r);
    *out = it == texts.end() ? NULL : it->second;
    return *out ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult CUDAAPI cuDeviceGetCount(int *count) {
    if (!started) return CUDA_ERROR_NOT_INITIALIZED;
    if (!count) return CUDA_ERROR_INVALID_VALUE;
    *count = 1;
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuDeviceGet(CUdevice *d, int ordinal) {
    if (!started) return CUDA_ERROR_NOT_INITIALIZED;
    if (!d) return CUDA_ERROR_INVALID_VALUE;
    if (ordinal != 0) return CUDA_ERROR_INVALID_DEVICE;
    *d = 0;
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuDeviceGetName(char *name, int len, CUdevice d) {
    if (!started) return CUDA_ERROR_NOT_INITIALIZED;
    if (!name || len <= 0) return CUDA_ERROR_INVALID_VALUE;
    if (d != 0) return CUDA_ERROR_INVALID_DEVICE;
    snprintf(name, (size_t)len, "emulated GPU");
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuDeviceGetAttribute(int *v, CUdevice_attribute attribute, CUdevice d) {
    if (!started) return CUDA_ERROR_NOT_INITIALIZED;
    if (!v) return CUDA_ERROR_INVALID_VALUE;
    if (d != 0) return CUDA_ERROR_INVALID_DEVICE;
    arch a = device();
    switch ((int)attribute) {
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK:
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X:
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y: *v = 1024; break;
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z: *v = 64; break;
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X: *v = 0x7FFFFFFF; break;
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y:
    case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z: *v = 65535; break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: *v = STATIC_SHARED; break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: *v = a.shared_optin; break;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR:
        *v = a.shared_optin + (a.major > 7 ? 1024 : 0);
        break;
    case CU_DEVICE_ATTRIBUTE_RESERVED_SHARED_MEMORY_PER_BLOCK: *v = a.major > 7 ? 1024 : 0; break;
    case CU_DEVICE_ATTRIBUTE_TOTAL_CONSTANT_MEMORY: *v = 65536; break;
    case CU_DEVICE_ATTRIBUTE_WARP_SIZE: *v = 32; break;
    case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK:
    case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR: *v = 65536; break;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *v = a.multiprocessors; break;
    case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR: *v = a.threads; break;
    case CU_DEVICE_ATTRIBUTE_MAX_BLOCKS_PER_MULTIPROCESSOR: *v = a.blocks; break;
    case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE: *v = a.l2; break;
    case CU_DEVICE_ATTRIBUTE_CLOCK_RATE: *v = 1980000; break;
    case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE: *v = 2619000; break;
    case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH: *v = 5120; break;
    case CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT: *v = 3; break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *v = a.major; break;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *v = a.minor; break;
    case CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH:
    case CU_DEVICE_ATTRIBUTE_TENSOR_MAP_ACCESS_SUPPORTED: *v = a.major >= 9; break;
    case CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS:
    case CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING:
    case CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY:
    case CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH: *v = 1; break;
    default: *v = 0;
    }
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuDevicePrimaryCtxRetain(CUcontext *out, CUdevice d) {
    driver_hold hold(driver_lock);
    if (!started) return CUDA_ERROR_NOT_INITIALIZED;
    if (!out) return CUDA_ERROR_INVALID_VALUE;
    if (d != 0) return CUDA_ERROR_INVALID_DEVICE;
    primary.retained++;
    *out = &primary;
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuDevicePrimaryCtxRelease(CUdevice d) {
    driver_hold hold(driver_lock);
    if (!started) return CUDA_ERROR_NOT_INITIALIZED;
    if (d != 0) return CUDA_ERROR_INVALID_DEVICE;
    if (!primary.retained) return CUDA_ERROR_INVALID_CONTEXT;
    if (--primary.retained) return CUDA_SUCCESS;
    driver_finish_all();
    int things = driver_forget_streams() + (int)modules.size(), memory = memory_forget();
    leaked += memory;
    for (CUmodule m : modules) delete m;
    modules.clear();
    if (things || memory)
        driver_refuse(CUDA_SUCCESS,
                      "the context is released with %d allocations and %d streams, events, graphs "
                      "and modules left",
                      memory, things);
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuCtxPushCurrent(CUcontext c) {
    if (!started) return CUDA_ERROR_NOT_INITIALIZED;
    if (c != &primary || !primary.retained) return CUDA_ERROR_INVALID_CONTEXT;
    contexts.push_back(c);
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuCtxPopCurrent(CUcontext *out) {
    if (!started) return CUDA_ERROR_NOT_INITIALIZED;
    if (contexts.empty()) return CUDA_ERROR_INVALID_CONTEXT;
    if (out) *out = contexts.back();
    contexts.pop_back();
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuModuleLoadData(CUmodule *out, const void *image) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready_uncaptured("cuModuleLoadData");
    if (r != CUDA_SUCCESS) return r;
    if (!out || !image) return CUDA_ERROR_INVALID_VALUE;
    *out = new CUmod_st();
    modules.insert(*out);
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuModuleUnload(CUmodule m) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready_uncaptured("cuModuleUnload");
    if (r != CUDA_SUCCESS) return r;
    if (!modules.count(m)) return CUDA_ERROR_INVALID_HANDLE;
    driver_finish_all();
    modules.erase(m);
    delete m;
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuModuleGetFunction(CUfunction *out, CUmodule m, const char *name) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready();
    if (r != CUDA_SUCCESS) return r;
    if (!out || !name) return CUDA_ERROR_INVALID_VALUE;
    if (!modules.count(m)) return CUDA_ERROR_INVALID_HANDLE;
    const emulator_kernel *kernel = emulator_find_kernel(name);
    if (!kernel) return CUDA_ERROR_NOT_FOUND;
    *out = &m->functions.insert({name, {kernel, STATIC_SHARED, 0}}).first->second;
    return CUDA_SUCCESS;
}

static bool is_function(CUfunction f) {
    for (CUmodule m : modules)
        for (auto &entry : m->functions)
            if (&entry.second == f) return true;
    return false;
}

/* Every kernel is loaded with its module here. */
CUresult CUDAAPI cuFuncLoad(CUfunction f) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready();
    if (r != CUDA_SUCCESS) return r;
    return is_function(f) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_HANDLE;
}

CUresult CUDAAPI cuFuncSetAttribute(CUfunction f, CUfunction_attribute attribute, int value) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready();
    if (r != CUDA_SUCCESS) return r;
    if (!is_function(f)) return CUDA_ERROR_INVALID_HANDLE;
    switch ((int)attribute) {
    case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES:
        if (value < 0 || value > device().shared_optin)
            return driver_refuse(CUDA_ERROR_INVALID_VALUE,
                                 "%s cannot have %d bytes of shared memory", f->kernel->name,
                                 value);
        if (value < f->max_shared && f->max_shared > STATIC_SHARED)
            return driver_refuse(CUDA_ERROR_INVALID_VALUE,
                                 "%s gets less shared memory than launches elsewhere may want",
                                 f->kernel->name);
        f->max_shared = value < STATIC_SHARED ? STATIC_SHARED : value;
        return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED:
        f->wide_clusters = value;
        return CUDA_SUCCESS;
    case CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT:
        return value >= -1 && value <= 100 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    default: return CUDA_ERROR_INVALID_VALUE;
    }
}

static bool is_mapped(uintptr_t p) {
    unsigned char resident;
    return mincore((void *)(p & ~(uintptr_t)4095), 1, &resident) == 0 || errno != ENOMEM;
}

/* A kernel here could read the host's memory; on a GPU it could not. So what looks like an address
 * must not be one of the host, nor of memory that was freed. */
static void check_params(const emulator_kernel &kernel, const char *params) {
    for (size_t i = 0; i + 8 <= kernel.params; i += 8) {
        uint64_t v;
        memcpy(&v, params + i, sizeof v);
        /* two numbers; below 2^44 no program has its memory, but AddressSanitizer its tables */
        if (v >> 47 || v < (uint64_t)1 << 44 || (uint32_t)v < 1 << 16) continue;
        emulator_range r;
        bool known = memory_find((void *)v, &r);
        if (known ? !r.freed : !is_mapped(v)) continue;
        char text[256];
        memory_describe((void *)v, text, sizeof text);
        emulator_abort("kernel %s gets at byte %zu of its parameters an address of %s", kernel.name,
                       i, known ? text : "the host");
    }
}

/* A launch in a queue or a graph, with its own copy of the parameters. */
struct queued_launch {
    emulator_launch launch;
    std::vector<char> bytes;
    queued_launch(const emulator_launch &l, const void *params)
        : launch(l), bytes(l.kernel->params + PARAM_ALIGN) {
        uintptr_t start = ((uintptr_t)bytes.data() + PARAM_ALIGN - 1) / PARAM_ALIGN * PARAM_ALIGN;
        memcpy((void *)start, params, l.kernel->params);
        launch.params = (void *)start;
    }
    queued_launch(const queued_launch &) = delete;
    void run() const {
        /* kernels whose names begin so (after a '!': do not) take a second more; or do nothing at
         * all */
        static const char *const slow = getenv("MIEN_EMULATOR_SLOW");
        if (slow) {
            const char *name = slow + (*slow == '!');
            bool begins = strncmp(launch.kernel->name, name, strlen(name)) == 0;
            if (begins != (*slow == '!')) driver_delay_ms += 1000;
        }
        static const char *const dead = getenv("MIEN_EMULATOR_DEAD");
        if (dead && strncmp(launch.kernel->name, dead, strlen(dead)) == 0) return;
        check_params(*launch.kernel, (const char *)launch.params);
        emulator_run(launch);
    }
};

static CUresult read_attributes(const CUlaunchConfig &c, emulator_launch *l) {
    l->cluster = {1, 1, 1};
    l->programmatic = false;
    for (unsigned i = 0; i < c.numAttrs; i++) {
        const CUlaunchAttribute &a = c.attrs[i];
        if (a.id == CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION)
            l->programmatic = a.value.programmaticStreamSerializationAllowed;
        if (a.id != CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION) continue;
        l->cluster = {a.value.clusterDim.x, a.value.clusterDim.y, a.value.clusterDim.z};
        if (device().major < 9)
            return driver_refuse(CUDA_ERROR_NOT_SUPPORTED, "no clusters before sm_90");
    }
    return CUDA_SUCCESS;
}

/* What a launch must keep to; NULL: it does. */
static const char *launch_fault(const CUlaunchConfig &c, const CUfunc_st &f,
                                const emulator_launch &l) {
    uint64_t threads = (uint64_t)c.blockDimX * c.blockDimY * c.blockDimZ;
    if (!c.gridDimX || !c.gridDimY || !c.gridDimZ) return "a grid of no blocks";
    if (c.gridDimX > 0x7FFFFFFF || c.gridDimY > 65535 || c.gridDimZ > 65535)
        return "a grid that is too large";
    if (!threads) return "a block of no threads";
    if (threads > 1024 || c.blockDimX > 1024 || c.blockDimY > 1024 || c.blockDimZ > 64)
        return "a block of too many threads";
    if (threads > (uint64_t)f.kernel->threads) return "more threads than the kernel is made for";
    if (c.sharedMemBytes > (unsigned)f.max_shared)
        return "more shared memory than cuFuncSetAttribute asked for";
    if (!l.cluster.x || !l.cluster.y || !l.cluster.z || c.gridDimX % l.cluster.x ||
        c.gridDimY % l.cluster.y || c.gridDimZ % l.cluster.z)
        return "a grid that is no multiple of the cluster";
    if ((uint64_t)l.cluster.x * l.cluster.y * l.cluster.z > (f.wide_clusters ? 16u : 8u))
        return "a cluster of too many blocks";
    return NULL;
}

CUresult CUDAAPI cuLaunchKernelEx(const CUlaunchConfig *c, CUfunction f, void **params,
                                  void **extra) {
    driver_hold hold(driver_lock);
    CUresult r = driver_ready();
    if (r != CUDA_SUCCESS) return r;
    if (!c || !params || !params[0] || extra) return CUDA_ERROR_INVALID_VALUE;
    if (!is_function(f)) return CUDA_ERROR_INVALID_HANDLE;
    emulator_launch l = {};
    l.kernel = f->kernel;
    l.grid = {c->gridDimX, c->gridDimY, c->gridDimZ};
    l.block = {c->blockDimX, c->blockDimY, c->blockDimZ};
    l.shared = c->sharedMemBytes;
    r = read_attributes(*c, &l);
    if (r != CUDA_SUCCESS) return r;
    const char *fault = launch_fault(*c, *f, l);
    if (fault) return driver_refuse(CUDA_ERROR_INVALID_VALUE, "%s: %s", f->kernel->name, fault);
    /* as some drivers do on some devices */
    if (l.programmatic && getenv("MIEN_EMULATOR_NO_EARLY")) return CUDA_ERROR_INVALID_HANDLE;
    auto queued = std::make_shared<const queued_launch>(l, params[0]);
    return driver_enqueue(c->hStream, [queued] { queued->run(); });
}
