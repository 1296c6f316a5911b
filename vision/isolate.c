#include "vision/isolate.h"

#include "engine/err.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LOOK = 5 }; /* milliseconds between two looks whether to give up */

static char program[PATH_MAX]; /* empty: none */

/* Takes `place` of the folder in which the file lies, if there is a program. */
static int try(const char *file, const char *place) {
    const char *slash = strrchr(file, '/');
    int n =
        slash ? snprintf(program, sizeof program, "%.*s/%s", (int)(slash - file), file, place) : -1;
    if (n > 0 && n < (int)sizeof program && access(program, X_OK) == 0) return 1;
    program[0] = '\0';
    return 0;
}

static void find_program(void) {
    static const char *const places[] = {"mien-decode", "../libexec/mien/mien-decode",
                                         "../../libexec/mien/mien-decode"};
    const char *named = getenv("MIEN_DECODER");
    char self[PATH_MAX];
    Dl_info info;
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (named && *named) {
        if (strcmp(named, "none") != 0) snprintf(program, sizeof program, "%s", named);
        return;
    }
    self[n > 0 ? n : 0] = '\0';
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (try(self, places[i]) ||
            (dladdr(&program, &info) && info.dli_fname[0] == '/' && try(info.dli_fname, places[i])))
            return;
}

const char *isolate_program(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_program);
    return *program ? program : NULL;
}

/* A child and what is shared with it; descriptors are -1 where they are not open. */
struct child {
    pid_t pid;
    int in, out, alive[2];
};

static int fail_to_start(const char *what, int error) {
    return err_set(error == ENOMEM || error == EAGAIN ? MIEN_ENOMEM : MIEN_EIO,
                   "%s: %s, which decodes it, cannot be run: %s", what, program, strerror(error));
}

/* errno's value, or 0. */
static int write_all(int fd, const void *from, size_t n) {
    const char *at = from;
    while (n) {
        ssize_t put = write(fd, at, n);
        if (put < 0 && errno != EINTR) return errno;
        if (put <= 0) continue;
        at += put;
        n -= (size_t)put;
    }
    return 0;
}

static int share(struct child *c, const uint8_t *bytes, size_t size,
                 const mien_decode_options *opt) {
    struct isolate_request request = {
        .max_pixels = opt->max_pixels, .size = size, .keep_orientation = opt->keep_orientation};
    snprintf(request.version, sizeof request.version, "%s", mien_version());
    c->in = memfd_create("mien-decode-in", MFD_CLOEXEC);
    c->out = memfd_create("mien-decode-out", MFD_CLOEXEC);
    if (c->in < 0 || c->out < 0 || pipe2(c->alive, O_CLOEXEC) != 0) return errno;
    int error = write_all(c->in, &request, sizeof request);
    return error ? error : write_all(c->in, bytes, size);
}

/* In a process group of its own, so that what ends a server from its terminal lets it answer. */
static int start(struct child *c) {
    char *argv[] = {program, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int error = posix_spawn_file_actions_init(&files);
    if (error) return error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&files);
        return error;
    }
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              POSIX_SPAWN_SETPGROUP);
    error = posix_spawn_file_actions_adddup2(&files, c->in, STDIN_FILENO);
    if (!error) error = posix_spawn_file_actions_adddup2(&files, c->out, STDOUT_FILENO);
    if (!error)
        error = posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (!error) error = posix_spawn_file_actions_adddup2(&files, c->alive[1], STDERR_FILENO + 1);
    if (!error) error = posix_spawn(&c->pid, program, &files, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return error;
}

/* Until the child has ended, or nobody wants the picture any more. */
static int wait_for(struct child *c, const char *what, const mien_decode_options *opt) {
    struct pollfd end = {.fd = c->alive[0]};
    int rc = MIEN_OK;
    while (rc == MIEN_OK && poll(&end, 1, opt->stop ? LOOK : -1) <= 0)
        rc = codec_check_stop(what, opt);
    if (rc != MIEN_OK) kill(c->pid, SIGKILL);
    return rc;
}

/* The signal that ended the child; 0 where it ended by itself, or a program that waits for every
 * child took the answer. */
static int reap(const struct child *c) {
    int status = 0;
    pid_t got;
    do got = waitpid(c->pid, &status, 0);
    while (got < 0 && errno == EINTR);
    return got == c->pid && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static int read_pixels(const struct child *c, const char *what, mien_image *img) {
    size_t size = (size_t)img->pitch * (size_t)img->height, n = 0;
    while (n < size) {
        ssize_t got =
            pread(c->out, img->pixels + n, size - n, (off_t)(sizeof(struct isolate_answer) + n));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return err_set(MIEN_EFORMAT, "%s: its decoder left no pixels", what);
        n += (size_t)got;
    }
    return MIEN_OK;
}

static int take_answer(const struct child *c, const char *what, int ended_by,
                       const mien_decode_options *opt, mien_image **out) {
    struct isolate_answer a;
    ssize_t got = pread(c->out, &a, sizeof a, 0);
    if (got != sizeof a || ended_by)
        return err_set(MIEN_EFORMAT,
                       "%s: its decoder broke off%s%s: the file is broken, or needs more memory "
                       "than there is",
                       what, ended_by ? " by signal " : "", ended_by ? strsignal(ended_by) : "");
    a.version[sizeof a.version - 1] = a.sentence[sizeof a.sentence - 1] = '\0';
    for (char *p = a.sentence; *p; p++)
        if (*p < ' ' || *p > '~') *p = '?';
    if (strcmp(a.version, mien_version()) != 0)
        return err_set(MIEN_EDEVICE, "%s: %s is of version %s of mien, not of %s", what, program,
                       *a.version ? a.version : "?", mien_version());
    if (a.rc != MIEN_OK) return err_set(a.rc < 0 ? a.rc : MIEN_EFORMAT, "%s", a.sentence);
    int rc = codec_check_size(what, a.width > 0 ? (uint64_t)a.width : 0,
                              a.height > 0 ? (uint64_t)a.height : 0, opt);
    if (rc == MIEN_OK) rc = mien_image_new(a.width, a.height, out);
    if (rc != MIEN_OK) return rc;
    (*out)->has_alpha = a.has_alpha != 0;
    return read_pixels(c, what, *out);
}

static void close_all(const struct child *c) {
    const int fds[] = {c->in, c->out, c->alive[0], c->alive[1]};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0) close(fds[i]);
}

int isolate_decode(const char *what, const uint8_t *bytes, size_t size,
                   const mien_decode_options *opt, mien_image **out) {
    struct child c = {.in = -1, .out = -1, .alive = {-1, -1}};
    *out = NULL;
    int error = share(&c, bytes, size, opt);
    if (!error) error = start(&c);
    if (error) {
        close_all(&c);
        return fail_to_start(what, error);
    }
    close(c.alive[1]);
    c.alive[1] = -1;
    int rc = wait_for(&c, what, opt);
    int ended_by = reap(&c);
    if (rc == MIEN_OK) rc = take_answer(&c, what, ended_by, opt, out);
    close_all(&c);
    if (rc == MIEN_OK) return rc;
    mien_image_free(*out);
    *out = NULL;
    return rc;
}
