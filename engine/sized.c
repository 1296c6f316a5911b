#include "engine/sized.h"

#include "engine/err.h"
#include "mien.h"

#include <string.h>

static int given_size(const void *given, const char *type, size_t *size) {
    if (!given) return err_set(MIEN_EINVAL, "no %s is given", type);
    memcpy(size, given, sizeof *size);
    if (*size >= sizeof *size) return MIEN_OK;
    return err_set(MIEN_EINVAL, "struct_size of %s is %zu: it must be sizeof(%s)", type, *size,
                   type);
}

int sized_read(void *own, size_t size, const void *given, const char *type) {
    size_t theirs = 0;
    if (!given) return MIEN_OK;
    int rc = given_size(given, type, &theirs);
    if (rc) return rc;
    for (size_t i = size; i < theirs; i++)
        if (((const char *)given)[i])
            return err_set(MIEN_EINVAL, "%s of %zu bytes uses members this version does not know",
                           type, theirs);
    memset(own, 0, size);
    memcpy(own, given, theirs < size ? theirs : size);
    return MIEN_OK;
}

int sized_write(void *out, const void *own, size_t size, const char *type) {
    size_t theirs = 0;
    int rc = given_size(out, type, &theirs);
    if (rc) return rc;
    memset(out, 0, theirs);
    memcpy(out, own, theirs < size ? theirs : size);
    memcpy(out, &theirs, sizeof theirs);
    return MIEN_OK;
}
