"""The network that is trained: perhaps the embedder's last stages, and a head of two layers with an
output for each attribute; and how one or several become a blob's op list."""

import torch
from torch import nn
from torch.nn import functional

from .twin import Graph

HIDDEN = 256


class Net(nn.Module):
    def __init__(self, trunk, width, attributes, dropout, hidden=HIDDEN):
        """trunk: from the cached value to `width` features, nn.Sequential() where they are cached
        themselves. attributes: {name: labels}."""
        super().__init__()
        self.trunk, self.dropout = trunk, dropout
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("gain", torch.ones(width))
        self.hidden = nn.Linear(width, hidden)
        self.heads = nn.ModuleDict({name: nn.Linear(hidden, n) for name, n in attributes.items()})

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

    def hidden_nodes(self, graph):
        """Adds the trunk and the head's first layer; the standardisation goes into that. Returns the
        node of its values."""
        x = 0
        for stage in self.trunk:
            x = stage.nodes(graph, x)
        weight = self.hidden.weight * self.gain
        graph.tensor("hidden.weight", weight)
        graph.tensor("hidden.bias", self.hidden.bias - weight @ self.mean)
        return graph.node("relu", [graph.node("fc", [x], name="hidden", height=1, width=1)])


class Mean(nn.Module):
    """Networks above the same value as one: the mean of what they say before the softmax. Alone, a
    network is what it was."""

    def __init__(self, members):
        super().__init__()
        self.members = nn.ModuleList(members)
        self.heads = {name: n for name, n in members[0].heads.items()
                      if all(name in member.heads for member in members)}

    def forward(self, x):
        told = [member(x) for member in self.members]
        return {name: sum(y[name] for y in told) / len(told) for name in self.heads}

    def graph(self, names, single=()):
        """The op list with the outputs `names`: a last layer for each, over the hidden values of
        all. Of those in `single` it has one number, by how much the second label is likelier."""
        graph, hidden = Graph(), []
        for i, member in enumerate(self.members):
            graph.prefix = f"{i}." if len(self.members) > 1 else ""
            hidden.append(member.hidden_nodes(graph))
        graph.prefix = ""
        x = graph.node("concat", hidden) if len(hidden) > 1 else hidden[0]
        for name in names:
            heads = [member.heads[name] for member in self.members]
            weight = torch.cat([h.weight for h in heads], 1) / len(heads)
            bias = sum(h.bias for h in heads) / len(heads)
            graph.tensor(f"{name}.weight", weight[1:] - weight[:1] if name in single else weight)
            graph.tensor(f"{name}.bias", bias[1:] - bias[:1] if name in single else bias)
            graph.output(name, graph.node("fc", [x], name=name, height=1, width=1))
        return graph
