/* Slices and gathers by their definition, in double. */
#include "tests/engine/oracle_gather.h"

#include <math.h>

/* Where row or column i of `out` lies among the n there are, as ONNX's Resize says. */
static double position(const struct net_places *p, int n, int out, int i) {
    double scale = p->size ? (double)out / n : (double)p->scale;
    switch (p->coordinates) {
    case NET_ASYMMETRIC: return i / scale;
    case NET_ALIGN_CORNERS: return out == 1 ? 0 : i * (n - 1.0) / (out - 1);
    case NET_PYTORCH_HALF_PIXEL: return out == 1 ? 0 : (i + 0.5) / scale - 0.5;
    default: return (i + 0.5) / scale - 0.5;
    }
}

/* One of n places or, of zeros, -1; *phase: within a block. */
static int place(const struct net_places *p, int n, int out, int i, int *phase) {
    *phase = 0;
    if (p->kind == PLACES_NEAREST) {
        double at = position(p, n, out, i);
        at = p->round == PLACES_FLOOR  ? floor(at)
             : p->round == PLACES_CEIL ? ceil(at)
             : at - floor(at) == 0.5   ? floor(at) + (p->round == PLACES_HALF_UP)
                                       : round(at);
        return (int)fmin(fmax(at, 0), n - 1);
    }
    int at = p->from;
    for (int k = 0; k < i; k++) at += p->step;
    if (p->kind == PLACES_EDGE) return at < 0 ? 0 : at >= n ? n - 1 : at;
    if (p->kind == PLACES_REFLECT) {
        while (at < 0 || at >= n) at = at < 0 ? -at : 2 * n - 2 - at;
        return at;
    }
    if (at < 0 || at >= n * p->block) return -1;
    *phase = at % p->block;
    return at / p->block;
}

static int size_of(const struct net_places *p, int n, int like) {
    if (p->size) return p->size < 0 ? like : p->size;
    if (p->kind >= PLACES_NEAREST) return (int)floor((double)((float)n * p->scale));
    int end = n * p->block + p->after, out = 0;
    if (p->stop > 0) end = p->stop < n * p->block ? p->stop : n * p->block;
    for (int at = p->from; at < end; at += p->step) out++;
    return out;
}

/* The channel that loops over channels reach at turn j. */
static int channel(const struct places_channels *c, int j) {
    int at = c->from, turns = 1;
    for (int k = 0; k < c->axes; k++) turns *= c->count[k];
    for (int k = 0; k < c->axes; k++) {
        turns /= c->count[k];
        at += j / turns % c->count[k] * c->step[k];
    }
    return at;
}

void oracle_gather_size(const struct net_node *n, const struct oracle_value *x,
                        const struct oracle_value *like, int *h, int *w) {
    *h = n->op == NET_SLICE ? x->h : size_of(&n->gather.rows, x->h, like->h);
    *w = n->op == NET_SLICE ? x->w : size_of(&n->gather.columns, x->w, like->w);
}

static double linear(const struct net_node *n, const struct oracle_value *x,
                     const struct oracle_value *y, int oy, int ox, int c) {
    double sy = fmin(fmax(position(&n->gather.rows, x->h, y->h, oy), 0), x->h - 1);
    double sx = fmin(fmax(position(&n->gather.columns, x->w, y->w, ox), 0), x->w - 1), sum = 0;
    for (int i = 0; i < x->h; i++)
        for (int j = 0; j < x->w; j++)
            sum += fmax(0, 1 - fabs(i - sy)) * fmax(0, 1 - fabs(j - sx)) *
                   x->data[(i * x->w + j) * x->c + c];
    return sum;
}

/* ONNX's Resize, cubic: the coefficients of the four places around each of the two positions. */
static void cubic_taps(const struct net_places *p, int n, int out, int i, int at[4], double to[4]) {
    double where = position(p, n, out, i), s = where - floor(where), a = (double)p->bend, all = 0;
    double coefficients[4] = {((a * (s + 1) - 5 * a) * (s + 1) + 8 * a) * (s + 1) - 4 * a,
                              ((a + 2) * s - (a + 3)) * s * s + 1,
                              ((a + 2) * (1 - s) - (a + 3)) * (1 - s) * (1 - s) + 1,
                              ((a * (2 - s) - 5 * a) * (2 - s) + 8 * a) * (2 - s) - 4 * a};
    for (int k = 0; k < 4; k++) {
        int there = (int)floor(where) - 1 + k, outside = there < 0 || there >= n;
        at[k] = there < 0 ? 0 : there >= n ? n - 1 : there;
        all += to[k] = p->inside && outside ? 0 : coefficients[k];
    }
    for (int k = 0; k < 4 && p->inside; k++) to[k] /= all;
}

static double cubic(const struct net_node *n, const struct oracle_value *x,
                    const struct oracle_value *y, int oy, int ox, int c) {
    double down[4], right[4], sum = 0;
    int rows[4], columns[4];
    cubic_taps(&n->gather.rows, x->h, y->h, oy, rows, down);
    cubic_taps(&n->gather.columns, x->w, y->w, ox, columns, right);
    for (int i = 0; i < 16; i++)
        sum +=
            down[i / 4] * right[i % 4] * x->data[(rows[i / 4] * x->w + columns[i % 4]) * x->c + c];
    return sum;
}

double oracle_gather(const struct net_node *n, const struct oracle_value *x,
                     const struct oracle_value *y, int oy, int ox, int c) {
    const struct net_gather *g = &n->gather;
    if (g->rows.kind == PLACES_LINEAR) return linear(n, x, y, oy, ox, c);
    if (g->rows.kind == PLACES_CUBIC) return cubic(n, x, y, oy, ox, c);
    if (g->rows.kind == PLACES_FLAT) return x->data[(oy * y->w + ox) * y->c + c];
    int down, right, row = place(&g->rows, x->h, y->h, oy, &down);
    int column = place(&g->columns, x->w, y->w, ox, &right);
    if (row < 0 || column < 0) return 0;
    int from =
        channel(&g->channels, c) + down * g->channels.phase_row + right * g->channels.phase_column;
    return x->data[(row * x->w + column) * x->c + from];
}
