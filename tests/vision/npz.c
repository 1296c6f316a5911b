/* The zip container (APPNOTE.TXT 4.3.7, local file headers) and numpy's .npy header. */
#include "npz.h"

#include "check.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static unsigned le16(const uint8_t *p) {
    return (unsigned)(p[0] | p[1] << 8);
}
static uint32_t le32(const uint8_t *p) {
    return le16(p) | (uint32_t)le16(p + 2) << 16;
}

/* <shared>/golden/<name>. */
static void golden_path(const char *name, char *path, size_t size) {
    const char *shared = getenv("MIEN_SHARED"), *source = getenv("MIEN_SOURCE_DIR");
    if (shared)
        snprintf(path, size, "%s/golden/%s", shared, name);
    else
        snprintf(path, size, "%s/../shared/golden/%s", source ? source : ".", name);
}

int npz_golden_is_there(void) {
    char path[4096];
    struct stat st;
    golden_path("", path, sizeof path);
    if (stat(path, &st) == 0) return 1;
    printf("skipped: %s is not there\n", path);
    return 0;
}

void npz_open_golden(const char *name, struct npz *z) {
    char path[4096];
    struct stat st;
    golden_path(name, path, sizeof path);
    *z = (struct npz){0};
    FILE *f = fopen(path, "rb");
    if (!f) fail_msg("%s is not there", path);
    assert_int_equal(fstat(fileno(f), &st), 0);
    size_t size = (size_t)st.st_size;
    z->bytes = malloc(size);
    z->size = fread(z->bytes, 1, size, f);
    fclose(f);
}

void npz_close(struct npz *z) {
    free(z->bytes);
    *z = (struct npz){0};
}

/* {'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), } */
static struct npz_array parse_npy(const uint8_t *p) {
    struct npz_array a = {0};
    char header[1024];
    size_t n = le16(p + 8);
    assert_memory_equal(p, "\x93NUMPY\x01", 7);
    assert_true(n < sizeof header);
    memcpy(header, p + 10, n);
    header[n] = 0;
    assert_non_null(strstr(header, "'fortran_order': False"));
    const char *descr = strstr(header, "'descr': '"), *shape = strstr(header, "'shape': (");
    assert_true(descr && shape);
    memcpy(a.type, descr + 11, 2);
    shape += 10;
    while (*shape >= '0' && *shape <= '9') {
        char *end;
        a.shape[a.dims++] = strtoll(shape, &end, 10);
        shape = end + strspn(end, ", ");
    }
    a.data = p + 10 + n;
    return a;
}

struct npz_array npz_get(const struct npz *z, const char *name) {
    size_t at = 0, len = strlen(name);
    while (at + 30 < z->size && le32(z->bytes + at) == 0x04034b50) {
        const uint8_t *h = z->bytes + at;
        unsigned method = le16(h + 8), name_len = le16(h + 26), extra = le16(h + 28);
        const uint8_t *body = h + 30 + name_len + extra;
        uint64_t size = le32(h + 18);
        if (size == 0xffffffff) /* zip64, as numpy writes: the sizes are in the extra field */
            size = le32(h + 30 + name_len + 12) | (uint64_t)le32(h + 30 + name_len + 16) << 32;
        assert_int_equal(method, 0);
        if (name_len == len + 4 && memcmp(h + 30, name, len) == 0) return parse_npy(body);
        at = (size_t)(body - z->bytes) + size;
    }
    fail_msg("the golden file has no array %s", name);
    return (struct npz_array){0};
}

float *npz_floats(const struct npz *z, const char *name) {
    struct npz_array a = npz_get(z, name);
    size_t n = a.data ? 1 : 0;
    for (int i = 0; i < a.dims; i++) n *= (size_t)a.shape[i];
    float *out = malloc(n * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        double v8;
        if (a.type[1] == '8') {
            memcpy(&v8, (const uint8_t *)a.data + 8 * i, 8);
            out[i] = (float)v8;
        } else {
            memcpy(&out[i], (const uint8_t *)a.data + 4 * i, 4);
        }
    }
    return out;
}
