/* How many threads are worth starting. */
#include "engine/pool.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int pool_quota_cores(const char *cpu_max) {
    char *end;
    long long quota = strtoll(cpu_max, &end, 10);
    if (end == cpu_max || quota < 1) return 0; /* "max", or -1 in version 1 */
    long long period = strtoll(end, NULL, 10);
    if (period < 1) return 0;
    long long cores = (quota + period - 1) / period;
    return cores < 1024 ? (int)cores : 1024;
}

/* Reads a small file whole; text is "" where there is none. */
static void read_text(const char *path, char *text, size_t size) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = file < 0 ? 0 : read(file, text, size - 1);
    text[n > 0 ? n : 0] = '\0';
    if (file >= 0) close(file);
}

static int smaller(int a, int b) {
    return b > 0 && b < a ? b : a;
}

/* Version 2: the limit of our group and of all above it. Within a container our group is the root
 * of what it sees. */
static int quota_v2(int cores) {
    char groups[4096], path[4400], text[64];
    read_text("/proc/self/cgroup", groups, sizeof groups);
    char *own = strncmp(groups, "0::", 3) == 0 ? groups : strstr(groups, "\n0::");
    own = own ? strchr(own, '/') : NULL;
    if (!own) return cores;
    own[strcspn(own, "\n")] = '\0';
    for (;;) {
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", own);
        read_text(path, text, sizeof text);
        cores = smaller(cores, pool_quota_cores(text));
        char *slash = strrchr(own, '/');
        if (!slash) return cores;
        *slash = '\0';
    }
}

/* Version 1, as a container sees its own group. */
static int quota_v1(int cores) {
    char quota[32], period[32], text[80];
    read_text("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", quota, sizeof quota);
    read_text("/sys/fs/cgroup/cpu/cpu.cfs_period_us", period, sizeof period);
    snprintf(text, sizeof text, "%s %s", quota, period);
    return smaller(cores, pool_quota_cores(text));
}

int pool_cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int n = CPU_COUNT(&set);
    return quota_v1(quota_v2(n > 0 ? n : 1));
}
