/* Which call fails, and the calls that give memory. */
#include "inject.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const char *const names[INJECT_KINDS] = {"malloc", "read",   "write", "open",
                                                "mmap",   "rename", "thread"};

struct state {
    atomic_long count[INJECT_KINDS], fail_at[INJECT_KINDS], live;
};

static struct state own, *state = &own;
static atomic_int is_set_up, own_only;

/* glibc's, under the names it keeps for this. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void __libc_free(void *p);

const char *inject_name(enum inject_kind kind) {
    return names[kind];
}

long inject_parse(const char *text, enum inject_kind *kind) {
    for (int k = 0; k < INJECT_KINDS; k++) {
        size_t n = strlen(names[k]);
        *kind = (enum inject_kind)k;
        if (strncmp(text, names[k], n) == 0 && text[n] == ':')
            return strtol(text + n + 1, NULL, 10);
    }
    return 0;
}

static void set_up(void) {
    const char *what = getenv("INJECT");
    enum inject_kind kind;
    long n = what ? inject_parse(what, &kind) : 0;
    if (n) state->fail_at[kind] = n;
    is_set_up = 1;
}

void inject(enum inject_kind kind, long n) {
    is_set_up = 1;
    for (int k = 0; k < INJECT_KINDS; k++) state->fail_at[k] = 0;
    state->fail_at[kind] = n ? atomic_load(&state->count[kind]) + n : 0;
}

long inject_calls(enum inject_kind kind) {
    return atomic_load(&state->count[kind]);
}

long inject_live(void) {
    return atomic_load(&state->live);
}

void inject_own(int only) {
    own_only = only;
}

int inject_share(void) {
    struct state *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return -1;
    state = shared;
    return 0;
}

void inject_rewind(void) {
    memset(state, 0, sizeof *state);
}

int inject_fails(enum inject_kind k) {
    if (!is_set_up) set_up();
    return atomic_fetch_add(&state->count[k], 1) + 1 == atomic_load(&state->fail_at[k]);
}

/* caller: where the call returns to. */
static int allocation_fails(const void *caller) {
    /* Of a program, by the linker; a library has none. */
    extern const char __executable_start __attribute__((weak)), etext __attribute__((weak));
    if (own_only && ((const char *)caller < &__executable_start || (const char *)caller >= &etext))
        return 0;
    return inject_fails(INJECT_MALLOC);
}

static void *counted(void *p) {
    if (p) atomic_fetch_add(&state->live, 1);
    return p;
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
    if (ptr) atomic_fetch_sub(&state->live, 1);
    __libc_free(ptr);
}
