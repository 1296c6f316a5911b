/*
 * family.h - the list of families, and what their files share: names, and the few blocks more than
 * one network is made of.
 */
#ifndef MIEN_MODELS_FAMILY_H
#define MIEN_MODELS_FAMILY_H

#include "engine/net.h"

#include <jansson.h>

/* A row a family, by its `arch`: its build_<arch>(), in a file of this folder, adds the layers of
 * the blob's tensors to an empty net. */
#define FAMILIES(ROW)                                                                              \
    ROW(resnet)                                                                                    \
    ROW(iresnet)                                                                                   \
    ROW(mobilefacenet)                                                                             \
    ROW(retinaface)                                                                                \
    ROW(scrfd)                                                                                     \
    ROW(faceapi_age_gender)                                                                        \
    ROW(insightface_genderage)                                                                     \
    ROW(graph)

#define DECLARE(arch) void build_##arch(struct net *net, json_t *variant);
FAMILIES(DECLARE)
#undef DECLARE

/* A tensor name made by printf, on the stack: net_conv(net, x, N("layer%d.%d.conv1", s, i), 1, 1).
 */
struct family_name {
    char text[128];
};
struct family_name family_name(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define N(...) family_name(__VA_ARGS__).text

/* A string of the variant; an error of the net where it is not one of the two values. Returns
 * which. */
int family_choice(struct net *net, json_t *variant, const char *key, const char *first,
                  const char *second);

/* Convolution conv and its batch norm bn. */
net_value family_conv_bn(struct net *net, net_value x, const char *conv, const char *bn, int stride,
                         int pad);
/* ResNet's stem (7x7 s2, batch norm, ReLU, 3x3 s2 max pool), and its stage 1..4: blocks
 * <prefix>layer<stage>.<i>. stride_on_1x1: v1, which strides in the first 1x1 of a block; else
 * v1.5. */
net_value family_resnet_stem(struct net *net, net_value x, const char *prefix);
net_value family_resnet_stage(struct net *net, net_value x, const char *prefix, int stage,
                              int stride_on_1x1);

#endif
