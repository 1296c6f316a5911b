/* Descriptors of tensors for TMA: checked by the rules of the driver's manual, kept in the open. */
#include "tests/cuda/emulator/driver.h"
#include "tests/cuda/emulator/emulator.h"

#include <string.h>

static_assert(sizeof(emulator_tensor_map) <= sizeof(CUtensorMap), "a descriptor is too small");

static size_t size_of(CUtensorMapDataType type) {
    switch ((int)type) {
    case CU_TENSOR_MAP_DATA_TYPE_UINT8: return 1;
    case CU_TENSOR_MAP_DATA_TYPE_UINT16:
    case CU_TENSOR_MAP_DATA_TYPE_FLOAT16:
    case CU_TENSOR_MAP_DATA_TYPE_BFLOAT16: return 2;
    case CU_TENSOR_MAP_DATA_TYPE_UINT32:
    case CU_TENSOR_MAP_DATA_TYPE_INT32:
    case CU_TENSOR_MAP_DATA_TYPE_FLOAT32:
    case CU_TENSOR_MAP_DATA_TYPE_FLOAT32_FTZ:
    case CU_TENSOR_MAP_DATA_TYPE_TFLOAT32:
    case CU_TENSOR_MAP_DATA_TYPE_TFLOAT32_FTZ: return 4;
    case CU_TENSOR_MAP_DATA_TYPE_UINT64:
    case CU_TENSOR_MAP_DATA_TYPE_INT64:
    case CU_TENSOR_MAP_DATA_TYPE_FLOAT64: return 8;
    default: return 0;
    }
}

/* Bytes a row of the box may have; 0: as many as fit. */
static size_t swizzled_bytes(CUtensorMapSwizzle swizzle) {
    switch ((int)swizzle) {
    case CU_TENSOR_MAP_SWIZZLE_32B: return 32;
    case CU_TENSOR_MAP_SWIZZLE_64B: return 64;
    case CU_TENSOR_MAP_SWIZZLE_128B: return 128;
    default: return 0;
    }
}

static CUresult refuse(const char *what) {
    return driver_refuse(CUDA_ERROR_INVALID_VALUE, "tensor map: %s", what);
}

/* What both kinds share; `inner` elements are the innermost row of the box. */
static CUresult describe(emulator_tensor_map *m, CUtensorMapDataType type, cuuint32_t rank,
                         void *address, const cuuint64_t *dims, const cuuint64_t *strides,
                         const cuuint32_t *steps, cuuint32_t inner,
                         CUtensorMapInterleave interleave, CUtensorMapSwizzle swizzle,
                         CUtensorMapFloatOOBfill fill) {
    size_t size = size_of(type), row = inner * size;
    if (!size) return refuse("an element type that is not emulated");
    if (interleave != CU_TENSOR_MAP_INTERLEAVE_NONE) return refuse("interleaving is not emulated");
    if ((uintptr_t)address % 16 || !address) return refuse("an address not aligned to 16 bytes");
    if (row % 16) return refuse("an inner row of the box that is no multiple of 16 bytes");
    if (swizzled_bytes(swizzle) && row > swizzled_bytes(swizzle))
        return refuse("an inner row of the box longer than the swizzle");
    m->address = (uint64_t)(uintptr_t)address;
    m->bits = 1 << 21; /* for maps of small tensors, the caller has to take it out */
    for (cuuint32_t i = 0; i < rank; i++) {
        if (!dims[i] || dims[i] > (cuuint64_t)1 << 32) return refuse("a dimension out of range");
        if (!steps[i] || steps[i] > 8) return refuse("an element stride outside of 1 to 8");
        m->dims[i] = (uint32_t)(dims[i] - 1);
        m->steps[i] = (uint8_t)steps[i];
        if (i + 1 == rank) break;
        if (strides[i] % 16 || strides[i] >= (cuuint64_t)1 << 40)
            return refuse("a stride that is no multiple of 16 bytes");
        m->strides[i] = strides[i];
    }
    m->rank = (uint8_t)rank;
    m->type = (uint8_t)type;
    m->interleave = (uint8_t)interleave;
    m->swizzle = (uint8_t)swizzle;
    m->nan_fill = fill != CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE;
    m->magic = EMULATOR_TENSOR_MAP_MAGIC;
    return CUDA_SUCCESS;
}

static CUresult finish(CUtensorMap *out, const emulator_tensor_map &m) {
    memset(out, 0, sizeof *out);
    memcpy(out, &m, sizeof m);
    return CUDA_SUCCESS;
}

CUresult CUDAAPI cuTensorMapEncodeTiled(CUtensorMap *out, CUtensorMapDataType type, cuuint32_t rank,
                                        void *address, const cuuint64_t *dims,
                                        const cuuint64_t *strides, const cuuint32_t *box,
                                        const cuuint32_t *steps, CUtensorMapInterleave interleave,
                                        CUtensorMapSwizzle swizzle, CUtensorMapL2promotion l2,
                                        CUtensorMapFloatOOBfill fill) {
    (void)l2;
    emulator_tensor_map m = {};
    if (!out || (uintptr_t)out % 64) return refuse("a descriptor not aligned to 64 bytes");
    if (rank < 1 || rank > 5) return refuse("a rank outside of 1 to 5");
    for (cuuint32_t i = 0; i < rank; i++) {
        if (!box[i] || box[i] > 256) return refuse("a box side outside of 1 to 256");
        m.box[i] = (uint16_t)box[i];
    }
    CUresult r =
        describe(&m, type, rank, address, dims, strides, steps, box[0], interleave, swizzle, fill);
    return r == CUDA_SUCCESS ? finish(out, m) : r;
}

CUresult CUDAAPI cuTensorMapEncodeIm2col(CUtensorMap *out, CUtensorMapDataType type,
                                         cuuint32_t rank, void *address, const cuuint64_t *dims,
                                         const cuuint64_t *strides, const int *lower,
                                         const int *upper, cuuint32_t channels, cuuint32_t pixels,
                                         const cuuint32_t *steps, CUtensorMapInterleave interleave,
                                         CUtensorMapSwizzle swizzle, CUtensorMapL2promotion l2,
                                         CUtensorMapFloatOOBfill fill) {
    (void)l2;
    emulator_tensor_map m = {};
    if (!out || (uintptr_t)out % 64) return refuse("a descriptor not aligned to 64 bytes");
    if (rank < 3 || rank > 5) return refuse("a rank outside of 3 to 5");
    if (!channels || channels > 256) return refuse("channels a pixel outside of 1 to 256");
    if (!pixels || pixels > 1024) return refuse("pixels a column outside of 1 to 1024");
    static const int limits[] = {1 << 15, 1 << 7, 1 << 4}; /* rank 3, 4, 5: -limit .. limit - 1 */
    int limit = limits[rank - 3];
    for (cuuint32_t i = 0; i + 2 < rank; i++) {
        if (lower[i] < -limit || lower[i] >= limit || upper[i] < -limit || upper[i] >= limit)
            return refuse("a corner of the box of pixels out of range");
        m.lower[i] = (int16_t)lower[i];
        m.upper[i] = (int16_t)upper[i];
    }
    m.box[0] = (uint16_t)channels;
    m.box[1] = (uint16_t)pixels;
    m.im2col = 1;
    CUresult r = describe(&m, type, rank, address, dims, strides, steps, channels, interleave,
                          swizzle, fill);
    return r == CUDA_SUCCESS ? finish(out, m) : r;
}
