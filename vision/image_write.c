/* mien_image_encode(), and mien_image_save(): encode in memory, write beside the target, rename. */
#include "engine/ascii.h"
#include "engine/err.h"
#include "engine/replace.h"
#include "vision/codec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static codec_encode_fn *encoder_of(const char *extension) {
    static const struct {
        const char *extension;
        codec_encode_fn *encode;
    } encoders[] = {{"jpg", jpeg_encode},
                    {"jpeg", jpeg_encode},
                    {"png", png_encode},
                    {"webp", webp_encode},
                    {"ppm", ppm_encode}};
    for (size_t i = 0; i < sizeof encoders / sizeof *encoders; i++)
        if (ascii_same(extension, encoders[i].extension)) return encoders[i].encode;
    return NULL;
}

static codec_encode_fn *encoder_for(const char *path) {
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    return dot ? encoder_of(dot + 1) : NULL;
}

static int replace_file(const char *path, const uint8_t *bytes, size_t size) {
    struct replace r;
    int rc = replace_begin(path, &r);
    return rc ? rc : replace_end(&r, replace_write(r.fd, bytes, size));
}

/* A device or pipe is written to, not replaced. */
static int write_file(const char *path, const uint8_t *bytes, size_t size) {
    struct stat st;
    if (stat(path, &st) != 0 || S_ISREG(st.st_mode)) return replace_file(path, bytes, size);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return err_set(MIEN_EIO, "%s", strerror(errno));
    int rc = replace_write(fd, bytes, size);
    if (close(fd) != 0 && rc == MIEN_OK) rc = err_set(MIEN_EIO, "%s", strerror(errno));
    return rc;
}

int mien_image_save(const mien_image *img, const char *path) {
    if (!path) return err_set(MIEN_EINVAL, "mien_image_save: no path given");
    int rc = image_check(img);
    if (rc != MIEN_OK) return err_prefix(rc, "%s", path);
    codec_encode_fn *encode = encoder_for(path);
    if (!encode)
        return err_set(MIEN_EINVAL, "%s: pictures are written as .jpg, .png, .webp or .ppm", path);
    uint8_t *bytes = NULL;
    size_t size = 0;
    rc = encode(img, &bytes, &size);
    if (rc == MIEN_OK) rc = write_file(path, bytes, size);
    free(bytes);
    return rc == MIEN_OK ? MIEN_OK : err_prefix(rc, "%s", path);
}

int mien_image_encode(const mien_image *img, const char *format, void **bytes, size_t *size) {
    if (!format || !bytes || !size) return err_null("mien_image_encode");
    *bytes = NULL;
    *size = 0;
    int rc = image_check(img);
    if (rc != MIEN_OK) return rc;
    codec_encode_fn *encode = encoder_of(format);
    if (!encode)
        return err_set(MIEN_EINVAL, "pictures are written as jpg, png, webp or ppm, not '%s'",
                       format);
    uint8_t *encoded = NULL;
    rc = encode(img, &encoded, size);
    *bytes = encoded;
    return rc;
}
