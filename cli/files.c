#include "files.h"

#include "common/folders.h"
#include "output.h"
#include "say.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Opens a new file beside path, with the permissions of the one that is there. *name: malloc. */
static FILE *open_beside(const char *path, char **name) {
    struct timespec now;
    struct stat st;
    FILE *out = NULL;
    int fd;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (asprintf(name, "%s.%d-%ld.tmp", path, (int)getpid(), now.tv_nsec) < 0) {
        *name = NULL;
        return NULL;
    }
    fd = open(*name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) return NULL;
    if (stat(path, &st) != 0 || fchmod(fd, st.st_mode & 07777) == 0) out = fdopen(fd, "w");
    if (!out) {
        close(fd);
        unlink(*name);
    }
    return out;
}

/* Returns 0 or an errno. */
static int replace(const char *path, files_writer *write, const void *context) {
    char *name;
    FILE *out = open_beside(path, &name);
    int failed, no_memory;

    if (out) {
        no_memory = write(context, out);
        failed = no_memory || ferror(out);
        failed |= fclose(out) != 0;
        failed = failed || rename(name, path) != 0;
        if (failed) failed = no_memory ? ENOMEM : errno ? errno : EIO;
        if (failed) unlink(name);
    } else {
        failed = errno;
    }
    free(name);
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
