#include "cuda/algorithm.h"

#include <string.h>

void cuda_add_algorithm(struct cuda_algorithm algorithms[CUDA_MOST_ALGORITHMS], int *count,
                        const struct cuda_algorithm *algorithm) {
    int at = 0, alike = 0, n = *count;
    for (; at < n && algorithms[at].cycles <= algorithm->cycles; at++)
        alike +=
            algorithms[at].family == algorithm->family && algorithms[at].tile == algorithm->tile;
    if (alike >= 2 || at == CUDA_MOST_ALGORITHMS) return;
    int drop = n < CUDA_MOST_ALGORITHMS ? n : n - 1; /* whose place is taken */
    for (int i = at; i < n; i++) {
        alike += algorithms[i].family == algorithm->family && algorithms[i].tile == algorithm->tile;
        if (alike < 2) continue;
        drop = i;
        break;
    }
    if (drop == n) (*count)++;
    memmove(&algorithms[at + 1], &algorithms[at], (size_t)(drop - at) * sizeof *algorithms);
    algorithms[at] = *algorithm;
}

int cuda_trim_algorithms(const struct cuda_algorithm algorithms[CUDA_MOST_ALGORITHMS], int count) {
    while (count > 1 && algorithms[count - 1].cycles > 3 * algorithms[0].cycles) count--;
    return count;
}

void cuda_share_tiles(struct cuda_launch *out, int64_t count, int sums, int splits) {
    out->splits = splits;
    if (splits == 1) return;
    out->partial_bytes = (size_t)count * (size_t)splits * (size_t)sums * sizeof(float);
    out->arrived_bytes = (size_t)count * sizeof(unsigned);
}

/* Rounds of as many blocks as are resident, and the rest. */
double cuda_cycles(const struct cuda_machine *m, const struct cuda_cost *c) {
    int64_t round = (int64_t)m->processors * c->resident;
    int64_t rounds = c->blocks / round, rest = c->blocks % round;
    double full = c->resident * c->steps * c->step, least = c->steps * c->alone;
    double once = 1500 + c->sums / 16;
    if (c->splits > 1) once += 1500 + c->sums * 4 * c->splits / 64;
    double cycles = (double)rounds * ((full < least ? least : full) + once);
    if (!rest) return cycles;
    double last = (double)cuda_ceil_div(rest, m->processors) * c->steps * c->step;
    return cycles + (last < least ? least : last) + once;
}
