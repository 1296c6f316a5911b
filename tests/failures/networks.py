"""A network for each task, of two or three layers: there are as many runs as there are calls that
can fail, so each must be short."""
import json
import random
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fuzz"))
from blob_seeds import blob, tensor  # noqa: E402

STRIDE, CROP, SIDE, CHANNELS = 16, 112, 32, 4
# Where a face has its landmarks, in strides from the middle of its box.
LANDMARKS = (-0.4, -0.3, 0.4, -0.3, 0, 0, -0.3, 0.4, 0.3, 0.4)
ANCHORS = {"kind": "distances", "strides": [STRIDE], "per_cell": 1, "centre": "corner"}
ATTRIBUTES = [{"name": "age", "kind": "value", "unit": "years", "output": "age", "scale": 10}]


def network(task, side, heads, **meta):
    """Bytes of a convolution of the picture, and what hangs on it. heads: (output, activation or
    None, biases), a layer each; of a map, where the task is to detect, else of its average."""
    noise = random.Random(task)
    tensors = {"stem.weight": ([CHANNELS, 3, 3, 3], [noise.uniform(-1, 1) for _ in range(108)])}
    nodes = [["input", [], {}], ["conv", [0], {"name": "stem", "stride": STRIDE, "pad": 1}],
             ["tanh", [1], {}]]
    detects = task == "detect"
    if not detects:
        nodes.append(["global_average", [2], {}])
    outputs, body = [], len(nodes) - 1
    for name, activation, biases in heads:
        n = len(biases)
        tensors[f"{name}.weight"] = ([n, CHANNELS, 1, 1] if detects else [n, CHANNELS],
                                     [noise.uniform(-0.1, 0.1) for _ in range(n * CHANNELS)])
        tensors[f"{name}.bias"] = ([n], biases)
        nodes.append(["conv", [body], {"name": name, "stride": 1, "pad": 0}] if detects else
                     ["fc", [body], {"name": name, "height": 1, "width": 1}])
        if activation:
            nodes.append([activation, [len(nodes) - 1], {}])
        outputs.append([name, len(nodes) - 1])
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        part = struct.pack(f"<{len(values)}f", *values)
        header[name] = tensor(shape, len(data), len(data) + len(part))
        data += part
    texts = {key: value if isinstance(value, str) else json.dumps(value)
             for key, value in meta.items()}
    header["__metadata__"] = {
        "mien": "1", "name": task, "arch": "graph", "task": task, **texts,
        "input": json.dumps({"width": side, "height": side, "channels": "RGB",
                             "mean": [127, 127, 127], "scale": [0.01, 0.01, 0.01]}),
        "graph": json.dumps({"nodes": nodes, "outputs": outputs,
                             "size": "any" if detects else "fixed",
                             "multiple_of": STRIDE if detects else 1})}
    return blob(header, data)


def write_networks(folder):
    """NAME.safetensors for detect, embed, attributes and classify, named as their tasks."""
    for name, data in {
            "detect": network("detect", SIDE, [(f"score_{STRIDE}", "sigmoid", [1]),
                                               (f"box_{STRIDE}", None, [1, 1, 1, 1]),
                                               (f"landmark_{STRIDE}", None, LANDMARKS)],
                              variant={"anchors": ANCHORS}),
            "embed": network("embed", CROP, [("embedding", None, [0.1] * 6)]),
            "attributes": network("attributes", SIDE, [("age", None, [3])], attributes=ATTRIBUTES,
                                  preprocess={"crop": "box", "margin": 0}),
            "classify": network("classify", SIDE, [("prob", "softmax", [0, 1, 2])],
                                labels=["cat", "dog", "bird"],
                                preprocess={"short_side": SIDE})}.items():
        (folder / f"{name}.safetensors").write_bytes(data)
