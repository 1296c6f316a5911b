#include "engine/cgroup.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void cgroup_read(const char *path, char *text, size_t size) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = file < 0 ? 0 : read(file, text, size - 1);
    text[n > 0 ? n : 0] = '\0';
    if (file >= 0) close(file);
}

void cgroup_each(const char *name, void (*fn)(void *context, const char *text), void *context) {
    char groups[4096], path[4400], text[64];
    cgroup_read("/proc/self/cgroup", groups, sizeof groups);
    char *own = strncmp(groups, "0::", 3) == 0 ? groups : strstr(groups, "\n0::");
    own = own ? strchr(own, '/') : NULL;
    if (!own) return;
    own[strcspn(own, "\n")] = '\0';
    for (;;) {
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/%s", own, name);
        cgroup_read(path, text, sizeof text);
        fn(context, text);
        char *slash = strrchr(own, '/');
        if (!slash) return;
        *slash = '\0';
    }
}

size_t cgroup_memory_limit(const char *memory_max) {
    char *end;
    unsigned long long bytes = strtoull(memory_max, &end, 10);
    if (end == memory_max || *memory_max == '-') return 0; /* "max" */
    return bytes < SIZE_MAX ? (size_t)bytes : SIZE_MAX;
}

static void lower(void *context, const char *text) {
    size_t *bytes = context, limit = cgroup_memory_limit(text);
    if (limit > 0 && limit < *bytes) *bytes = limit;
}

size_t cgroup_memory(void) {
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    size_t bytes = pages > 0 && page > 0 ? (size_t)pages * (size_t)page : SIZE_MAX;
    char text[64];
    cgroup_each("memory.max", lower, &bytes);
    /* Version 1, as a container sees its own group. */
    cgroup_read("/sys/fs/cgroup/memory/memory.limit_in_bytes", text, sizeof text);
    lower(&bytes, text);
    return bytes;
}
