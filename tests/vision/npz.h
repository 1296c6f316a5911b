/*
 * npz.h - reads the golden files: numpy's .npz, as numpy.savez writes it (stored, not deflated).
 *
 * In C, because the unit tests that compare with golden data are C programs and should not need a
 * Python to start. The files live outside of the repository; without them test_golden is skipped.
 */
#ifndef MIEN_TESTS_NPZ_H
#define MIEN_TESTS_NPZ_H

#include <stddef.h>
#include <stdint.h>

struct npz {
    uint8_t *bytes;
    size_t size;
};

struct npz_array {
    char type[3]; /* "f4", "f8" or "u1" */
    int dims;
    int64_t shape[8];
    const void *data; /* little endian, C order; inside the npz, aligned as the file has it */
};

/* Is <shared>/golden there, where shared is $MIEN_SHARED or the folder `shared` beside the source
 * tree? Says what is missing where not. */
int npz_golden_is_there(void);
/* Reads one of its files; fails the running test where there is none. */
void npz_open_golden(const char *name, struct npz *z);
void npz_close(struct npz *z);
/* Finds an array; fails the running test where there is none. */
struct npz_array npz_get(const struct npz *z, const char *name);
/* Copies an array of f4 or f8 to malloc'ed floats. */
float *npz_floats(const struct npz *z, const char *name);

#endif
