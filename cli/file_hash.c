#include "file_hash.h"

#include "inputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int file_hash(const char *path, uint8_t hash[MIEN_GALLERY_HASH_SIZE]) {
    FILE *in = fopen(path, "rbe");
    struct stat st;
    uint8_t *bytes = NULL;
    size_t n = 0;
    int is_hashed = 0;

    if (!in) return 0;
    if (fstat(fileno(in), &st) == 0 && S_ISREG(st.st_mode) && (size_t)st.st_size <= INPUT_MAX) {
        bytes = malloc((size_t)st.st_size + 1);
        if (bytes) n = fread(bytes, 1, (size_t)st.st_size, in);
        is_hashed = bytes && n == (size_t)st.st_size;
        if (is_hashed) mien_gallery_hash(bytes, n, hash);
    }
    free(bytes);
    fclose(in);
    return is_hashed;
}
