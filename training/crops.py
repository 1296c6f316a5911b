"""Aligned crops of ordinary pictures, with a margin that shifts and turns need: the faces `mien
detect` finds, moved onto the template of vision/align.c as mien_align does it."""

import csv
import json
import os
import subprocess

import numpy as np
from PIL import Image, ImageOps

from .manifest import SIDE, TrainingError

MARGIN = 16
TEMPLATE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366],
                     [41.5493, 92.3655], [70.7299, 92.2041]])
AT_ONCE = 200  # pictures of a run of the tool


def align(pixels, landmarks, margin=MARGIN):
    """The square of SIDE + 2 margin pixels, black outside of the picture; bilinear."""
    p = landmarks @ np.array([1, 1j])
    q = TEMPLATE @ np.array([1, 1j])
    u, v = p - p.mean(), q - q.mean()
    factor = (u.conj() * v).sum() / (abs(u) ** 2).sum()
    y, x = np.mgrid[-margin : SIDE + margin, -margin : SIDE + margin]
    at = (x + 1j * y - q.mean()) / factor + p.mean()
    padded = np.pad(pixels, ((1, 1), (1, 1), (0, 0))).astype(np.float32)
    ax = np.clip(at.real, -1, pixels.shape[1] - 1e-3) + 1
    ay = np.clip(at.imag, -1, pixels.shape[0] - 1e-3) + 1
    left, top = ax.astype(int), ay.astype(int)
    fx, fy = (ax - left)[..., None], (ay - top)[..., None]
    upper = padded[top, left] * (1 - fx) + padded[top, left + 1] * fx
    lower = padded[top + 1, left] * (1 - fx) + padded[top + 1, left + 1] * fx
    return (upper * (1 - fy) + lower * fy + 0.5).astype(np.uint8)


def _detect(tool, paths):
    done = subprocess.run([tool, "detect", *paths], stdout=subprocess.PIPE, check=False, text=True)
    if done.returncode not in (0, 1):  # 1: pictures that cannot be read, which say so
        raise TrainingError(f"{tool} detect failed")
    return [json.loads(line) for line in done.stdout.splitlines()]


def make(manifest_path, folder, out, tool, tell):
    """Writes a crop for each row whose picture (a file of the folder; what is not there is left
    out) shows a face, the likeliest one, and a manifest of them; returns how many rows had none."""
    with open(manifest_path, encoding="utf-8", newline="") as file:
        rows = [r for r in csv.DictReader(file) if os.path.exists(os.path.join(folder, r["file"]))]
    if not rows:
        raise TrainingError(f"{manifest_path} names no picture that is there")
    os.makedirs(out, exist_ok=True)
    kept = []
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        paths = [os.path.join(folder, row["file"]) for row in part]
        for row, path, found in zip(part, paths, _detect(tool, paths)):
            if not found.get("faces"):
                continue
            face = max(found["faces"], key=lambda face: face["score"])
            with Image.open(path) as image:
                pixels = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
            name = f"{len(kept) + 1}.png"
            crop = align(pixels, np.array(face["landmarks"], float))
            Image.fromarray(crop).save(os.path.join(out, name))
            kept.append({**row, "picture": row["file"], "file": name})
        tell(min(start + AT_ONCE, len(rows)), len(rows))
    if not kept:
        raise TrainingError("no picture shows a face")
    with open(os.path.join(out, "labels.csv"), "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, kept[0])
        writer.writeheader()
        writer.writerows(kept)
    return len(rows) - len(kept)
