#include "engine/gather.h"

#include "kernels/number.h"

#include <math.h>
#include <string.h>

struct net_gather gather_all(int channels) {
    struct net_places all = {.kind = PLACES_STEP, .step = 1, .block = 1};
    return (struct net_gather){
        .rows = all,
        .columns = all,
        .channels = {.axes = 1, .count = {channels}, .step = {1}},
    };
}

int gather_channels(const struct net_gather *g) {
    int64_t channels = 1;
    for (int i = 0; i < g->channels.axes; i++) {
        channels *= g->channels.count[i];
        if (channels < 1 || channels > INT32_MAX) return 0;
    }
    return (int)channels;
}

int gather_copies(const struct net_gather *g) {
    return g->rows.kind < PLACES_LINEAR && g->columns.kind < PLACES_LINEAR &&
           g->channels.phase_row == 0 && g->channels.phase_column == 0;
}

static int takes_all(const struct net_places *p) {
    return p->kind == PLACES_STEP && p->step == 1 && p->block == 1 && p->from == 0 &&
           p->after == 0 && p->stop == 0;
}

int gather_is_slice(const struct net_gather *g) {
    return takes_all(&g->rows) && takes_all(&g->columns) && g->channels.axes == 1 &&
           g->channels.step[0] == 1;
}

int gather_fits(const struct net_gather *g, int channels) {
    if (g->rows.kind == PLACES_FLAT) return 1;
    const struct places_channels *c = &g->channels;
    int64_t low = c->from, high = c->from;
    for (int i = 0; i < c->axes; i++) {
        int64_t span = ((int64_t)c->count[i] - 1) * c->step[i];
        *(span < 0 ? &low : &high) += span;
    }
    high += (int64_t)(g->rows.block - 1) * c->phase_row;
    high += (int64_t)(g->columns.block - 1) * c->phase_column;
    return low >= 0 && high < channels;
}

static int is_resized(const struct net_places *p) {
    return p->kind >= PLACES_NEAREST && p->kind <= PLACES_CUBIC;
}

int gather_size(const struct net_places *p, int n, int like) {
    if (p->size < 0) return p->kind != PLACES_EDGE || n == 1 || n == like ? like : 0;
    if (p->size > 0) return p->size;
    if (is_resized(p)) return (int)floorf((float)n * p->scale);
    int all = n * p->block, end = p->stop ? min_int(p->stop, all) : all + p->after;
    if (p->kind == PLACES_REFLECT && (p->from <= -n || p->after >= n)) return 0;
    return end > p->from ? ceil_div(end - p->from, p->step) : 0;
}

struct places gather_places(const struct net_places *p, int n, int out) {
    struct places r = {.kind = p->kind,
                       .round = p->round,
                       .n = n,
                       .out = out,
                       .from = p->from,
                       .step = p->step,
                       .block = p->block,
                       .bend = p->bend,
                       .inside = p->inside,
                       .num = 1,
                       .den = p->scale > 0 ? p->scale : (float)out / (float)n};
    if (!is_resized(p)) return r;
    if (p->coordinates == NET_HALF_PIXEL || p->coordinates == NET_PYTORCH_HALF_PIXEL) r.half = 0.5f;
    if (p->coordinates == NET_ALIGN_CORNERS) {
        r.num = out > 1 ? (float)(n - 1) : 0;
        r.den = out > 1 ? (float)(out - 1) : 1;
    }
    if (p->coordinates == NET_PYTORCH_HALF_PIXEL && out == 1) r.half = r.num = 0;
    return r;
}
