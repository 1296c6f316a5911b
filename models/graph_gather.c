/* Operators that copy pixels and channels (engine/gather.h), and what lies between pixels. */
#include "models/graph.h"

#include <string.h>

enum { MOST_SIDE = 16384, MOST_CHANNELS = 1 << 20, MOST_BLOCK = 16 };

/* The index of an attribute's text among `names`; an error of the net where it is none of them. */
static int choice(struct net *net, const struct graph_node *n, const char *key,
                  const char *const *names) {
    const char *text = json_string_value(json_object_get(n->attributes, key));
    for (int i = 0; text && names[i]; i++)
        if (strcmp(text, names[i]) == 0) return i;
    net_fail(net, "metadata graph: %s of %s is not one it has", key, n->op);
    return 0;
}

/* order: [[count, step], ...], the outermost loop first. */
static net_value make_channels(struct net *net, const struct graph_node *n) {
    struct net_gather g = gather_all(1);
    json_t *order = json_object_get(n->attributes, "order");
    size_t axes = json_array_size(order);
    if (axes < 1 || axes > PLACES_AXES) {
        net_fail(net, "metadata graph: order of %s must be 1 to %d pairs", n->op, PLACES_AXES);
        return 0;
    }
    g.channels.from = graph_whole(net, n, "from", 0, MOST_CHANNELS);
    g.channels.axes = (int)axes;
    for (size_t i = 0; i < axes; i++) {
        json_t *pair = json_array_get(order, i);
        json_int_t count = json_integer_value(json_array_get(pair, 0));
        json_int_t step = json_integer_value(json_array_get(pair, 1));
        if (count < 1 || count > MOST_CHANNELS || step < -MOST_CHANNELS || step > MOST_CHANNELS)
            net_fail(net, "metadata graph: order of %s must be pairs [count, step]", n->op);
        g.channels.count[i] = (int)count;
        g.channels.step[i] = (int)step;
    }
    return net_gather(net, n->x[0], -1, &g);
}

/* from, to, step: to is 0 at the end and negative before it. */
static struct net_places cut(struct net *net, const struct graph_node *n, const char *key) {
    int range[3];
    graph_wholes(net, n, key, 3, -MOST_SIDE, MOST_SIDE, range);
    if (range[0] < 0 || range[2] < 1)
        net_fail(net, "metadata graph: %s of %s must be [from, to, step]", key, n->op);
    return (struct net_places){.kind = PLACES_STEP,
                               .block = 1,
                               .from = range[0],
                               .stop = range[1] > 0 ? range[1] : 0,
                               .after = range[1] < 0 ? range[1] : 0,
                               .step = range[2]};
}

static net_value make_crop(struct net *net, const struct graph_node *n) {
    struct net_gather g = gather_all(net_channels(net, n->x[0]));
    g.rows = cut(net, n, "rows");
    g.columns = cut(net, n, "columns");
    return net_gather(net, n->x[0], -1, &g);
}

static net_value make_pad(struct net *net, const struct graph_node *n) {
    static const char *const modes[] = {"zero", "edge", "reflect", NULL};
    struct net_gather g = gather_all(net_channels(net, n->x[0]));
    int kind = choice(net, n, "mode", modes), pad[NET_SIDES];
    graph_wholes(net, n, "pad", NET_SIDES, -MOST_SIDE, MOST_SIDE, pad);
    g.rows.kind = g.columns.kind = kind == 0   ? PLACES_STEP
                                   : kind == 1 ? PLACES_EDGE
                                               : PLACES_REFLECT;
    g.rows.from = -pad[NET_TOP];
    g.rows.after = pad[NET_BOTTOM];
    g.columns.from = -pad[NET_LEFT];
    g.columns.after = pad[NET_RIGHT];
    return net_gather(net, n->x[0], -1, &g);
}

/* Depth first: channel (i, j, c) is pixel i, j of a block; else channel (c, i, j). */
static net_value make_depth_to_space(struct net *net, const struct graph_node *n) {
    static const char *const modes[] = {"DCR", "CRD", NULL};
    int block[2], crop[NET_SIDES], channels = net_channels(net, n->x[0]);
    int depth_first = choice(net, n, "mode", modes) == 0;
    graph_wholes(net, n, "block", 2, 1, MOST_BLOCK, block);
    graph_wholes(net, n, "crop", NET_SIDES, 0, MOST_BLOCK * NET_MAX_KERNEL, crop);
    if (net->error) return 0;
    if (channels % (block[0] * block[1])) {
        net_fail(net, "metadata graph: %s of %d channels", n->op, channels);
        return 0;
    }
    int c = channels / (block[0] * block[1]), pixel = depth_first ? c : 1;
    struct net_gather g = gather_all(c);
    g.channels.step[0] = depth_first ? 1 : block[0] * block[1];
    g.channels.phase_row = block[1] * pixel;
    g.channels.phase_column = pixel;
    g.rows.block = block[0];
    g.rows.from = crop[NET_TOP];
    g.rows.after = -crop[NET_BOTTOM];
    g.columns.block = block[1];
    g.columns.from = crop[NET_LEFT];
    g.columns.after = -crop[NET_RIGHT];
    return net_gather(net, n->x[0], -1, &g);
}

/* size [height, width], or scale, or neither: the size of the second input. */
static void resized(struct net *net, const struct graph_node *n, struct net_gather *g) {
    json_t *scale = json_object_get(n->attributes, "scale");
    int size[2] = {-1, -1};
    if (json_object_get(n->attributes, "size"))
        graph_wholes(net, n, "size", 2, 1, MOST_SIDE, size);
    else if (n->inputs == 1 || scale)
        size[0] = size[1] = 0;
    struct net_places *places[2] = {&g->rows, &g->columns};
    for (size_t i = 0; i < 2; i++) {
        double by = json_number_value(json_array_get(scale, i));
        if (size[i] == 0 && !(by > 1.0 / MOST_SIDE && by < MOST_SIDE))
            net_fail(net, "metadata graph: %s has neither a size nor a scale", n->op);
        places[i]->size = size[i];
        places[i]->scale = (float)by;
    }
}

/* Keys' coefficient, between the two for which the curve still meets what it is between. */
static float coefficient(struct net *net, const struct graph_node *n) {
    double bend = json_number_value(json_object_get(n->attributes, "coefficient"));
    if (!(bend >= -2 && bend < 0))
        net_fail(net, "metadata graph: coefficient of %s must be from -2 to below 0", n->op);
    return (float)bend;
}

static net_value make_resize(struct net *net, const struct graph_node *n) {
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const int kinds[] = {PLACES_NEAREST, PLACES_LINEAR, PLACES_CUBIC};
    static const char *const coordinates[] = {"half_pixel", "pytorch_half_pixel", "align_corners",
                                              "asymmetric", NULL};
    static const char *const rounding[] = {"floor", "ceil", "round_prefer_floor",
                                           "round_prefer_ceil", NULL};
    struct net_gather g = gather_all(net_channels(net, n->x[0]));
    g.rows.kind = kinds[choice(net, n, "mode", modes)];
    g.rows.coordinates = (enum net_coordinates)choice(net, n, "coordinates", coordinates);
    if (g.rows.kind == PLACES_NEAREST) g.rows.round = choice(net, n, "rounding", rounding);
    if (g.rows.kind == PLACES_CUBIC) g.rows.bend = coefficient(net, n);
    g.rows.inside = json_is_true(json_object_get(n->attributes, "exclude_outside"));
    g.columns = g.rows;
    resized(net, n, &g);
    return net_gather(net, n->x[0], n->inputs == 2 ? n->x[1] : -1, &g);
}

/* The same values, counted as maps of another size. */
static net_value make_reshape(struct net *net, const struct graph_node *n) {
    struct net_gather g = gather_all(graph_whole(net, n, "channels", 1, MOST_CHANNELS));
    int size[2];
    graph_wholes(net, n, "size", 2, 1, MOST_SIDE, size);
    g.rows.kind = g.columns.kind = PLACES_FLAT;
    g.rows.size = size[0];
    g.columns.size = size[1];
    return net_gather(net, n->x[0], -1, &g);
}

/* One channel, row or column counts for all that the second input has. */
static net_value make_expand(struct net *net, const struct graph_node *n) {
    int c = net_channels(net, n->x[1]), have = net_channels(net, n->x[0]);
    struct net_gather g = gather_all(c);
    if (have != 1 && have != c)
        net_fail(net, "metadata graph: %s from %d to %d channels", n->op, have, c);
    if (have == 1) g.channels.step[0] = 0;
    g.rows.kind = g.columns.kind = PLACES_EDGE;
    g.rows.size = g.columns.size = -1;
    return net_gather(net, n->x[0], n->x[1], &g);
}

const struct graph_maker graph_gathers[] = {
    {"channels", 1, 1, make_channels}, {"crop", 1, 1, make_crop},
    {"pad", 1, 1, make_pad},           {"depth_to_space", 1, 1, make_depth_to_space},
    {"resize", 1, 2, make_resize},     {"expand", 2, 2, make_expand},
    {"reshape", 1, 1, make_reshape},   {NULL, 0, 0, NULL},
};
