/* MobileFaceNet: Chen et al., "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face
 * Verification on Mobile Devices", 2018, table 1. */
#include "models/family.h"

/* A unit: convolution, batch norm and PReLU, the last two where the blob has them. */
struct style {
    int same; /* TensorFlow's SAME padding */
};

static net_value unit(struct net *net, net_value x, struct style style, const char *name,
                      int stride, int pad) {
    if (style.same && pad > 0)
        x = net_conv_same(net, x, N("%s.conv", name), stride);
    else
        x = net_conv(net, x, N("%s.conv", name), stride, pad);
    x = net_bn(net, x, N("%s.bn", name));
    return net_has(net, "%s.prelu.weight", name) ? net_prelu(net, x, N("%s.prelu", name)) : x;
}

/* Expansion 1x1, depthwise 3x3, linear projection 1x1. */
static net_value bottleneck(struct net *net, net_value x, struct style style, const char *name,
                            int stride) {
    x = unit(net, x, style, N("%s.conv", name), 1, 0);
    x = unit(net, x, style, N("%s.conv_dw", name), stride, 1);
    return unit(net, x, style, N("%s.project", name), 1, 0);
}

static net_value residuals(struct net *net, net_value x, struct style style, int stage) {
    for (int i = 0; net_has(net, "conv_%d.%d.conv.conv.weight", stage, i); i++)
        x = net_add(net, bottleneck(net, x, style, N("conv_%d.%d", stage, i), 1), x);
    return x;
}

/* Side of the map a fully connected layer over channels of x was trained on. */
static int map_side(const struct net *net, net_value x, const char *weight) {
    int64_t cells =
        net_channels(net, x) > 0 ? net_dim(net, 1, "%s", weight) / net_channels(net, x) : 0;
    int side = 1;
    while ((int64_t)side * side < cells) side++;
    return side;
}

/* The compact relative vladmandic/human ships: each stage a dense 1x1, three depthwise 3x3, one
 * sum. */
static net_value stage_units(struct net *net, net_value x) {
    x = net_conv(net, x, "conv1.conv", 2, 1);
    x = net_prelu(net, x, "conv1.prelu");
    for (int s = 1; net_has(net, "stage%d.conv0_0.weight", s); s++) {
        x = net_conv(net, x, N("stage%d.conv0_0", s), 1, 0);
        x = net_conv(net, x, N("stage%d.conv0_1", s), 2, 1);
        x = net_prelu(net, x, N("stage%d.prelu0", s));
        net_value y = net_conv(net, x, N("stage%d.conv1", s), 1, 1);
        y = net_prelu(net, y, N("stage%d.prelu1", s));
        y = net_conv(net, y, N("stage%d.conv2", s), 1, 1);
        y = net_prelu(net, y, N("stage%d.prelu2", s));
        x = net_add(net, y, x);
    }
    return x;
}

static net_value paper(struct net *net, net_value x, struct style style) {
    x = unit(net, x, style, "conv1", 2, 1);
    x = unit(net, x, style, "conv2_dw", 1, 1);
    x = bottleneck(net, x, style, "conv_23", 2);
    x = residuals(net, x, style, 3);
    x = bottleneck(net, x, style, "conv_34", 2);
    x = residuals(net, x, style, 4);
    x = bottleneck(net, x, style, "conv_45", 2);
    x = residuals(net, x, style, 5);
    x = unit(net, x, style, "conv_6_sep", 1, 0);
    return unit(net, x, style, "conv_6_dw", 1, 0); /* global depthwise convolution */
}

void build_mobilefacenet(struct net *net, json_t *variant) {
    struct style style = {family_choice(net, variant, "padding", "symmetric", "same")};
    net_value x = net_input(net);
    if (json_object_get(variant, "layout"))
        x = stage_units(net, x);
    else
        x = paper(net, x, style);
    int side = map_side(net, x, "linear.weight");
    x = net_fc(net, x, "linear", side, side);
    net_output(net, net_bn(net, x, "bn"), "embedding");
}
