#!/usr/bin/env python3
"""The gallery's groups of faces: how right they are on named faces, beside DBSCAN at each of its radii, and
what they cost for many.

usage: bench/cluster.py --faces FOLDER [--tool build/mien] [--shift]
       bench/cluster.py --made 100000 [--dims 192]
       (both) [--worker build/tests/cluster_worker] [--threads 2]

FOLDER: aligned faces of 112x112, a sub-folder a person; --shift: on the template of 96 columns, so that they
are moved 8 pixels to the right. Pairs of faces are counted: precision, recall and their F1.
"""
import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy
from PIL import Image

JOINS = (0.52, 0.54, 0.56, 0.58, 0.60, 0.62, 0.64, 0.66)
LEAST, UNKNOWN, NEIGHBOURS = 0.35, 0.1, 24  # gallery/cluster.c


def copy_faces(folder, target, shift):
    """Person of each copy, in the order of the copies' names."""
    persons = []
    for i, path in enumerate(sorted(Path(folder).glob("*/*"))):
        with Image.open(path) as image:
            moved = Image.new("RGB", (112, 112))
            moved.paste(image.convert("RGB"), (8 if shift else 0, 0))
            moved.save(os.path.join(target, f"{i:06}.png"))
        persons.append(path.parent.name)
    return numpy.unique(persons, return_inverse=True)[1]


def embed(tool, folder):
    out = subprocess.run([tool, "embed", "--aligned", "--batch", "8", folder], check=True,
                         capture_output=True, text=True).stdout
    rows = numpy.array([json.loads(line)["faces"][0]["embedding"] for line in out.splitlines()])
    return (rows / numpy.linalg.norm(rows, axis=1, keepdims=True)).astype(numpy.float32)


def group(args, rows, join):
    """Group of each row, and what it cost."""
    with tempfile.NamedTemporaryFile() as file:
        rows.tofile(file.name)
        out = subprocess.run([args.worker, file.name, str(rows.shape[1]), str(args.threads), str(join),
                              str(LEAST), str(UNKNOWN), str(NEIGHBOURS)], check=True,
                             capture_output=True, text=True).stdout.splitlines()
    return numpy.array([int(line) for line in out[:-1]]), out[-1]


def dbscan(rows, least, core):
    """Ester, Kriegel, Sander and Xu 1996, with scores for distances."""
    near = rows @ rows.T >= least
    groups = numpy.full(len(rows), -1)
    is_core = near.sum(axis=1) >= core
    for i in numpy.flatnonzero(is_core):
        front = [i] if groups[i] < 0 else []
        groups[front] = i
        while front:
            j = front.pop()
            found = numpy.flatnonzero(near[j] & (groups < 0)) if is_core[j] else []
            groups[found] = i
            front.extend(found)
    return groups


def pairs_of(labels):
    counts = numpy.unique(labels, axis=labels.ndim - 1, return_counts=True)[1]
    return (counts * (counts - 1) // 2).sum()


def describe(groups, persons):
    groups = numpy.where(groups < 0, -1 - numpy.arange(len(groups)), groups)
    both = pairs_of(numpy.stack([groups, persons]))
    precision, recall = both / max(pairs_of(groups), 1), both / pairs_of(persons)
    return f"precision {precision:.4f} recall {recall:.4f} F1 {2 * precision * recall / (precision + recall):.4f}"


def made(n, dims, each=10):
    """Persons of so many faces, whose scores are about 0.69."""
    random = numpy.random.default_rng(1)
    own = random.standard_normal((-(-n // each), dims), numpy.float32)
    own /= numpy.linalg.norm(own, axis=1, keepdims=True)
    rows = random.standard_normal((n, dims), numpy.float32)
    rows *= 0.67 / numpy.linalg.norm(rows, axis=1, keepdims=True)
    rows += own[numpy.arange(n) // each]
    return rows / numpy.linalg.norm(rows, axis=1, keepdims=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--faces")
    parser.add_argument("--shift", action="store_true")
    parser.add_argument("--made", type=int)
    parser.add_argument("--dims", type=int, default=192)
    parser.add_argument("--tool", default="build/mien")
    parser.add_argument("--worker", default="build/tests/cluster_worker")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    if args.made:
        rows = made(args.made, args.dims)
        groups, cost = group(args, rows, 0.60)
        print(f"{args.made} made-up faces of {args.dims}: {cost};", describe(groups, numpy.arange(len(rows)) // 10))
    if args.faces:
        with tempfile.TemporaryDirectory() as folder:
            persons = copy_faces(args.faces, folder, args.shift)
            rows = embed(args.tool, folder)
        for join in JOINS:
            print(f"mien, join {join:.2f}:", describe(group(args, rows, join)[0], persons))
        for core in (2, 3):
            for least in JOINS:
                print(f"DBSCAN, {core} faces, {least:.2f}:", describe(dbscan(rows, least, core), persons))


if __name__ == "__main__":
    main()
