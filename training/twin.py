"""The embedder's twin in torch: what models/mobilefacenet.c builds, of the same blob and with the
same names, from the picture or from a value inside on. A piece of it is what is trained further,
and what `graph_nodes` writes down for the engine."""

import torch
from torch import nn
from torch.nn import functional

from weights_convert import safetensors
from weights_convert.errors import ConvertError


class Slopes(torch.autograd.Function):
    """PReLU, of which torch 1.13 computes the gradient twenty times as slowly as this."""

    @staticmethod
    def forward(ctx, x, slopes):
        ctx.save_for_backward(x, slopes)
        return x.clamp(min=0) + x.clamp(max=0) * slopes.view(1, -1, 1, 1)

    @staticmethod
    def backward(ctx, gradient):
        x, slopes = ctx.saved_tensors
        wide = slopes.view(1, -1, 1, 1)
        factor = torch.addcmul(wide, 1 - wide, (x > 0).to(x.dtype))
        of_slopes = ((gradient * x.clamp(max=0)).sum((0, 2, 3)) if ctx.needs_input_grad[1]
                     else None)
        return gradient * factor, of_slopes


class Unit(nn.Module):
    """Convolution, batch norm (folded into it) and PReLU, the last where the blob has it."""

    def __init__(self, name, tensors, stride, padding, eps):
        super().__init__()
        self.name, self.stride = name, stride
        weight = torch.tensor(tensors[f"{name}.conv.weight"])
        bias = torch.tensor(tensors.get(f"{name}.conv.bias", [0.0] * len(weight)))
        if f"{name}.bn.weight" in tensors:
            gamma, beta, mean, var = (torch.tensor(tensors[f"{name}.bn.{part}"]) for part in
                                      ("weight", "bias", "running_mean", "running_var"))
            gain = gamma / torch.sqrt(var + eps)
            weight, bias = weight * gain.view(-1, 1, 1, 1), (bias - mean) * gain + beta
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)
        slopes = tensors.get(f"{name}.prelu.weight")
        self.slopes = None if slopes is None else nn.Parameter(torch.tensor(slopes))
        # 1x1 and global convolutions have no padding; TensorFlow's SAME puts the odd pixel of a
        # stride of 2 at the bottom and right.
        self.before = 1 if weight.shape[-1] == 3 and not (padding == "same" and stride == 2) else 0
        self.after = 1 if weight.shape[-1] == 3 else 0

    def forward(self, x):
        if self.before != self.after:
            x = functional.pad(x, (self.before, self.after, self.before, self.after))
        x = functional.conv2d(x, self.weight, self.bias, self.stride,
                              self.before if self.before == self.after else 0,
                              groups=x.shape[1] // self.weight.shape[1])
        return x if self.slopes is None else Slopes.apply(x, self.slopes)

    def nodes(self, graph, x):
        x = graph.node("conv", [x], name=f"{self.name}.conv", stride=self.stride,
                       pad=[self.before, self.before, self.after, self.after])
        graph.tensor(f"{self.name}.conv.weight", self.weight)
        graph.tensor(f"{self.name}.conv.bias", self.bias)
        if self.slopes is None:
            return x
        graph.tensor(f"{self.name}.prelu.weight", self.slopes)
        return graph.node("prelu", [x], name=f"{self.name}.prelu")


class Bottleneck(nn.Module):
    """Expansion 1x1, depthwise 3x3, linear projection 1x1, and perhaps the sum with its input."""

    def __init__(self, name, tensors, stride, padding, eps):
        super().__init__()
        self.name, self.residual = name, stride == 1
        self.conv = Unit(f"{name}.conv", tensors, 1, padding, eps)
        self.conv_dw = Unit(f"{name}.conv_dw", tensors, stride, padding, eps)
        self.project = Unit(f"{name}.project", tensors, 1, padding, eps)

    def forward(self, x):
        y = self.project(self.conv_dw(self.conv(x)))
        return x + y if self.residual else y

    def nodes(self, graph, x):
        y = x
        for unit in (self.conv, self.conv_dw, self.project):
            y = unit.nodes(graph, y)
        return graph.node("add", [y, x]) if self.residual else y


def _stages(tensors, padding, eps):
    """[(name of the value, module)] in order: `conv_4` is what the last block of conv_4 gives."""
    def blocks(stage):
        i = 0
        while f"conv_{stage}.{i}.conv.conv.weight" in tensors:
            yield f"conv_{stage}.{i}", Bottleneck(f"conv_{stage}.{i}", tensors, 1, padding, eps)
            i += 1

    yield "conv1", Unit("conv1", tensors, 2, padding, eps)
    yield "conv2_dw", Unit("conv2_dw", tensors, 1, padding, eps)
    yield "conv_23", Bottleneck("conv_23", tensors, 2, padding, eps)
    yield from blocks(3)
    yield "conv_34", Bottleneck("conv_34", tensors, 2, padding, eps)
    yield from blocks(4)
    yield "conv_45", Bottleneck("conv_45", tensors, 2, padding, eps)
    yield from blocks(5)
    yield "conv_6_sep", Unit("conv_6_sep", tensors, 1, padding, eps)
    yield "conv_6_dw", Unit("conv_6_dw", tensors, 1, padding, eps)


class Twin:
    """An embedder's blob, to be cut into pieces."""

    def __init__(self, path):
        self.tensors, self.metadata = safetensors.read(path)
        if self.metadata.get("arch") != "mobilefacenet" or "conv_6_dw.conv.weight" not in self.tensors:
            raise ConvertError(f"{path}: not a MobileFaceNet of the paper's layout")
        import json
        variant = json.loads(self.metadata.get("variant", "{}"))
        eps = json.loads(self.metadata.get("bn_eps", "{}")).get("", 1e-5)
        self.input = json.loads(self.metadata["input"])
        self.stages = list(_stages(self.tensors, variant.get("padding", "symmetric"), eps))

    @property
    def name(self):
        return self.metadata["name"]

    def _end(self, value):
        """Number of stages up to and with the value: its own, or the last block of its stage."""
        found = [i for i, (name, _) in enumerate(self.stages)
                 if name == value or name.rsplit(".", 1)[0] == value]
        if not found:
            raise ConvertError(f"{self.name} has no value {value!r}; it has: "
                               + ", ".join(name for name, _ in self.stages))
        return found[-1] + 1

    def below(self, value):
        """From the normalised picture to the value."""
        return nn.Sequential(*(module for _, module in self.stages[: self._end(value)]))

    def above(self, value):
        """From the value to the last features, conv_6_dw: the names and a network of its own. None
        of its weights is shared with the twin."""
        import copy
        return copy.deepcopy(nn.Sequential(*(m for _, m in self.stages[self._end(value):])))

    def embedding(self, pixels):
        """What the engine's output `embedding` is, for comparing the two."""
        x = self.below("conv_6_dw")(self.normalise(pixels)).flatten(1)
        return x @ torch.tensor(self.tensors["linear.weight"]).T + torch.tensor(
            self.tensors["linear.bias"])

    def normalise(self, pixels):
        """[n][3][h][w] of RGB 0..255 as the network is fed."""
        mean = torch.tensor(self.input["mean"]).view(1, 3, 1, 1)
        scale = torch.tensor(self.input["scale"]).view(1, 3, 1, 1)
        x = (pixels.float() - mean) * scale
        return x if self.input["channels"] == "RGB" else x.flip(1)


class Graph:
    """The op list and the tensors of a blob of arch `graph` (docs/blob.md), while it is written."""

    def __init__(self):
        self.nodes, self.tensors, self.outputs = [["input", [], {}]], {}, []
        self.prefix = ""  # of the names of tensors

    def node(self, op, inputs, **attributes):
        if "name" in attributes:
            attributes["name"] = self.prefix + attributes["name"]
        self.nodes.append([op, inputs, attributes])
        return len(self.nodes) - 1

    def tensor(self, name, value):
        self.tensors[self.prefix + name] = value.detach().cpu().numpy()

    def output(self, name, node):
        self.outputs.append([name, node])
