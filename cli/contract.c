#include "contract.h"

#include "say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What is done to a face before: ArcFace's template, 112 pixels a side. */
#define PREPARED "arcface-112"

/* The bytes of a file, for free(). */
static uint8_t *read_file(const char *path, size_t *size) {
    FILE *in = fopen(path, "rbe");
    struct stat st;
    uint8_t *bytes = NULL;

    errno = in ? 0 : errno;
    if (in && fstat(fileno(in), &st) == 0) bytes = malloc((size_t)st.st_size + 1);
    if (bytes) *size = fread(bytes, 1, (size_t)st.st_size, in);
    if (!bytes || ferror(in)) {
        say("%s: %s", path, strerror(errno ? errno : EIO));
        free(bytes);
        bytes = NULL;
    }
    if (in) fclose(in);
    return bytes;
}

/* Of a blob, which is eight bytes with the header's length, the header, and tensors (docs/blob.md).
 */
static int hash_tensors(const char *path, char *out, size_t room) {
    uint8_t hash[MIEN_GALLERY_HASH_SIZE];
    uint64_t header = 0;
    size_t size = 0, n;
    uint8_t *bytes = read_file(path, &size);

    if (!bytes) return EXIT_FAILED;
    for (int i = 0; i < 8 && size >= 8; i++) header |= (uint64_t)bytes[i] << 8 * i;
    if (size < 8 || header > size - 8) header = size - (size < 8 ? size : 8); /* it was loaded */
    mien_gallery_hash(bytes + 8 + header, size - 8 - header, hash);
    free(bytes);
    n = (size_t)snprintf(out, room, "sha256:");
    for (int i = 0; i < MIEN_GALLERY_HASH_SIZE; i++)
        n += (size_t)snprintf(out + n, room - n, "%02x", hash[i]);
    snprintf(out + n, room - n, "/%s", PREPARED);
    return EXIT_OK;
}

struct wanted {
    const char *hash;
    int64_t id;
};

static int see(void *context, const mien_gallery_contract *contract) {
    struct wanted *wanted = context;

    if (strcmp(contract->hash, wanted->hash) == 0) wanted->id = contract->id;
    return 0;
}

int contract_find(const struct shelf *shelf, const mien_ctx *ctx, const char *name,
                  const mien_net_info *info, int make, int64_t *contract) {
    char hash[128];
    mien_gallery_contract own = {
        .struct_size = sizeof own, .name = info->name, .hash = hash, .dims = info->embedding_size};
    struct wanted wanted = {.hash = hash};
    char *path = NULL;
    int status;

    *contract = 0;
    if (mien_net_path(ctx, name, &path)) {
        say("%s", mien_error());
        return EXIT_FAILED;
    }
    status = hash_tensors(path, hash, sizeof hash);
    free(path);
    if (status) return status;
    if (make)
        return mien_gallery_contract_use(shelf->gallery, &own, contract) ? shelf_say_error()
                                                                         : EXIT_OK;
    if (mien_gallery_contracts(shelf->gallery, see, &wanted)) return shelf_say_error();
    *contract = wanted.id;
    return EXIT_OK;
}
