"""Verification on LFW pairs, folds 1 to 3 (1800 pairs).

Path "original": the deep-funneled 250x250 picture -> detector -> the face nearest to the centre ->
5-point alignment -> embedding -> cosine. Path "aligned": crops made by somebody else's alignment,
on the 96-pixel wide template, so they are shifted 8 pixels to the right and embedded as they are.
"""
import os
import sys
import tempfile

import numpy as np
from PIL import Image

import common
import metrics

# Accuracy and TAR at 1 % FAR in percent, measured with TFLite, ONNX Runtime and torch.
REFERENCE = {
    ("mobilefacenet-192", "original"): (99.61, 99.9),
    ("mobilefacenet-512", "original"): (99.33, 99.3),
    ("mobilefacenet-y1", "original"): (99.44, 99.7),
    ("mobilefacenet-192", "aligned"): (99.22, None),
    ("mobilefacenet-512", "aligned"): (99.39, None),
    ("mobilefacenet-y1", "aligned"): (99.72, None),
}


def load_pairs(data):
    """[(first, second, same, fold)], pictures as Name/Name_0001."""
    pairs = []
    with open(os.path.join(data, "lfw", "pairs.txt"), encoding="utf-8") as f:
        folds, each = map(int, f.readline().split())
        for fold in range(folds):
            for _ in range(2 * each):
                words = f.readline().split()
                names = (words[0], words[0]) if len(words) == 3 else (words[0], words[2])
                numbers = (words[1], words[2]) if len(words) == 3 else (words[1], words[3])
                first, second = ("%s/%s_%04d" % (n, n, int(i)) for n, i in zip(names, numbers))
                pairs.append((first, second, len(words) == 3, fold))
    return pairs


def pictures(pairs):
    return sorted({p for pair in pairs for p in pair[:2]})


def find(folder, name):
    for extension in (".jpg", ".png", ".jpeg"):
        if os.path.exists(os.path.join(folder, name + extension)):
            return os.path.join(folder, name + extension)
    sys.exit("accuracy: %s has no picture %s" % (folder, name))


def shifted_copies(folder, names, target):
    """Copies of the crops moved 8 pixels to the right over black; returns their paths."""
    paths = []
    for name in names:
        with Image.open(find(folder, name)) as image:
            moved = Image.new("RGB", (112, 112))
            moved.paste(image.convert("RGB"), (8, 0))
        paths.append(os.path.join(target, os.path.basename(name) + ".png"))
        moved.save(paths[-1])
    return paths


def evaluate(table, name, path, lines, pairs):
    """A picture without a face has no embedding and is like nobody (similarity -1)."""
    vectors = {}
    for line in lines:
        if line["faces"]:
            vector = np.array(line["faces"][0]["embedding"])
            vectors[os.path.splitext(os.path.basename(line["file"]))[0]] = vector / np.linalg.norm(
                vector
            )
    names = [[os.path.basename(n) for n in pair[:2]] for pair in pairs]
    similarity = np.array(
        [vectors[a] @ vectors[b] if a in vectors and b in vectors else -1.0 for a, b in names]
    )
    same, folds = np.array([p[2] for p in pairs]), np.array([p[3] for p in pairs])
    accuracy, tar = metrics.verification(similarity, same, folds)
    reference = REFERENCE.get((name, path), (None, None))
    where = "LFW %d pairs, %s" % (len(pairs), path)
    table.add(name, where, "accuracy %", reference[0], accuracy)
    table.add(name, where, "TAR % at FAR 1 %", reference[1], tar)


def run(
    table,
    data,
    precision,
    embedders,
    detector="retinaface-mnet025-v2",
    paths=("original", "aligned"),
):
    """embedders: name -> name or blob that --embedder takes."""
    pairs = load_pairs(data)
    names = pictures(pairs)
    for name, blob in embedders.items():
        if "original" in paths:
            files = [find(os.path.join(data, "lfw", "original250"), n) for n in names]
            lines = common.run_mien(
                precision,
                "embed",
                files,
                "--embedder",
                blob,
                "--detector",
                detector,
                "--face",
                "centre",
                "--threshold",
                0.5,
            )
            evaluate(table, name, "original", lines, pairs)
        if "aligned" in paths:
            with tempfile.TemporaryDirectory() as folder:
                files = shifted_copies(os.path.join(data, "lfw", "aligned112"), names, folder)
                lines = common.run_mien(
                    precision, "embed", files, "--embedder", blob, "--aligned"
                )
                evaluate(table, name, "aligned", lines, pairs)


def main():
    parser = common.parser(__doc__)
    parser.add_argument(
        "--embedder", default="mobilefacenet-192", help="network (default: %(default)s)"
    )
    parser.add_argument("--blob", help="its blob, where it is not in the weights folder")
    parser.add_argument(
        "--detector", default="retinaface-mnet025-v2", help="name or blob (default: %(default)s)"
    )
    parser.add_argument(
        "--path", action="append", choices=("original", "aligned"), help="default: both"
    )
    options = parser.parse_args()
    common.need(os.path.join(options.data, "lfw"))
    table = common.Table(options.precision)
    paths = options.path or ["original", "aligned"]
    if options.predictions:
        evaluate(
            table,
            options.embedder,
            paths[0],
            common.read_lines(options.predictions),
            load_pairs(options.data),
        )
    else:
        embedders = {options.embedder: options.blob or options.embedder}
        table.each_precision(
            lambda p: run(table, options.data, p, embedders, options.detector, paths)
        )
    return table.finish()


if __name__ == "__main__":
    sys.exit(main())
