"""What a network from a graph is for: the graph does not say, so its user does. Without a word the
task is `raw`: outputs as they are."""

from ..errors import ConvertError
from . import tails
from .decoders import detect
from .heads import LOOSE_CROP, POINTS, landmark_attributes

RAW = "raw"


def apply(net, build, outputs, step, options):
    """Sets the network's task and what belongs to it; names outputs as the task wants them."""
    net.task = options.get("task") or RAW
    if options.get("heads") is not None and net.task not in ("attributes", "landmarks"):
        raise ConvertError("only a network for attributes or landmarks has heads")
    if options.get("decoder") is not None and net.task != "detect":
        raise ConvertError("only a network for detection has a decoder")
    TASKS[net.task](net, build, outputs, step, options)
    net.variant.update(options.get("variant") or {})


def _only_vector(build, outputs, task):
    names = list(outputs.nodes)
    if len(names) != 1:
        raise ConvertError(f"a network for {task} has one output, this one {len(names)}: "
                           f"{', '.join(names[:6])}")
    node = outputs.nodes.pop(names[0])
    c, h, w = build.sizes[node]
    if h * w != 1:
        raise ConvertError(f"output {names[0]} is a map of {w}x{h}, no vector as {task} wants it")
    return node, c


def _raw(net, build, outputs, step, options):
    pass


def _embed(net, build, outputs, step, options):
    outputs.nodes["embedding"], _ = _only_vector(build, outputs, "embed")


def _classify(net, build, outputs, step, options):
    node, net.classes = _only_vector(build, outputs, "classify")
    if build.nodes[node][0] != "softmax":  # logits
        build.nodes.append(["softmax", [node], {}])
        build.sizes.append(build.sizes[node])
        node = len(build.nodes) - 1
    outputs.nodes["prob"] = node
    longer = max(net.input["width"], net.input["height"])
    net.preprocess = {"short_side": round(longer * 256 / 224)}


def _attributes(net, build, outputs, step, options):
    heads = options.get("heads")
    if isinstance(heads, list):
        heads = {"attributes": heads}
    if not isinstance(heads, dict) or not isinstance(heads.get("attributes"), list):
        raise ConvertError("a network for attributes needs --heads FILE.json: the list `attributes`"
                           " of docs/blob.md, or an object with it and with `preprocess`")
    tails.apply(build, outputs, heads.get("tails", []))
    net.attributes = heads["attributes"]
    net.preprocess = heads.get("preprocess", {"crop": "box", "margin": 0.05})


def _landmarks(net, build, outputs, step, options):
    """A vector of points from -1 to 1 across the face's crop, x and y or x, y and z in turn."""
    if options.get("heads") is not None:
        _attributes(net, build, outputs, step, options)
        return
    node, count = _only_vector(build, outputs, "landmarks")
    outputs.nodes["points"] = node
    if count not in POINTS:
        known = ", ".join(str(n) for n in POINTS)
        raise ConvertError(f"networks for landmarks are known whose vector has {known} values, "
                           f"this network's has {count}: --heads FILE.json says what it means")
    net.attributes = landmark_attributes("points", POINTS[count])
    net.preprocess = LOOSE_CROP


def _detect(net, build, outputs, step, options):
    detect(net, build, outputs, step, options.get("decoder"))


TASKS = {RAW: _raw, "embed": _embed, "classify": _classify, "attributes": _attributes,
         "landmarks": _landmarks, "detect": _detect}
