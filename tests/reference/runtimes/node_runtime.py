"""Networks in ONNX Runtime and TensorFlow.js, run by server.js under node.

The npm packages are installed once into a cache folder: $MIEN_REF_CACHE, else <user
cache>/mien/reference. Install scripts are not run: onnxruntime-node's would fetch CUDA libraries
that the CPU does not need.
"""
import json
import os
import shutil
import struct
import subprocess

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


class Unavailable(Exception):
    """The runtime cannot be had on this machine; the message says why."""


def cache_dir():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("MIEN_REF_CACHE") or os.path.join(base, "mien", "reference")


def install_modules():
    """Installs the packages of package.json into the cache; returns the folder that holds
    node_modules."""
    if not shutil.which("node") or not shutil.which("npm"):
        raise Unavailable("node and npm are not installed")
    folder = os.path.join(cache_dir(), "node")
    with open(os.path.join(HERE, "package.json"), encoding="utf-8") as f:
        wanted = f.read()
    stamp = os.path.join(folder, "installed.json")
    if os.path.exists(stamp) and open(stamp, encoding="utf-8").read() == wanted:
        return folder
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "package.json"), "w", encoding="utf-8") as f:
        f.write(wanted)
    npm = subprocess.run(
        ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if npm.returncode:
        raise Unavailable("npm install failed: " + npm.stdout.strip().splitlines()[-1])
    for system in ("darwin", "win32"):  # 300 MB of ONNX Runtime for machines this is not
        runtimes = os.path.join(folder, "node_modules", "onnxruntime-node", "bin", "napi-v6")
        shutil.rmtree(os.path.join(runtimes, system), ignore_errors=True)
    with open(stamp, "w", encoding="utf-8") as f:
        f.write(wanted)
    return folder


class NodeServer:
    """One node process; open() loads a network into it."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["node", os.path.join(HERE, "server.js"), install_modules()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def open(self, kind, path, threads=1):
        """kind: onnx, tfjs-layers, tfjs-graph, faceapi-age-gender. Returns a NodeNet."""
        reply, _ = self._call(
            {"op": "load", "kind": kind, "path": os.path.abspath(path), "threads": threads}, []
        )
        return NodeNet(self, reply["id"])

    def close(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            self.process.wait()
        self.process.stdout.close()

    def _call(self, header, arrays):
        text = json.dumps(header).encode()
        out = self.process.stdin
        out.write(struct.pack("<I", len(text)) + text)
        for a in arrays:
            out.write(np.ascontiguousarray(a, "<f4").tobytes())
        out.flush()
        length = self.process.stdout.read(4)
        if len(length) < 4:
            raise RuntimeError("the node runtime ended unexpectedly")
        reply = json.loads(self.process.stdout.read(struct.unpack("<I", length)[0]))
        if "error" in reply:
            raise RuntimeError(reply["error"])
        tensors = {}
        for t in reply.get("tensors", []):
            count = int(np.prod(t["shape"], dtype=np.int64))
            data = np.frombuffer(self.process.stdout.read(4 * count), "<f4")
            tensors[t["name"]] = data.reshape(t["shape"])
        return reply, tensors


class NodeNet:
    """A network loaded in a NodeServer. Call it with the network's only input, float32."""

    def __init__(self, server, number):
        self.server, self.number = server, number

    def __call__(self, x):
        _, tensors = self.server._call(
            {"op": "run", "id": self.number, "tensors": [{"name": "", "shape": list(x.shape)}]}, [x]
        )
        return tensors

    def time(self, x, runs):
        """Wall milliseconds of `runs` runs."""
        reply, _ = self.server._call(
            {
                "op": "time",
                "id": self.number,
                "runs": runs,
                "tensors": [{"name": "", "shape": list(x.shape)}],
            },
            [x],
        )
        return reply["ms"]
