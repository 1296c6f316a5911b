/* Networks that cut, shuffle, pad and resize their maps (engine/gather.h). */
#include "tests/engine/graphs.h"

static net_value cut(struct net *net, net_value x, int from, int count) {
    struct net_gather g = gather_all(count);
    g.channels.from = from;
    return net_gather(net, x, -1, &g);
}

/* A stage of ShuffleNet: two halves that stay where they are, of which one is read with a halo and
 * a sum reads both; their shuffle. */
static void shuffles(struct net *net) {
    net_value x = net_relu(net, net_conv(net, net_input(net), "c0", 2, 1));
    net_value a = cut(net, x, 0, 8), b = cut(net, x, 8, 8);
    b = net_relu(net, net_conv(net, net_relu(net, net_conv(net, b, "c1", 1, 1)), "c2", 1, 0));
    net_value parts[] = {net_act(net, a, KERN_ACT_NONE, 0), b};
    net_value y = net_concat(net, 2, parts);
    struct net_gather shuffle = gather_all(0);
    shuffle.channels = (struct places_channels){.axes = 2, .count = {8, 2}, .step = {1, 8}};
    y = net_gather(net, y, -1, &shuffle);
    net_output(net, net_add(net, a, cut(net, y, 3, 8)), "sum");
    net_output(net, net_conv(net, cut(net, y, 5, 8), "c1", 1, 1), "read");
    struct net_gather back = gather_all(0); /* every third, the last first, and one for many */
    back.channels =
        (struct places_channels){.from = 15, .axes = 2, .count = {5, 3}, .step = {-3, 0}};
    net_output(net, net_conv(net, net_gather(net, y, -1, &back), "c3", 1, 0), "back");
}

void graphs_shuffles(graphs_check *check) {
    for (int size = 16; size <= 24; size += 4) {
        struct blobmaker m;
        blobmaker_open(&m, (uint64_t)size);
        blobmaker_meta(&m, "\"bn_eps\":\"{}\"");
        blobmaker_tensor(&m, "c0.weight", -0.02f, 0.02f, 16, 3, 3, 3);
        blobmaker_tensor(&m, "c1.weight", -0.3f, 0.3f, 8, 8, 3, 3);
        blobmaker_tensor(&m, "c2.weight", -0.3f, 0.3f, 8, 8, 1, 1);
        blobmaker_tensor(&m, "c3.weight", -0.3f, 0.3f, 4, 15, 1, 1);
        check(&m, shuffles, size, 40 - size, "shuffles");
    }
}

/* Every rule for rows and columns, each another one; depth to space, cut on its way. */
static void places(struct net *net) {
    net_value x = net_conv(net, net_input(net), "c0", 2, 1);
    struct net_gather g = gather_all(12);
    g.rows = (struct net_places){PLACES_STEP, .from = 1, .step = 2, .block = 1};
    g.columns = (struct net_places){PLACES_STEP, .stop = 6, .step = 3, .block = 1};
    net_output(net, net_conv(net, net_gather(net, x, -1, &g), "c1", 1, 1), "steps");
    for (int kind = PLACES_STEP; kind <= PLACES_REFLECT; kind++) {
        g.rows = (struct net_places){kind, .from = -3, .after = 2, .step = 1, .block = 1};
        g.columns = (struct net_places){kind, .from = -1, .after = 4, .step = 1, .block = 1};
        net_value y = net_gather(net, x, -1, &g);
        net_output(net, net_conv(net, y, "c1", 1, 1), "padded%d", kind);
    }
    struct net_gather block = gather_all(3);
    block.channels.step[0] = 4;
    block.channels.phase_row = 2, block.channels.phase_column = 1;
    block.rows = (struct net_places){PLACES_STEP, .from = 1, .step = 1, .block = 2};
    block.columns = (struct net_places){PLACES_STEP, .after = -1, .step = 1, .block = 2};
    net_output(net, net_conv(net, net_gather(net, x, -1, &block), "c2", 1, 1), "block");
    struct net_gather first = gather_all(12), all = gather_all(12);
    first.rows.stop = 1;
    net_value row = net_gather(net, x, -1, &first);
    all.rows = all.columns = (struct net_places){PLACES_EDGE, .step = 1, .block = 1, .size = -1};
    net_output(net, net_mul(net, x, net_gather(net, row, x, &all)), "expanded");
    net_value most = net_pool(net, x, (struct net_window){.global = 1, .stride = 1});
    net_output(net, net_conv(net, most, "c3", 1, 0), "max");
}

void graphs_places(graphs_check *check) {
    for (int width = 17; width < 20; width++) {
        struct blobmaker m;
        blobmaker_open(&m, (uint64_t)width);
        blobmaker_meta(&m, "\"bn_eps\":\"{}\"");
        blobmaker_tensor(&m, "c0.weight", -0.02f, 0.02f, 12, 3, 3, 3);
        blobmaker_tensor(&m, "c1.weight", -0.3f, 0.3f, 5, 12, 3, 3);
        blobmaker_tensor(&m, "c2.weight", -0.3f, 0.3f, 5, 3, 3, 3);
        blobmaker_tensor(&m, "c3.weight", -0.3f, 0.3f, 5, 12, 1, 1);
        check(&m, places, 16, width, "places");
    }
}

/* By scales for which no pixel lies just between two. */
static const float scales[] = {0.618f, 1.4142f, 2.7183f, 1.0718f, 3.1416f};

static void resized(struct net *net, net_value x, int i, struct net_places rows) {
    struct net_gather g = gather_all(20);
    rows.step = rows.block = 1;
    g.rows = g.columns = rows;
    g.rows.scale = scales[i % 5];
    g.columns.scale = scales[i % 4];
    net_output(net, net_conv(net, net_gather(net, x, -1, &g), "c1", 1, 1), "y%d", i);
}

static void resizes(struct net *net) {
    net_value x = net_relu(net, net_conv(net, net_input(net), "c0", 2, 1));
    for (int i = 0; i < 16; i++)
        resized(net, x, i,
                (struct net_places){.kind = i % 2 ? PLACES_LINEAR : PLACES_NEAREST,
                                    .round = i / 2 % 4,
                                    .coordinates = (enum net_coordinates)(i / 4)});
}

static void cubics(struct net *net) {
    net_value x = net_relu(net, net_conv(net, net_input(net), "c0", 2, 1));
    for (int i = 0; i < 8; i++)
        resized(net, x, i,
                (struct net_places){.kind = PLACES_CUBIC,
                                    .coordinates = (enum net_coordinates)(i / 2),
                                    .bend = i % 2 ? -0.5f : -0.75f,
                                    .inside = i % 2});
}

void graphs_resizes(graphs_check *check) {
    for (int i = 0; i < 2; i++) {
        struct blobmaker m;
        blobmaker_open(&m, 1);
        blobmaker_meta(&m, "\"bn_eps\":\"{}\"");
        blobmaker_tensor(&m, "c0.weight", -0.02f, 0.02f, 20, 3, 3, 3);
        blobmaker_tensor(&m, "c1.weight", -0.3f, 0.3f, 5, 20, 3, 3);
        check(&m, i ? cubics : resizes, 19, 23, i ? "cubic resizes" : "resizes");
    }
}

/* A map as one pixel, as a column, and as one of another width, read with a halo. */
static void reshapes(struct net *net) {
    net_value x = net_relu(net, net_conv(net, net_input(net), "c0", 2, 1));
    static const int shapes[][3] = {{1, 1, 3072}, {256, 1, 12}, {12, 16, 16}, {192, 16, 1}};
    for (int i = 0; i < 4; i++) {
        struct net_gather g = gather_all(shapes[i][2]);
        g.rows.kind = g.columns.kind = PLACES_FLAT;
        g.rows.size = shapes[i][0];
        g.columns.size = shapes[i][1];
        net_value y = net_gather(net, x, -1, &g);
        net_output(net, i == 0 ? net_fc(net, y, "f", 1, 1) : net_softmax(net, y), "y%d", i);
        if (i == 2) net_output(net, net_conv(net, net_relu(net, y), "c1", 1, 1), "read");
    }
}

void graphs_reshapes(graphs_check *check) {
    struct blobmaker m;
    blobmaker_open(&m, 1);
    blobmaker_meta(&m, "\"bn_eps\":\"{}\"");
    blobmaker_tensor(&m, "c0.weight", -0.02f, 0.02f, 12, 3, 3, 3);
    blobmaker_tensor(&m, "c1.weight", -0.3f, 0.3f, 5, 16, 3, 3);
    blobmaker_tensor(&m, "f.weight", -0.3f, 0.3f, 5, 3072, 0, 0);
    check(&m, reshapes, 32, 32, "reshapes");
}

/* Products of matrices of few and many rows, one pair and several, of values that are read
 * elsewhere, too; one of a pair's channels alone, in the middle of a value. */
static void matmuls(struct net *net) {
    static const int all[][2] = {{1, 24}, {3, 8}, {24, 1}, {2, 3}, {1, 2}};
    net_value x = net_global_average(net, net_relu(net, net_conv(net, net_input(net), "c0", 2, 1)));
    net_value a = net_fc(net, x, "a", 1, 1), b = net_relu(net, net_fc(net, x, "b", 1, 1));
    for (int i = 0; i < 5; i++) {
        net_value y = net_matmul(net, a, b, all[i][0], all[i][1]);
        net_output(net, net_relu(net, y), "y%d", i);
    }
    struct net_gather part = gather_all(6);
    part.channels.from = 7;
    net_value y = net_matmul(net, net_gather(net, a, -1, &part), b, 1, 6);
    net_output(net, net_fc(net, y, "f", 1, 1), "f");
    net_output(net, net_matmul(net, b, b, 4, 6), "self");
}

void graphs_matmuls(graphs_check *check) {
    struct blobmaker m;
    blobmaker_open(&m, 3);
    blobmaker_meta(&m, "\"bn_eps\":\"{}\"");
    blobmaker_tensor(&m, "c0.weight", -0.05f, 0.05f, 16, 3, 3, 3);
    blobmaker_tensor(&m, "a.weight", -0.1f, 0.5f, 240, 16, 0, 0);
    blobmaker_tensor(&m, "b.weight", -0.1f, 0.5f, 48, 16, 0, 0);
    blobmaker_tensor(&m, "f.weight", -0.5f, 0.5f, 5, 8, 0, 0);
    check(&m, matmuls, 19, 23, "matmuls");
}

/* Instance, group and layer norms, read with a halo. */
static void norms(struct net *net) {
    static const struct net_norm all[] = {
        {24, 0, 1e-5f}, {6, 0, 1e-3f}, {1, 0, 1e-5f}, {1, 1, 1e-5f}, {4, 1, 1e-6f}};
    net_value x = net_conv(net, net_input(net), "c0", 2, 1);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        net_value y = net_affine(net, net_norm(net, x, all[i]), "a");
        net_output(net, net_conv(net, net_relu(net, y), "c1", 1, 1), "y%d", (int)i);
    }
}

void graphs_norms(graphs_check *check) {
    for (int width = 17; width < 20; width++) {
        struct blobmaker m;
        blobmaker_open(&m, (uint64_t)width);
        blobmaker_meta(&m, "\"bn_eps\":\"{}\"");
        blobmaker_tensor(&m, "c0.weight", -0.02f, 0.02f, 24, 3, 3, 3);
        blobmaker_tensor(&m, "a.weight", 0.5f, 1.5f, 24, 0, 0, 0);
        blobmaker_tensor(&m, "a.bias", -1, 1, 24, 0, 0, 0);
        blobmaker_tensor(&m, "c1.weight", -0.3f, 0.3f, 5, 24, 3, 3);
        check(&m, norms, 21, width, "norms");
    }
}
