#!/usr/bin/env python3
"""Measures the ranges of the default networks for int8 again: weights_convert/ranges/.

usage: tools/calibrate.py [NAME ...]    needs the tool ($MIEN_TOOL, else build/mien), the installed
                                        weights, npm and Pillow

For whoever changes a network's op list or how ranges are measured; users get the ranges with the
weights. The pictures are those of registry.json's "calibration", photos and portraits of a package
under a permissive license, and the sample photos; none of them is one that accuracy is measured on.
Photos show too few things for a classifier, so that it sees parts of them as well, and the faces are
all of one size and light, so that embedders see variants. Afterwards `python3 -m weights_convert
fetch --accept` makes the blobs and takes their new sums into the registry.
"""
import glob
import os
import subprocess
import sys
import tempfile

from PIL import Image, ImageEnhance, ImageOps

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)
from weights_convert import fetch, ranges  # noqa: E402


def pictures(folder, kind):
    return sorted(glob.glob(os.path.join(folder, kind, "**", "*.*"), recursive=True))


def write_parts(files, folder):
    """Six squares of half the height from each photo."""
    for path in files:
        with Image.open(path) as image:
            side = image.height // 2
            corners = [(x, y) for x in (0, (image.width - side) // 2, image.width - side)
                       for y in (0, image.height - side)]
            for i, (x, y) in enumerate(corners):
                name = f"{os.path.basename(path)[:-4]}-{i}.png"
                image.convert("RGB").crop((x, y, x + side, y + side)).save(
                    os.path.join(folder, name))


def write_variants(files, folder):
    """Each face dark, mirrored with more contrast, grey and tilted, small."""
    for i, path in enumerate(files):
        with Image.open(path) as file:
            image = file.convert("RGB")
        mirrored = ImageOps.mirror(image)
        variants = {
            "dark": ImageEnhance.Brightness(image).enhance(0.5),
            "contrast": ImageEnhance.Contrast(mirrored).enhance(1.5),
            "grey": image.convert("L").convert("RGB").rotate(8, Image.BILINEAR),
            "small": mirrored.resize((image.width // 2, image.height // 2), Image.BILINEAR),
        }
        for name, variant in variants.items():
            variant.save(os.path.join(folder, f"{i}-{name}.png"))


def collect(folder):
    """Fills folder; returns {task: folders of pictures}."""
    book = fetch.registry()
    entry = book["calibration"]
    package = fetch.tarball(entry["package"], book["packages"][entry["package"]])
    fetch.extract(package, entry["files"], folder)
    demo = os.path.join(folder, "dist", "demo")
    samples = os.path.join(fetch.weights_dir(), "photos")
    parts, variants = os.path.join(folder, "parts"), os.path.join(folder, "variants")
    os.mkdir(parts)
    os.mkdir(variants)
    write_parts(pictures(demo, "photos") + pictures(samples, "."), parts)
    write_variants(pictures(demo, "faces") + pictures(samples, "."), variants)
    photos, faces, products = (os.path.join(demo, k) for k in ("photos", "faces", "products"))
    return {
        "classify": [photos, samples, parts, products, faces],
        "detect": [photos, samples, faces],
        "faces": [samples, faces, variants],
    }


FAMILIES = {"resnet": "classify", "retinaface": "detect"}


def main():
    tool = os.environ.get("MIEN_TOOL") or os.path.join(ROOT, "build", "mien")
    with tempfile.TemporaryDirectory() as folder:
        sources = collect(folder)
        for entry in fetch.registry()["networks"]:
            name = entry["name"]
            if sys.argv[1:] and name not in sys.argv[1:]:
                continue
            blob = os.path.join(folder, name + ".safetensors")
            task = FAMILIES.get(entry["family"], "faces")
            # --force: few or many, these are the pictures the ranges are made of
            subprocess.run([tool, "calibrate", name, "--force", "--output", blob, *sources[task]],
                           check=True)
            ranges.save(name, blob)


if __name__ == "__main__":
    main()
