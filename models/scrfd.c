/* SCRFD: Guo et al., "Sample and Computation Redistribution for Efficient Face Detection", 2021, as
 * in InsightFace detection/scrfd: ResNetV1e (2.5G) or MobileNetV1 (500M) body, PAFPN neck, a head a
 * stride. */
#include "models/family.h"

enum { LEVELS = 3, MAX_BLOCKS = 64 };

static net_value conv_relu(struct net *net, net_value x, const char *name, int stride, int pad) {
    return net_relu(net, net_conv(net, x, name, stride, pad));
}

static net_value basic(struct net *net, net_value x, const char *name, int stride) {
    net_value y = conv_relu(net, x, N("%s.conv1", name), stride, 1);
    y = net_conv(net, y, N("%s.conv2", name), 1, 1);
    if (net_has(net, "%s.downsample.weight", name)) {
        if (stride > 1)
            x = net_pool(
                net, x,
                (struct net_window){.kh = 2, .kw = 2, .stride = 2, .ceil = 1, .average = 1});
        x = net_conv(net, x, N("%s.downsample", name), 1, 0);
    }
    return net_relu(net, net_add(net, y, x));
}

static net_value depthwise_block(struct net *net, net_value x, const char *name, int stride) {
    x = conv_relu(net, x, N("%s.dw", name), stride, 1);
    return conv_relu(net, x, N("%s.pw", name), 1, 0);
}

static void take_tap(net_value x, int at, const int taps[LEVELS], net_value out[LEVELS]) {
    for (int i = 0; i < LEVELS; i++)
        if (taps[i] == at) out[i] = x;
}

static void resnet(struct net *net, net_value x, const int taps[LEVELS], net_value out[LEVELS]) {
    for (int i = 0; i < 3; i++) x = conv_relu(net, x, N("backbone.stem.%d", i), i ? 1 : 2, 1);
    x = net_pool(net, x, (struct net_window){.kh = 2, .kw = 2, .stride = 2});
    for (int s = 1; s <= 4; s++) {
        for (int i = 0; net_has(net, "backbone.layer%d.%d.conv1.weight", s, i); i++)
            x = basic(net, x, N("backbone.layer%d.%d", s, i), s > 1 && i == 0 ? 2 : 1);
        take_tap(x, s, taps, out);
    }
}

static void mobilenet(struct net *net, net_value x, json_t *strides, const int taps[LEVELS],
                      net_value out[LEVELS]) {
    x = conv_relu(net, x, "backbone.stem.0", 2, 1);
    for (int i = 0; i < MAX_BLOCKS && net_has(net, "backbone.layers.%d.dw.weight", i); i++) {
        int stride = (int)json_integer_value(json_array_get(strides, (size_t)i));
        if (stride != 1 && stride != 2) {
            net_fail(net, "metadata variant.strides must hold 1 or 2 for block %d", i);
            return;
        }
        x = depthwise_block(net, x, N("backbone.layers.%d", i), stride);
        take_tap(x, i, taps, out);
    }
}

/* Path aggregation (Liu et al., 2018): top down with upsampling, then bottom up with stride 2. */
static void neck(struct net *net, net_value x[LEVELS]) {
    for (int i = 0; i < LEVELS; i++)
        x[i] = net_conv(net, x[i], N("neck.lateral_convs.%d", i), 1, 0);
    for (int i = LEVELS - 2; i >= 0; i--)
        x[i] = net_add(net, x[i], net_upsample(net, x[i + 1], x[i]));
    for (int i = 0; i < LEVELS; i++) x[i] = net_conv(net, x[i], N("neck.fpn_convs.%d", i), 1, 1);
    for (int i = 0; i < LEVELS - 1; i++)
        x[i + 1] =
            net_add(net, x[i + 1], net_conv(net, x[i], N("neck.downsample_convs.%d", i), 2, 1));
    for (int i = 1; i < LEVELS; i++)
        x[i] = net_conv(net, x[i], N("neck.pafpn_convs.%d", i - 1), 1, 1);
}

static void head(struct net *net, net_value x, int stride) {
    for (int i = 0;; i++) {
        if (net_has(net, "head.%d.convs.%d.dw.weight", stride, i))
            x = depthwise_block(net, x, N("head.%d.convs.%d", stride, i), 1);
        else if (net_has(net, "head.%d.convs.%d.weight", stride, i))
            x = conv_relu(net, x, N("head.%d.convs.%d", stride, i), 1, 1);
        else
            break;
    }
    net_value score = net_conv(net, x, N("head.%d.cls", stride), 1, 1);
    net_output(net, net_act(net, score, KERN_ACT_SIGMOID, 0), "score_%d", stride);
    net_output(net, net_conv(net, x, N("head.%d.reg", stride), 1, 1), "box_%d", stride);
    if (net_has(net, "head.%d.kps.weight", stride))
        net_output(net, net_conv(net, x, N("head.%d.kps", stride), 1, 1), "landmark_%d", stride);
}

void build_scrfd(struct net *net, json_t *variant) {
    int on_resnet = family_choice(net, variant, "backbone", "mobilenet", "resnet"), taps[LEVELS];
    json_t *list = json_object_get(variant, "taps");
    for (int i = 0; i < LEVELS; i++) {
        json_t *tap = json_array_get(list, (size_t)i);
        taps[i] = json_is_integer(tap) ? (int)json_integer_value(tap) : -1;
    }
    net_value x = net_input(net), level[LEVELS] = {-1, -1, -1};
    if (on_resnet)
        resnet(net, x, taps, level);
    else
        mobilenet(net, x, json_object_get(variant, "strides"), taps, level);
    for (int i = 0; i < LEVELS; i++)
        if (level[i] < 0) {
            net_fail(net, "metadata variant.taps names no layer for stride %d", 8 << i);
            return;
        }
    neck(net, level);
    for (int i = 0; i < LEVELS; i++) head(net, level[i], 8 << i);
    net->dynamic_size = 1;
    net->min_stride = 32; /* the published graphs add maps of exactly twice the size */
}
