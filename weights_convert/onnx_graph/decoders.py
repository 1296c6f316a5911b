"""What the outputs of a face detector mean: a row a kind of head. Which output is the scores, the
boxes or the landmarks of which stride follows from shapes, so that the order in which a publisher
lists them does not matter."""

from dataclasses import dataclass
from typing import Callable

import numpy as np

from ..errors import ConvertError
from .build import Tensor

STRIDES = (8, 16, 32)
_BOX, _LANDMARK = 4, 10  # values an anchor


@dataclass
class Decoder:
    """scores: of one level's score outputs [node], the node of what the blob calls score_<stride>;
    outputs: how many score outputs a level has."""

    name: str  # as people write it
    outputs: int
    scores: Callable  # (build, nodes, anchors a cell) -> node
    variant: Callable  # anchors a cell -> what the variant says of them


@dataclass
class Level:
    stride: int
    scores: list  # nodes
    box: int
    landmark: int  # node or None
    per_cell: int


def _as_they_are(build, nodes, per_cell):
    return nodes[0]


def _add(build, op, inputs, channels, attributes=None):
    build.nodes.append([op, inputs, attributes or {}])
    build.sizes.append((channels, *build.sizes[inputs[0]][1:]))
    return len(build.nodes) - 1


def _product(build, nodes, per_cell):
    """Of a class and an objectness, both through sigmoid."""
    for node in nodes:
        if build.nodes[node][0] not in ("sigmoid", "clip", "hard_sigmoid"):
            raise ConvertError("YuNet's scores have been through sigmoid; this network's have not")
    return _add(build, "mul", nodes, per_cell)


def _face_of_pairs(build, nodes, per_cell):
    """Probabilities of faces, or pairs of logits or probabilities, background and face, anchor by
    anchor. What picks one of two channels is a 1x1 convolution."""
    node = nodes[0]
    channels, op = build.sizes[node][0], build.nodes[node][0]
    if channels == per_cell:
        return node if op == "sigmoid" else _add(build, "sigmoid", nodes, per_cell)
    are_logits = op not in ("softmax", "sigmoid")
    weight = np.zeros((per_cell, channels, 1, 1), np.float32)
    for i in range(per_cell):
        weight[i, 2 * i + 1] = 1
        weight[i, 2 * i] = -1 if are_logits else 0
    name = f"decoder.face_{node}"
    build.tensors[name + ".weight"] = Tensor(weight, "", "the face of each pair")
    node = _add(build, "conv", [node], per_cell, {"name": name, "stride": 1, "pad": 0})
    return _add(build, "sigmoid", [node], per_cell) if are_logits else node


def _scrfd(per_cell):
    return {"anchors": {"kind": "distances", "strides": list(STRIDES), "per_cell": per_cell,
                        "centre": "corner"}}


def _retinaface(per_cell):
    """biubug6/Pytorch_Retinaface, data/config.py: two anchors a cell, each twice as large as the
    one before it. Where a network's are others, `--variant` says so."""
    sizes = [[smallest * 2 ** i for i in range(per_cell)] for smallest in (16, 64, 256)]
    return {"anchors": {"kind": "offsets", "strides": list(STRIDES), "sizes": sizes,
                        "centre": "half", "plus_one": 0},
            "variances": [0.1, 0.2], "landmark_variance": 0.1}


def _yunet(per_cell):
    """opencv/modules/objdetect/src/face_detect.cpp, postProcess(): offsets from the cell's corner
    and logarithms of sizes, in strides; the score is the root of class times objectness."""
    return {"anchors": {"kind": "offsets", "strides": list(STRIDES),
                        "sizes": [[stride] * per_cell for stride in STRIDES],
                        "centre": "corner", "plus_one": 0, "score": "root"},
            "variances": [1, 1], "landmark_variance": 1}


DECODERS = {"scrfd": Decoder("SCRFD", 1, _as_they_are, _scrfd),
            "retinaface": Decoder("RetinaFace", 1, _face_of_pairs, _retinaface),
            "yunet": Decoder("YuNet", 2, _product, _yunet)}


def levels(build, nodes, width, height):
    """The detector's Levels, where the outputs are those of one; else None."""
    found = []
    for stride in STRIDES:
        size = (-(-height // stride), -(-width // stride))
        parts = sorted((build.sizes[node][0], i, node) for i, node in enumerate(nodes)
                       if build.sizes[node][1:] == size)
        level = _level(stride, parts)
        if level is None:
            return None
        found.append(level)
    alike = {(len(level.scores), level.per_cell, level.landmark is None) for level in found}
    used = sum(len(level.scores) + 1 + (level.landmark is not None) for level in found)
    return found if len(alike) == 1 and used == len(nodes) else None


def _level(stride, parts):
    """parts: (channels, ., node) by rising channels: scores, the box, perhaps landmarks."""
    counts, nodes = [part[0] for part in parts], [part[2] for part in parts]
    has_landmarks = len(counts) > 2 and 2 * counts[-1] == 5 * counts[-2]
    box = len(counts) - 1 - has_landmarks
    if box < 1 or counts[box] % _BOX or len(set(counts[:box])) != 1:
        return None
    per_cell = counts[box] // _BOX
    if counts[0] not in (per_cell, 2 * per_cell) or per_cell > 4:
        return None
    return Level(stride, nodes[:box], nodes[box], nodes[-1] if has_landmarks else None, per_cell)


def detect(net, build, outputs, step, decoder):
    """Names the network's outputs as the task wants them."""
    if decoder not in DECODERS:
        raise ConvertError(f"a network for detection needs --decoder {'|'.join(DECODERS)}")
    row = DECODERS[decoder]
    if not step:
        raise ConvertError("it runs at one size only; a detector must run at any")
    found = levels(build, list(outputs.nodes.values()), net.input["width"], net.input["height"])
    if found is None or len(found[0].scores) != row.outputs:
        raise ConvertError(
            f"{row.name} has {row.outputs + 1} or {row.outputs + 2} outputs at each of the strides "
            f"8, 16 and 32; this network has {_shapes(build, outputs)}")
    per_cell = found[0].per_cell
    if decoder != "retinaface" and build.sizes[found[0].scores[0]][0] != per_cell:
        raise ConvertError(f"{row.name} has one score an anchor, this network has two")
    outputs.nodes.clear()
    for level in found:
        outputs.nodes[f"score_{level.stride}"] = row.scores(build, level.scores, per_cell)
        outputs.nodes[f"box_{level.stride}"] = level.box
        if level.landmark is not None:
            outputs.nodes[f"landmark_{level.stride}"] = level.landmark
    net.variant.update(row.variant(per_cell))


def _shapes(build, outputs):
    texts = [f"{name} of {c} channels and {w}x{h}" for name, (c, h, w) in (
        (name, build.sizes[node]) for name, node in outputs.nodes.items())]
    return ", ".join(texts[:4]) + (f" and {len(texts) - 4} more" if len(texts) > 4 else "")
