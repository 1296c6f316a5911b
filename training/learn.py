"""The training loop: AdamW on one cycle of the learning rate, an average of the weights (EMA) that
is what is judged and kept, label-balanced sampling, pictures mixed, parts of maps shifted and
erased, and the answers of other networks as a teacher. Deterministic by its seed, and resumable
after any epoch with the same result: everything random follows from seed, epoch and nothing else."""

import json
import math
import os
import time

import numpy as np
import torch
from torch.nn import functional

from . import curves
from .judge import softmax
from .manifest import MISSING

BATCH_OF_EVALUATION = 512


def predict(net, rows, index=None):
    """{attribute: [rows] logits} of cached features."""
    net.eval()
    index = np.arange(len(rows)) if index is None else index
    parts = []
    with torch.no_grad():
        for start in range(0, len(index), BATCH_OF_EVALUATION):
            x = torch.from_numpy(rows[index[start : start + BATCH_OF_EVALUATION]].astype(np.float32))
            parts.append({name: y.numpy() for name, y in net(x).items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def sampling(labels, index, power):
    """[index] probabilities: the share of a combination of labels, raised to -power. 0 is as the
    pictures come, 1 every combination alike."""
    cells = np.stack([codes[index] for codes in labels.values()], 1)
    _, cell, count = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    # A combination of a handful of pictures would be learnt by heart.
    weight = np.maximum(count, len(index) / len(count) / 10)[cell] ** -float(power)
    return weight / weight.sum()


def _disturb(x, rng, shift, erase):
    """Maps moved by up to `shift` cells, and a rectangle of some set to nothing."""
    n, _, height, width = x.shape
    if shift and min(height, width) > 1:
        dy, dx = rng.integers(-shift, shift + 1, 2)
        x = functional.pad(x, (shift,) * 4)[:, :, shift + dy : shift + dy + height,
                                            shift + dx : shift + dx + width]
    if erase and min(height, width) > 1:
        mask = np.ones((n, 1, height, width), np.float32)
        for i in np.flatnonzero(rng.random(n) < erase):
            h, w = rng.integers(height // 5 + 1, height // 2 + 1, 2)
            y, left = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
            mask[i, :, y : y + h, left : left + w] = 0
        x = x * torch.from_numpy(mask)
    return x


def _loss(logits, truth, teacher, share):
    """Cross-entropy summed over attributes, rows without a label left out; `share` of it is towards
    the teacher's probabilities, which every row has."""
    total = 0
    for name, y in logits.items():
        log_p = functional.log_softmax(y, 1)
        known = truth[name] != MISSING
        if known.any():
            hard = functional.nll_loss(log_p[known], truth[name][known])
            total = total + (1 - share if teacher else 1) * hard
        if teacher:
            total = total - share * (teacher[name] * log_p).sum(1).mean()
    return total


class Training:
    """One run: its data, its network and its folder.

    rows: cached features, an array a variant, the plain one first. labels: {attribute: codes}.
    teacher: {attribute: [rows][labels] probabilities} or None."""

    def __init__(self, net, rows, labels, held_out, options, folder, teacher=None):
        self.net, self.rows, self.options, self.folder = net, rows, options, folder
        self.labels = {name: labels[name] for name in net.heads}
        self.train, self.check = np.flatnonzero(~held_out), np.flatnonzero(held_out)
        self.teacher = teacher and {n: torch.from_numpy(p.astype(np.float32))
                                    for n, p in teacher.items()}
        self.average = {k: v.clone() for k, v in net.state_dict().items()}
        trunk = [p for p in net.trunk.parameters() if p.requires_grad]
        head = [p for n, p in net.named_parameters() if not n.startswith("trunk.")]
        self.rates = [options["trunk_rate"]] * bool(trunk) + [options["rate"]]
        self.optimiser = torch.optim.AdamW(
            [{"params": params} for params in (trunk, head) if params], lr=options["rate"],
            weight_decay=options["decay"])
        self.log, self.step = [], 0

    @property
    def steps(self):
        return self.options["epochs"] * math.ceil(len(self.train) / self.options["batch"])

    def _rate(self):
        """One cycle: up for the first fifth, down to nearly nothing along a cosine."""
        part = self.step / self.steps
        if part < 0.2:
            return 0.04 + 0.96 * (1 - math.cos(math.pi * part / 0.2)) / 2
        return 1e-4 + (1 + math.cos(math.pi * (part - 0.2) / 0.8)) / 2

    def _batch(self, index, rng):
        variant = rng.integers(0, len(self.rows), len(index))
        x = np.empty((len(index), *self.rows[0].shape[1:]), np.float32)
        for v, rows in enumerate(self.rows):
            x[variant == v] = rows[index[variant == v]]
        o = self.options
        return _disturb(torch.from_numpy(x), rng, o["shift"], o["erase"])

    def _learn(self, index, rng):
        x = self._batch(index, rng)
        truth = {n: torch.from_numpy(codes[index]) for n, codes in self.labels.items()}
        teacher = self.teacher and {n: p[index] for n, p in self.teacher.items()}
        share = self.options["teach"]
        if self.options["mixup"]:
            part = float(rng.beta(self.options["mixup"], self.options["mixup"]))
            other = torch.from_numpy(rng.permutation(len(index)))
            logits = self.net(part * x + (1 - part) * x[other])
            loss = part * _loss(logits, truth, teacher, share) + (1 - part) * _loss(
                logits, {n: t[other] for n, t in truth.items()},
                teacher and {n: t[other] for n, t in teacher.items()}, share)
        else:
            loss = _loss(self.net(x), truth, teacher, share)
        for group, rate in zip(self.optimiser.param_groups, self.rates):
            group["lr"] = rate * self._rate()
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        self.step += 1
        keep = min(self.options["ema"], self.step / (self.step + 10))
        for name, value in self.net.state_dict().items():
            self.average[name].lerp_(value, 1 - keep)
        return float(loss)

    def _epoch(self, epoch, tell):
        rng = np.random.default_rng([self.options["seed"], epoch])
        torch.manual_seed(self.options["seed"] * 1000 + epoch)
        if self.options["balance"]:
            p = sampling(self.labels, self.train, self.options["balance"])
            order = rng.choice(self.train, len(self.train), p=p)
        else:
            order = rng.permutation(self.train)
        self.net.train()
        losses = []
        for start in range(0, len(order), self.options["batch"]):
            losses.append(self._learn(order[start : start + self.options["batch"]], rng))
            tell(epoch, min(start + self.options["batch"], len(order)), len(order), losses[-1])
        return float(np.mean(losses))

    def _judge(self):
        """Loss and accuracy of the averaged weights on held-out pictures."""
        own = {k: v.clone() for k, v in self.net.state_dict().items()}
        self.net.load_state_dict(self.average)
        logits = predict(self.net, self.rows[0], self.check)
        self.net.load_state_dict(own)
        loss, accuracy = 0.0, {}
        for name, y in logits.items():
            codes = self.labels[name][self.check]
            known = codes != MISSING
            if not known.any():
                continue
            p = softmax(y[known])
            loss -= float(np.log(p[np.arange(known.sum()), codes[known]] + 1e-12).mean())
            accuracy[name] = 100 * float((p.argmax(1) == codes[known]).mean())
        return loss, accuracy

    def _save(self, path):
        torch.save({"net": self.net.state_dict(), "average": self.average, "log": self.log,
                    "optimiser": self.optimiser.state_dict(), "step": self.step,
                    "options": self.options}, path + ".tmp")
        os.replace(path + ".tmp", path)

    def _resume(self, path):
        state = torch.load(path)
        if state["options"] != self.options:
            return  # another training: from the start
        self.net.load_state_dict(state["net"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average, self.log, self.step = state["average"], state["log"], state["step"]

    def run(self, say, tell):
        """Trains, from the last epoch that was saved, and leaves the averaged weights in the net."""
        os.makedirs(self.folder, exist_ok=True)
        path = os.path.join(self.folder, "state.pt")
        if os.path.exists(path):
            self._resume(path)
        for epoch in range(len(self.log) + 1, self.options["epochs"] + 1):
            begun = time.monotonic()
            loss = self._epoch(epoch, tell)
            held_out, accuracy = self._judge()
            self.log.append({"epoch": epoch, "loss": loss, "held_out_loss": held_out,
                             "accuracy": accuracy})
            self._save(path)
            curves.draw(os.path.join(self.folder, "curves.svg"), self.log)
            with open(os.path.join(self.folder, "log.json"), "w", encoding="utf-8") as file:
                json.dump(self.log, file, indent=1)
            say(f"epoch {epoch}/{self.options['epochs']}: loss {loss:.3f}, held out {held_out:.3f}, "
                + ", ".join(f"{n} {a:.2f} %" for n, a in accuracy.items())
                + f", {time.monotonic() - begun:.0f} s")
        self.net.load_state_dict(self.average)
