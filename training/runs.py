"""A training's folder: run.json says what was trained on what and how, state.pt holds the weights."""

import json
import os

import torch
from torch import nn

from .learn import predict
from .judge import softmax
from .manifest import TrainingError
from .net import HIDDEN, Mean, Net


def build(twin, value, attributes, dropout, hidden):
    """The network above a value of the embedder, its head untrained."""
    trunk = twin.above(value)
    with torch.no_grad():
        width = twin.below("conv_6_dw")(torch.zeros(1, 3, 112, 112)).flatten(1).shape[1]
    return Net(trunk if len(trunk) else nn.Sequential(), width, attributes, dropout,
               hidden)


def write(folder, description):
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "run.json"), "w", encoding="utf-8") as file:
        json.dump(description, file, indent=1)


class Run:
    """A finished or running training, its averaged weights in `net`."""

    def __init__(self, folder, twin):
        try:
            with open(os.path.join(folder, "run.json"), encoding="utf-8") as file:
                self.description = json.load(file)
            state = torch.load(os.path.join(folder, "state.pt"))
        except OSError as error:
            raise TrainingError(f"{folder} holds no training: {error}") from None
        if self.description["source_sha256"] != twin.metadata.get("source_sha256"):
            raise TrainingError(f"{folder} was trained on another embedder than {twin.name}")
        self.folder, self.value = folder, self.description["value"]
        self.net = build(twin, self.value, self.description["labels"],
                         self.description["options"]["dropout"],
                         self.description.get("hidden", HIDDEN))
        self.net.load_state_dict(state["average"])

    def predict(self, cache, variants=("plain",)):
        """{attribute: [rows] mean probabilities over variants} of a cache's pictures."""
        total = {}
        for variant in variants:
            for name, y in predict(self.net, cache.rows(self.value, variant)).items():
                total[name] = total.get(name, 0) + softmax(y) / len(variants)
        return total


class Joined:
    """Several finished trainings as one network, told as the first is."""

    def __init__(self, folders, twin):
        runs = [Run(folder, twin) for folder in folders]
        self.folder, self.value = runs[0].folder, runs[0].value
        for run in runs:
            if run.value != self.value:
                raise TrainingError(f"{run.folder} reads {run.value}, {self.folder} {self.value}")
        self.description = runs[0].description
        self.net = Mean([run.net for run in runs])


def mean_of(runs, cache, variants):
    """Mean probabilities of several runs: {attribute: [rows][labels]} of what any of them tells."""
    parts = [run.predict(cache, variants) for run in runs]
    return {name: sum(p[name] for p in parts if name in p) / sum(name in p for p in parts)
            for name in {n: None for p in parts for n in p}}
