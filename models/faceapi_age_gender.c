/* Age and gender by face-api's tiny Xception (justadudewhohacks/face-api.js,
 * src/xception/TinyXception.ts). */
#include "models/family.h"

/* Chollet, "Xception", 2016: activation before each separable convolution, projected shortcut. */
static net_value reduction(struct net *net, net_value x, const char *name, int activate) {
    net_value y = activate ? net_relu(net, x) : x;
    y = net_relu(net, net_separable_same(net, y, N("%s.separable_conv0", name)));
    y = net_separable_same(net, y, N("%s.separable_conv1", name));
    y = net_pool(net, y, (struct net_window){.kh = 3, .kw = 3, .stride = 2, .mode = NET_PAD_SAME});
    return net_add(net, y, net_conv_same(net, x, N("%s.expansion_conv", name), 2));
}

static net_value main_block(struct net *net, net_value x, const char *name) {
    net_value y = x;
    for (int i = 0; i < 3; i++)
        y = net_separable_same(net, net_relu(net, y), N("%s.separable_conv%d", name, i));
    return net_add(net, y, x);
}

void build_faceapi_age_gender(struct net *net, json_t *variant) {
    (void)variant;
    net_value x = net_relu(net, net_conv_same(net, net_input(net), "entry_flow.conv_in", 2));
    x = reduction(net, x, "entry_flow.reduction_block_0", 0);
    x = reduction(net, x, "entry_flow.reduction_block_1", 1);
    for (int i = 0; net_has(net, "middle_flow.main_block_%d.separable_conv0.bias", i); i++)
        x = main_block(net, x, N("middle_flow.main_block_%d", i));
    x = reduction(net, x, "exit_flow.reduction_block", 1);
    x = net_relu(net, net_separable_same(net, x, "exit_flow.separable_conv"));
    x = net_global_average(net, x);
    net_output(net, net_fc(net, x, "fc.age", 1, 1), "age");
    net_output(net, net_softmax(net, net_fc(net, x, "fc.gender", 1, 1)), "gender");
}
