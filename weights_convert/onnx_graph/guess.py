"""What a network is that nobody says anything of: InsightFace's packs and YuNet, by the shapes of
their inputs and outputs. The rules are those by which insightface's own model_zoo.py tells the
files of a pack from each other. What the command line says wins."""

from . import decoders
from .heads import LOOSE_CROP, POINTS, gender_age

DETECTOR_SIDE = 640  # of a detector whose file leaves its input's size open
_ARCFACE = (128, 256, 512)  # values of an embedding


def size(model, given):
    """`given` with a size of the input where neither it nor the file has one."""
    (shape,) = model.inputs.values() if len(model.inputs) == 1 else ((),)
    is_open = len(shape) == 4 and shape[1] == 3 and not (shape[2] and shape[3])
    if is_open and len(model.outputs) in (6, 9, 12):
        return {"width": DETECTOR_SIDE, "height": DETECTOR_SIDE, **given}
    return given


def guess(source, build, outputs, net_input):
    """({option: value} as people would have said them, input's metadata, a sentence); None where
    it looks like nothing known."""
    nodes = list(outputs.nodes.values())
    sides = net_input["width"], net_input["height"]
    levels = decoders.levels(build, nodes, *sides) if len(nodes) in (6, 9, 12) else None
    if levels:
        return _detector(source, build, levels, len(nodes))
    if len(nodes) != 1 or build.sizes[nodes[0]][1:] != (1, 1):
        return None
    return _of_vector(source, sides, next(iter(outputs.nodes)), build.sizes[nodes[0]][0])


def _detector(source, build, levels, outputs):
    per_cell = levels[0].per_cell
    where = f"{outputs} outputs at strides 8, 16 and 32"
    if len(levels[0].scores) == 2:
        return ({"task": "detect", "decoder": "yunet"}, {"channels": "BGR"},
                f"looks like a YuNet detector: {where}, class and objectness apart")
    if build.sizes[levels[0].scores[0]][0] != per_cell:
        return None  # RetinaFace's anchors are not all of one size
    return ({"task": "detect", "decoder": "scrfd"}, _normalised(source, 128),
            f"looks like an SCRFD detector: {where}, {per_cell} anchors a cell")


def _of_vector(source, sides, output, values):
    if sides == (112, 112) and values in _ARCFACE:
        return ({"task": "embed"}, _normalised(source, 127.5),
                f"looks like an ArcFace embedder: an aligned face in, {values} values out")
    if sides == (96, 96) and values == 3:
        heads = {"attributes": gender_age(output), "preprocess": LOOSE_CROP}
        return ({"task": "attributes", "heads": heads}, _normalised(source, 128),
                "looks like InsightFace's genderage: a face of 96x96 in, 3 values out")
    if sides == (192, 192) and values in POINTS:
        points = POINTS[values]
        return ({"task": "landmarks"}, _normalised(source, 128),
                f"looks like InsightFace's landmarks: a face of 192x192 in, {values} values out, "
                f"{points.count} points")
    return None


def _normalised(source, divisor):
    """arcface_onnx.py, attribute.py, landmark.py: a graph that begins with a difference and a
    product, or with MXNet's bn_data, normalises its input itself."""
    names = [operator.name for operator in source.model.operators[:8]]
    subtracts = any(name.startswith(("Sub", "_minus")) for name in names)
    multiplies = any(name.startswith(("Mul", "_mul")) for name in names)
    if (subtracts and multiplies) or "bn_data" in names[:3]:
        return {}
    return {"mean": [127.5] * 3, "scale": [1 / divisor] * 3}
