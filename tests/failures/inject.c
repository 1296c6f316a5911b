#include "inject.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static const char *const names[INJECT_KINDS] = {"malloc", "read",   "write",
                                                "mmap",   "rename", "thread"};

static atomic_long count[INJECT_KINDS], fail_at[INJECT_KINDS], live;
static atomic_int is_set_up, own_only;

/* glibc's, under the names it keeps for this. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *p);

static void set_up(void) {
    const char *what = getenv("INJECT");
    for (int k = 0; what && k < INJECT_KINDS; k++) {
        size_t n = strlen(names[k]);
        if (strncmp(what, names[k], n) == 0 && what[n] == ':')
            fail_at[k] = strtol(what + n + 1, NULL, 10);
    }
    is_set_up = 1;
}

void inject(enum inject_kind kind, long n) {
    is_set_up = 1;
    for (int k = 0; k < INJECT_KINDS; k++) fail_at[k] = 0;
    fail_at[kind] = n ? atomic_load(&count[kind]) + n : 0;
}

long inject_calls(enum inject_kind kind) {
    return atomic_load(&count[kind]);
}

long inject_live(void) {
    return atomic_load(&live);
}

void inject_own(int only) {
    own_only = only;
}

static int fails(enum inject_kind k) {
    if (!is_set_up) set_up();
    return atomic_fetch_add(&count[k], 1) + 1 == atomic_load(&fail_at[k]);
}

/* caller: where the call returns to. */
static int allocation_fails(const void *caller) {
    /* Of a program, by the linker; a library has none. */
    extern const char __executable_start __attribute__((weak)), etext __attribute__((weak));
    if (own_only && ((const char *)caller < &__executable_start || (const char *)caller >= &etext))
        return 0;
    return fails(INJECT_MALLOC);
}

static void *counted(void *p) {
    if (p) atomic_fetch_add(&live, 1);
    return p;
}

__attribute__((destructor)) static void tell(void) {
    const char *path = getenv("INJECT_COUNTS");
    FILE *f = path ? fopen(path, "w") : NULL;
    for (int k = 0; f && k < INJECT_KINDS; k++)
        fprintf(f, "%s %ld\n", names[k], atomic_load(&count[k]));
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
    return allocation_fails(__builtin_return_address(0)) ? no_memory()
                                                         : counted(__libc_malloc(size));
}

void *calloc(size_t nmemb, size_t size) {
    return allocation_fails(__builtin_return_address(0)) ? no_memory()
                                                         : counted(__libc_calloc(nmemb, size));
}

void *realloc(void *ptr, size_t size) {
    if (allocation_fails(__builtin_return_address(0))) return no_memory();
    void *p = __libc_realloc(ptr, size);
    return ptr ? p : counted(p);
}

int posix_memalign(void **memptr, size_t alignment, size_t size) {
    if (allocation_fails(__builtin_return_address(0))) return ENOMEM;
    *memptr = counted(__libc_memalign(alignment, size));
    return *memptr ? 0 : ENOMEM;
}

void *aligned_alloc(size_t alignment, size_t size) {
    return allocation_fails(__builtin_return_address(0))
               ? no_memory()
               : counted(__libc_memalign(alignment, size));
}

void free(void *ptr) {
    if (ptr) atomic_fetch_sub(&live, 1);
    __libc_free(ptr);
}

/* An eventfd is no kind of file. */
static int is_event(int fd) {
    struct stat st;
    return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == 0;
}

ssize_t read(int fd, void *buf, size_t nbytes) {
    ssize_t (*fn)(int, void *, size_t) = (ssize_t(*)(int, void *, size_t))real("read");
    if (is_event(fd) || !fails(INJECT_READ)) return fn(fd, buf, nbytes);
    errno = EIO;
    return -1;
}

ssize_t pread(int fd, void *buf, size_t nbytes, off_t offset) {
    ssize_t (*fn)(int, void *, size_t, off_t) =
        (ssize_t(*)(int, void *, size_t, off_t))real("pread");
    if (is_event(fd) || !fails(INJECT_READ)) return fn(fd, buf, nbytes, offset);
    errno = EIO;
    return -1;
}

ssize_t write(int fd, const void *buf, size_t n) {
    ssize_t (*fn)(int, const void *, size_t) = (ssize_t(*)(int, const void *, size_t))real("write");
    if (is_event(fd) || !fails(INJECT_WRITE)) return fn(fd, buf, n);
    errno = ENOSPC;
    return -1;
}

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset) {
    void *(*fn)(void *, size_t, int, int, int, off_t) =
        (void *(*)(void *, size_t, int, int, int, off_t))real("mmap");
    if (!fails(INJECT_MMAP)) return fn(addr, len, prot, flags, fd, offset);
    errno = ENOMEM;
    return MAP_FAILED;
}

int rename(const char *old, const char *new) {
    int (*fn)(const char *, const char *) = (int (*)(const char *, const char *))real("rename");
    if (!fails(INJECT_RENAME)) return fn(old, new);
    errno = ENOSPC;
    return -1;
}

int pthread_create(pthread_t *newthread, const pthread_attr_t *attr, void *(*start_routine)(void *),
                   void *arg) {
    int (*fn)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) = (int (*)(
        pthread_t *, const pthread_attr_t *, void *(*)(void *), void *))real("pthread_create");
    return fails(INJECT_THREAD) ? EAGAIN : fn(newthread, attr, start_routine, arg);
}
