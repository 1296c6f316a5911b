"""mien's default detector and classifier in torch, with the weights of mien's own blobs.

The two networks are data driven, as in models/retinaface.c and models/resnet.c, but stand on torch
alone. Batch norms are folded into the convolutions before them, which is what anybody who serves a
network does first; prepare() adds the usual tunings on top.
"""
import json

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Blob:
    """A .safetensors file: tensors by name, and its metadata."""

    def __init__(self, path):
        data = np.memmap(path, np.uint8, "r")
        length = int(data[:8].view("<u8")[0])
        self.header = json.loads(bytes(data[8 : 8 + length]))
        self.metadata = self.header.pop("__metadata__")
        self.values = data[8 + length :]

    def json(self, key):
        return json.loads(self.metadata[key])

    def __contains__(self, name):
        return name in self.header

    def __getitem__(self, name):
        entry = self.header[name]
        begin, end = entry["data_offsets"]
        return torch.from_numpy(
            np.array(self.values[begin:end]).view("<f4").reshape(entry["shape"])
        )

    def epsilon(self, name):
        """Of a batch norm: what the longest matching prefix of its name says."""
        given = self.json("bn_eps")
        return given[max((p for p in given if name.startswith(p)), key=len)]

    def conv(self, name, norm=None, stride=1, pad=0):
        """A convolution with the batch norm after it, if any, folded in."""
        weight = self[name + ".weight"]
        bias = self[name + ".bias"] if name + ".bias" in self else torch.zeros(len(weight))
        if norm:
            scale = self[norm + ".weight"] / torch.sqrt(
                self[norm + ".running_var"] + self.epsilon(norm)
            )
            bias = (bias - self[norm + ".running_mean"]) * scale + self[norm + ".bias"]
            weight = weight * scale[:, None, None, None]
        depthwise = weight.shape[1] == 1
        conv = nn.Conv2d(
            len(weight) if depthwise else weight.shape[1],
            len(weight),
            weight.shape[2:],
            stride,
            pad,
            groups=len(weight) if depthwise else 1,
        )
        conv.weight.data, conv.bias.data = weight, bias
        return conv


class RetinaFace(nn.Module):
    """InsightFace's mnet.25. x: [n][3][h][w], RGB 0..255; returns score [n][k], box [n][k][4] and
    landmark [n][k][10] of all anchors, undecoded: levels of stride 8, 16, 32 one after the other,
    rows, columns, then the anchors of a cell."""

    def __init__(self, blob):
        super().__init__()
        given = blob.json("input")
        self.mean, self.scale = given["mean"][0], given["scale"][0]
        self.body = nn.ModuleList(self.stage(blob, n) for n in (1, 2, 3))
        self.reduce = nn.ModuleList(
            blob.conv("fpn.output%d.0" % n, "fpn.output%d.1" % n) for n in (1, 2, 3)
        )
        self.merge = nn.ModuleList(
            blob.conv("fpn.merge%d.0" % n, "fpn.merge%d.1" % n, 1, 1) for n in (1, 2)
        )
        parts = ("conv3X3", "conv5X5_1", "conv5X5_2", "conv7X7_2", "conv7x7_3")
        self.context = nn.ModuleList(
            nn.ModuleList(
                blob.conv("ssh%d.%s.0" % (n, part), "ssh%d.%s.1" % (n, part), 1, 1)
                for part in parts
            )
            for n in (1, 2, 3)
        )
        self.heads = nn.ModuleList(
            nn.ModuleList(blob.conv("%s.%d.conv1x1" % (head, n)) for n in range(3))
            for head in ("ClassHead", "BboxHead", "LandmarkHead")
        )

    @staticmethod
    def stage(blob, stage):
        """Depthwise 3x3 (the second block of all has none) and pointwise 1x1."""
        layers, i = [], 0
        if stage == 1:
            layers += [blob.conv("body.stage1.0.0", "body.stage1.0.1", 2, 1), nn.ReLU()]
            i = 1
        while True:
            name = "body.stage%d.%d" % (stage, i)
            if name + ".3.weight" not in blob:
                break
            half = i % 2 == 0 if stage == 1 else i == 0
            if name + ".0.weight" in blob:
                depthwise = blob.conv(name + ".0", name + ".1", 2 if half else 1, 1)
                layers += [depthwise, nn.ReLU()]
            layers += [blob.conv(name + ".3", name + ".4"), nn.ReLU()]
            i += 1
        if stage == 3:
            layers += [blob.conv("body.final.0", "body.final.1"), nn.ReLU()]
        return nn.Sequential(*layers)

    def forward(self, x):
        x, maps = (x - self.mean) * self.scale, []
        for stage, reduce in zip(self.body, self.reduce):
            x = stage(x)
            maps.append(F.relu(reduce(x)))
        for i in (1, 0):
            above = F.interpolate(maps[i + 1], scale_factor=2.0, mode="nearest")
            above = above[:, :, : maps[i].shape[2], : maps[i].shape[3]]
            maps[i] = F.relu(self.merge[i](maps[i] + above))
        found = [self.level(i, x) for i, x in enumerate(maps)]
        return tuple(torch.cat(parts, 1) for parts in zip(*found))

    def level(self, i, x):
        c3, c5_1, c5_2, c7_2, c7_3 = self.context[i]
        near = F.relu(c5_1(x))
        x = F.relu(torch.cat([c3(x), c5_2(near), c7_3(F.relu(c7_2(near)))], 1))
        score, box, landmark = (
            head[i](x).permute(0, 2, 3, 1).float().reshape(x.shape[0], -1, width)
            for head, width in zip(self.heads, (2, 4, 10))
        )
        return torch.sigmoid(score[..., 1] - score[..., 0]), box, landmark  # softmax over two


class Bottleneck(nn.Module):
    """Stride on the first 1x1 convolution: the ResNet of the paper, and of Keras."""

    def __init__(self, blob, name, stride):
        super().__init__()
        strides, pads = (stride, 1, 1), (0, 1, 0)
        self.convs = nn.ModuleList(
            blob.conv("%s.conv%d" % (name, i), "%s.bn%d" % (name, i), strides[i - 1], pads[i - 1])
            for i in (1, 2, 3)
        )
        short = name + ".downsample"
        self.shortcut = (
            blob.conv(short + ".0", short + ".1", stride)
            if short + ".0.weight" in blob
            else nn.Identity()
        )

    def forward(self, x):
        a, b, c = self.convs
        return F.relu(c(F.relu(b(F.relu(a(x))))) + self.shortcut(x))


class ResNet50(nn.Module):
    """x: [n][3][224][224], RGB 0..255; returns probabilities [n][1000]."""

    def __init__(self, blob):
        super().__init__()
        given = blob.json("input")
        self.bgr = given["channels"] == "BGR"
        self.register_buffer("mean", torch.tensor(given["mean"]).reshape(-1, 1, 1))
        self.stem = blob.conv("conv1", "bn1", 2, 3)
        blocks = []
        for stage in (1, 2, 3, 4):
            i = 0
            while "layer%d.%d.conv1.weight" % (stage, i) in blob:
                stride = 2 if stage > 1 and i == 0 else 1
                blocks.append(Bottleneck(blob, "layer%d.%d" % (stage, i), stride))
                i += 1
        self.blocks = nn.Sequential(*blocks)
        weight = blob["fc.weight"]
        self.fc = nn.Linear(weight.shape[1], weight.shape[0])
        self.fc.weight.data, self.fc.bias.data = weight, blob["fc.bias"]

    def forward(self, x):
        if self.bgr:
            x = x.flip(1)
        x = F.max_pool2d(F.relu(self.stem(x - self.mean)), 3, 2, 1)
        return F.softmax(self.fc(self.blocks(x).mean((2, 3))).float(), 1)


def prepare(net, sample, mode, dtype):
    """A network ready to serve. mode: eager, or jit (traced, frozen, and optimised for inference,
    which gives the convolutions to oneDNN in its own layout); dtype: fp32 or bf16."""
    net = net.eval().to(memory_format=torch.channels_last)
    for p in net.parameters():
        p.requires_grad_(False)
    if dtype == "bf16":
        net = net.to(torch.bfloat16)
        sample = sample.to(torch.bfloat16)
    if mode == "jit":
        with torch.no_grad():
            net = torch.jit.freeze(torch.jit.trace(net, sample, check_trace=False))
            net = torch.jit.optimize_for_inference(net)
    return net
