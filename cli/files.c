#include "files.h"

#include "common/folders.h"
#include "output.h"
#include "say.h"
#include "stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A file that is to take the place of path. */
struct beside {
    const char *path;
    char *name; /* malloc */
    FILE *out;
};

/* Opens it, with the permissions of the one that is there. flags: O_EXCL, or O_TRUNC where it may
 * be one that was left behind. Returns 0 or an errno. */
static int begin(struct beside *b, int flags) {
    struct stat st;
    int error, fd = open(b->name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | flags, 0666);

    if (fd < 0) return errno;
    if (stat(b->path, &st) != 0 || fchmod(fd, st.st_mode & 07777) == 0) b->out = fdopen(fd, "w");
    if (b->out) return 0;
    error = errno;
    close(fd);
    unlink(b->name);
    return error;
}

/* Puts it in its place, or removes it where something failed. Returns 0 or an errno. */
static int end(struct beside *b, int no_memory, int failed) {
    failed |= no_memory || ferror(b->out);
    failed |= fclose(b->out) != 0;
    failed = failed || rename(b->name, b->path) != 0;
    if (failed) failed = no_memory ? ENOMEM : errno ? errno : EIO;
    if (failed) unlink(b->name);
    return failed;
}

/* Returns 0 or an errno. */
static int replace(const char *path, files_writer *write, const void *context) {
    struct beside b = {.path = path};
    struct timespec now;
    int failed;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (asprintf(&b.name, "%s.%d-%ld.tmp", path, (int)getpid(), now.tv_nsec) < 0) return ENOMEM;
    failed = begin(&b, O_EXCL);
    if (!failed) failed = end(&b, write(context, b.out), 0);
    free(b.name);
    return failed;
}

int files_write(const char *path, files_writer *write, const void *context) {
    int error = folders_make(path);
    char *target;

    if (!error) {
        target = realpath(path, NULL); /* NULL: a new file, its name is its own */
        errno = 0;
        error = replace(target ? target : path, write, context);
        free(target);
    }
    if (!error) return EXIT_OK;
    say("%s: %s", path, strerror(error));
    return EXIT_FAILED;
}

/* Has what was written go to the disk, without waiting: journals write a name behind what it names
 * then, so that no power cut leaves an empty file. To wait takes longer (5 ms, fsync()) than to
 * find the faces in a small picture. What a file system does not do for its speed is looked for
 * when the file is (stamp_is_on()). */
static int begin_sync(int fd) {
    return sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE) && errno != ENOSYS && errno != ESPIPE &&
           errno != EINVAL;
}

static int put(const char *path, files_writer *write, const void *context, uint64_t stamp) {
    struct beside b = {.path = path};
    const char *slash = strrchr(path, '/');
    int failed, no_memory;

    if (asprintf(&b.name, "%.*s.mien.tmp", slash ? (int)(slash + 1 - path) : 0, path) < 0)
        return ENOMEM;
    failed = begin(&b, O_TRUNC);
    if (!failed) {
        no_memory = write(context, b.out);
        failed = fflush(b.out) != 0;
        if (!failed && stamp)
            failed = begin_sync(fileno(b.out)) != 0 || stamp_put(fileno(b.out), stamp) != 0;
        failed = end(&b, no_memory, failed);
    }
    free(b.name);
    return failed;
}

int files_put(const char *path, files_writer *write, const void *context, uint64_t stamp) {
    char *target = realpath(path, NULL);
    struct stat st;
    int error;

    if (target && stat(target, &st) == 0 && !S_ISREG(st.st_mode)) { /* a device is not replaced */
        free(target);
        return S_ISDIR(st.st_mode) ? EISDIR : EEXIST;
    }
    errno = 0;
    error = put(target ? target : path, write, context, stamp);
    if (error == ENOENT && !target) { /* a folder nothing was written to so far */
        error = folders_make(path);
        if (!error) error = put(path, write, context, stamp);
    }
    free(target);
    return error;
}

struct json_text {
    json_t *value;
    int pretty;
};

static int write_json(const void *context, FILE *out) {
    const struct json_text *text = context;

    return output_print(text->value, text->pretty, out);
}

int files_write_json(const char *path, json_t *value, int pretty) {
    const struct json_text text = {value, pretty};

    return files_write(path, write_json, &text);
}

int files_put_json(const char *path, json_t *value, int pretty, uint64_t stamp) {
    const struct json_text text = {value, pretty};

    return files_put(path, write_json, &text, stamp);
}
