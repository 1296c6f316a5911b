"""One conversion, start to end: read, map, check, write. Used by the command line and by fetch."""

import os

from . import safetensors
from .errors import ConvertError
from .families import convert as map_tensors
from .readers import load_json, read


def convert(paths, output, family="auto", name=None, options=None, extra=None, labels=None,
            wnids=None, ranges=None):
    """Writes the blob and returns its Network, whose rows are the report. ranges: tensors int8
    needs, {name: array}."""
    net = map_tensors(read(paths), family, options)
    net.labels = read_labels(labels, net) if labels else None
    net.wnids = read_labels(wnids, net) if wnids else None
    name = name or os.path.basename(output).removesuffix(".safetensors")
    extra = dict(extra or {})
    extra.setdefault("source", os.path.basename(paths[0]))
    safetensors.write(output, {**net.tensors, **net.ranges, **(ranges or {})}, net.metadata(name, extra))
    return net


def read_labels(path, net):
    """One text a class: a JSON list, a JSON object keyed by index, or a line a class."""
    if path.endswith(".json"):
        labels = load_json(path)
        if isinstance(labels, dict):
            try:
                labels = [labels[str(i)] for i in range(len(labels))]
            except KeyError as error:
                raise ConvertError(f"{path} has no label {error}") from None
    else:
        with open(path, encoding="utf-8") as file:
            labels = file.read().splitlines()
    classes = net.classes or (
        net.tensors["fc.bias"].shape[0] if "fc.bias" in net.tensors else 0)
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ConvertError(f"{path} is no list of labels")
    if len(labels) != classes:
        raise ConvertError(f"{path} has {len(labels)} labels, the network {classes} classes")
    return [label.replace("_", " ").strip() for label in labels]
