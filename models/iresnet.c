/* IResNet, the ArcFace backbone: Duta et al., "Improved Residual Networks", 2020, as in
 * InsightFace's arcface_torch/backbones/iresnet.py. A block is bn1, 3x3, bn2, PReLU, 3x3 (stride),
 * bn3, plus the shortcut. */
#include "models/family.h"

static net_value block(struct net *net, net_value x, const char *name, int stride) {
    net_value y = net_bn(net, x, N("%s.bn1", name));
    y = family_conv_bn(net, y, N("%s.conv1", name), N("%s.bn2", name), 1, 1);
    y = net_prelu(net, y, N("%s.prelu", name));
    y = family_conv_bn(net, y, N("%s.conv2", name), N("%s.bn3", name), stride, 1);
    if (net_has(net, "%s.downsample.0.weight", name))
        x = family_conv_bn(net, x, N("%s.downsample.0", name), N("%s.downsample.1", name), stride,
                           0);
    return net_add(net, y, x);
}

void build_iresnet(struct net *net, json_t *variant) {
    (void)variant;
    net_value x = family_conv_bn(net, net_input(net), "conv1", "bn1", 1, 1);
    x = net_prelu(net, x, "prelu");
    for (int stage = 1; stage <= 4; stage++)
        for (int i = 0; net_has(net, "layer%d.%d.conv1.weight", stage, i); i++)
            x = block(net, x, N("layer%d.%d", stage, i), i == 0 ? 2 : 1);
    x = net_bn(net, x, "bn2");
    x = net_fc(net, x, "fc", net->input_height / 16, net->input_width / 16);
    net_output(net, net_bn(net, x, "features"), "embedding");
}
