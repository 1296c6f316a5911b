"""The network that is trained: perhaps the embedder's last stages, and a head of two layers with an
output for each attribute; and how it becomes a blob's op list."""

import torch
from torch import nn
from torch.nn import functional

from .twin import Graph

HIDDEN = 256


class Net(nn.Module):
    def __init__(self, trunk, width, attributes, dropout):
        """trunk: from the cached value to `width` features, nn.Sequential() where they are cached
        themselves. attributes: {name: labels}."""
        super().__init__()
        self.trunk, self.dropout = trunk, dropout
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("gain", torch.ones(width))
        self.hidden = nn.Linear(width, HIDDEN)
        self.heads = nn.ModuleDict({name: nn.Linear(HIDDEN, n) for name, n in attributes.items()})

    def standardise(self, features):
        """Fits the first step of the head to features, [n][width]."""
        self.mean.copy_(features.mean(0))
        deviation = features.std(0)
        # A feature that hardly moves is not blown up.
        self.gain.copy_(1 / deviation.clamp(min=0.01 * float(deviation.median()) + 1e-6))

    def features(self, x):
        # Channels last: half the time of a training step.
        return self.trunk(x.contiguous(memory_format=torch.channels_last)).flatten(1)

    def forward(self, x):
        x = (self.features(x) - self.mean) * self.gain
        x = functional.dropout(x, self.dropout, self.training)
        x = functional.relu(self.hidden(x))
        x = functional.dropout(x, self.dropout, self.training)
        return {name: head(x) for name, head in self.heads.items()}

    def freeze(self, stages):
        """The first stages of the trunk stay as they are."""
        for stage in list(self.trunk)[:stages]:
            for parameter in stage.parameters():
                parameter.requires_grad_(False)

    def graph(self, names):
        """The op list with the outputs `names`; the standardisation goes into the first layer."""
        graph = Graph()
        x = 0
        for stage in self.trunk:
            x = stage.nodes(graph, x)
        weight = self.hidden.weight * self.gain
        graph.tensor("hidden.weight", weight)
        graph.tensor("hidden.bias", self.hidden.bias - weight @ self.mean)
        x = graph.node("relu", [graph.node("fc", [x], name="hidden", height=1, width=1)])
        for name in names:
            graph.tensor(f"{name}.weight", self.heads[name].weight)
            graph.tensor(f"{name}.bias", self.heads[name].bias)
            graph.output(name, graph.node("fc", [x], name=name, height=1, width=1))
        return graph
