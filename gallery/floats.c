#include "gallery/floats.h"

#include "engine/err.h"
#include "mien_gallery.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FLOATS_AT_ONCE = 512 };

static int failed(const char *what) {
    int code = errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? MIEN_GALLERY_EFULL : MIEN_EIO;

    return err_set(code, "a file for embeddings: %s: %s", what, strerror(errno));
}

/* A file in the folder of `beside`, of which no name is left. */
static int make_file(struct floats *f, const char *beside) {
    const char *slash = beside ? strrchr(beside, '/') : NULL, *folder = ".";
    int n = slash ? (int)(slash - beside) + 1 : 0;
    char *path = NULL;

    if (!beside) folder = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
    n = slash ? asprintf(&path, "%.*smien-XXXXXX", n, beside)
              : asprintf(&path, "%s/mien-XXXXXX", folder);
    if (n < 0) return err_set(MIEN_ENOMEM, "a file for embeddings: out of memory");
    f->file = mkostemp(path, O_CLOEXEC);
    if (f->file < 0) {
        int rc = failed(path);
        free(path);
        return rc;
    }
    unlink(path);
    free(path);
    return MIEN_OK;
}

int floats_open(struct floats *f, size_t dims, const char *beside, int in_memory) {
    *f = (struct floats){.dims = dims, .file = -1};
    f->waiting = malloc(FLOATS_AT_ONCE * dims * sizeof *f->waiting);
    if (!f->waiting) return err_set(MIEN_ENOMEM, "a file for embeddings: out of memory");
    if (!in_memory) return make_file(f, beside);
    f->file = memfd_create("mien-embeddings", MFD_CLOEXEC);
    return f->file < 0 ? failed("memory") : MIEN_OK;
}

static int write_waiting(struct floats *f) {
    const char *at = (const char *)f->waiting;
    size_t left = f->n_waiting * f->dims * sizeof *f->waiting;

    while (left) {
        ssize_t n = write(f->file, at, left);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return failed("writing");
        at += n;
        left -= (size_t)n;
    }
    f->n_waiting = 0;
    return MIEN_OK;
}

int floats_add(struct floats *f, const float *row) {
    int rc = f->n_waiting == FLOATS_AT_ONCE ? write_waiting(f) : MIEN_OK;

    if (rc) return rc;
    memcpy(f->waiting + f->n_waiting * f->dims, row, f->dims * sizeof *row);
    f->n_waiting++;
    f->rows++;
    return MIEN_OK;
}

int floats_map(struct floats *f) {
    int rc = write_waiting(f);
    void *at;

    if (rc || f->rows == 0) return rc;
    at = mmap(NULL, f->rows * f->dims * sizeof(float), PROT_READ, MAP_SHARED, f->file, 0);
    if (at == MAP_FAILED) return failed("mapping");
    f->at = at;
    return MIEN_OK;
}

void floats_close(struct floats *f) {
    if (f->at) munmap((void *)(uintptr_t)f->at, f->rows * f->dims * sizeof(float));
    if (f->waiting && f->file >= 0) close(f->file);
    free(f->waiting);
    *f = (struct floats){0};
}
