/* The size of every value of a network at one size of its input. */
#include "engine/err.h"
#include "engine/planner.h"
#include "kernels/number.h"
#include "mien.h"

enum { MAX_SIDE = 16384 };

/* Of k taps along rows (first NET_TOP) or columns (NET_LEFT). */
static int out_size(const struct net_window *win, enum net_side first, int k, int n) {
    if (win->mode == NET_PAD_SAME) return ceil_div(n, win->stride);
    int before = win->pad + win->more[first], after = win->pad + win->more[first + NET_BOTTOM];
    int span = n + before + after - net_reach(win, k);
    if (span < 0) return 0;
    int out = (win->ceil ? ceil_div(span, win->stride) : span / win->stride) + 1;
    /* a ceiling window must start inside the map or its left padding (PyTorch's rule) */
    if (win->ceil && (out - 1) * win->stride >= n + before) out--;
    return out;
}

int planner_pad(const struct net_window *win, enum net_side side, int k, int n, int out) {
    if (win->mode == NET_PAD_EXPLICIT) return win->pad + win->more[side];
    int total = (out - 1) * win->stride + net_reach(win, k) - n;
    return total > 0 ? total / 2 : 0;
}

static int one_size_only(const struct net *net) {
    return err_set(MIEN_EINVAL, "%s: this network runs at %dx%d pixels only", blob_label(net->blob),
                   net->input_width, net->input_height);
}

static int infer_windowed(const struct net *net, const struct net_node *n,
                          const struct planner_value *x, struct planner_value *y) {
    struct net_window win = n->window;
    if (win.global) {
        y->h = y->w = 1;
        return MIEN_OK;
    }
    y->h = out_size(&win, NET_TOP, win.kh, x->h);
    y->w = out_size(&win, NET_LEFT, win.kw, x->w);
    if (n->vector && (y->h != 1 || y->w != 1 || x->h != win.kh || x->w != win.kw))
        return one_size_only(net);
    if (y->h < 1 || y->w < 1)
        return err_set(MIEN_EINVAL, "%s: a picture this small does not fit the network (at %s)",
                       blob_label(net->blob), n->name);
    return MIEN_OK;
}

static int is_pixel(const struct planner_value *v) {
    return v->h == 1 && v->w == 1;
}

/* Of a sum or product: the size of both, or of the one that is not a pixel. */
static int infer_binary(const struct net *net, const struct net_node *n,
                        const struct planner_value *a, const struct planner_value *b,
                        struct planner_value *y) {
    y->h = max_int(a->h, b->h);
    y->w = max_int(a->w, b->w);
    if ((a->h == b->h && a->w == b->w) || is_pixel(a) || is_pixel(b)) return MIEN_OK;
    return err_set(MIEN_EINVAL, "%s: %s of %dx%d and %dx%d", blob_label(net->blob), n->name, a->w,
                   a->h, b->w, b->h);
}

static int infer_matmul(const struct net *net, const struct planner_value *a,
                        const struct planner_value *b, struct planner_value *y) {
    y->h = y->w = 1;
    return is_pixel(a) && is_pixel(b) ? MIEN_OK : one_size_only(net);
}

/* like: whose size is wanted, where one is. */
static int infer_gather(const struct net *net, const struct net_node *n,
                        const struct planner_value *x, const struct planner_value *like,
                        struct planner_value *y) {
    y->h = gather_size(&n->gather.rows, x->h, like->h);
    y->w = gather_size(&n->gather.columns, x->w, like->w);
    int64_t have = (int64_t)x->h * x->w * net->nodes[n->in[0]].channels;
    if (n->gather.rows.kind == PLACES_FLAT && (int64_t)y->h * y->w * n->channels != have)
        return one_size_only(net);
    if (y->h >= 1 && y->w >= 1 && y->h <= MAX_SIDE && y->w <= MAX_SIDE) return MIEN_OK;
    return err_set(MIEN_EINVAL, "%s: %s from %dx%d to %dx%d", blob_label(net->blob), n->name, x->w,
                   x->h, y->w, y->h);
}

int planner_shapes(const struct net *net, int width, int height, struct planner_value *v) {
    int least = net->features ? 1 : 16;
    if (width < least || height < least || width > MAX_SIDE || height > MAX_SIDE)
        return err_set(MIEN_EINVAL, "a network input of %dx%d pixels; %d to %d a side are possible",
                       width, height, least, MAX_SIDE);
    for (int i = 0; i < net->count; i++) {
        const struct net_node *n = &net->nodes[i];
        const struct planner_value *x = n->inputs ? &v[n->in[0]] : NULL;
        int rc = MIEN_OK;
        if (n->op == NET_INPUT) {
            v[i].h = height;
            v[i].w = width;
        } else if (n->op == NET_CONV || n->op == NET_POOL) {
            rc = infer_windowed(net, n, x, &v[i]);
        } else if (n->op == NET_ADD || n->op == NET_MUL) {
            rc = infer_binary(net, n, x, &v[n->in[1]], &v[i]);
        } else if (n->op == NET_MATMUL) {
            rc = infer_matmul(net, x, &v[n->in[1]], &v[i]);
        } else if (n->op == NET_GATHER) {
            rc = infer_gather(net, n, x, &v[n->in[n->inputs - 1]], &v[i]);
        } else {
            const struct planner_value *like = n->op == NET_UPSAMPLE ? &v[n->in[1]] : x;
            v[i].h = like->h;
            v[i].w = like->w;
            if (n->op == NET_UPSAMPLE && ((like->h + 1) / 2 > x->h || (like->w + 1) / 2 > x->w))
                rc = err_set(MIEN_EINVAL, "%s: %s from %dx%d to %dx%d", blob_label(net->blob),
                             n->name, x->w, x->h, like->w, like->h);
            for (int j = 1; j < n->inputs && n->op != NET_UPSAMPLE; j++) {
                const struct planner_value *o = &v[n->in[j]];
                if (o->h != x->h || o->w != x->w)
                    rc = err_set(MIEN_EINVAL, "%s: %s of %dx%d and %dx%d", blob_label(net->blob),
                                 n->name, x->w, x->h, o->w, o->h);
            }
        }
        if (rc) return rc;
    }
    return MIEN_OK;
}
