"""A MobileFaceNet of four channels with random weights, and made pictures with labels that can be
seen: what training/ is tested with."""

import csv
import io
import os
import tarfile

import numpy as np
from PIL import Image

from weights_convert import safetensors

CHANNELS, EMBEDDING = 4, 8


def embedder(path, seed=1):
    """A blob of the paper's layout, with TensorFlow's padding and batch norms in one unit."""
    rng, tensors = np.random.default_rng(seed), {}

    def unit(name, out, inputs, kernel, prelu=True):
        scale = (inputs * kernel * kernel) ** -0.5
        tensors[f"{name}.conv.weight"] = rng.normal(0, scale, (out, inputs, kernel, kernel))
        tensors[f"{name}.conv.bias"] = rng.normal(0, 0.1, out)
        if prelu:
            tensors[f"{name}.prelu.weight"] = rng.uniform(0.1, 0.4, out)

    def bottleneck(name):
        unit(f"{name}.conv", 2 * CHANNELS, CHANNELS, 1)
        unit(f"{name}.conv_dw", 2 * CHANNELS, 1, 3)
        unit(f"{name}.project", CHANNELS, 2 * CHANNELS, 1, False)

    unit("conv1", CHANNELS, 3, 3)
    unit("conv2_dw", CHANNELS, 1, 3)
    for name in ("conv_23", "conv_3.0", "conv_34", "conv_4.0", "conv_4.1", "conv_45", "conv_5.0"):
        bottleneck(name)
    unit("conv_6_sep", 2 * CHANNELS, CHANNELS, 1)
    unit("conv_6_dw", 2 * CHANNELS, 1, 7, False)
    for part, low, high in (("weight", 0.5, 1.5), ("bias", -1, 1), ("running_mean", -1, 1),
                            ("running_var", 0.5, 2)):
        tensors[f"conv_6_dw.bn.{part}"] = rng.uniform(low, high, 2 * CHANNELS)
    tensors["linear.weight"] = rng.normal(0, 0.3, (EMBEDDING, 2 * CHANNELS))
    tensors["linear.bias"] = rng.normal(0, 0.3, EMBEDDING)
    safetensors.write(path, {k: v.astype(np.float32) for k, v in tensors.items()}, {
        "mien": "1", "name": "toy", "arch": "mobilefacenet", "task": "embed",
        "input": '{"width":112,"height":112,"channels":"RGB","mean":[127.5,127.5,127.5],'
                 '"scale":[0.0078125,0.0078125,0.0078125]}',
        "variant": '{"padding":"same"}', "bn_eps": '{"":0.001}', "license": "none",
        "source": "made", "source_sha256": "0" * 64})


def pictures(folder, count=120, seed=1):
    """A manifest of crops in a tar: bright ones are male; how red they are is the age group. Every
    seventh has no gender, every eleventh an age nobody knows."""
    rng = np.random.default_rng(seed)
    ages = ("0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "more than 70")
    races = ("White", "Black", "Indian")
    rows = []
    with tarfile.open(os.path.join(folder, "crops-0.tar"), "w") as tar:
        for i in range(count):
            male, age = rng.random() < 0.5, rng.integers(0, 9)
            pixels = rng.normal((40 + 20 * age, 170 if male else 60, 170 if male else 60), 12,
                                (144, 144, 3))
            data = io.BytesIO()
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(data, "WebP", quality=80)
            member = tarfile.TarInfo(f"{i}.webp")
            member.size = data.tell()
            data.seek(0)
            tar.addfile(member, data)
            rows.append({"file": member.name,
                         "age_group": "unknown" if i % 11 == 0 else ages[age],
                         "gender": "" if i % 7 == 0 else "Male" if male else "Female",
                         "race": races[i % 3], "licence": "CC0"})
    path = os.path.join(folder, "labels.csv")
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path
