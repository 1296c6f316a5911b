#include "tests/models/families.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct family *now; /* whose tensors are being listed */

/* One tensor: its shape, and its name by printf. */
__attribute__((format(printf, 5, 6))) static void tensor(int d0, int d1, int d2, int d3,
                                                         const char *format, ...) {
    if (now->count == FAMILY_MOST_TENSORS) abort();
    struct family_tensor *t = &now->tensors[now->count++];
    va_list ap;
    va_start(ap, format);
    vsnprintf(t->name, sizeof t->name, format, ap);
    va_end(ap);
    memcpy(t->dims, (int[4]){d0, d1, d2, d3}, sizeof t->dims);
}

static void conv(const char *name, int out, int in, int k) {
    tensor(out, in, k, k, "%s.weight", name);
}

static void conv_bias(const char *name, int out, int in, int k) {
    conv(name, out, in, k);
    tensor(out, 0, 0, 0, "%s.bias", name);
}

static void bn(const char *name, int c) {
    static const char *const parts[] = {"weight", "bias", "running_mean", "running_var"};
    for (int i = 0; i < 4; i++) tensor(c, 0, 0, 0, "%s.%s", name, parts[i]);
}

static void conv_bn(const char *conv_name, const char *bn_name, int out, int in, int k) {
    conv(conv_name, out, in, k);
    bn(bn_name, out);
}

static void fc(const char *name, int out, int in) {
    tensor(out, in, 0, 0, "%s.weight", name);
    tensor(out, 0, 0, 0, "%s.bias", name);
}

/* A name by printf, until the fourth call from here. */
__attribute__((format(printf, 1, 2))) static const char *named(const char *format, ...) {
    static char names[4][64];
    static int turn;
    char *name = names[turn++ % 4];
    va_list ap;
    va_start(ap, format);
    vsnprintf(name, sizeof names[0], format, ap);
    va_end(ap);
    return name;
}

/* torchvision/models/resnet.py: a basic block, or a bottleneck of c / 4 channels inside. */
static void resnet_block(const char *prefix, int stage, int in, int c, int bottleneck) {
    const char *block = named("%slayer%d.0", prefix, stage);
    char name[64];
    snprintf(name, sizeof name, "%s", block);
    int inner = bottleneck ? c / 4 : c;
    conv_bn(named("%s.conv1", name), named("%s.bn1", name), inner, in, bottleneck ? 1 : 3);
    conv_bn(named("%s.conv2", name), named("%s.bn2", name), inner, inner, 3);
    if (bottleneck) conv_bn(named("%s.conv3", name), named("%s.bn3", name), c, inner, 1);
    if (in != c) conv_bn(named("%s.downsample.0", name), named("%s.downsample.1", name), c, in, 1);
}

static void resnet(struct family *f) {
    int bottleneck = strstr(f->variant, "1x1") != NULL, c = 4;
    conv_bn("conv1", "bn1", c, 3, 7);
    for (int stage = 1; stage <= 4; stage++, c *= 2) resnet_block("", stage, c, 2 * c, bottleneck);
    fc("fc", 5, c);
}

/* arcface_torch/backbones/iresnet.py */
static void iresnet(struct family *f) {
    (void)f;
    int c = 4;
    conv_bn("conv1", "bn1", c, 3, 3);
    tensor(c, 0, 0, 0, "prelu.weight");
    for (int stage = 1; stage <= 4; stage++, c *= 2) {
        char name[64];
        snprintf(name, sizeof name, "layer%d.0", stage);
        bn(named("%s.bn1", name), c);
        conv_bn(named("%s.conv1", name), named("%s.bn2", name), 2 * c, c, 3);
        tensor(2 * c, 0, 0, 0, "%s.prelu.weight", name);
        conv_bn(named("%s.conv2", name), named("%s.bn3", name), 2 * c, 2 * c, 3);
        conv_bn(named("%s.downsample.0", name), named("%s.downsample.1", name), 2 * c, c, 1);
    }
    bn("bn2", c);
    fc("fc", 6, 2 * 2 * c); /* 32 pixels halved four times */
    bn("features", 6);
}

static void mobilefacenet_unit(const char *name, int out, int in, int k) {
    conv_bn(named("%s.conv", name), named("%s.bn", name), out, in, k);
    tensor(out, 0, 0, 0, "%s.prelu.weight", name);
}

static void mobilefacenet_bottleneck(const char *block, int c) {
    char name[64];
    snprintf(name, sizeof name, "%s", block);
    mobilefacenet_unit(named("%s.conv", name), 2 * c, c, 1);
    mobilefacenet_unit(named("%s.conv_dw", name), 2 * c, 1, 3);
    conv_bn(named("%s.project.conv", name), named("%s.project.bn", name), c, 2 * c, 1);
}

/* Chen et al., table 1, with one residual a stage. */
static void mobilefacenet(struct family *f) {
    (void)f;
    enum { C = 4 };
    mobilefacenet_unit("conv1", C, 3, 3);
    mobilefacenet_unit("conv2_dw", C, 1, 3);
    mobilefacenet_bottleneck("conv_23", C);
    mobilefacenet_bottleneck("conv_3.0", C);
    mobilefacenet_bottleneck("conv_34", C);
    mobilefacenet_bottleneck("conv_4.0", C);
    mobilefacenet_bottleneck("conv_45", C);
    mobilefacenet_bottleneck("conv_5.0", C);
    mobilefacenet_unit("conv_6_sep", 2 * C, C, 1);
    conv_bn("conv_6_dw.conv", "conv_6_dw.bn", 2 * C, 1, 2); /* 32 pixels halved four times */
    fc("linear", 6, 2 * C);
    bn("bn", 6);
}

/* vladmandic/human's relative of it */
static void mobilefacenet_units(struct family *f) {
    (void)f;
    enum { C = 4 };
    conv_bias("conv1.conv", C, 3, 3);
    tensor(C, 0, 0, 0, "conv1.prelu.weight");
    for (int stage = 1; stage <= 2; stage++) {
        conv_bias(named("stage%d.conv0_0", stage), 2 * C, C, 1);
        conv_bias(named("stage%d.conv0_1", stage), C, 2 * C, 3);
        conv_bias(named("stage%d.conv1", stage), C, C, 3);
        conv_bias(named("stage%d.conv2", stage), C, C, 3);
        for (int i = 0; i < 3; i++) tensor(C, 0, 0, 0, "stage%d.prelu%d.weight", stage, i);
    }
    fc("linear", 6, C * 4 * 4); /* 32 pixels halved three times */
}

/* biubug6/Pytorch_Retinaface: models/net.py */
static void retinaface_ssh(int level, int c) {
    static const struct {
        const char *name;
        int half; /* of the width: 2, or a quarter of it: 4 */
        int from_all;
    } parts[] = {{"conv3X3", 2, 1},
                 {"conv5X5_1", 4, 1},
                 {"conv5X5_2", 4, 0},
                 {"conv7X7_2", 4, 0},
                 {"conv7x7_3", 4, 0}};
    for (int i = 0; i < 5; i++)
        conv_bn(named("ssh%d.%s.0", level, parts[i].name),
                named("ssh%d.%s.1", level, parts[i].name), c / parts[i].half,
                parts[i].from_all ? c : c / 4, 3);
}

static void retinaface_neck(const int channels[3], int c) {
    for (int i = 0; i < 3; i++)
        conv_bn(named("fpn.output%d.0", i + 1), named("fpn.output%d.1", i + 1), c, channels[i], 1);
    for (int i = 1; i <= 2; i++)
        conv_bn(named("fpn.merge%d.0", i), named("fpn.merge%d.1", i), c, c, 3);
    for (int i = 0; i < 3; i++) {
        retinaface_ssh(i + 1, c);
        conv_bias(named("ClassHead.%d.conv1x1", i), 4, c, 1);
        conv_bias(named("BboxHead.%d.conv1x1", i), 8, c, 1);
        conv_bias(named("LandmarkHead.%d.conv1x1", i), 20, c, 1);
    }
}

static void mobilenet_block(const char *block, int out, int in) {
    char name[64];
    snprintf(name, sizeof name, "%s", block);
    conv_bn(named("%s.0", name), named("%s.1", name), in, 1, 3);
    conv_bn(named("%s.3", name), named("%s.4", name), out, in, 1);
}

static void retinaface(struct family *f) {
    enum { C = 4 };
    int widths[3] = {C, 2 * C, 4 * C};
    if (strstr(f->variant, "resnet50")) {
        conv_bn("body.conv1", "body.bn1", C, 3, 7);
        for (int stage = 1; stage <= 4; stage++)
            resnet_block("body.", stage, C << (stage - 1), C << stage, 1);
        for (int i = 0; i < 3; i++) widths[i] = C << (i + 2);
    } else {
        conv_bn("body.stage1.0.0", "body.stage1.0.1", C, 3, 3);
        for (int i = 1; i <= 5; i++) mobilenet_block(named("body.stage1.%d", i), C, C);
        mobilenet_block("body.stage2.0", 2 * C, C);
        mobilenet_block("body.stage3.0", 4 * C, 2 * C);
    }
    retinaface_neck(widths, 8);
}

/* InsightFace detection/scrfd, exported with its batch norms folded */
static void scrfd_neck_and_heads(const int channels[3], int c) {
    for (int i = 0; i < 3; i++) {
        conv_bias(named("neck.lateral_convs.%d", i), c, channels[i], 1);
        conv_bias(named("neck.fpn_convs.%d", i), c, c, 3);
    }
    for (int i = 0; i < 2; i++) {
        conv_bias(named("neck.downsample_convs.%d", i), c, c, 3);
        conv_bias(named("neck.pafpn_convs.%d", i), c, c, 3);
    }
    for (int stride = 8; stride <= 32; stride *= 2) {
        conv_bias(named("head.%d.convs.0", stride), c, c, 3);
        conv_bias(named("head.%d.convs.1.dw", stride), c, 1, 3);
        conv_bias(named("head.%d.convs.1.pw", stride), c, c, 1);
        conv_bias(named("head.%d.cls", stride), 2, c, 3);
        conv_bias(named("head.%d.reg", stride), 8, c, 3);
        conv_bias(named("head.%d.kps", stride), 20, c, 3);
    }
}

static void scrfd(struct family *f) {
    enum { C = 4 };
    if (strstr(f->variant, "resnet")) {
        for (int i = 0; i < 3; i++) conv_bias(named("backbone.stem.%d", i), C, i ? C : 3, 3);
        for (int s = 1; s <= 4; s++) {
            conv_bias(named("backbone.layer%d.0.conv1", s), C, C, 3);
            conv_bias(named("backbone.layer%d.0.conv2", s), C, C, 3);
            conv_bias(named("backbone.layer%d.0.downsample", s), C, C, 1);
        }
    } else {
        conv_bias("backbone.stem.0", C, 3, 3);
        for (int i = 0; i < 4; i++) {
            conv_bias(named("backbone.layers.%d.dw", i), C, 1, 3);
            conv_bias(named("backbone.layers.%d.pw", i), C, C, 1);
        }
    }
    scrfd_neck_and_heads((const int[3]){C, C, C}, 8);
}

/* face-api.js: src/xception/TinyXception.ts */
static void separable(const char *name, int out, int in) {
    tensor(in, 1, 3, 3, "%s.depthwise.weight", name);
    tensor(out, in, 1, 1, "%s.pointwise.weight", name);
    tensor(out, 0, 0, 0, "%s.bias", name);
}

static void faceapi(struct family *f) {
    (void)f;
    static const char *const blocks[] = {"entry_flow.reduction_block_0",
                                         "entry_flow.reduction_block_1",
                                         "exit_flow.reduction_block"};
    int c = 4;
    conv_bias("entry_flow.conv_in", c, 3, 3);
    for (int i = 0; i < 3; i++, c *= 2) {
        separable(named("%s.separable_conv0", blocks[i]), 2 * c, c);
        separable(named("%s.separable_conv1", blocks[i]), 2 * c, 2 * c);
        conv_bias(named("%s.expansion_conv", blocks[i]), 2 * c, c, 1);
        if (i != 1) continue;
        for (int k = 0; k < 3; k++)
            separable(named("middle_flow.main_block_0.separable_conv%d", k), 2 * c, 2 * c);
    }
    separable("exit_flow.separable_conv", c, c);
    fc("fc.age", 1, c);
    fc("fc.gender", 2, c);
}

/* InsightFace's gender-age MobileNet */
static void genderage(struct family *f) {
    (void)f;
    enum { C = 4 };
    conv_bn("conv_1", "conv_1.bn", C, 3, 3);
    for (int i = 2; i <= 3; i++) {
        conv_bn(named("conv_%d_dw", i), named("conv_%d_dw.bn", i), C, 1, 3);
        conv_bn(named("conv_%d", i), named("conv_%d.bn", i), C, C, 1);
    }
    bn("bn1", C);
    tensor(C, 0, 0, 0, "prelu.weight");
    fc("fc", 3, C);
    bn("fc_bn", 3);
}

#define DETECTOR                                                                                   \
    "score_8 2, box_8 8, landmark_8 20, score_16 2, box_16 8, landmark_16 20, score_32 2, "        \
    "box_32 8, landmark_32 20"
static struct family families[] = {
    {.arch = "resnet", .variant = "{'stride_on':'3x3'}", .outputs = "prob 5", .list = resnet},
    {.arch = "resnet", .variant = "{'stride_on':'1x1'}", .outputs = "prob 5", .list = resnet},
    {.arch = "iresnet", .variant = "{}", .outputs = "embedding 6", .list = iresnet},
    {.arch = "mobilefacenet",
     .variant = "{'padding':'symmetric'}",
     .outputs = "embedding 6",
     .list = mobilefacenet},
    {.arch = "mobilefacenet",
     .variant = "{'padding':'same'}",
     .outputs = "embedding 6",
     .list = mobilefacenet},
    {.arch = "mobilefacenet",
     .variant = "{'padding':'symmetric','layout':'units'}",
     .outputs = "embedding 6",
     .list = mobilefacenet_units},
    {.arch = "retinaface",
     .variant = "{'layout':'biubug6','backbone':'mobilenet0.25','activation':'leaky'}",
     .outputs = DETECTOR,
     .list = retinaface},
    {.arch = "retinaface",
     .variant = "{'layout':'insightface','backbone':'resnet50','activation':'relu'}",
     .outputs = DETECTOR,
     .list = retinaface},
    {.arch = "scrfd",
     .variant = "{'backbone':'resnet','taps':[2,3,4]}",
     .outputs = DETECTOR,
     .list = scrfd},
    {.arch = "scrfd",
     .variant = "{'backbone':'mobilenet','taps':[1,2,3],'strides':[2,2,2,2]}",
     .outputs = DETECTOR,
     .list = scrfd},
    {.arch = "faceapi_age_gender", .variant = "{}", .outputs = "age 1, gender 2", .list = faceapi},
    {.arch = "insightface_genderage",
     .variant = "{'strides':[1,2]}",
     .outputs = "fc1 3",
     .list = genderage},
};
const int FAMILY_COUNT = sizeof families / sizeof families[0];

struct family *family_list(int i) {
    now = &families[i];
    now->count = 0;
    now->list(now);
    return now;
}

struct blob *family_blob(const struct family *f, struct blobmaker *m, uint64_t seed) {
    char meta[512], variant[256], *at = variant;
    for (const char *c = f->variant; *c; c++) {
        if (*c == '\'') *at++ = '\\';
        *at++ = *c == '\'' ? '"' : *c;
    }
    *at = '\0';
    snprintf(meta, sizeof meta, "\"arch\":\"%s\",\"variant\":\"%s\",\"bn_eps\":\"{\\\"\\\":1e-5}\"",
             f->arch, variant);
    blobmaker_open(m, seed);
    blobmaker_meta(m, meta);
    for (int i = 0; i < f->count; i++) {
        const struct family_tensor *t = &f->tensors[i];
        blobmaker_tensor(m, t->name, 0.5f, 1.5f, t->dims[0], t->dims[1], t->dims[2], t->dims[3]);
    }
    return blobmaker_finish(m);
}
