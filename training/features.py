"""Values inside the embedder, computed once and kept: each variant of the pictures (as they are,
mirrored, moved) is a file of float16 rows in the manifest's order. What was interrupted goes on
where it stopped."""

import contextlib
import itertools
import json
import os
import subprocess
import tempfile

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageFilter

from weights_convert import safetensors

from .manifest import SIDE, TrainingError
from .twin import Graph

CHUNK = 256


class Torch:
    """Computes values of the twin's pictures with torch."""

    def __init__(self, twin, values):
        self.twin, self.pieces, done = twin, [], 0
        for value in values:
            below = list(twin.below(value))
            self.pieces.append(torch.nn.Sequential(*below[done:]))
            done = len(below)

    def __call__(self, pixels):
        """[n][h][w][3] of bytes; yields [n][c][h][w] for each value."""
        x = self.twin.normalise(torch.tensor(pixels).permute(0, 3, 1, 2))
        with torch.no_grad():
            for piece in self.pieces:
                x = piece(x)
                yield x.numpy()


class Engine:
    """Computes them with mien's own engine, several times faster: a graph of the embedder's lower
    part, run by tests/reference/runnet."""

    def __init__(self, twin, values, threads, runner):
        self.command, self.twin, self.values = [runner, "-t", str(threads)], twin, values
        self.folder = tempfile.TemporaryDirectory()
        graph, x, done = Graph(), 0, 0
        for value in values:
            below = list(twin.below(value))
            for stage in below[done:]:
                x = stage.nodes(graph, x)
            done = len(below)
            graph.output(value, x)
        self.blob = os.path.join(self.folder.name, "below.safetensors")
        safetensors.write(self.blob, graph.tensors, {
            "mien": "1", "name": "below", "arch": "graph", "task": "raw",
            "input": twin.metadata["input"], "license": "none", "source": "none",
            "graph": json.dumps({"nodes": graph.nodes, "outputs": graph.outputs,
                                 "size": "fixed", "multiple_of": 1})})

    def __call__(self, pixels):
        given, made = (os.path.join(self.folder.name, name) for name in ("in", "out"))
        pixels.astype("<f4").tofile(given)
        n, height, width, _ = pixels.shape
        done = subprocess.run([*self.command, self.blob, str(width), str(height), str(n), given, made],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise TrainingError(done.stderr.strip() or f"{self.command[0]} failed")
        data, at = np.fromfile(made, "<f4"), 0
        for line in done.stdout.splitlines():
            shape = [int(number) for number in line.split()[1:]]
            count = int(np.prod(shape))
            yield data[at : at + count].reshape(shape).transpose(0, 3, 1, 2)
            at += count

    def close(self):
        self.folder.cleanup()


def _centre(pixels):
    margin = (pixels.shape[0] - SIDE) // 2
    return pixels[margin : margin + SIDE, margin : margin + SIDE]


def _moved(pixels, rng):
    """As another detector, camera and light might have given the picture: turned, scaled and shifted
    a little, mirrored or not, brighter or darker, blurred or small."""
    image, side = Image.fromarray(pixels), pixels.shape[0]
    angle, scale = np.deg2rad(rng.uniform(-8, 8)), rng.uniform(0.9, 1.12)
    a, b = np.cos(angle) * scale, np.sin(angle) * scale
    x, y = side / 2 + rng.uniform(-5, 5, 2)
    image = image.transform((SIDE, SIDE), Image.Transform.AFFINE,
                            (a, -b, x - a * SIDE / 2 + b * SIDE / 2,
                             b, a, y - b * SIDE / 2 - a * SIDE / 2), Image.Resampling.BILINEAR)
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhance(image).enhance(rng.uniform(0.75, 1.3))
    worse = rng.random()
    if worse < 0.2:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.5, 1.5)))
    elif worse < 0.4:
        small = rng.integers(40, 100)
        image = image.resize((small, small), Image.Resampling.BILINEAR).resize((SIDE, SIDE))
    pixels = np.asarray(image)
    return pixels[:, ::-1] if rng.random() < 0.5 else pixels


def crop(pixels, variant, row, seed):
    """The 112x112 picture of a variant: plain, flip, or moved-1, moved-2 and so on, which are
    random, but the same whenever they are made."""
    if variant == "plain":
        return _centre(pixels)
    if variant == "flip":
        return _centre(pixels)[:, ::-1]
    kind, _, number = variant.partition("-")
    if kind != "moved" or not number.isdigit():
        raise TrainingError(f"{variant!r} is none of plain, flip, moved-1, moved-2, ...")
    return _moved(pixels, np.random.default_rng([seed, int(number), row]))


class Cache:
    """The features of a manifest in a folder, one file a value and variant."""

    def __init__(self, folder, manifest, twin):
        self.folder, self.manifest, self.twin = folder, manifest, twin
        self.pin = {"files": manifest.digest(), "embedder": twin.name,
                    "source_sha256": twin.metadata.get("source_sha256", "")}
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, "of.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                if json.load(file) != self.pin:
                    raise TrainingError(f"{folder} holds features of other pictures or of another "
                                        "embedder: give another folder")
        else:
            with open(path, "w", encoding="utf-8") as file:
                json.dump(self.pin, file)

    def _path(self, value, variant):
        return os.path.join(self.folder, f"{value}.{variant}.f16")

    def shape(self, value):
        """[c, h, w] of a value."""
        with torch.no_grad():
            return list(self.twin.below(value)(torch.zeros(1, 3, SIDE, SIDE)).shape[1:])

    def rows(self, value, variant):
        """[rows][c][h][w], float16, mapped from the file."""
        shape = [len(self.manifest), *self.shape(value)]
        path = self._path(value, variant)
        if not os.path.exists(path) or os.path.getsize(path) != 2 * int(np.prod(shape)):
            raise TrainingError(f"{path} is not there or not whole: `train.py features` first")
        return np.memmap(path, np.float16, "r", shape=tuple(shape))

    def variants(self, value):
        """Those that are there, the plain one first."""
        names = [name[len(value) + 1 : -4] for name in os.listdir(self.folder)
                 if name.startswith(value + ".") and name.endswith(".f16")]
        return sorted(names, key=lambda name: (name != "plain", name))

    def make(self, values, variants, seed, compute, tell):
        """Computes what is missing of some variants, for every value at once; the values are in the
        order the network computes them. compute: Torch or Engine of these values."""
        sizes = [2 * int(np.prod(self.shape(value))) for value in values]
        missing, done = [], len(self.manifest)
        for variant in variants:
            paths = [self._path(value, variant) for value in values]
            there = min(os.path.getsize(p) // size if os.path.exists(p) else 0
                        for p, size in zip(paths, sizes))
            if there < len(self.manifest):
                missing.append((variant, paths))
                done = min(done, there)
        with contextlib.ExitStack() as stack:
            outputs = []
            for variant, paths in missing:
                files = [stack.enter_context(open(p, "r+b" if os.path.exists(p) else "w+b"))
                         for p in paths]
                for file, size in zip(files, sizes):
                    file.truncate(done * size)
                    file.seek(done * size)
                outputs.append((variant, files))
            pictures = enumerate(self.manifest.pictures(done), done) if missing else iter(())
            while chunk := list(itertools.islice(pictures, CHUNK)):
                for variant, files in outputs:
                    pixels = np.stack([crop(p, variant, row, seed) for row, p in chunk])
                    for value, file in zip(compute(pixels), files):
                        file.write(np.ascontiguousarray(value, np.float16).tobytes())
                tell(chunk[-1][0] + 1, len(self.manifest))
