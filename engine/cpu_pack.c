/* From a folded network's weights to the layouts the kernels read. */
#include "engine/cpu.h"
#include "engine/err.h"
#include "engine/fold.h"
#include "mien.h"

#include <stdlib.h>
#include <string.h>

static float *vector(struct backend_weights *w, size_t n) {
    void *p = NULL;
    if (posix_memalign(&p, 64, (n * sizeof(float) + 63) & ~(size_t)63) != 0) return NULL;
    w->bytes += n * sizeof(float);
    return p;
}

static float *vector_from(struct backend_weights *w, const double *v, int n) {
    float *p = vector(w, (size_t)n);
    for (int i = 0; p && i < n; i++) p[i] = (float)v[i];
    return p;
}

/* Winograd's weights are four times as large: worth their bandwidth where at least this many pixels
 * of output share them, at the network's default size. */
enum { WINOGRAD_PIXELS = 14 * 14, WINOGRAD_CHANNELS = 16 };

static enum cpu_algorithm choose(const struct kern *k, const struct cpu_layer *l, int vector_layer,
                                 int pixels) {
    if (vector_layer) return CPU_GEMV;
    if (l->groups == 1 && k->igemm_f32.tile && l->kh == 3 && l->kw == 3 && l->stride == 1 &&
        l->cin >= WINOGRAD_CHANNELS && pixels >= WINOGRAD_PIXELS)
        return CPU_WINOGRAD;
    if (l->groups == 1 && k->igemm_f32.tile) return CPU_IGEMM;
    if (l->groups == 1) return l->kh == 1 && l->kw == 1 && l->stride == 1 ? CPU_GEMM : CPU_IM2COL;
    return l->groups == l->cin && l->cin == l->cout ? CPU_DEPTHWISE : CPU_GROUPED;
}

/* Floats the packed weights take. */
static size_t packed_size(const struct cpu_layer *l, size_t filter) {
    size_t outputs = (size_t)l->cout;
    if (l->algorithm == CPU_IGEMM || l->algorithm == CPU_WINOGRAD)
        outputs = (outputs + (size_t)l->nr - 1) / (size_t)l->nr * (size_t)l->nr;
    return l->algorithm == CPU_WINOGRAD ? outputs * (size_t)l->cin * KERN_WINOGRAD_PLANES
                                        : outputs * filter;
}

/* Filters come as [i][tap]; every layout here has the taps outermost. */
static void pack_filter(const struct cpu_layer *l, int inputs, int o, const float *filter) {
    int taps = l->kh * l->kw;
    size_t depth = (size_t)taps * (size_t)inputs;
    size_t at = l->algorithm == CPU_GEMV ? (size_t)o * depth : (size_t)o;
    size_t step = l->algorithm == CPU_GEMV ? 1 : (size_t)l->cout;
    for (int t = 0; t < taps; t++)
        for (int i = 0; i < inputs; i++, at += step) l->weights[at] = filter[i * taps + t];
}

/* One panel of n filters: filters is [n][inputs][taps], dst the panel's place. Channels beyond n
 * are zeros. */
static void pack_panel(const struct cpu_layer *l, int inputs, int n, const float *filters,
                       float *dst) {
    int taps = l->kh * l->kw;
    size_t filter = (size_t)inputs * (size_t)taps;
    for (int t = 0; t < taps; t++)
        for (int i = 0; i < inputs; i++, dst += l->nr)
            for (int o = 0; o < l->nr; o++)
                dst[o] = o < n ? filters[(size_t)o * filter + (size_t)(i * taps + t)] : 0;
}

static void pack_winograd_panel(const struct cpu_layer *l, int inputs, int n, const float *filters,
                                float *dst) {
    size_t filter = (size_t)inputs * 9, plane = (size_t)inputs * (size_t)l->nr;
    float planes[KERN_WINOGRAD_PLANES * KERN_MAX_NR] = {0};
    for (int i = 0; i < inputs; i++, dst += l->nr) {
        for (int o = 0; o < n; o++)
            kern_winograd_weights(filters + (size_t)o * filter + (size_t)i * 9, planes + o, l->nr);
        for (int p = 0; p < KERN_WINOGRAD_PLANES; p++)
            memcpy(dst + (size_t)p * plane, planes + p * l->nr, sizeof(float) * (size_t)l->nr);
    }
}

/* All filters of a layer through `filters`, which has room for one panel of them. */
static void pack_filters(const struct net *net, const struct net_node *n, const struct cpu_layer *l,
                         int inputs, float *filters) {
    size_t filter = (size_t)inputs * (size_t)(l->kh * l->kw);
    int winograd = l->algorithm == CPU_WINOGRAD, panels = winograd || l->algorithm == CPU_IGEMM;
    size_t panel =
        filter * (size_t)l->nr / (winograd ? 9 : 1) * (winograd ? KERN_WINOGRAD_PLANES : 1);
    int step = panels ? l->nr : 1;
    for (int o = 0; o < l->cout; o += step) {
        int count = l->cout - o < step ? l->cout - o : step;
        for (int i = 0; i < count; i++) fold_filter(net, n, o + i, filters + (size_t)i * filter);
        float *dst = l->weights + (size_t)(o / step) * panel;
        if (winograd)
            pack_winograd_panel(l, inputs, count, filters, dst);
        else if (panels)
            pack_panel(l, inputs, count, filters, dst);
        else
            pack_filter(l, inputs, o, filters);
    }
}

static int pack_conv(const struct kern *k, const struct net *net, const struct net_node *n,
                     int pixels, struct backend_weights *w, struct cpu_layer *l) {
    int inputs = fold_group_inputs(net, n);
    l->kh = n->window.kh;
    l->kw = n->window.kw;
    l->stride = n->window.stride;
    l->groups = n->groups;
    l->cin = inputs * n->groups;
    l->cout = n->channels;
    l->igemm = l->cout <= k->igemm_narrow_f32.nr ? &k->igemm_narrow_f32 : &k->igemm_f32;
    l->nr = l->igemm->nr;
    l->algorithm = choose(k, l, n->vector, pixels);
    l->bias_classes = fold_bias(net, n, NULL);
    size_t filter_size = (size_t)inputs * (size_t)(l->kh * l->kw);
    l->weights = vector(w, packed_size(l, filter_size));
    l->bias = vector(w, (size_t)l->bias_classes * (size_t)l->cout);
    float *filters = malloc(filter_size * (size_t)(l->nr > 1 ? l->nr : 1) * sizeof *filters);
    if (!l->weights || !l->bias || !filters) {
        free(filters);
        return err_set(MIEN_ENOMEM, "%s: out of memory for %s", blob_label(net->blob), n->name);
    }
    pack_filters(net, n, l, inputs, filters);
    fold_bias(net, n, l->bias);
    free(filters);
    blob_release_pages(net->blob, n->weights.w);
    return MIEN_OK;
}

static int pack_node(const struct kern *k, const struct net *net, const struct net_node *n,
                     int pixels, struct backend_weights *w, struct cpu_layer *l) {
    if (n->op == NET_CONV) return pack_conv(k, net, n, pixels, w, l);
    int ok = 1;
    if (n->op == NET_AFFINE) {
        l->scale = vector_from(w, n->scale, n->channels);
        l->shift = vector_from(w, n->shift, n->channels);
        ok = l->scale && l->shift;
    } else if (n->op == NET_ACT && n->slope) {
        l->slope = vector(w, (size_t)n->channels);
        if ((ok = l->slope != NULL))
            memcpy(l->slope, n->slope->data, sizeof(float) * (size_t)n->channels);
    }
    return ok ? MIEN_OK : err_set(MIEN_ENOMEM, "%s: out of memory", blob_label(net->blob));
}

void cpu_pack_free(struct backend_weights *w) {
    if (!w) return;
    for (int i = 0; w->layers && i < w->count; i++) {
        free(w->layers[i].weights);
        free(w->layers[i].bias);
        free(w->layers[i].scale);
        free(w->layers[i].shift);
        free(w->layers[i].slope);
    }
    free(w->layers);
    free(w);
}

int cpu_pack(const struct kern *k, const struct net *net, struct backend_weights **out) {
    *out = NULL;
    struct backend_weights *w = calloc(1, sizeof *w);
    if (w) w->layers = calloc((size_t)net->count, sizeof *w->layers);
    if (!w || !w->layers) {
        cpu_pack_free(w);
        return err_set(MIEN_ENOMEM, "%s: out of memory", blob_label(net->blob));
    }
    w->count = net->count;
    int *pixels = malloc(sizeof *pixels * (size_t)net->count);
    int rc = pixels ? plan_pixels(net, pixels) : err_set(MIEN_ENOMEM, "out of memory");
    for (int i = 0; i < net->count && !rc; i++)
        if (net->nodes[i].replaced_by < 0)
            rc = pack_node(k, net, &net->nodes[i], pixels[i], w, &w->layers[i]);
    free(pixels);
    if (rc)
        cpu_pack_free(w);
    else
        *out = w;
    return rc;
}
