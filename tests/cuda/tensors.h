/*
 * tensors.h - tensors on the device with known bytes all around, for tests of kernels.
 *
 * A tensor has a copy on the host of every byte of its buffer: what a kernel was given, what is
 * allowed to change, and after a run, what did. Slices of wider buffers, halos and odd alignments
 * are drawn at random. Bytes that no kernel may look at are NaNs, or 255.
 */
#ifndef MIEN_TESTS_CUDA_TENSORS_H
#define MIEN_TESTS_CUDA_TENSORS_H

#include "cuda/driver.h"
#include "cuda/kernels/params.h"

#include <stddef.h>
#include <stdint.h>

enum { GUARD = 256 };

struct tensor {
    struct cuda_view v; /* pointers of the device */
    int batch;
    size_t bytes, origin; /* of the buffer; of channel 0 of pixel 0, 0 in it */
    unsigned char *host;
    float *scale; /* [c], CUDA_U8 */
    CUdeviceptr device;
};

void test_seed(uint64_t seed);
int draw(int least, int most);
double draw_real(double least, double most);
int one_in(int n);

/* Ends the program with the case that was under way where something fails. */
extern char test_case[1024];
void test_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void test_check(CUresult r, const char *what);

extern const struct cuda_driver *gpu;
extern CUstream gpu_stream;
extern int gpu_capability, gpu_processors;
int gpu_open(void); /* false: there is none */

/* Device memory that lives until arrays_free(). */
CUdeviceptr array_up(const void *bytes, size_t size);
CUdeviceptr array_zero(size_t size);
void array_down(CUdeviceptr from, void *to, size_t size);
/* n random floats; *host may be NULL. */
const float *floats_up(int n, double least, double most, float **host);
void arrays_free(void);

enum { TENSOR_INPUT = 1, TENSOR_ALIGNED = 2, TENSOR_WHOLE = 4, TENSOR_HALO = 8 };
/*
 * A tensor of random numbers. flags: INPUT: ends with its last byte, the halo stands for zero, and
 * what is beside it is NaN; else, an output, everything is random. ALIGNED: for wide loads. WHOLE:
 * channels beyond c are zeros and part of the pixel. HALO: halo[] is top, left, bottom, right, else
 * up to two pixels each.
 */
void tensor_make(struct tensor *t, int type, int batch, int h, int w, int c, int flags,
                 const int halo[4]);
void tensor_free(struct tensor *t);
/* What is stored there, and the value it stands for. */
double tensor_stored(const struct tensor *t, int b, int y, int x, int c);
double tensor_value(const struct tensor *t, int b, int y, int x, int c);
size_t tensor_at(const struct tensor *t, int b, int y, int x, int c);
int tensor_size_of(int type);

/* A tensor's buffer as the device has it now; freed with the caller's free(). */
unsigned char *tensor_down(const struct tensor *t);
void tensor_up(const struct tensor *t);
/* Fails where the halo of `now` is not what stands for zero, or a byte outside is not as it was. */
void tensor_check_around(const struct tensor *t, const unsigned char *now);
/* What is stored at byte `at` of a buffer of t's type. */
double tensor_read(const struct tensor *t, const unsigned char *buffer, size_t at);

#endif
