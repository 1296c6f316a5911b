/* Age and gender by InsightFace's MobileNet (deepinsight/insightface, gender-age/fmobilenet). */
#include "models/family.h"

static net_value conv_bn_relu(struct net *net, net_value x, const char *name, int stride, int pad) {
    return net_relu(net, family_conv_bn(net, x, name, N("%s.bn", name), stride, pad));
}

void build_insightface_genderage(struct net *net, json_t *variant) {
    json_t *strides = json_object_get(variant, "strides");
    net_value x = conv_bn_relu(net, net_input(net), "conv_1", 1, 1);
    for (int i = 2; net_has(net, "conv_%d_dw.weight", i); i++) {
        int stride = (int)json_integer_value(json_array_get(strides, (size_t)(i - 2)));
        if (stride != 1 && stride != 2) {
            net_fail(net, "metadata variant.strides must hold 1 or 2 for block %d", i);
            return;
        }
        x = conv_bn_relu(net, x, N("conv_%d_dw", i), stride, 1);
        x = conv_bn_relu(net, x, N("conv_%d", i), 1, 0);
    }
    x = net_prelu(net, net_bn(net, x, "bn1"), "prelu");
    x = net_fc(net, net_global_average(net, x), "fc", 1, 1);
    net_output(net, net_bn(net, x, "fc_bn"), "fc1");
}
