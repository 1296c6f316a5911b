#include "cuda/device.h"

#include "engine/err.h"
#include "mien.h"

#include <stdint.h>
#include <string.h>

static int attribute(const struct cuda_device *dev, CUdevice_attribute which) {
    int value = 0;
    return dev->driver->device_attribute(&value, which, dev->id) == CUDA_SUCCESS ? value : 0;
}

static int find_device(struct cuda_device *dev, int index) {
    int count = 0, rc = cuda_check(dev->driver->device_count(&count), "counting devices");
    if (rc) return rc;
    if (index < 0 || index >= count)
        return err_set(MIEN_EDEVICE, "there is no CUDA device %d; this machine has %d", index,
                       count);
    rc = cuda_check(dev->driver->device_get(&dev->id, index), "finding a device");
    if (rc) return rc;
    dev->driver->device_name(dev->name, (int)sizeof dev->name, dev->id);
    dev->multiprocessors = attribute(dev, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
    dev->shared = attribute(dev, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
    dev->capability = 10 * attribute(dev, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) +
                      attribute(dev, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    if (dev->capability < 80)
        return err_set(MIEN_EDEVICE,
                       "device %d, %s, has compute capability %d.%d; mien needs 8.0 or later",
                       index, dev->name, dev->capability / 10, dev->capability % 10);
    return MIEN_OK;
}

/* Files for one kind of GPU alone have no code for others. */
static int load_kernels(struct cuda_device *dev) {
    for (int i = 0; i < cuda_image_count && i < CUDA_MAX_IMAGES; i++) {
        CUmodule module;
        CUresult r = dev->driver->module_load(&module, cuda_images[i].bytes);
        if (r == CUDA_ERROR_NO_BINARY_FOR_GPU) continue;
        int rc = cuda_check(r, "loading kernels");
        if (rc) return err_prefix(rc, "%s", cuda_images[i].name);
        dev->modules[dev->nmodules++] = module;
    }
    return MIEN_OK;
}

int cuda_device_open(struct cuda_device *dev, int index) {
    memset(dev, 0, sizeof *dev);
    int rc = cuda_driver_get(&dev->driver);
    if (!rc) rc = find_device(dev, index);
    if (rc) return rc;
    rc = cuda_check(dev->driver->context_retain(&dev->context, dev->id), "opening the device");
    if (rc) {
        dev->context = NULL;
        return rc;
    }
    rc = cuda_enter(dev);
    if (!rc) {
        rc = load_kernels(dev);
        cuda_leave(dev);
    }
    if (rc) cuda_device_close(dev);
    return rc;
}

void cuda_device_close(struct cuda_device *dev) {
    if (!dev->context) return;
    if (cuda_enter(dev) == MIEN_OK) {
        for (int i = 0; i < dev->nmodules; i++) dev->driver->module_unload(dev->modules[i]);
        cuda_leave(dev);
    }
    dev->driver->context_release(dev->id);
    memset(dev, 0, sizeof *dev);
}

int cuda_enter(const struct cuda_device *dev) {
    return cuda_check(dev->driver->context_push(dev->context), "using the device");
}

void cuda_leave(const struct cuda_device *dev) {
    CUcontext old;
    dev->driver->context_pop(&old);
}

int cuda_alloc(const struct cuda_device *dev, size_t bytes, CUdeviceptr *out) {
    *out = 0;
    CUresult r = dev->driver->alloc(out, bytes ? bytes : 1);
    if (r == CUDA_SUCCESS) return MIEN_OK;
    *out = 0;
    if (r == CUDA_ERROR_OUT_OF_MEMORY)
        return err_set(MIEN_ENOMEM, "%s has no %zu MB of memory left", dev->name,
                       (bytes + 999999) / 1000000);
    return cuda_check(r, "taking memory");
}

void cuda_free(const struct cuda_device *dev, CUdeviceptr p) {
    if (p) dev->driver->free(p);
}

int cuda_alloc_host(const struct cuda_device *dev, size_t bytes, void **out) {
    *out = NULL;
    CUresult r = dev->driver->alloc_host(out, bytes ? bytes : 1, CU_MEMHOSTALLOC_PORTABLE);
    if (r == CUDA_SUCCESS) return MIEN_OK;
    *out = NULL;
    return cuda_check(r, "taking memory of the host");
}

void cuda_free_host(const struct cuda_device *dev, void *p) {
    if (p) dev->driver->free_host(p);
}

int cuda_is_device(const struct cuda_device *dev, const void *p) {
    CUmemorytype type = 0;
    CUresult r = dev->driver->pointer_attribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE,
                                                (CUdeviceptr)(uintptr_t)p);
    return r == CUDA_SUCCESS && type != CU_MEMORYTYPE_HOST;
}

static int find_kernel(const struct cuda_device *dev, const char *name, CUfunction *out) {
    for (int i = 0; i < dev->nmodules; i++) {
        CUresult r = dev->driver->module_function(out, dev->modules[i], name);
        if (r == CUDA_SUCCESS) return MIEN_OK;
        if (r != CUDA_ERROR_NOT_FOUND)
            return err_prefix(cuda_check(r, "finding a kernel"), "%s", name);
    }
    return err_set(MIEN_EDEVICE, "this build of mien has no kernel %s for %s", name, dev->name);
}

/* What a block may have of shared memory without asking. */
enum { SHARED_DEFAULT = 48 << 10 };

/* The kernel a launch wants. One that wants more shared memory is allowed all there is: what a
 * kernel is allowed is the same for all who launch it, in whatever thread, or have recorded a
 * launch. */
static int ready_kernel(const struct cuda_device *dev, const struct cuda_launch *shape,
                        CUfunction *out) {
    int rc = find_kernel(dev, shape->kernel, out);
    if (rc || shape->shared <= SHARED_DEFAULT) return rc;
    rc = cuda_check(dev->driver->function_set(*out, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                                              dev->shared),
                    "asking for shared memory");
    return rc ? err_prefix(rc, "%s", shape->kernel) : MIEN_OK;
}

int cuda_ready(const struct cuda_device *dev, const struct cuda_launch *shape) {
    CUfunction f;
    int rc = ready_kernel(dev, shape, &f);
    if (!rc) rc = cuda_check(dev->driver->function_load(f), "loading a kernel");
    return rc;
}

int cuda_launch(const struct cuda_device *dev, CUstream stream, const struct cuda_launch *shape,
                const void *params, int early) {
    CUfunction f;
    int rc = ready_kernel(dev, shape, &f);
    if (rc) return rc;
    CUlaunchAttribute attributes[2];
    unsigned n = 0;
    if (early && dev->capability >= 90)
        attributes[n++] =
            (CUlaunchAttribute){.id = CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION,
                                .value.programmaticStreamSerializationAllowed = 1};
    if (shape->cluster)
        attributes[n++] = (CUlaunchAttribute){.id = CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION,
                                              .value.clusterDim = {shape->cluster, 1, 1}};
    CUlaunchConfig config = {.gridDimX = shape->grid[0],
                             .gridDimY = shape->grid[1],
                             .gridDimZ = shape->grid[2],
                             .blockDimX = shape->block,
                             .blockDimY = 1,
                             .blockDimZ = 1,
                             .sharedMemBytes = shape->shared,
                             .hStream = stream,
                             .attrs = attributes,
                             .numAttrs = n};
    void *arguments[] = {(void *)(uintptr_t)params};
    rc = cuda_check(dev->driver->launch(&config, f, arguments, NULL), "launching a kernel");
    return rc ? err_prefix(rc, "%s", shape->kernel) : MIEN_OK;
}

int cuda_record(const struct cuda_device *dev, CUstream stream, int (*launch)(void *),
                void *context, CUgraphExec *out) {
    CUgraph graph = NULL;
    *out = NULL;
    int rc = cuda_check(dev->driver->capture_begin(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL),
                        "recording a plan");
    if (rc) return rc;
    rc = launch(context);
    CUresult end = dev->driver->capture_end(stream, &graph);
    if (!rc) rc = cuda_check(end, "recording a plan");
    if (!rc) rc = cuda_check(dev->driver->graph_instantiate(out, graph, 0), "making a graph");
    if (rc) *out = NULL;
    if (graph) dev->driver->graph_destroy(graph);
    return rc;
}
