/* mien_image_save(): encode in memory, write beside the target, rename. */
#include "engine/err.h"
#include "vision/codec.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME_TRIES 100

static codec_encode_fn *encoder_for(const char *path) {
    static const struct {
        const char *extension;
        codec_encode_fn *encode;
    } encoders[] = {{".jpg", jpeg_encode},
                    {".jpeg", jpeg_encode},
                    {".png", png_encode},
                    {".webp", webp_encode},
                    {".ppm", ppm_encode}};
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    for (size_t i = 0; dot && i < sizeof encoders / sizeof *encoders; i++)
        if (strcasecmp(dot, encoders[i].extension) == 0) return encoders[i].encode;
    return NULL;
}

static int write_all(int fd, const uint8_t *bytes, size_t size) {
    while (size > 0) {
        ssize_t n = write(fd, bytes, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return err_set(MIEN_EIO, "%s", strerror(errno));
        bytes += n;
        size -= (size_t)n;
    }
    return MIEN_OK;
}

/* Creates a new file next to path, with the permissions any new file gets (mkstemp's are the
 * owner's only). name: room for strlen(path) + 32 bytes. */
static int create_beside(const char *path, char *name, size_t room) {
    for (int i = 0; i < NAME_TRIES; i++) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        snprintf(name, room, "%s.%d-%ld.tmp", path, (int)getpid() % 100000, now.tv_nsec);
        int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST) return fd;
    }
    return -1;
}

static int replace_file(const char *path, const uint8_t *bytes, size_t size) {
    size_t room = strlen(path) + 32;
    char *name = malloc(room);
    if (!name) return err_set(MIEN_ENOMEM, "no memory for a file name");
    int fd = create_beside(path, name, room), code;
    if (fd < 0) {
        code = err_set(MIEN_EIO, "%s", strerror(errno));
        free(name);
        return code;
    }
    code = write_all(fd, bytes, size);
    if (close(fd) != 0 && code == MIEN_OK) code = err_set(MIEN_EIO, "%s", strerror(errno));
    if (code == MIEN_OK && rename(name, path) != 0) code = err_set(MIEN_EIO, "%s", strerror(errno));
    if (code != MIEN_OK) unlink(name);
    free(name);
    return code;
}

/* A device or pipe is written to, not replaced. */
static int write_file(const char *path, const uint8_t *bytes, size_t size) {
    struct stat st;
    if (stat(path, &st) != 0 || S_ISREG(st.st_mode)) return replace_file(path, bytes, size);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return err_set(MIEN_EIO, "%s", strerror(errno));
    int code = write_all(fd, bytes, size);
    if (close(fd) != 0 && code == MIEN_OK) code = err_set(MIEN_EIO, "%s", strerror(errno));
    return code;
}

int mien_image_save(const mien_image *img, const char *path) {
    if (!path) return err_set(MIEN_EINVAL, "mien_image_save: no path given");
    int code = image_check(img);
    if (code != MIEN_OK) return err_prefix(code, "%s", path);
    codec_encode_fn *encode = encoder_for(path);
    if (!encode)
        return err_set(MIEN_EINVAL, "%s: pictures are written as .jpg, .png, .webp or .ppm", path);
    uint8_t *bytes = NULL;
    size_t size = 0;
    code = encode(img, &bytes, &size);
    if (code == MIEN_OK) code = write_file(path, bytes, size);
    free(bytes);
    return code == MIEN_OK ? MIEN_OK : err_prefix(code, "%s", path);
}
