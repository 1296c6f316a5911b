/* How many threads are worth starting. */
#include "engine/cgroup.h"
#include "engine/pool.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

int pool_quota_cores(const char *cpu_max) {
    char *end;
    long long quota = strtoll(cpu_max, &end, 10);
    if (end == cpu_max || quota < 1) return 0; /* "max", or -1 in version 1 */
    long long period = strtoll(end, NULL, 10);
    if (period < 1) return 0;
    long long cores = (quota + period - 1) / period;
    return cores < 1024 ? (int)cores : 1024;
}

static void lower(void *context, const char *text) {
    int *cores = context, quota = pool_quota_cores(text);
    if (quota > 0 && quota < *cores) *cores = quota;
}

/* Version 1, as a container sees its own group. */
static void lower_v1(int *cores) {
    char quota[32], period[32], text[80];
    cgroup_read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", quota, sizeof quota);
    cgroup_read("/sys/fs/cgroup/cpu/cpu.cfs_period_us", period, sizeof period);
    snprintf(text, sizeof text, "%s %s", quota, period);
    lower(cores, text);
}

int pool_cores(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int cores = CPU_COUNT(&set);
    if (cores < 1) cores = 1;
    cgroup_each("cpu.max", lower, &cores);
    lower_v1(&cores);
    return cores;
}
