#include "cuda/shelf.h"

#include "mien.h"

#include <stdint.h>
#include <string.h>

enum { SHELF_PLACES = 8 };

void cuda_shelf_open(struct cuda_shelf *s) {
    memset(s, 0, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
}

void cuda_shelf_close(const struct cuda_device *dev, struct cuda_shelf *s) {
    for (int i = 0; i < SHELF_PLACES; i++) cuda_free(dev, s->kept[i].memory);
    if (s->stream) dev->driver->stream_destroy(s->stream);
    pthread_mutex_destroy(&s->lock);
}

/* The smallest kept memory that is large enough; none twice as large, which a larger picture would
 * miss. 0: there is none. */
static CUdeviceptr acquire_kept(struct cuda_shelf *s, size_t size, size_t *room) {
    int best = -1;
    for (int i = 0; i < SHELF_PLACES; i++) {
        size_t there = s->kept[i].memory ? s->kept[i].room : 0;
        if (there >= size && there / 2 <= size && (best < 0 || there < s->kept[best].room))
            best = i;
    }
    if (best < 0) return 0;
    CUdeviceptr memory = s->kept[best].memory;
    *room = s->kept[best].room;
    s->kept[best].memory = 0;
    return memory;
}

int cuda_shelf_upload(const struct cuda_device *dev, struct cuda_shelf *s, const uint8_t *pixels,
                      ptrdiff_t pitch, int width, int height, struct backend_pixels *out) {
    size_t row = 3 * (size_t)width, size = row * (size_t)height;
    int rc = MIEN_OK;
    pthread_mutex_lock(&s->lock);
    if (!s->stream)
        rc = cuda_check(dev->driver->stream_create(&s->stream, CU_STREAM_NON_BLOCKING),
                        "making a stream");
    out->room = size;
    CUdeviceptr memory = rc ? 0 : acquire_kept(s, size, &out->room);
    pthread_mutex_unlock(&s->lock);
    if (!rc && !memory) rc = cuda_alloc(dev, size, &memory);
    if (rc) return rc;
    CUDA_MEMCPY2D copy = {.srcMemoryType = CU_MEMORYTYPE_HOST,
                          .srcHost = pixels,
                          .srcPitch = (size_t)pitch,
                          .dstMemoryType = CU_MEMORYTYPE_DEVICE,
                          .dstDevice = memory,
                          .dstPitch = row,
                          .WidthInBytes = row,
                          .Height = (size_t)height};
    rc = cuda_check((size_t)pitch == row ? dev->driver->copy_up(memory, pixels, size, s->stream)
                                         : dev->driver->copy_2d(&copy, s->stream),
                    "copying a picture");
    if (!rc) rc = cuda_check(dev->driver->stream_wait(s->stream), "copying a picture");
    if (rc) {
        cuda_free(dev, memory);
        return rc;
    }
    out->data = (const void *)(uintptr_t)memory;
    out->pitch = (ptrdiff_t)row;
    return MIEN_OK;
}

void cuda_shelf_forget(const struct cuda_device *dev, struct cuda_shelf *s,
                       const struct backend_pixels *pixels) {
    CUdeviceptr memory = (CUdeviceptr)(uintptr_t)pixels->data;
    pthread_mutex_lock(&s->lock);
    /* The smallest goes where all places are taken: it is the cheapest to get again. */
    int at = 0;
    for (int i = 1; i < SHELF_PLACES && s->kept[at].memory; i++)
        if (!s->kept[i].memory || s->kept[i].room < s->kept[at].room) at = i;
    CUdeviceptr old = s->kept[at].memory;
    s->kept[at].memory = memory;
    s->kept[at].room = pixels->room;
    pthread_mutex_unlock(&s->lock);
    cuda_free(dev, old);
}
