#include "tests/engine/oracle.h"

#include "tests/engine/oracle_gather.h"

#include <math.h>
#include <stdlib.h>

static double *at(const struct oracle_value *v, int y, int x) {
    return v->data + ((size_t)y * (size_t)v->w + (size_t)x) * (size_t)v->c;
}

static void make(struct oracle_value *v, int h, int w, int c) {
    *v = (struct oracle_value){h, w, c, calloc((size_t)h * (size_t)w * (size_t)c, sizeof(double))};
    if (!v->data) abort();
}

static int inside(const struct oracle_value *v, int y, int x) {
    return y >= 0 && x >= 0 && y < v->h && x < v->w;
}

static int tap_distance(const struct net_window *win) {
    return win->dilation ? win->dilation : 1;
}

/* Output size and first row (axis 0) or column (1) of the first window; TensorFlow's SAME or
 * explicit padding. */
static int windows(const struct net_window *win, int axis, int taps, int n, int *before) {
    int k = (taps - 1) * tap_distance(win) + 1;
    if (win->mode == NET_PAD_SAME) {
        int out = (n + win->stride - 1) / win->stride;
        int total = (out - 1) * win->stride + k - n;
        *before = total > 0 ? total / 2 : 0;
        return out;
    }
    *before = win->pad + win->more[axis];
    double span = n + *before + win->pad + win->more[axis + 2] - k;
    int out = (int)(win->ceil ? ceil(span / win->stride) : floor(span / win->stride)) + 1;
    if (win->ceil && (out - 1) * win->stride >= n + *before) out--;
    return out;
}

static double weight(const struct net_node *n, int o, int i, int ky, int kx, int inputs) {
    const struct net_weights *w = &n->weights;
    int channel = w->reverse_input ? inputs - 1 - i : i;
    size_t filter = (size_t)inputs * (size_t)n->window.kh * (size_t)n->window.kw;
    size_t in =
        ((size_t)channel * (size_t)n->window.kh + (size_t)ky) * (size_t)n->window.kw + (size_t)kx;
    if (w->difference)
        return (double)w->w->data[(2 * (size_t)o + 1) * filter + in] -
               w->w->data[2 * (size_t)o * filter + in];
    return w->w->data[(size_t)o * filter + in];
}

static double bias(const struct net_node *n, int o) {
    const struct net_weights *w = &n->weights;
    if (!w->bias) return 0;
    return w->difference ? (double)w->bias->data[2 * o + 1] - w->bias->data[2 * o]
                         : w->bias->data[o];
}

static void conv(const struct net_node *n, const struct oracle_value *x, struct oracle_value *y) {
    int top, left, inputs = x->c / n->groups, per_group = n->channels / n->groups;
    int h = windows(&n->window, 0, n->window.kh, x->h, &top);
    int step = tap_distance(&n->window);
    make(y, h, windows(&n->window, 1, n->window.kw, x->w, &left), n->channels);
    for (int oy = 0; oy < y->h; oy++)
        for (int ox = 0; ox < y->w; ox++)
            for (int o = 0; o < y->c; o++) {
                double sum = bias(n, o);
                for (int ky = 0; ky < n->window.kh; ky++)
                    for (int kx = 0; kx < n->window.kw; kx++) {
                        int sy = oy * n->window.stride - top + ky * step,
                            sx = ox * n->window.stride - left + kx * step;
                        if (!inside(x, sy, sx)) continue;
                        for (int i = 0; i < inputs; i++)
                            sum += weight(n, o, i, ky, kx, inputs) *
                                   at(x, sy, sx)[o / per_group * inputs + i];
                    }
                at(y, oy, ox)[o] = sum;
            }
}

static void pool(const struct net_node *n, const struct oracle_value *x, struct oracle_value *y) {
    struct net_window win = n->window;
    if (win.global)
        win =
            (struct net_window){.kh = x->h, .kw = x->w, .stride = 1, .average = n->window.average};
    int top, left, h = windows(&win, 0, win.kh, x->h, &top);
    make(y, h, windows(&win, 1, win.kw, x->w, &left), x->c);
    for (int oy = 0; oy < y->h; oy++)
        for (int ox = 0; ox < y->w; ox++)
            for (int c = 0; c < x->c; c++) {
                double best = -INFINITY, sum = 0;
                int count = 0;
                for (int ky = 0; ky < win.kh; ky++)
                    for (int kx = 0; kx < win.kw; kx++) {
                        int sy = oy * win.stride - top + ky, sx = ox * win.stride - left + kx;
                        if (!inside(x, sy, sx)) continue;
                        double v = at(x, sy, sx)[c];
                        best = v > best ? v : best;
                        sum += v;
                        count++;
                    }
                if (win.count_padding) count = win.kh * win.kw;
                at(y, oy, ox)[c] = win.average ? sum / count : best;
            }
}

static double hard_sigmoid(const struct net_node *n, double v) {
    return fmin(fmax((double)n->alpha * v + (double)n->beta, 0), 1);
}

static double activation(const struct net_node *n, int c, double v) {
    switch (n->act) {
    case KERN_ACT_RELU: return v > 0 ? v : 0;
    case KERN_ACT_LEAKY: return v > 0 ? v : (double)n->alpha * v;
    case KERN_ACT_PRELU: return v > 0 ? v : (double)n->slope->data[c] * v;
    case KERN_ACT_SIGMOID: return 1 / (1 + exp(-v));
    case KERN_ACT_CLIP: return fmin(fmax(v, (double)n->alpha), (double)n->beta);
    case KERN_ACT_HARD_SIGMOID: return hard_sigmoid(n, v);
    case KERN_ACT_HARD_SWISH: return v * hard_sigmoid(n, v);
    case KERN_ACT_SILU: return v / (1 + exp(-v));
    case KERN_ACT_TANH: return tanh(v);
    case KERN_ACT_GELU: return v * erfc(-v / sqrt(2)) / 2;
    case KERN_ACT_MISH: return v * tanh(log1p(exp(v)));
    case KERN_ACT_ERF: return erf(v);
    case KERN_ACT_EXP: return exp(fmin(fmax(v, -87), 88));
    case KERN_ACT_ROOT: return sqrt(fmax(v, 0));
    case KERN_ACT_INVERSE: return 1 / v;
    default: return v;
    }
}

static void softmax(struct oracle_value *y) {
    for (int i = 0; i < y->h * y->w; i++) {
        double *p = y->data + (size_t)i * (size_t)y->c, sum = 0;
        for (int c = 0; c < y->c; c++) sum += p[c] = exp(p[c]);
        for (int c = 0; c < y->c; c++) p[c] /= sum;
    }
}

/* Operations whose output has the size of like. */
static void pointwise(const struct net_node *n, struct oracle_value *v, struct oracle_value *y) {
    const struct oracle_value *x = &v[n->in[0]];
    const struct oracle_value *like = n->op == NET_UPSAMPLE ? &v[n->in[1]] : x;
    make(y, like->h, like->w, n->channels);
    for (int oy = 0; oy < y->h; oy++)
        for (int ox = 0; ox < y->w; ox++)
            for (int c = 0, part = 0, base = 0; c < y->c; c++) {
                double *out = &at(y, oy, ox)[c];
                if (n->op == NET_CONCAT) {
                    while (c - base >= v[n->in[part]].c) base += v[n->in[part++]].c;
                    *out = at(&v[n->in[part]], oy, ox)[c - base];
                    continue;
                }
                double a = n->op == NET_UPSAMPLE ? at(x, oy / 2, ox / 2)[c] : at(x, oy, ox)[c];
                if (n->op == NET_AFFINE) a = a * n->scale[c] + n->shift[c];
                if (n->op == NET_ACT) a = activation(n, c, a);
                *out = a;
            }
    if (n->op == NET_SOFTMAX) softmax(y);
}

static void gather(const struct net_node *n, struct oracle_value *v, struct oracle_value *y) {
    const struct oracle_value *x = &v[n->in[0]];
    int h, w;
    oracle_gather_size(n, x, &v[n->in[n->inputs - 1]], &h, &w);
    make(y, h, w, n->channels);
    for (int oy = 0; oy < h; oy++)
        for (int ox = 0; ox < w; ox++)
            for (int c = 0; c < y->c; c++) at(y, oy, ox)[c] = oracle_gather(n, x, y, oy, ox, c);
}

/* Group by group of each pixel, or of all of them. */
static void normalise(const struct net_node *n, const struct oracle_value *x,
                      struct oracle_value *y) {
    int all = x->h * x->w, pixels = n->norm.pixels ? 1 : all, group = x->c / n->norm.groups;
    make(y, x->h, x->w, x->c);
    for (int from = 0; from < all; from += pixels)
        for (int first = 0; first < x->c; first += group) {
            double sum = 0, squares = 0;
            for (int i = 0; i < pixels * group; i++)
                sum += x->data[(from + i / group) * x->c + first + i % group];
            double mean = sum / (pixels * group);
            for (int i = 0; i < pixels * group; i++)
                squares += pow(x->data[(from + i / group) * x->c + first + i % group] - mean, 2);
            double deviation = sqrt(squares / (pixels * group) + (double)n->norm.epsilon);
            for (int i = 0; i < pixels * group; i++) {
                int at = (from + i / group) * x->c + first + i % group;
                y->data[at] = (x->data[at] - mean) / deviation;
            }
        }
}

static void matmul(const struct net_matmul *m, const struct oracle_value *a,
                   const struct oracle_value *b, struct oracle_value *y) {
    make(y, 1, 1, m->batch * m->rows * m->columns);
    for (int row = 0; row < m->batch * m->rows; row++)
        for (int j = 0; j < m->columns; j++) {
            int column = row / m->rows * m->columns + j;
            double sum = 0;
            for (int k = 0; k < m->inner; k++)
                sum += a->data[row * m->inner + k] * b->data[column * m->inner + k];
            y->data[row * m->columns + j] = sum;
        }
}

/* Pixel y, x of a map of which one row or column may count for all. */
static double *spread(const struct oracle_value *v, int y, int x) {
    return at(v, v->h == 1 ? 0 : y, v->w == 1 ? 0 : x);
}

static void binary(const struct net_node *n, const struct oracle_value *a,
                   const struct oracle_value *b, struct oracle_value *y) {
    make(y, a->h > b->h ? a->h : b->h, a->w > b->w ? a->w : b->w, n->channels);
    for (int oy = 0; oy < y->h; oy++)
        for (int ox = 0; ox < y->w; ox++)
            for (int c = 0; c < y->c; c++) {
                double l = spread(a, oy, ox)[c], r = spread(b, oy, ox)[c];
                at(y, oy, ox)[c] = n->op == NET_MUL ? l * r : l + r;
            }
}

void oracle_run(const struct net *net, const float *input, int h, int w,
                struct oracle_value *values) {
    for (int i = 0; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        if (n->op == NET_INPUT) {
            make(&values[i], h, w, n->channels);
            for (int k = 0; k < h * w * n->channels; k++) values[i].data[k] = input[k];
        } else if (n->op == NET_CONV) {
            conv(n, &values[n->in[0]], &values[i]);
        } else if (n->op == NET_POOL) {
            pool(n, &values[n->in[0]], &values[i]);
        } else if (n->op == NET_ADD || n->op == NET_MUL) {
            binary(n, &values[n->in[0]], &values[n->in[1]], &values[i]);
        } else if (n->op == NET_NORM) {
            normalise(n, &values[n->in[0]], &values[i]);
        } else if (n->op == NET_MATMUL) {
            matmul(&n->matmul, &values[n->in[0]], &values[n->in[1]], &values[i]);
        } else if (n->op == NET_SLICE || n->op == NET_GATHER) {
            gather(n, values, &values[i]);
        } else {
            pointwise(n, values, &values[i]);
        }
    }
}

void oracle_free(const struct net *net, struct oracle_value *values) {
    for (int i = 0; i < net->count; i++) free(values[i].data);
}
