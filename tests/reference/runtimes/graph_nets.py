"""Networks of torchvision and its neighbours in torch, as users export them to ONNX: what
tests/reference/test_graphs.py and bench/graphs.py run beside ONNX Runtime, with random weights.

Written from the papers and from torchvision's definitions (its mobilenetv2.py, mobilenetv3.py,
efficientnet.py, mnasnet.py, regnet.py, shufflenetv2.py, squeezenet.py, densenet.py), since
torchvision itself is no Debian package: same blocks, widths and strides. What ends in logits ends in
them here.
"""
import torch
import torch.nn.functional as F
from torch import nn

from .torch_nets import resnet


def rounded(channels, step=8):
    """A width that is a multiple of step, never a tenth below what was asked for."""
    new = max(step, int(channels + step / 2) // step * step)
    return new + step if new < 0.9 * channels else new


def unit(inputs, outputs, kernel=1, stride=1, groups=1, act=nn.ReLU):
    """A convolution, its batch norm and its activation."""
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
              nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([act()] if act else []))


class Gate(nn.Module):
    """Squeeze and excitation (Hu et al., 2018)."""

    def __init__(self, channels, squeezed, act=nn.ReLU, gate=nn.Sigmoid):
        super().__init__()
        self.fc1, self.fc2 = nn.Conv2d(channels, squeezed, 1), nn.Conv2d(squeezed, channels, 1)
        self.act, self.gate = act(), gate()

    def forward(self, x):
        return x * self.gate(self.fc2(self.act(self.fc1(F.adaptive_avg_pool2d(x, 1)))))


class Inverted(nn.Module):
    """Wide in the middle, where it is depthwise; a sum where shapes allow one (MobileNetV2)."""

    def __init__(self, inputs, outputs, hidden, kernel, stride, act, gate=None):
        super().__init__()
        layers = [unit(inputs, hidden, act=act)] if hidden != inputs else []
        layers.append(unit(hidden, hidden, kernel, stride, hidden, act))
        if gate:
            layers.append(gate(hidden, inputs))
        self.layers = nn.Sequential(*layers, unit(hidden, outputs, act=None))
        self.sums = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.layers(x) if self.sums else self.layers(x)


def classifier(channels, hidden=0, act=nn.ReLU, classes=1000):
    layers = [nn.AdaptiveAvgPool2d(1), nn.Flatten(1)]
    if hidden:
        layers += [nn.Linear(channels, hidden), act()]
    return layers + [nn.Linear(hidden or channels, classes)]


def mobilenet_v2():
    layers, c = [unit(3, 32, 3, 2, act=nn.ReLU6)], 32
    for expand, width, count, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                         (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(count):
            layers.append(Inverted(c, width, c * expand, 3, 1 if i else stride, nn.ReLU6))
            c = width
    return nn.Sequential(*layers, unit(c, 1280, act=nn.ReLU6), *classifier(1280))


# kernel, hidden, outputs, gate, hard swish, stride
V3_SMALL = ((3, 16, 16, 1, 0, 2), (3, 72, 24, 0, 0, 2), (3, 88, 24, 0, 0, 1), (5, 96, 40, 1, 1, 2),
            (5, 240, 40, 1, 1, 1), (5, 240, 40, 1, 1, 1), (5, 120, 48, 1, 1, 1),
            (5, 144, 48, 1, 1, 1), (5, 288, 96, 1, 1, 2), (5, 576, 96, 1, 1, 1),
            (5, 576, 96, 1, 1, 1))
V3_LARGE = ((3, 16, 16, 0, 0, 1), (3, 64, 24, 0, 0, 2), (3, 72, 24, 0, 0, 1), (5, 72, 40, 1, 0, 2),
            (5, 120, 40, 1, 0, 1), (5, 120, 40, 1, 0, 1), (3, 240, 80, 0, 1, 2),
            (3, 200, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1),
            (3, 480, 112, 1, 1, 1), (3, 672, 112, 1, 1, 1), (5, 672, 160, 1, 1, 2),
            (5, 960, 160, 1, 1, 1), (5, 960, 160, 1, 1, 1))


def mobilenet_v3(rows, last):
    gate = lambda hidden, _: Gate(hidden, rounded(hidden // 4), gate=nn.Hardsigmoid)
    layers, c = [unit(3, 16, 3, 2, act=nn.Hardswish)], 16
    for kernel, hidden, outputs, gated, swish, stride in rows:
        layers.append(Inverted(c, outputs, hidden, kernel, stride,
                               nn.Hardswish if swish else nn.ReLU, gate if gated else None))
        c = outputs
    layers.append(unit(c, 6 * c, act=nn.Hardswish))
    return nn.Sequential(*layers, *classifier(6 * c, last, nn.Hardswish))


def efficientnet_b0():
    gate = lambda hidden, inputs: Gate(hidden, max(1, inputs // 4), nn.SiLU)
    layers, c = [unit(3, 32, 3, 2, act=nn.SiLU)], 32
    for expand, kernel, stride, width, count in ((1, 3, 1, 16, 1), (6, 3, 2, 24, 2),
                                                 (6, 5, 2, 40, 2), (6, 3, 2, 80, 3),
                                                 (6, 5, 1, 112, 3), (6, 5, 2, 192, 4),
                                                 (6, 3, 1, 320, 1)):
        for i in range(count):
            layers.append(Inverted(c, width, c * expand, kernel, 1 if i else stride, nn.SiLU, gate))
            c = width
    return nn.Sequential(*layers, unit(c, 1280, act=nn.SiLU), *classifier(1280))


class Heads(nn.Module):
    """EfficientNet-B0 with a head each for age, gender and race, as attribute networks have."""

    def __init__(self):
        super().__init__()
        self.body = efficientnet_b0()[:-1]
        self.age, self.gender, self.race = (nn.Linear(1280, n) for n in (1, 2, 7))

    def forward(self, x):
        x = self.body(x)
        return self.age(x), F.softmax(self.gender(x), 1), self.race(x)


def mnasnet():
    layers, c = [unit(3, 32, 3, 2), unit(32, 32, 3, 1, 32), unit(32, 16, act=None)], 16
    for expand, kernel, stride, width, count in ((3, 3, 2, 24, 3), (3, 5, 2, 40, 3), (6, 5, 2, 80, 3),
                                                 (6, 3, 1, 96, 2), (6, 5, 2, 192, 4),
                                                 (6, 3, 1, 320, 1)):
        for i in range(count):
            layers.append(Inverted(c, width, c * expand, kernel, 1 if i else stride, nn.ReLU))
            c = width
    return nn.Sequential(*layers, unit(c, 1280), *classifier(1280))


class Shuffle(nn.Module):
    """ShuffleNetV2's block."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        half, self.stride = outputs // 2, stride
        branch = lambda c: [unit(c, c, 3, stride, c, None), unit(c, half)]
        self.left = nn.Sequential(*branch(inputs)) if stride == 2 else None
        c = inputs if stride == 2 else half
        self.right = nn.Sequential(unit(c, half), *branch(half))

    def forward(self, x):
        if self.stride == 2:
            y = torch.cat((self.left(x), self.right(x)), 1)
        else:
            a, b = x.chunk(2, 1)
            y = torch.cat((a, self.right(b)), 1)
        n, c, h, w = y.shape
        return y.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


def shufflenet_v2():
    layers, c = [unit(3, 24, 3, 2), nn.MaxPool2d(3, 2, 1)], 24
    for width, count in ((116, 4), (232, 8), (464, 4)):
        for i in range(count):
            layers.append(Shuffle(c, width, 1 if i else 2))
            c = width
    return nn.Sequential(*layers, unit(c, 1024), *classifier(1024))


class Fire(nn.Module):
    def __init__(self, inputs, squeezed, expanded):
        super().__init__()
        self.squeeze = nn.Conv2d(inputs, squeezed, 1)
        self.one = nn.Conv2d(squeezed, expanded, 1)
        self.three = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x):
        x = F.relu(self.squeeze(x))
        return torch.cat((F.relu(self.one(x)), F.relu(self.three(x))), 1)


def squeezenet():
    """1.1."""
    pool = lambda: nn.MaxPool2d(3, 2, ceil_mode=True)
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool(), Fire(64, 16, 64), Fire(128, 16, 64), pool(),
        Fire(128, 32, 128), Fire(256, 32, 128), pool(), Fire(256, 48, 192), Fire(384, 48, 192),
        Fire(384, 64, 256), Fire(512, 64, 256), nn.Conv2d(512, 1000, 1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(1))


class DenseBlock(nn.Module):
    def __init__(self, inputs, count, growth=32):
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, 4 * growth, 1, bias=False),
                          nn.BatchNorm2d(4 * growth), nn.ReLU(),
                          nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False))
            for c in range(inputs, inputs + count * growth, growth))

    def forward(self, x):
        parts = [x]
        for layer in self.layers:
            parts.append(layer(torch.cat(parts, 1)))
        return torch.cat(parts, 1)


def densenet121():
    layers, c = [unit(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)], 64
    for i, count in enumerate((6, 12, 24, 16)):
        layers.append(DenseBlock(c, count))
        c += 32 * count
        layers += [nn.BatchNorm2d(c), nn.ReLU()]
        if i < 3:
            layers += [nn.Conv2d(c, c // 2, 1, bias=False), nn.AvgPool2d(2)]
            c //= 2
    return nn.Sequential(*layers, *classifier(c))


class Ghost(nn.Module):
    """Half of the channels by a 1x1, half by a depthwise convolution of those (GhostNet)."""

    def __init__(self, inputs, outputs, act=nn.ReLU):
        super().__init__()
        self.first = unit(inputs, outputs // 2, act=act)
        self.cheap = unit(outputs // 2, outputs // 2, 3, 1, outputs // 2, act)

    def forward(self, x):
        x = self.first(x)
        return torch.cat((x, self.cheap(x)), 1)


class GhostBlock(nn.Module):
    def __init__(self, inputs, hidden, outputs, kernel, gated, stride):
        super().__init__()
        layers = [Ghost(inputs, hidden)]
        if stride == 2:
            layers.append(unit(hidden, hidden, kernel, 2, hidden, None))
        if gated:
            layers.append(Gate(hidden, rounded(hidden // 4, 4), gate=nn.Hardsigmoid))
        self.layers = nn.Sequential(*layers, Ghost(hidden, outputs, None))
        self.shortcut = nn.Sequential() if stride == 1 and inputs == outputs else nn.Sequential(
            unit(inputs, inputs, kernel, stride, inputs, None), unit(inputs, outputs, act=None))

    def forward(self, x):
        return self.layers(x) + self.shortcut(x)


def ghostnet():
    layers, c = [unit(3, 16, 3, 2)], 16
    for kernel, hidden, outputs, gated, stride in (
            (3, 16, 16, 0, 1), (3, 48, 24, 0, 2), (3, 72, 24, 0, 1), (5, 72, 40, 1, 2),
            (5, 120, 40, 1, 1), (3, 240, 80, 0, 2), (3, 200, 80, 0, 1), (3, 184, 80, 0, 1),
            (3, 184, 80, 0, 1), (3, 480, 112, 1, 1), (3, 672, 112, 1, 1), (5, 672, 160, 1, 2),
            (5, 960, 160, 0, 1), (5, 960, 160, 1, 1)):
        layers.append(GhostBlock(c, hidden, outputs, kernel, gated, stride))
        c = outputs
    return nn.Sequential(*layers, unit(c, 960), *classifier(960, 1280))


class RepVgg(nn.Module):
    """As it is trained: a 3x3, a 1x1 and a batch norm side by side."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.three = unit(inputs, outputs, 3, stride, act=None)
        self.one = unit(inputs, outputs, 1, stride, act=None)
        self.same = nn.BatchNorm2d(inputs) if inputs == outputs and stride == 1 else None

    def forward(self, x):
        y = self.three(x) + self.one(x)
        return F.relu(y + self.same(x) if self.same else y)


def repvgg_a0():
    layers, c = [], 3
    for width, count in ((48, 1), (48, 2), (96, 4), (192, 14), (1280, 1)):
        for i in range(count):
            layers.append(RepVgg(c, width, 1 if i else 2))
            c = width
    return nn.Sequential(*layers, *classifier(c))


class RegBlock(nn.Module):
    """RegNetY's: a bottleneck in groups, with a gate."""

    def __init__(self, inputs, outputs, stride, width):
        super().__init__()
        self.layers = nn.Sequential(
            unit(inputs, outputs), unit(outputs, outputs, 3, stride, outputs // width),
            Gate(outputs, round(inputs / 4)), unit(outputs, outputs, act=None))
        self.shortcut = unit(inputs, outputs, 1, stride, act=None) if (
            stride > 1 or inputs != outputs) else nn.Sequential()

    def forward(self, x):
        return F.relu(self.layers(x) + self.shortcut(x))


def regnet_y_400mf():
    layers, c = [unit(3, 32, 3, 2)], 32
    for width, count in ((48, 1), (104, 3), (208, 6), (440, 6)):
        for i in range(count):
            layers.append(RegBlock(c, width, 1 if i else 2, 8))
            c = width
    return nn.Sequential(*layers, *classifier(c))


class HighResolution(nn.Module):
    """An HRNet-like head: branches of three resolutions, fused by strided convolutions and by
    enlarging, bilinear at the end as its segmentation heads are."""

    def __init__(self, width=16):
        super().__init__()
        widths = [width << i for i in range(3)]
        self.stem = nn.Sequential(unit(3, 32, 3, 2), unit(32, width, 3, 2))
        self.down = nn.ModuleList(unit(a, b, 3, 2) for a, b in zip(widths, widths[1:]))
        self.bodies = nn.ModuleList(nn.Sequential(unit(c, c, 3), unit(c, c, 3)) for c in widths)
        self.up = nn.ModuleList(unit(widths[i], widths[0], act=None) for i in (1, 2))
        self.last = nn.Sequential(unit(sum(widths), 64), nn.Conv2d(64, 19, 1))

    def forward(self, x):
        maps = [self.stem(x)]
        for layer in self.down:
            maps.append(layer(maps[-1]))
        maps = [x + body(x) for x, body in zip(maps, self.bodies)]
        first = maps[0]
        for i, layer in enumerate(self.up, 1):
            first = first + F.interpolate(layer(maps[i]), scale_factor=2**i, mode="nearest")
        maps = [F.relu(first)] + [
            F.interpolate(x, scale_factor=2**i, mode="bilinear", align_corners=False)
            for i, x in enumerate(maps) if i]
        return self.last(torch.cat(maps, 1))


class UNet(nn.Module):
    """enlarge: "transposed" convolutions, or "bilinear"."""

    def __init__(self, enlarge, widths=(16, 32, 64, 128)):
        super().__init__()
        pair = lambda a, b: nn.Sequential(unit(a, b, 3), unit(b, b, 3))
        self.down = nn.ModuleList(pair(a, b) for a, b in zip((3, *widths), widths))
        ups = list(zip(widths[:0:-1], widths[-2::-1]))
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 2, 2) if enlarge == "transposed" else nn.Sequential(
                nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False), unit(a, b))
            for a, b in ups)
        self.join = nn.ModuleList(pair(2 * b, b) for _, b in ups)
        self.last = nn.Conv2d(widths[0], 2, 1)

    def forward(self, x):
        kept = []
        for i, layer in enumerate(self.down):
            x = layer(F.max_pool2d(x, 2) if i else x)
            kept.append(x)
        for up, join, other in zip(self.up, self.join, kept[-2::-1]):
            x = join(torch.cat((up(x), other), 1))
        return torch.sigmoid(self.last(x))


class ChannelNorm(nn.LayerNorm):
    """Over the channels of each pixel, seen as [n, h, w, c] as ConvNeXt does."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class NextBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.dw, self.norm = nn.Conv2d(c, c, 7, padding=3, groups=c), nn.LayerNorm(c)
        self.fc1, self.fc2 = nn.Linear(c, 4 * c), nn.Linear(4 * c, c)
        self.scale = nn.Parameter(torch.full((c,), 0.3))

    def forward(self, x):
        y = self.norm(self.dw(x).permute(0, 2, 3, 1))
        y = self.scale * self.fc2(F.gelu(self.fc1(y)))
        return x + y.permute(0, 3, 1, 2)


def convnext_atto():
    layers, c = [nn.Conv2d(3, 40, 4, 4), ChannelNorm(40)], 40
    for i, (width, count) in enumerate(((40, 2), (80, 2), (160, 6), (320, 2))):
        if i:
            layers += [ChannelNorm(c), nn.Conv2d(c, width, 2, 2)]
        layers += [NextBlock(width) for _ in range(count)]
        c = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(1), nn.LayerNorm(c),
                         nn.Linear(c, 1000))


class Dilated(nn.Module):
    """DeepLab's pyramid of dilated convolutions over a few strided ones."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(unit(3, 32, 3, 2), unit(32, 64, 3, 2), unit(64, 96, 3, 2))
        branch = lambda d: nn.Sequential(
            nn.Conv2d(96, 32, 3, padding=d, dilation=d, bias=False), nn.BatchNorm2d(32), nn.ReLU())
        self.pyramid = nn.ModuleList([unit(96, 32), *map(branch, (2, 4, 6))])
        self.last = nn.Sequential(unit(128, 64), nn.Conv2d(64, 21, 1))

    def forward(self, x):
        x = self.body(x)
        return self.last(torch.cat([branch(x) for branch in self.pyramid], 1))


# name -> (function that makes it, side of its input)
NETS = {
    "mobilenet-v2": (mobilenet_v2, 224),
    "mobilenet-v3-small": (lambda: mobilenet_v3(V3_SMALL, 1024), 224),
    "mobilenet-v3-large": (lambda: mobilenet_v3(V3_LARGE, 1280), 224),
    "efficientnet-b0": (efficientnet_b0, 224),
    "efficientnet-b0-heads": (Heads, 224),
    "mnasnet": (mnasnet, 224),
    "shufflenet-v2": (shufflenet_v2, 224),
    "resnet18": (lambda: resnet(18), 224),
    "squeezenet": (squeezenet, 224),
    "densenet121": (densenet121, 224),
    "ghostnet": (ghostnet, 224),
    "repvgg-a0": (repvgg_a0, 224),
    "regnet-y-400mf": (regnet_y_400mf, 224),
    "hrnet-head": (HighResolution, 256),
    "unet-transposed": (lambda: UNet("transposed"), 256),
    "unet-bilinear": (lambda: UNet("bilinear"), 256),
    "convnext-atto": (convnext_atto, 224),
    "dilated": (Dilated, 256),
}
