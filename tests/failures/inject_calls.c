/* The system's calls that fail as inject.h says; those of libraries are among them. Names that end
 * in 64 are what programs compiled for large files call. Not fortified: that makes some of them
 * functions of the headers. */
#undef _FORTIFY_SOURCE
#include "inject.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* The call this one stands before. */
#define REAL(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))
static int fails(enum inject_kind kind, int error) {
    if (!inject_fails(kind)) return 0;
    errno = error;
    return 1;
}

/* An eventfd is no kind of file. */
static int is_event(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == 0;
}

/* As stdio remembers it, for ferror(). */
static void mark(FILE *stream) {
    stream->_flags |= _IO_ERR_SEEN;
}

ssize_t read(int fd, void *buf, size_t nbytes) {
    if (!is_event(fd) && fails(INJECT_READ, EIO)) return -1;
    return REAL(read)(fd, buf, nbytes);
}

ssize_t pread(int fd, void *buf, size_t nbytes, off_t offset) {
    if (fails(INJECT_READ, EIO)) return -1;
    return REAL(pread)(fd, buf, nbytes, offset);
}
extern __typeof__(pread) pread64 __attribute__((alias("pread"), visibility("default")));

size_t fread(void *ptr, size_t size, size_t n, FILE *stream) {
    if (!fails(INJECT_READ, EIO)) return REAL(fread)(ptr, size, n, stream);
    mark(stream);
    return 0;
}

ssize_t recv(int fd, void *buf, size_t n, int flags) {
    if (fails(INJECT_READ, ECONNRESET)) return -1;
    return REAL(recv)(fd, buf, n, flags);
}

ssize_t write(int fd, const void *buf, size_t n) {
    if (!is_event(fd) && fails(INJECT_WRITE, ENOSPC)) return -1;
    return REAL(write)(fd, buf, n);
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t offset) {
    if (fails(INJECT_WRITE, ENOSPC)) return -1;
    return REAL(pwrite)(fd, buf, n, offset);
}
extern __typeof__(pwrite) pwrite64 __attribute__((alias("pwrite"), visibility("default")));

int fflush(FILE *stream) {
    if (!fails(INJECT_WRITE, ENOSPC)) return REAL(fflush)(stream);
    if (stream) mark(stream);
    return EOF;
}

int fclose(FILE *stream) {
    int failed = fails(INJECT_WRITE, ENOSPC), end = REAL(fclose)(stream);
    if (!failed) return end;
    errno = ENOSPC;
    return EOF;
}

ssize_t send(int fd, const void *buf, size_t n, int flags) {
    if (fails(INJECT_WRITE, ECONNRESET)) return -1;
    return REAL(send)(fd, buf, n, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    if (fails(INJECT_WRITE, ECONNRESET)) return -1;
    return REAL(sendmsg)(fd, message, flags);
}

int fsync(int fd) {
    return fails(INJECT_WRITE, EIO) ? -1 : REAL(fsync)(fd);
}

int ftruncate(int fd, off_t length) {
    return fails(INJECT_WRITE, EIO) ? -1 : REAL(ftruncate)(fd, length);
}
extern __typeof__(ftruncate) ftruncate64 __attribute__((alias("ftruncate"), visibility("default")));

int open(const char *file, int oflag, ...) {
    va_list more;
    va_start(more, oflag);
    mode_t mode = oflag & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0;
    va_end(more);
    return fails(INJECT_OPEN, EMFILE) ? -1 : REAL(open)(file, oflag, mode);
}
extern __typeof__(open) open64 __attribute__((alias("open"), visibility("default")));

int __open_2(const char *file, int oflag);
int __open_2(const char *file, int oflag) {
    return open(file, oflag);
}

FILE *fopen(const char *filename, const char *modes) {
    return fails(INJECT_OPEN, EMFILE) ? NULL : REAL(fopen)(filename, modes);
}
extern __typeof__(fopen) fopen64 __attribute__((alias("fopen"), visibility("default")));

int pipe2(int pipedes[2], int flags) {
    return fails(INJECT_OPEN, EMFILE) ? -1 : REAL(pipe2)(pipedes, flags);
}

int memfd_create(const char *name, unsigned flags) {
    return fails(INJECT_OPEN, EMFILE) ? -1 : REAL(memfd_create)(name, flags);
}

int socket(int domain, int type, int protocol) {
    return fails(INJECT_OPEN, EMFILE) ? -1 : REAL(socket)(domain, type, protocol);
}

int bind(int fd, const struct sockaddr *addr, socklen_t len) {
    return fails(INJECT_OPEN, EADDRINUSE) ? -1 : REAL(bind)(fd, addr, len);
}

int listen(int fd, int n) {
    return fails(INJECT_OPEN, EADDRINUSE) ? -1 : REAL(listen)(fd, n);
}

int accept4(int fd, struct sockaddr *addr, socklen_t *addr_len, int flags) {
    return fails(INJECT_OPEN, EMFILE) ? -1 : REAL(accept4)(fd, addr, addr_len, flags);
}

int epoll_create1(int flags) {
    return fails(INJECT_OPEN, EMFILE) ? -1 : REAL(epoll_create1)(flags);
}

int eventfd(unsigned count, int flags) {
    return fails(INJECT_OPEN, EMFILE) ? -1 : REAL(eventfd)(count, flags);
}

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset) {
    if (fails(INJECT_MMAP, ENOMEM)) return MAP_FAILED;
    return REAL(mmap)(addr, len, prot, flags, fd, offset);
}
extern __typeof__(mmap) mmap64 __attribute__((alias("mmap"), visibility("default")));

int mprotect(void *addr, size_t len, int prot) {
    return fails(INJECT_MMAP, ENOMEM) ? -1 : REAL(mprotect)(addr, len, prot);
}

int rename(const char *old, const char *new) {
    return fails(INJECT_RENAME, ENOSPC) ? -1 : REAL(rename)(old, new);
}

int mkdir(const char *path, mode_t mode) {
    return fails(INJECT_RENAME, ENOSPC) ? -1 : REAL(mkdir)(path, mode);
}

int fchmod(int fd, mode_t mode) {
    return fails(INJECT_RENAME, EPERM) ? -1 : REAL(fchmod)(fd, mode);
}

int pthread_create(pthread_t *newthread, const pthread_attr_t *attr, void *(*start_routine)(void *),
                   void *arg) {
    if (inject_fails(INJECT_THREAD)) return EAGAIN;
    return REAL(pthread_create)(newthread, attr, start_routine, arg);
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *file_actions,
                const posix_spawnattr_t *attrp, char *const argv[], char *const envp[]) {
    if (inject_fails(INJECT_THREAD)) return EAGAIN;
    return REAL(posix_spawn)(pid, path, file_actions, attrp, argv, envp);
}
