/* ResNet: He et al., "Deep Residual Learning for Image Recognition", 2015. v1 strides in the first
 * 1x1 convolution of a bottleneck (the paper, Caffe, Keras), v1.5 in its 3x3 (torchvision). */
#include "models/family.h"

net_value family_resnet_stem(struct net *net, net_value x, const char *prefix) {
    x = family_conv_bn(net, x, N("%sconv1", prefix), N("%sbn1", prefix), 2, 3);
    return net_pool(net, net_relu(net, x),
                    (struct net_window){.kh = 3, .kw = 3, .stride = 2, .pad = 1});
}

/* The projection where the block has one, else the identity. */
static net_value shortcut(struct net *net, net_value x, const char *block, int stride) {
    if (!net_has(net, "%s.downsample.0.weight", block)) return x;
    return family_conv_bn(net, x, N("%s.downsample.0", block), N("%s.downsample.1", block), stride,
                          0);
}

static net_value bottleneck(struct net *net, net_value x, const char *block, int stride,
                            int stride_on_1x1) {
    int s1 = stride_on_1x1 ? stride : 1, s2 = stride_on_1x1 ? 1 : stride;
    net_value y =
        net_relu(net, family_conv_bn(net, x, N("%s.conv1", block), N("%s.bn1", block), s1, 0));
    y = net_relu(net, family_conv_bn(net, y, N("%s.conv2", block), N("%s.bn2", block), s2, 1));
    y = family_conv_bn(net, y, N("%s.conv3", block), N("%s.bn3", block), 1, 0);
    return net_relu(net, net_add(net, y, shortcut(net, x, block, stride)));
}

static net_value basic(struct net *net, net_value x, const char *block, int stride) {
    net_value y =
        net_relu(net, family_conv_bn(net, x, N("%s.conv1", block), N("%s.bn1", block), stride, 1));
    y = family_conv_bn(net, y, N("%s.conv2", block), N("%s.bn2", block), 1, 1);
    return net_relu(net, net_add(net, y, shortcut(net, x, block, stride)));
}

net_value family_resnet_stage(struct net *net, net_value x, const char *prefix, int stage,
                              int stride_on_1x1) {
    for (int i = 0; net_has(net, "%slayer%d.%d.conv1.weight", prefix, stage, i); i++) {
        struct family_name block = family_name("%slayer%d.%d", prefix, stage, i);
        int stride = stage > 1 && i == 0 ? 2 : 1;
        if (net_has(net, "%s.conv3.weight", block.text))
            x = bottleneck(net, x, block.text, stride, stride_on_1x1);
        else
            x = basic(net, x, block.text, stride);
    }
    return x;
}

void build_resnet(struct net *net, json_t *variant) {
    int v1 = family_choice(net, variant, "stride_on", "3x3", "1x1");
    net_value x = family_resnet_stem(net, net_input(net), "");
    for (int stage = 1; stage <= 4; stage++) x = family_resnet_stage(net, x, "", stage, v1);
    x = net_fc(net, net_global_average(net, x), "fc", 1, 1);
    net_output(net, net_softmax(net, x), "prob");
    net->dynamic_size = 1;
}
