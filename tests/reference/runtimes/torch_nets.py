"""The networks of the published PyTorch repositories, in torch, with their checkpoints' own key
names.

Written from the papers and the repositories' descriptions (torchvision's resnet.py, InsightFace's
arcface_torch iresnet.py, biubug6/Pytorch_Retinaface, TreB1eN/InsightFace_Pytorch), so that their
.pth files load with strict=True. random_state() fills a network with weights on the scale training leaves them at, for
the networks whose checkpoints cannot be had here.
"""
import torch
import torch.nn.functional as F
from torch import nn


class Residual(nn.Module):
    """torchvision's BasicBlock (depth 2) and Bottleneck (depth 3, stride on the 3x3: "v1.5")."""

    def __init__(self, inputs, width, stride, bottleneck):
        super().__init__()
        outputs = width * 4 if bottleneck else width
        shapes = (
            [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
            if bottleneck
            else [(inputs, width, 3, stride), (width, outputs, 3, 1)]
        )
        self.depth = len(shapes)
        for i, (a, b, k, s) in enumerate(shapes, 1):
            setattr(self, "conv%d" % i, nn.Conv2d(a, b, k, s, k // 2, bias=False))
            setattr(self, "bn%d" % i, nn.BatchNorm2d(b))
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = x
        for i in range(1, self.depth + 1):
            y = getattr(self, "bn%d" % i)(getattr(self, "conv%d" % i)(y))
            if i < self.depth:
                y = F.relu(y)
        return F.relu(y + (self.downsample(x) if self.downsample else x))


class ResNet(nn.Module):
    """layers: (2,2,2,2) and so on; features=True returns layers 2..4 and has no fc (a detector's
    body)."""

    def __init__(self, layers, bottleneck, features=False):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for s, blocks in enumerate(layers, 1):
            stage, width = [], 64 << (s - 1)
            for i in range(blocks):
                stage.append(Residual(inputs, width, 2 if s > 1 and i == 0 else 1, bottleneck))
                inputs = width * 4 if bottleneck else width
            setattr(self, "layer%d" % s, nn.Sequential(*stage))
        self.fc = None if features else nn.Linear(inputs, 1000)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        maps = []
        for s in range(1, 5):
            x = getattr(self, "layer%d" % s)(x)
            maps.append(x)
        if self.fc is None:
            return maps[1:]
        return F.softmax(self.fc(x.mean((2, 3))), 1)


RESNETS = {
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
    152: ((3, 8, 36, 3), True),
}


def resnet(depth):
    return ResNet(*RESNETS[depth])


class IBlock(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.prelu = nn.PReLU(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x):
        y = self.prelu(self.bn2(self.conv1(self.bn1(x))))
        return self.bn3(self.conv2(y)) + (self.downsample(x) if self.downsample else x)


class IResNet(nn.Module):
    """arcface_torch: the first block of every stage has stride 2; input 112x112."""

    def __init__(self, layers, size=512):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.prelu = nn.PReLU(64)
        inputs = 64
        for s, blocks in enumerate(layers, 1):
            width = 64 << (s - 1)
            stage = [
                IBlock(inputs if i == 0 else width, width, 2 if i == 0 else 1)
                for i in range(blocks)
            ]
            setattr(self, "layer%d" % s, nn.Sequential(*stage))
            inputs = width
        self.bn2 = nn.BatchNorm2d(512)
        self.fc = nn.Linear(512 * 7 * 7, size)
        self.features = nn.BatchNorm1d(size)

    def forward(self, x):
        x = self.prelu(self.bn1(self.conv1(x)))
        for s in range(1, 5):
            x = getattr(self, "layer%d" % s)(x)
        return self.features(self.fc(torch.flatten(self.bn2(x), 1)))


IRESNETS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 14, 3), 100: (3, 13, 30, 3)}


def iresnet(depth):
    return IResNet(IRESNETS[depth])


def conv_bn(inputs, outputs, kernel, stride=1, slope=None):
    """Convolution and batch norm, then leaky ReLU of `slope` (0: ReLU; None: nothing)."""
    parts = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*parts, *([] if slope is None else [nn.LeakyReLU(slope)]))


def conv_dw(inputs, outputs, stride, slope):
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
        nn.BatchNorm2d(inputs),
        nn.LeakyReLU(slope),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.LeakyReLU(slope),
    )


class MobileNetBody(nn.Module):
    """MobileNetV1 x0.25, with leaky ReLU of `slope` (0: ReLU)."""

    def __init__(self, slope):
        super().__init__()
        self.stage1 = nn.Sequential(
            conv_bn(3, 8, 3, 2, slope),
            conv_dw(8, 16, 1, slope),
            conv_dw(16, 32, 2, slope),
            conv_dw(32, 32, 1, slope),
            conv_dw(32, 64, 2, slope),
            conv_dw(64, 64, 1, slope),
        )
        self.stage2 = nn.Sequential(
            conv_dw(64, 128, 2, slope), *[conv_dw(128, 128, 1, slope) for _ in range(5)]
        )
        self.stage3 = nn.Sequential(conv_dw(128, 256, 2, slope), conv_dw(256, 256, 1, slope))

    def forward(self, x):
        a = self.stage1(x)
        b = self.stage2(a)
        return [a, b, self.stage3(b)]


class Fpn(nn.Module):
    def __init__(self, inputs, width, slope):
        super().__init__()
        for i, channels in enumerate(inputs, 1):
            setattr(self, "output%d" % i, conv_bn(channels, width, 1, 1, slope))
        self.merge1 = conv_bn(width, width, 3, 1, slope)
        self.merge2 = conv_bn(width, width, 3, 1, slope)

    def forward(self, maps):
        a, b, c = self.output1(maps[0]), self.output2(maps[1]), self.output3(maps[2])
        b = self.merge2(b + F.interpolate(c, size=b.shape[2:], mode="nearest"))
        a = self.merge1(a + F.interpolate(b, size=a.shape[2:], mode="nearest"))
        return [a, b, c]


class Ssh(nn.Module):
    def __init__(self, width, slope):
        super().__init__()
        self.conv3X3 = conv_bn(width, width // 2, 3)
        self.conv5X5_1 = conv_bn(width, width // 4, 3, 1, slope)
        self.conv5X5_2 = conv_bn(width // 4, width // 4, 3)
        self.conv7X7_2 = conv_bn(width // 4, width // 4, 3, 1, slope)
        self.conv7x7_3 = conv_bn(width // 4, width // 4, 3)

    def forward(self, x):
        five = self.conv5X5_1(x)
        return F.relu(
            torch.cat(
                [self.conv3X3(x), self.conv5X5_2(five), self.conv7x7_3(self.conv7X7_2(five))], 1
            )
        )


class Head(nn.Module):
    def __init__(self, width, outputs):
        super().__init__()
        self.conv1x1 = nn.Conv2d(width, outputs, 1)

    def forward(self, x):
        return self.conv1x1(x).permute(0, 2, 3, 1)


class RetinaFace(nn.Module):
    """backbone: mobilenet0.25 or resnet50; slope: of the former's leaky ReLU, 0 in
    Face-Detector-1MB-with-landmark. Gives {score_s, box_s, landmark_s}, NHWC, undecoded."""

    def __init__(self, backbone, slope=0.1):
        super().__init__()
        mobile = backbone == "mobilenet0.25"
        slope = slope if mobile else 0
        self.body = MobileNetBody(slope) if mobile else ResNet(*RESNETS[50], features=True)
        width = 64 if mobile else 256
        self.fpn = Fpn([64, 128, 256] if mobile else [512, 1024, 2048], width, slope)
        self.ssh1, self.ssh2, self.ssh3 = (Ssh(width, slope) for _ in range(3))
        self.ClassHead = nn.ModuleList([Head(width, 4) for _ in range(3)])
        self.BboxHead = nn.ModuleList([Head(width, 8) for _ in range(3)])
        self.LandmarkHead = nn.ModuleList([Head(width, 20) for _ in range(3)])

    def forward(self, x):
        out = {}
        for i, y in enumerate(self.fpn(self.body(x))):
            y = getattr(self, "ssh%d" % (i + 1))(y)
            logits = self.ClassHead[i](y)
            pairs = logits.reshape(*logits.shape[:3], 2, 2)
            out["score_%d" % (8 << i)] = F.softmax(pairs, 4)[..., 1]
            out["box_%d" % (8 << i)] = self.BboxHead[i](y)
            out["landmark_%d" % (8 << i)] = self.LandmarkHead[i](y)
        return out


class Unit(nn.Module):
    """MobileFaceNet's convolution, batch norm and, but for linear ones, PReLU."""

    def __init__(self, inputs, outputs, kernel=1, stride=1, pad=0, groups=1, linear=False):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, pad, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outputs)
        self.prelu = None if linear else nn.PReLU(outputs)

    def forward(self, x):
        x = self.bn(self.conv(x))
        return self.prelu(x) if self.prelu else x


class InvertedBottleneck(nn.Module):
    """Expansion to `width`, depthwise 3x3, linear projection; of stride 1, added to its input."""

    def __init__(self, inputs, outputs, width, stride=1):
        super().__init__()
        self.conv = Unit(inputs, width)
        self.conv_dw = Unit(width, width, 3, stride, 1, width)
        self.project = Unit(width, outputs, linear=True)
        self.residual = stride == 1

    def forward(self, x):
        y = self.project(self.conv_dw(self.conv(x)))
        return x + y if self.residual else y


class Repeated(nn.Module):
    def __init__(self, blocks, channels, width):
        super().__init__()
        self.model = nn.Sequential(
            *[InvertedBottleneck(channels, channels, width) for _ in range(blocks)]
        )

    def forward(self, x):
        return self.model(x)


class MobileFaceNet(nn.Module):
    """Chen et al. 2018, table 1, under the names of TreB1eN/InsightFace_Pytorch; input 112x112. The
    embedding is not scaled to length 1."""

    def __init__(self, size=512):
        super().__init__()
        self.conv1 = Unit(3, 64, 3, 2, 1)
        self.conv2_dw = Unit(64, 64, 3, 1, 1, 64)
        self.conv_23 = InvertedBottleneck(64, 64, 128, 2)
        self.conv_3 = Repeated(4, 64, 128)
        self.conv_34 = InvertedBottleneck(64, 128, 256, 2)
        self.conv_4 = Repeated(6, 128, 256)
        self.conv_45 = InvertedBottleneck(128, 128, 512, 2)
        self.conv_5 = Repeated(2, 128, 256)
        self.conv_6_sep = Unit(128, 512)
        self.conv_6_dw = Unit(512, 512, 7, groups=512, linear=True)
        self.linear = nn.Linear(512, size, bias=False)
        self.bn = nn.BatchNorm1d(size)

    def forward(self, x):
        for part in list(self.children())[:-2]:
            x = part(x)
        return self.bn(self.linear(torch.flatten(x, 1)))


def load_checkpoint(net, path):
    """Loads a published .pth strictly; a "module." prefix (DataParallel) is dropped. Only for files
    from ../shared or made here: torch.load runs what a pickle tells it to."""
    state = torch.load(path, map_location="cpu")
    state = state.get("state_dict", state)
    net.load_state_dict({k[7:] if k.startswith("module.") else k: v for k, v in state.items()})
    return net.eval()


def random_state(net, seed, sample, shift=0):
    """Random weights under which activations keep their scale through the whole depth.

    Kaiming convolutions; batch norms with random gamma and beta and with running statistics
    measured on `sample` (an input batch), layer by layer, so that deep networks neither blow up nor
    die. The last batch norm of a residual branch gets a smaller gamma, as training gives it.

    shift is the mean of beta. At 0 half of all values are cut off by the activations, and in a deep
    network without residual sums rounding errors grow a hundredfold on the way (Yang et al., "A Mean
    Field Theory of Batch Normalization", 2019); at 1 most pass, and errors stay what they were.
    """
    torch.manual_seed(seed)
    norms = (nn.BatchNorm2d, nn.BatchNorm1d)
    for name, m in net.named_modules():
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            # Features are positive and alike over pictures: a smaller fc keeps logits apart, not
            # extreme.
            gain = 2 if isinstance(m, nn.Conv2d) else 0.25
            nn.init.normal_(m.weight, 0, (gain / m.weight[0].numel()) ** 0.5)
            if m.bias is not None:
                nn.init.normal_(m.bias, 0, 0.1)
        elif isinstance(m, norms):
            nn.init.uniform_(m.weight, *((0.2, 0.6) if name.endswith(".bn3") else (0.6, 1.4)))
            nn.init.normal_(m.bias, shift, 0.2)
            m.momentum = None
            m.reset_running_stats()
        elif isinstance(m, nn.PReLU):
            nn.init.uniform_(m.weight, 0.05, 0.4)
    net.train()
    with torch.no_grad():
        net(sample)
        # Batch statistics alone would make the test blind to running_mean and running_var mixed up.
        for m in net.modules():
            if isinstance(m, norms):
                m.running_mean += 0.1 * m.running_var.sqrt() * torch.randn_like(m.running_mean)
                m.running_var *= torch.empty_like(m.running_var).uniform_(0.7, 1.4)
    return net.eval()
