"""What a network from a graph is for: the graph does not say, so its user does. Without a word the
task is `raw`: outputs as they are."""

from ..errors import ConvertError

RAW = "raw"
TASKS = (RAW, "embed", "classify", "attributes", "detect")
DECODERS = ("scrfd",)


def apply(net, build, outputs, step, options):
    """Sets the network's task and what belongs to it; names outputs as the task wants them."""
    net.task = options.get("task") or RAW
    if options.get("heads") is not None and net.task != "attributes":
        raise ConvertError("only a network for attributes has heads")
    if options.get("decoder") is not None and net.task != "detect":
        raise ConvertError("only a network for detection has a decoder")
    {RAW: _raw, "embed": _embed, "classify": _classify, "attributes": _attributes,
     "detect": _detect}[net.task](net, build, outputs, step, options)


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
    net.attributes = heads["attributes"]
    net.preprocess = heads.get("preprocess", {"crop": "box", "margin": 0.05})


def _detect(net, build, outputs, step, options):
    """SCRFD: scores of all strides, then boxes, then landmarks, as distances in strides."""
    if options.get("decoder") not in DECODERS:
        raise ConvertError(f"a network for detection needs --decoder {'|'.join(DECODERS)}")
    if not step:
        raise ConvertError("it runs at one size only; a detector must run at any")
    strides, values = (8, 16, 32), (("score", 1), ("box", 4), ("landmark", 10))
    nodes = list(outputs.nodes.values())
    if len(nodes) not in (6, 9):
        raise ConvertError(f"SCRFD has 6 or 9 outputs, this network {len(nodes)}")
    per_cell = build.sizes[nodes[0]][0]
    outputs.nodes.clear()
    for i, node in enumerate(nodes):
        kind, count = values[i // 3]
        c, h, w = build.sizes[node]
        stride = strides[i % 3]
        sides = [-(-net.input[side] // stride) for side in ("height", "width")]
        if c != count * per_cell or [h, w] != sides:
            raise ConvertError(f"output {i + 1} of SCRFD is {kind} at stride {stride}; this "
                               f"network's has {c} channels on {w}x{h}")
        outputs.nodes[f"{kind}_{stride}"] = node
    net.variant["anchors"] = {"kind": "distances", "strides": list(strides), "per_cell": per_cell,
                              "centre": "corner"}
