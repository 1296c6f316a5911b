"""Writes the corpus blob_fuzz starts from: small blobs that lie, and tiny but whole networks.

usage: blob_seeds.py FOLDER
"""
import json
import math
import struct
import sys
from pathlib import Path

META = {"mien": "1", "name": "seed", "arch": "resnet", "task": "classify",
        "input": '{"width":32,"height":32,"channels":"RGB","mean":[0,0,0],"scale":[1,1,1]}',
        "variant": '{"stride_on":"3x3"}', "bn_eps": '{"":0.001}'}


def blob(header, data, header_size=None):
    """The bytes of a safetensors file; header_size overrides the true one."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-(8 + len(text)) % 64)
    return struct.pack("<Q", len(text) if header_size is None else header_size) + text + data


def tensor(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


class Net:
    """Collects the tensors of a network; all values are 0.5."""

    def __init__(self, arch, task, side, variant):
        self.meta = {"mien": "1", "name": "tiny", "arch": arch, "task": task,
                     "input": json.dumps({"width": side, "height": side, "channels": "BGR",
                                          "mean": [104, 117, 123], "scale": [1, 1, 1]}),
                     "variant": json.dumps(variant), "bn_eps": '{"":1e-05}'}
        self.shapes = {}

    def conv(self, name, out, into, kernel, norm=None):
        self.shapes[name + ".weight"] = [out, into, kernel, kernel]
        if norm:
            self.norm(norm, out)
        else:
            self.shapes[name + ".bias"] = [out]

    def norm(self, name, channels):
        for part in ("weight", "bias", "running_mean", "running_var"):
            self.shapes[f"{name}.{part}"] = [channels]

    def fc(self, name, out, into):
        self.shapes[name + ".weight"] = [out, into]
        self.shapes[name + ".bias"] = [out]

    def bytes(self, values=None, halves="-"):
        """values: {prefix of names: value}, where it is not 0.5; halves: the prefix of names of
        tensors of halves, the last of them."""
        header, end, data = {"__metadata__": self.meta}, 0, b""
        for name, shape in self.shapes.items():
            form, dtype = ("<e", "F16") if name.startswith(halves) else ("<f", "F32")
            begin, end = end, end + struct.calcsize(form) * math.prod(shape)
            header[name] = tensor(shape, begin, end, dtype)
            value = next((v for k, v in (values or {}).items() if name.startswith(k)), 0.5)
            data += struct.pack(form, value) * math.prod(shape)
        return blob(header, data)


def resnet():
    net = Net("resnet", "classify", 32, {"stride_on": "3x3"})
    net.conv("conv1", 2, 3, 7, "bn1")
    for stage, into in (1, 2), (2, 2):
        block = f"layer{stage}.0"
        net.conv(block + ".conv1", 2, into, 3, block + ".bn1")
        net.conv(block + ".conv2", 2, 2, 3, block + ".bn2")
    net.conv("layer2.0.downsample.0", 2, 2, 1, "layer2.0.downsample.1")
    net.fc("fc", 3, 2)
    return net


# The values of resnet() that int8 stores in bytes: node and name (engine/precision.h), 2 channels.
STORED = ("3 bn1", "4 activation", "5 max pool", "7 layer1.0.bn1", "8 activation", "11 add",
          "12 activation", "14 layer2.0.bn1", "15 activation", "19 layer2.0.downsample.1", "20 add",
          "21 activation", "22 global average pool")


def calibrated_resnet(stored=STORED, channels=2, value=0.5):
    net = resnet()
    for name in stored:
        net.shapes["int8." + name] = [3, channels]
    return net.bytes({"int8.": value})


def iresnet():
    net = Net("iresnet", "embed", 32, {})
    net.conv("conv1", 2, 3, 3, "bn1")
    net.shapes["prelu.weight"] = [2]
    for stage in range(1, 5):
        block = f"layer{stage}.0"
        net.norm(block + ".bn1", 2)
        net.conv(block + ".conv1", 2, 2, 3, block + ".bn2")
        net.shapes[block + ".prelu.weight"] = [2]
        net.conv(block + ".conv2", 2, 2, 3, block + ".bn3")
        net.conv(block + ".downsample.0", 2, 2, 1, block + ".downsample.1")
    net.norm("bn2", 2)
    net.fc("fc", 4, 2 * 2 * 2)
    net.norm("features", 4)
    return net


def retinaface():
    net = Net("retinaface", "detect", 64, {
        "backbone": "mobilenet0.25", "layout": "biubug6", "activation": "leaky",
        "anchors": {"strides": [8, 16, 32], "sizes": [[16, 32], [64, 128], [256, 512]],
                    "centre": "half", "plus_one": 0},
        "variances": [0.1, 0.2], "landmark_variance": 0.1})
    net.conv("body.stage1.0.0", 2, 3, 3, "body.stage1.0.1")
    for stage, blocks in (1, (1, 2, 3, 4)), (2, (0,)), (3, (0,)):
        for i in blocks:
            block = f"body.stage{stage}.{i}"
            net.conv(block + ".0", 2, 1, 3, block + ".1")
            net.conv(block + ".3", 2, 2, 1, block + ".4")
    for level in 1, 2, 3:
        net.conv(f"fpn.output{level}.0", 4, 2, 1, f"fpn.output{level}.1")
        if level < 3:
            net.conv(f"fpn.merge{level}.0", 4, 4, 3, f"fpn.merge{level}.1")
        ssh = f"ssh{level}."
        for name, out, into in (("conv3X3", 2, 4), ("conv5X5_1", 1, 4), ("conv5X5_2", 1, 1),
                                ("conv7X7_2", 1, 1), ("conv7x7_3", 1, 1)):
            net.conv(f"{ssh}{name}.0", out, into, 3, f"{ssh}{name}.1")
        for head, values in ("Class", 2), ("Bbox", 4), ("Landmark", 10):
            net.conv(f"{head}Head.{level - 1}.conv1x1", 2 * values, 4, 1)
    return net


GRAPH = [["input", [], {}], ["conv", [0], {"name": "c", "stride": 2, "pad": [0, 1, 1, 2]}],
         ["bn", [1], {"name": "b"}], ["prelu", [2], {"name": "p"}],
         ["max_pool", [3], {"kernel": [2, 3], "stride": 1, "pad": 1, "ceil": True}],
         ["conv", [3], {"name": "d", "stride": 1, "pad": "same"}], ["add", [5, 3], {}],
         ["leaky", [6], {"alpha": 0.1}], ["concat", [7, 3, 7], {}],
         ["average_pool", [8], {"kernel": [2, 2], "stride": 2, "pad": 0}],
         ["upsample", [9, 8], {}], ["affine", [10], {"name": "a"}],
         ["global_average", [11], {}], ["fc", [12], {"name": "f", "height": 1, "width": 1}],
         ["softmax", [13], {}], ["mul", [11, 12], {}],
         ["hard_swish", [15], {"alpha": 0.2, "beta": 0.5}],
         ["clip", [16], {"low": 0, "high": 6}]]


def graph(nodes=None, outputs=None, **fields):
    """A network of arch graph; nodes: number -> what stands there instead."""
    net = Net("graph", "raw", 32, {})
    net.meta["input"] = net.meta["input"].replace("BGR", "RGB")
    net.meta["graph"] = json.dumps({
        "nodes": [(nodes or {}).get(i, node) for i, node in enumerate(GRAPH)],
        "outputs": outputs or [["prob", 14], ["map", 17], ["part", 3]], "size": "any",
        "multiple_of": 1, **fields})
    net.conv("c", 2, 3, 3, "b")
    net.shapes["p.weight"] = [2]
    net.conv("d", 2, 1, 3)
    net.shapes["a.weight"] = net.shapes["a.bias"] = [6]
    net.fc("f", 3, 6)
    return net


def graph_seeds():
    """Whole, and with a lie each."""
    conv = {"name": "c", "stride": 1, "pad": 0}
    lies = {
        "forward": {1: ["conv", [2], conv]}, "itself": {1: ["conv", [1], conv]},
        "negative": {1: ["conv", [-1], conv]}, "huge": {1: ["conv", [2**63 - 1], conv]},
        "fraction": {1: ["conv", [0.5], conv]}, "no_input": {1: ["conv", [], conv]},
        "stride": {1: ["conv", [0], {**conv, "stride": 0}]},
        "pad": {1: ["conv", [0], {**conv, "pad": 2**40}]},
        "pads": {1: ["conv", [0], {**conv, "pad": [1, 1, 1]}]},
        "window": {4: ["max_pool", [3], {"kernel": [2, 2], "stride": 1, "pad": 2}]},
        "kernel": {4: ["max_pool", [3], {"kernel": [0, 99], "stride": 1, "pad": 0}]},
        "channels": {6: ["add", [5, 0], {}]}, "sizes": {6: ["add", [5, 4], {}]},
        "unknown": {6: ["launch", [5], {}]}, "twice_input": {6: ["input", [], {}]},
        "shrinks": {10: ["upsample", [8, 9], {}]}, "no_list": {6: "add"},
        "parts": {8: ["concat", [7] * 9, {}]},
    }
    yield "graph", graph().bytes()
    for name, nodes in lies.items():
        yield "graph_" + name, graph(nodes).bytes()
    features = graph({4: ["relu", [3], {}]}, size="fixed")
    for name, size in {"features": {"width": 1, "height": 3, "count": 3}, "features_many":
                       {"width": 1, "height": 1, "count": 2**31}, "features_none": {}}.items():
        features.meta["input"] = json.dumps({"channels": "FEATURES", **size})
        yield name, features.bytes()
    yield "graph_output", graph(outputs=[["x", 99]]).bytes()
    yield "graph_outputs", graph(outputs=[["x", 14]] * 300).bytes()
    yield "graph_multiple", graph(multiple_of=2**31).bytes()
    yield "graph_size", graph(size=7).bytes()


def seeds():
    """Yields (name, bytes)."""
    for net in resnet(), iresnet(), retinaface():
        yield net.meta["arch"], net.bytes()
    yield from graph_seeds()
    yield "calibrated", calibrated_resnet()
    yield "calibrated_partly", calibrated_resnet(STORED[:4])
    yield "calibrated_with_nan", calibrated_resnet(value=float("nan"))
    yield "calibrated_below_zero", calibrated_resnet(value=-3e38)
    yield "calibrated_shape", calibrated_resnet(channels=3)
    sound = {"__metadata__": META, "fc.weight": tensor([2, 3], 0, 24),
             "fc.bias": tensor([2], 24, 32)}
    data = struct.pack("<8f", *range(8))
    yield "sound", blob(sound, data)
    yield "no_metadata", blob({"a": tensor([1], 0, 4)}, data[:4])
    yield "scalar", blob({"__metadata__": META, "a": tensor([], 0, 4)}, data[:4])
    yield "truncated_data", blob(sound, data[:-4])
    yield "truncated_header", blob(sound, data)[:40]
    yield "huge_header", blob(sound, data, header_size=2**63)
    yield "past_the_end", blob({"__metadata__": META, "a": tensor([8], 0, 4096)}, data)
    yield "wrong_size", blob({"__metadata__": META, "a": tensor([3, 3], 0, 32)}, data)
    yield "overlap", blob({"__metadata__": META, "a": tensor([8], 0, 32),
                           "b": tensor([4], 16, 32)}, data)
    yield "product_overflow", blob({"__metadata__": META,
                                    "a": tensor([2**32, 2**32, 2], 0, 0)}, data)
    yield "negative", blob({"__metadata__": META, "a": tensor([-1], 0, 4)}, data)
    yield "half", blob({"__metadata__": META, "a": tensor([2], 0, 4, "F16")}, data[:4])
    yield "half_odd", blob({"__metadata__": META, "a": tensor([1], 0, 4),
                            "b": tensor([1], 4, 6, "F16")}, data[:6])
    yield "half_askew", blob({"__metadata__": META, "a": tensor([1], 1, 3, "F16")}, data[:4])
    yield "half_overlap", blob({"__metadata__": META, "a": tensor([2], 0, 4, "F16"),
                                "b": tensor([1], 0, 4)}, data[:4])
    yield "half_past_the_end", blob({"__metadata__": META,
                                     "a": tensor([2**62], 0, 2**63, "F16")}, data)
    yield "half_network", resnet().bytes(halves="fc.")
    yield "half_infinite", resnet().bytes({"fc.": float("inf")}, halves="fc.")
    yield "nan", blob({"__metadata__": META, "a": tensor([1], 0, 4)},
                      struct.pack("<f", float("nan")))
    yield "not_json", blob(b"{]", data)
    yield "deep", blob(b"[" * 4000, data)
    yield "empty", b""
    yield "zeros", bytes(64)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in seeds():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main()
