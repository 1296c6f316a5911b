#include "services/output.h"

#include "common/folders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PART ".mien-" /* XXXXXX, while it is written */

static const double LEFT_BEHIND = 60; /* seconds from which nobody writes it any more */

static const char *base_of(const char *path) {
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* folder/sub/a.json, or with the whole name folder/sub/a.jpg.json; NULL: no memory. */
static char *path_of(const char *folder, const char *image_id, int whole) {
    const char *dot = strrchr(base_of(image_id), '.');
    int n = dot && !whole ? (int)(dot - image_id) : (int)strlen(image_id);
    char *path;

    return asprintf(&path, "%s/%.*s.json", folder, n, image_id) < 0 ? NULL : path;
}

/* 1 where the file is a result of this picture, 0 where it is something else; -1: there is none. */
static int is_of(const char *path, const char *image_id) {
    json_t *root;
    const char *id;
    int is;

    if (access(path, F_OK)) return -1;
    root = json_load_file(path, 0, NULL);
    id = json_string_value(json_object_get(root, "image_id"));
    is = id && strcmp(id, image_id) == 0;
    json_decref(root);
    return is;
}

static int failed(int error, const char *path, char why[OUTPUT_WHY]) {
    snprintf(why, OUTPUT_WHY, "%.400s: %s", path, strerror(error));
    return error;
}

static int sync_folder(const char *path) {
    char *copy = strdup(path), *slash = copy ? strrchr(copy, '/') : NULL;
    int fd = -1, error = 0;

    if (slash) {
        *slash = '\0';
        fd = open(copy, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (fd < 0 || fsync(fd)) error = copy ? errno : ENOMEM;
    if (fd >= 0) close(fd);
    free(copy);
    return error == EINVAL ? 0 : error; /* a file system that has no such thing */
}

/* A new file beside `path`, of this text and time, synced: its name for free(); NULL, and errno. */
static char *write_part(const char *path, const char *text, size_t n, struct timespec read) {
    const struct timespec times[2] = {read, read};
    char *part;
    int fd, error = 0;
    size_t done = 0;

    if (asprintf(&part, "%.*s" PART "XXXXXX", (int)(base_of(path) - path), path) < 0) {
        errno = ENOMEM;
        return NULL;
    }
    fd = mkostemp(part, O_CLOEXEC);
    if (fd < 0) {
        error = errno;
        free(part);
        errno = error;
        return NULL;
    }
    while (done < n && !error) {
        ssize_t wrote = write(fd, text + done, n - done);
        if (wrote >= 0)
            done += (size_t)wrote;
        else if (errno != EINTR)
            error = errno;
    }
    if (!error && (fchmod(fd, 0644) || futimens(fd, times) || fsync(fd))) error = errno;
    if (close(fd) && !error) error = errno;
    if (!error) return part;
    unlink(part);
    free(part);
    errno = error;
    return NULL;
}

/* Gives the part its name, unless another picture's result has it: 0, EEXIST, or another errno. */
static int place(const char *part, const char *path, const char *image_id) {
    int owner = is_of(path, image_id);

    if (owner == 0) return EEXIST;
    if (owner > 0) return rename(part, path) ? errno : 0;
    /* Nobody had it a moment ago: who is first has it, of several programs, too. */
    if (link(part, path) == 0) return unlink(part) ? errno : 0;
    if (errno == EEXIST) return is_of(path, image_id) > 0 && rename(part, path) == 0 ? 0 : EEXIST;
    if (errno != EPERM && errno != ENOTSUP && errno != EMLINK) return errno;
    return rename(part, path) ? errno : 0; /* a file system without links */
}

int output_write(const char *folder, const char *image_id, const char *text, size_t n,
                 struct timespec read, char **path, char why[OUTPUT_WHY]) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    int error = EEXIST;

    *path = NULL;
    for (int whole = 0; whole < 2 && error == EEXIST; whole++) {
        char *name = path_of(folder, image_id, whole), *part;
        if (!name) return failed(ENOMEM, image_id, why);
        error = folders_make(name);
        part = error ? NULL : write_part(name, text, n, read);
        if (!part && !error) error = errno;
        if (part) {
            pthread_mutex_lock(&lock);
            error = place(part, name, image_id);
            pthread_mutex_unlock(&lock);
            if (error) unlink(part);
        }
        free(part);
        if (!error) error = sync_folder(name);
        if (error)
            failed(error, name, why);
        else
            *path = name;
        if (error) free(name);
    }
    return error;
}

static int is_before(struct timespec a, struct timespec b) {
    return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

int output_is_current(const char *folder, const char *image_id, const struct stat *picture) {
    for (int whole = 0; whole < 2; whole++) {
        char *path = path_of(folder, image_id, whole);
        struct stat st;
        int is_there = path && stat(path, &st) == 0 && S_ISREG(st.st_mode);
        /* ctime, too: a picture that is moved in keeps its mtime */
        int is_newer = is_there && is_before(picture->st_mtim, st.st_mtim) &&
                       is_before(picture->st_ctim, st.st_mtim);
        int is_its_own = is_newer && is_of(path, image_id) > 0;
        free(path);
        if (is_its_own) return 1;
    }
    return 0;
}

/* Of the folder alone: below it as many as there are folders. */
static void tidy_folder(const char *folder, int depth) {
    DIR *d = opendir(folder);
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    for (struct dirent *e; d && (e = readdir(d));) {
        struct stat st;
        char *path;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (asprintf(&path, "%s/%s", folder, e->d_name) < 0) break;
        if (strncmp(e->d_name, PART, sizeof PART - 1) == 0) {
            /* ctime: its mtime is the picture's */
            if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
                (double)(now.tv_sec - st.st_ctim.tv_sec) > LEFT_BEHIND)
                unlink(path);
        } else if (depth > 0 && e->d_type == DT_DIR) {
            tidy_folder(path, depth - 1);
        }
        free(path);
    }
    if (d) closedir(d);
}

void output_tidy(const char *folder) {
    enum { DEPTH = 16 };

    tidy_folder(folder, DEPTH);
}
