/*
 * Plans by the real cuDNN for an H100 that need not be there: that the library takes our
 * descriptors, and has an engine for the layers of real networks, as they lie in our memory.
 *
 *     test_cudnn [-v]     -v prints what each layer became
 *
 * Nothing is computed. A driver (idle_driver.c will do) lets cuDNN compile. Exit status 77 where
 * there is no cuDNN 9.8 or later.
 */
#include "cuda/cudnn.h"
#include "engine/err.h"
#include "kernels/kern.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What cudnnBackendGetAttribute() would say of the device, in cuDNN's words. */
static const char H100[] =
    "{\"cudaDeviceId\":0,\"deviceVer\":900,\"driverVer\":13000,"
    "\"deviceName\":\"NVIDIA H100 80GB HBM3\",\"maxGridSize\":[2147483647,65535,65535],"
    "\"maxBlockSize\":[1024,1024,64],\"regsPerBlock\":65536,\"multiProcessorCount\":132,"
    "\"smClockRateKHz\":1980000,\"memClockRateKHz\":2619000,\"l2CacheSize\":52428800,"
    "\"warpSize\":32,\"maxSharedMemoryPerBlock\":49152,\"maxSharedMemoryPerBlockOptin\":232448,"
    "\"reservedSharedMemoryPerBlock\":1024,\"maxRegistersPerSM\":65536,\"pciDeviceId\":0,"
    "\"maxCtasPerSM\":32,\"maxThreadsPerBlock\":1024,\"maxThreadsPerSM\":2048,\"isTccDriver\":0,"
    "\"supportCoopLaunch\":1,\"totalGlobalMem\":85899345920,\"smVersion\":900}";

enum { PICTURE = 3, WITH_DRIVER = 1, ALWAYS };

struct layer {
    const char *name;
    int type, batch, side, cin, k, stride, cout, halo_out;
    int act, res, res_after, no_bias; /* res: of the output's type */
    int must; /* ALWAYS, or WITH_DRIVER: by a kernel that cuDNN compiles, which wants a driver */
};

static int round_up(int n, int to) {
    return (n + to - 1) / to * to;
}

static struct cuda_view view(int type, int h, int w, int c, int px, int halo) {
    struct cuda_view v = {.data = (char *)(1 << 20), .h = h, .w = w, .c = c, .type = type};
    v.px = px;
    v.row = (w + 2 * halo) * px;
    v.image = (int64_t)(h + 2 * halo) * v.row;
    v.top = v.left = v.bottom = v.right = halo;
    v.data += (size_t)(halo * v.row + halo * px) * (type == CUDA_F32 ? 4 : 2);
    return v;
}

/* As layers.c packs it and plan.c lays it out. */
static struct cuda_conv conv_of(const struct layer *l) {
    int size = l->type == CUDA_F32 ? 4 : 2, pad = l->k / 2, side = l->side / l->stride;
    int px = l->cin == PICTURE ? 4 : round_up(l->cin, 16 / size);
    struct cuda_conv c = {.stride = l->stride, .pad_top = pad, .pad_left = pad, .splits = 1};
    c.in = view(l->type, l->side, l->side, l->cin, px, pad);
    c.across = l->cin == PICTURE ? 1 : l->k;
    c.taps = l->k * c.across;
    c.depth = l->cin == PICTURE ? l->k * px : l->cin;
    c.depth_pad = round_up(c.depth, 16 / size);
    c.k_pad = round_up(c.taps * c.depth_pad, 128 / size);
    c.weights = (const char *)(2 << 20);
    c.e.out = view(l->type, side, side, l->cout, round_up(l->cout, 16 / size), l->halo_out);
    c.e.res = c.e.out;
    c.e.has_res = l->res;
    c.e.res_after = l->res_after;
    c.e.bias = l->no_bias ? NULL : (const float *)(3 << 20);
    c.e.slope = (const float *)(4 << 20);
    c.e.alpha = 0.1f;
    c.e.bias_classes = 1;
    c.e.act = l->act;
    c.e.batch = l->batch;
    return c;
}

static const struct layer layers[] = {
    {"resnet conv1", CUDA_F16, 8, 224, 3, 7, 2, 64, 1, KERN_ACT_RELU, 0, 0, 0, WITH_DRIVER},
    {"resnet 1x1 reduce", CUDA_F16, 8, 56, 256, 1, 1, 64, 1, KERN_ACT_RELU, 0, 0, 0, WITH_DRIVER},
    {"resnet 3x3", CUDA_F16, 8, 56, 64, 3, 1, 64, 0, KERN_ACT_RELU, 0, 0, 0, WITH_DRIVER},
    {"resnet 3x3 stride 2", CUDA_F16, 8, 56, 128, 3, 2, 128, 0, KERN_ACT_RELU, 0, 0, 0,
     WITH_DRIVER},
    {"resnet 1x1 expand", CUDA_F16, 8, 56, 64, 1, 1, 256, 0, KERN_ACT_RELU, 1, 0, 0, WITH_DRIVER},
    {"resnet down", CUDA_F16, 8, 56, 256, 1, 2, 512, 0, KERN_ACT_NONE, 0, 0, 0, WITH_DRIVER},
    {"resnet 3x3 batch 1", CUDA_F16, 1, 14, 256, 3, 1, 256, 0, KERN_ACT_RELU, 0, 0, 0, WITH_DRIVER},
    {"iresnet 3x3 prelu", CUDA_F16, 8, 28, 128, 3, 1, 128, 1, KERN_ACT_PRELU, 0, 0, 0, WITH_DRIVER},
    {"iresnet 3x3 add", CUDA_F16, 8, 28, 128, 3, 2, 128, 1, KERN_ACT_NONE, 1, 0, 0, WITH_DRIVER},
    {"mobilenet 1x1, 8 channels", CUDA_F16, 8, 80, 8, 1, 1, 16, 1, KERN_ACT_LEAKY, 0, 0, 0,
     WITH_DRIVER},
    {"mobilenet 1x1, 32", CUDA_F16, 8, 80, 32, 1, 1, 64, 1, KERN_ACT_LEAKY, 0, 0, 0, WITH_DRIVER},
    {"3x3 of 32, rows padded", CUDA_F16, 8, 56, 32, 3, 1, 64, 1, KERN_ACT_RELU, 0, 0, 0,
     WITH_DRIVER},
    {"fpn 3x3", CUDA_F16, 1, 80, 256, 3, 1, 256, 1, KERN_ACT_LEAKY, 0, 0, 0, WITH_DRIVER},
    {"heads", CUDA_F16, 1, 80, 256, 1, 1, 32, 0, KERN_ACT_NONE, 0, 0, 0, WITH_DRIVER},
    {"odd outputs", CUDA_F16, 1, 80, 64, 1, 1, 20, 0, KERN_ACT_NONE, 0, 0, 0, WITH_DRIVER},
    {"sigmoid", CUDA_F16, 8, 28, 64, 1, 1, 64, 0, KERN_ACT_SIGMOID, 0, 0, 0, WITH_DRIVER},
    {"sum behind", CUDA_F16, 8, 28, 64, 1, 1, 64, 0, KERN_ACT_RELU, 1, 1, 0, WITH_DRIVER},
    {"no bias", CUDA_F16, 8, 28, 64, 3, 1, 64, 0, KERN_ACT_NONE, 0, 0, 1, ALWAYS},
    {"fp32 1x1", CUDA_F32, 8, 28, 64, 1, 1, 64, 0, KERN_ACT_RELU, 0, 0, 0, ALWAYS},
    {"fp32 3x3", CUDA_F32, 8, 28, 128, 3, 1, 128, 1, KERN_ACT_RELU, 0, 0, 0, ALWAYS},
    {"fp32 3x3 add", CUDA_F32, 8, 28, 128, 3, 1, 128, 1, KERN_ACT_RELU, 1, 0, 0, WITH_DRIVER},
    {"fp32 alone", CUDA_F32, 8, 28, 128, 3, 1, 128, 1, KERN_ACT_NONE, 0, 0, 1, ALWAYS},
};

static int has_driver(void) {
    return dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL) != NULL;
}

int main(int argc, char **argv) {
    int loud = argc > 1 && strcmp(argv[1], "-v") == 0, failures = 0;
    int least = has_driver() ? WITH_DRIVER : ALWAYS;
    struct cudnn *dnn;
    if (cudnn_open_for(H100, &dnn)) {
        printf("skipped: %s\n", err_text());
        return 77;
    }
    printf("cuDNN %d\n", cudnn_version(dnn));
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        struct cuda_conv c = conv_of(&layers[i]);
        struct cudnn_plan *plan = cudnn_plan(dnn, &c);
        int good = plan || layers[i].must < least;
        if (loud || !good)
            printf("%-4s %-26s %s, workspace %zu\n", good ? "ok" : "FAIL", layers[i].name,
                   plan ? cudnn_plan_text(plan) : "none", plan ? cudnn_plan_workspace(plan) : 0);
        failures += !good;
        cudnn_plan_free(dnn, plan);
    }
    struct cuda_conv borders = conv_of(&layers[2]);
    borders.e.bias_classes = 9;
    if (cudnn_plan(dnn, &borders)) {
        printf("FAIL a bias for each border was fused\n");
        failures++;
    }
    cudnn_close(dnn);
    return failures > 0;
}
