"""From a source's operators to a Network: the op list, its tensors, and what the metadata says of
input, sizes and outputs."""

import re
from typing import NamedTuple

import numpy as np

from ..errors import ConvertError
from ..network import Network, input_of
from ..source import Operator
from . import ends, gathers, gray, guess, int8_ranges, patterns, tasks
from .build import Build, check_side
from .maps import Map, is_engine_order

_STEPS = (1, 2, 4, 8, 16, 32, 64)  # what sizes must be a multiple of, where any is possible
# Steps by which the sizes of trials are larger. A map that is halved and doubled again fits by
# chance at half of the sizes; of several, odd at each of the halvings, it does at none.
_TRIALS = ((3, 5), (1, 2), (7, 4), (6, 11), (13, 10), (21, 22))
_OUTPUT_NAME = 63  # characters


class At(NamedTuple):
    """The input: its name, NCHW or NHWC, 3 channels or, of gray pictures, 1."""

    name: str
    layout: str
    channels: int


class Outputs:
    """The outputs of a build: name -> node, in the file's order."""

    def __init__(self, build, names):
        self.nodes = {}
        for name in names:
            value = build.values.get(name)
            if not isinstance(value, Map):
                raise ConvertError(f"output {name} is " + ("a constant" if value is not None else
                                                           "made by no operator"))
            value = _as_output(build, name, value)
            if value.node == 0:
                raise ConvertError(f"output {name} is the input itself")
            short = re.sub(r"[^ -~]", "_", name)[:_OUTPUT_NAME]
            if short in self.nodes:
                raise ConvertError(f"two outputs are called {short}")
            self.nodes[short] = value.node


def _as_output(build, name, value):
    """The value, made anew where its order is none the engine has and can be made one."""
    ending = Operator("Identity", "", name, [name], [name], {}, 0)
    value = build.unpadded(ending, value)
    if value.axes == build.map(value.node).axes or is_engine_order(value.axes, *build.size(value)):
        return value
    return gathers.as_map(build, ending, value) or gathers.as_vector(build, ending, value)


def convert(source, options, operators):
    """operators: the table of the package."""
    if options.get("task") == "detect":
        source = ends.taken_apart(source, options.get("decoder"))
    source = ends.reading_one_input(patterns.joined(source))
    model, given = source.model, options.get("input", {})
    guesses = options.get("guess") and options.get("task") is None
    at, width, height = _input(model, guess.size(model, given) if guesses else given)
    given = gray.normalised(given) if at.channels == 1 else _of_colours(given)
    build, outputs = _build(source, operators, at, width, height)
    step = _step(source, operators, build, outputs, at, width, height)
    net = Network(source, "graph", tasks.RAW)
    net.input = input_of(width, height, "RGB", 0, 1)
    net.notes = build.notes
    if guesses:
        options = _guessed(net, build, outputs, options)
    net.input.update(given)
    if not step and options.get("task") == "detect":  # its file is frozen, the detector is not
        step = _step(source, operators, build, outputs, at, width, height, build.doubled)
    tasks.apply(net, build, outputs, step, options)
    _into_input(net, build, outputs, build.picture)
    if build.picture:
        gray.into_layers(build)
    order = _live(build, outputs)
    number = {node: i for i, node in enumerate(order)}
    nodes = [[build.nodes[i][0], [number[j] for j in build.nodes[i][1]], build.nodes[i][2]]
             for i in order]
    net.graph = {"nodes": nodes,
                 "outputs": [[name, number[node]] for name, node in outputs.nodes.items()],
                 "size": "any" if step else "fixed", "multiple_of": step or 1}
    _store(net, build, nodes)
    if build.ranges:
        net.ranges = int8_ranges.tensors(
            nodes, [number[node] for node in outputs.nodes.values()],
            {number[node]: ends for node, ends in build.ranges.items() if number.get(node)},
            [build.sizes[node][0] for node in order])
    return net


def _guessed(net, build, outputs, options):
    """The options with what the network looks like, of which the user is told."""
    found = guess.guess(net.source, build, outputs, net.input)
    if found is None:
        return options
    told, net_input, sentence = found
    net.input.update(net_input)
    net.notes.append(sentence)
    return {**options, **told, **{key: value for key, value in options.items()
                                  if key in told and value is not None}}


def _input(model, given):
    (name, shape), = model.inputs.items()
    if len(shape) != 4 or shape[0] not in (None, 1):
        raise ConvertError(f"input {name} has shape {_text(shape)}; one picture, [1, 3, height, "
                           "width] or [1, height, width, 3], gray 1 instead of 3, is supported")
    last = shape[3] in (1, 3) and shape[1] not in (1, 3)
    channels, sides = (shape[3], shape[1:3]) if last else (shape[1], shape[2:4])
    if channels not in (None, 1, 3):
        raise ConvertError(f"input {name} has {channels} channels; pictures have 3, gray ones 1")
    height, width = given.get("height", sides[0]), given.get("width", sides[1])
    if not height or not width:
        raise ConvertError(f"input {name} has shape {_text(shape)}: say at which size the network "
                           "is run, by --input WIDTHxHEIGHT")
    check_side("width", width)
    check_side("height", height)
    channels = channels or (1 if given.get("channels") == "GRAY" else 3)
    return At(name, "NHWC" if last else "NCHW", channels), width, height


def _of_colours(given):
    if given.get("channels") == "GRAY":
        raise ConvertError("the input has three channels, so it is not gray")
    return given


def _text(shape):
    return "[" + ", ".join("?" if n is None else str(n) for n in shape) + "]"


def _build(source, operators, at, width, height, thawed=frozenset()):
    build = Build(source, operators, width, height)
    build.thawed = thawed
    if at.channels == 1:
        gray.begin(build)
    build.run(at.name, at.layout, source.model.operators, source.model.outputs)
    return build, Outputs(build, source.model.outputs)


def _step(source, operators, build, outputs, at, width, height, thawed=frozenset()):
    """What sizes must be a multiple of, where the network takes any; 0: it takes one only. That of
    a file whose size is frozen may still be any: only a trial tells."""
    def works(w, h):
        try:
            other, others = _build(source, operators, at, w, h, thawed)
        except ConvertError:
            return False
        return (other.nodes == build.nodes and others.nodes == outputs.nodes
                and _same_tensors(build.tensors, other.tensors))

    for step in _STEPS:
        if all(works((width // step + i) * step, (height // step + j) * step) for i, j in _TRIALS):
            return step
    return 0


def _same_tensors(ours, theirs):
    return ours.keys() == theirs.keys() and all(
        a.array is theirs[name].array or np.array_equal(a.array, theirs[name].array)
        for name, a in ours.items())


def _into_input(net, build, outputs, picture):
    """A scale and shift that alone reads the picture becomes part of the input's metadata."""
    while True:
        readers = [i for i, (_, inputs, _) in enumerate(build.nodes) if picture in inputs]
        if len(readers) != 1 or readers[0] in outputs.nodes.values():
            return
        op, inputs, attributes = build.nodes[readers[0]]
        if op != "affine" or inputs != [picture]:
            return
        part = lambda key, default: np.asarray(build.tensors[key].array if key in build.tensors
                                               else np.full(3, default), np.float64)
        scale = part(attributes["name"] + ".weight", 1)
        shift = part(attributes["name"] + ".bias", 0)
        if (scale == 0).any():
            return
        scale = scale * net.input["scale"]
        net.input["mean"] = [float(x) for x in net.input["mean"] - shift / scale]
        net.input["scale"] = [float(x) for x in scale]
        for node in build.nodes:
            node[1] = [picture if i == readers[0] else i for i in node[1]]
        build.nodes[readers[0]] = ["gone", [], {}]


def _live(build, outputs):
    """Numbers of the nodes that an output needs, in order; the input always."""
    needed, left = {0}, list(outputs.nodes.values())
    while left:
        node = left.pop()
        if node not in needed:
            needed.add(node)
            left.extend(build.nodes[node][1])
    return sorted(needed)


def _store(net, build, nodes):
    layers = {attributes["name"] for _, _, attributes in nodes if "name" in attributes}
    for target, tensor in build.tensors.items():
        if target.rpartition(".")[0] not in layers:
            continue
        shape = net.source.tensors.get(tensor.origin, tensor.array).shape
        net.store(target, tensor.array, tensor.origin or "(computed)", shape, tensor.how)
        net.used.add(tensor.origin)
    net.eps = {layer: eps for layer, eps in build.eps.items() if layer in layers}
    for name in net.source.tensors:
        if name not in net.used:
            net.drop(name, "folded into the graph")
