/* RetinaFace: Deng et al., "RetinaFace: Single-stage Dense Face Localisation in the Wild", 2019, in
 * the two published forms: biubug6/Pytorch_Retinaface (names used here) and InsightFace's MXNet
 * nets. */
#include "models/family.h"

enum { LEVELS = 3 }; /* strides 8, 16, 32 */

struct style {
    enum kern_act body; /* activation of the MobileNet body */
    int leaky;          /* FPN and SSH: leaky 0.1 where they are narrow */
};

static net_value conv_bn(struct net *net, net_value x, const char *name, int stride, int pad) {
    return family_conv_bn(net, x, N("%s.0", name), N("%s.1", name), stride, pad);
}

static net_value body_act(struct net *net, net_value x, struct style style) {
    return net_act(net, x, style.body, 0.1f);
}

/* Up to 16 channels of a picture at half its size are nearly copies of each other, and what follows
 * takes their differences: in fp16 they alone would make the outputs' error three times as large.
 */
static net_value thin(struct net *net, net_value x) {
    if (net_channels(net, x) <= 16) net_exact(net, x);
    return x;
}

/* conv_dw: depthwise 3x3 and pointwise 1x1; InsightFace's second block has only the latter. */
static net_value depthwise_block(struct net *net, net_value x, struct style style, const char *name,
                                 int stride) {
    if (net_has(net, "%s.0.weight", name))
        x = thin(net, body_act(net, conv_bn(net, x, name, stride, 1), style));
    x = family_conv_bn(net, x, N("%s.3", name), N("%s.4", name), 1, 0);
    return thin(net, body_act(net, x, style));
}

static void mobilenet(struct net *net, net_value x, struct style style, net_value out[LEVELS]) {
    x = thin(net, body_act(net, conv_bn(net, x, "body.stage1.0", 2, 1), style));
    for (int i = 1; net_has(net, "body.stage1.%d.3.weight", i); i++) /* strides 1 2 1 2 1 */
        x = depthwise_block(net, x, style, N("body.stage1.%d", i), i % 2 ? 1 : 2);
    out[0] = x;
    for (int stage = 2; stage <= 3; stage++) {
        for (int i = 0; net_has(net, "body.stage%d.%d.3.weight", stage, i); i++)
            x = depthwise_block(net, x, style, N("body.stage%d.%d", stage, i), i ? 1 : 2);
        out[stage - 1] = x;
    }
    if (net_has(net, "body.final.0.weight"))
        out[2] = body_act(net, conv_bn(net, x, "body.final", 1, 0), style);
}

static void resnet(struct net *net, net_value x, net_value out[LEVELS]) {
    x = family_resnet_stage(net, family_resnet_stem(net, x, "body."), "body.", 1, 0);
    for (int i = 0; i < LEVELS; i++) out[i] = x = family_resnet_stage(net, x, "body.", i + 2, 0);
}

/* biubug6: `leaky = 0.1 if out_channel <= 64 else 0`, and leaky 0 is ReLU. */
static net_value head_act(struct net *net, net_value x, struct style style, int width) {
    return style.leaky && width <= 64 ? net_act(net, x, KERN_ACT_LEAKY, 0.1f) : net_relu(net, x);
}

static void fpn(struct net *net, struct style style, net_value x[LEVELS]) {
    for (int i = 0; i < LEVELS; i++) {
        x[i] = conv_bn(net, x[i], N("fpn.output%d", i + 1), 1, 0);
        x[i] = head_act(net, x[i], style, net_channels(net, x[i]));
    }
    for (int i = LEVELS - 2; i >= 0; i--) {
        x[i] = net_add(net, x[i], net_upsample(net, x[i + 1], x[i]));
        x[i] = conv_bn(net, x[i], N("fpn.merge%d", i + 1), 1, 1);
        x[i] = head_act(net, x[i], style, net_channels(net, x[i]));
    }
}

/* Najibi et al., "SSH: Single Stage Headless Face Detector", 2017, figure 4: windows of 3, 5 and 7
 * pixels side by side. ReLU after the concatenation is ReLU of its parts. */
static net_value ssh(struct net *net, net_value x, struct style style, int level) {
    int width = net_channels(net, x);
    net_value c3 = conv_bn(net, x, N("ssh%d.conv3X3", level), 1, 1);
    net_value context = conv_bn(net, x, N("ssh%d.conv5X5_1", level), 1, 1);
    context = head_act(net, context, style, width);
    net_value c5 = conv_bn(net, context, N("ssh%d.conv5X5_2", level), 1, 1);
    net_value c7 = conv_bn(net, context, N("ssh%d.conv7X7_2", level), 1, 1);
    c7 = head_act(net, c7, style, width);
    c7 = conv_bn(net, c7, N("ssh%d.conv7x7_3", level), 1, 1);
    net_value parts[] = {net_relu(net, c3), net_relu(net, c5), net_relu(net, c7)};
    return net_concat(net, 3, parts);
}

void build_retinaface(struct net *net, json_t *variant) {
    int insightface = family_choice(net, variant, "layout", "biubug6", "insightface");
    int on_resnet = family_choice(net, variant, "backbone", "mobilenet0.25", "resnet50");
    struct style style = {
        .leaky = family_choice(net, variant, "activation", "relu", "leaky"),
    };
    style.body = style.leaky && !insightface ? KERN_ACT_LEAKY : KERN_ACT_RELU;
    net_value x = net_input(net), level[LEVELS];
    if (on_resnet)
        resnet(net, x, level);
    else
        mobilenet(net, x, style, level);
    fpn(net, style, level);
    for (int i = 0; i < LEVELS; i++) {
        int stride = 8 << i;
        x = ssh(net, level[i], style, i + 1);
        net_value score = net_conv_difference(net, x, N("ClassHead.%d.conv1x1", i), 1, 0);
        net_output(net, net_act(net, score, KERN_ACT_SIGMOID, 0), "score_%d", stride);
        net_output(net, net_conv(net, x, N("BboxHead.%d.conv1x1", i), 1, 0), "box_%d", stride);
        net_output(net, net_conv(net, x, N("LandmarkHead.%d.conv1x1", i), 1, 0), "landmark_%d",
                   stride);
    }
    net->dynamic_size = 1;
}
