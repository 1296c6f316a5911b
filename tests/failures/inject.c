/*
 * inject.c - makes one call of the system fail: preloaded into a program under test.
 *
 * MIEN_INJECT=KIND:N fails the N-th call of a kind (malloc, read, write, mmap, rename, thread) that
 * the process makes; without a number none fails. MIEN_INJECT_COUNTS names a file that is told at
 * the end how many calls of each kind there were.
 */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum kind { MALLOC, READ, WRITE, MMAP, RENAME, THREAD, KINDS };
static const char *const names[KINDS] = {"malloc", "read", "write", "mmap", "rename", "thread"};

static atomic_long count[KINDS];
static atomic_int is_set_up;
static long fail_at[KINDS];

/* glibc's, under the names it keeps for this. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static void set_up(void) {
    const char *what = getenv("MIEN_INJECT");
    for (int k = 0; what && k < KINDS; k++) {
        size_t n = strlen(names[k]);
        if (strncmp(what, names[k], n) == 0 && what[n] == ':')
            fail_at[k] = strtol(what + n + 1, NULL, 10);
    }
    is_set_up = 1;
}

static int fails(enum kind k) {
    if (!is_set_up) set_up();
    return atomic_fetch_add(&count[k], 1) + 1 == fail_at[k];
}

__attribute__((destructor)) static void tell(void) {
    const char *path = getenv("MIEN_INJECT_COUNTS");
    FILE *f = path ? fopen(path, "w") : NULL;
    for (int k = 0; f && k < KINDS; k++) fprintf(f, "%s %ld\n", names[k], atomic_load(&count[k]));
    if (f) fclose(f);
}

static void *real(const char *name) {
    return dlsym(RTLD_NEXT, name);
}

static void *no_memory(void) {
    errno = ENOMEM;
    return NULL;
}

void *malloc(size_t size) {
    return fails(MALLOC) ? no_memory() : __libc_malloc(size);
}

void *calloc(size_t nmemb, size_t size) {
    return fails(MALLOC) ? no_memory() : __libc_calloc(nmemb, size);
}

void *realloc(void *ptr, size_t size) {
    return fails(MALLOC) ? no_memory() : __libc_realloc(ptr, size);
}

int posix_memalign(void **memptr, size_t alignment, size_t size) {
    if (fails(MALLOC)) return ENOMEM;
    *memptr = __libc_memalign(alignment, size);
    return *memptr ? 0 : ENOMEM;
}

ssize_t read(int fd, void *buf, size_t nbytes) {
    ssize_t (*fn)(int, void *, size_t) = (ssize_t(*)(int, void *, size_t))real("read");
    if (!fails(READ)) return fn(fd, buf, nbytes);
    errno = EIO;
    return -1;
}

ssize_t pread(int fd, void *buf, size_t nbytes, off_t offset) {
    ssize_t (*fn)(int, void *, size_t, off_t) =
        (ssize_t(*)(int, void *, size_t, off_t))real("pread");
    if (!fails(READ)) return fn(fd, buf, nbytes, offset);
    errno = EIO;
    return -1;
}

ssize_t write(int fd, const void *buf, size_t n) {
    ssize_t (*fn)(int, const void *, size_t) = (ssize_t(*)(int, const void *, size_t))real("write");
    if (!fails(WRITE)) return fn(fd, buf, n);
    errno = ENOSPC;
    return -1;
}

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset) {
    void *(*fn)(void *, size_t, int, int, int, off_t) =
        (void *(*)(void *, size_t, int, int, int, off_t))real("mmap");
    if (!fails(MMAP)) return fn(addr, len, prot, flags, fd, offset);
    errno = ENOMEM;
    return MAP_FAILED;
}

int rename(const char *old, const char *new) {
    int (*fn)(const char *, const char *) = (int (*)(const char *, const char *))real("rename");
    if (!fails(RENAME)) return fn(old, new);
    errno = ENOSPC;
    return -1;
}

int pthread_create(pthread_t *newthread, const pthread_attr_t *attr, void *(*start)(void *),
                   void *arg) {
    int (*fn)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = (int (*)(
        pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))real("pthread_create");
    return fails(THREAD) ? EAGAIN : fn(newthread, attr, start, arg);
}
