/*
 * family.h - what the family files share: their entry points, names, and the few blocks more than
 * one network is made of.
 */
#ifndef MIEN_MODELS_FAMILY_H
#define MIEN_MODELS_FAMILY_H

#include "engine/net.h"

#include <jansson.h>

void build_resnet(struct net *net, json_t *variant);
void build_iresnet(struct net *net, json_t *variant);
void build_mobilefacenet(struct net *net, json_t *variant);
void build_retinaface(struct net *net, json_t *variant);
void build_scrfd(struct net *net, json_t *variant);
void build_faceapi_age_gender(struct net *net, json_t *variant);
void build_insightface_genderage(struct net *net, json_t *variant);

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
