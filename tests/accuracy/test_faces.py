"""What is told of faces without a network, on real ones (LFW): made worse and worse they have a
lower and lower quality, and they are turned as FSA-Net in ONNX Runtime says."""
import os
import sys
import tempfile

import numpy as np
from PIL import Image, ImageFilter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "reference"))
import common  # noqa: E402
import lfw  # noqa: E402
import sources  # noqa: E402
from runtimes.node_runtime import NodeServer, Unavailable  # noqa: E402

SKIPPED = 77
PICTURES = 12
TURNED = 60  # pictures FSA-Net sees
YAW = 6.0  # degrees of mean absolute difference


def noisy(sigma):
    random = np.random.default_rng(1)

    def change(image):
        pixels = np.asarray(image, float)
        worse = pixels + random.normal(0, sigma, pixels.shape)
        return Image.fromarray(np.clip(np.rint(worse), 0, 255).astype(np.uint8))

    return change


def darker(factor):
    return lambda image: image.point(lambda v: int(v * factor))


def smaller(factor):
    return lambda image: image.resize([round(n * factor) for n in image.size], Image.Resampling.BOX)


# Reason, measure, whether it falls, and pictures worse and worse.
WORSE = [
    ("blurred", "sharpness", True, [ImageFilter.GaussianBlur(r) for r in (0, 1.5, 3)]),
    ("noisy", "noise", False, [noisy(s) for s in (0, 20, 55)]),
    ("dark", "dark", False, [darker(f) for f in (1, 0.4, 0.12)]),
    ("small", "eye_distance", True, [smaller(f) for f in (1, 0.5, 0.13)]),
]


def faces(files, *options):
    """The face nearest to the middle of each picture; None where there is none."""
    lines = common.run_mien("fp32", "embed", files, "--face", "centre", "--quality", *options)
    return [line["faces"][0] if line["faces"] else None for line in lines]


def worsened(names, folder, number, change):
    paths = []
    for name in names:
        with Image.open(lfw.find(folder["lfw"], name)) as image:
            image = image.convert("RGB")
            image = image.filter(change) if isinstance(change, ImageFilter.Filter) else change(image)
        paths.append(os.path.join(folder["work"], f"{number}-{os.path.basename(name)}.png"))
        image.save(paths[-1], compress_level=1)
    return paths


def check_worse(names, folder):
    for reason, measure, falls, changes in WORSE:
        rows = [faces(worsened(names, folder, i, change), "--threshold", 0.1)
                for i, change in enumerate(changes)]
        whole = [list(row) for row in zip(*rows) if None not in row]
        assert len(whole) >= PICTURES // 2, (reason, len(whole))
        for row in whole:
            values = [face["quality"][measure] for face in row]
            assert values == sorted(values, reverse=falls), (reason, values)
        scores = np.mean([[face["quality"]["score"] for face in row] for row in whole], axis=0)
        named = [np.mean([reason in row[i]["quality"]["reasons"] for row in whole]) for i in (0, -1)]
        print(f"{reason}: scores {scores.round(2)}, named at {named[0]:.0%} and {named[1]:.0%}")
        assert list(scores) == sorted(scores, reverse=True) and scores[0] > 0.9, scores
        assert named[0] <= 0.1 and named[1] >= 0.7, (reason, named)


def check_pose(names, folder):
    """As headpose-fsanet-pytorch's src/demo.py: the mean of two networks, yaw positive to the
    left."""
    files = [lfw.find(folder["lfw"], name) for name in names]
    weights = sources.shared("weights", "fsanet_headpose_onnx")
    server, differences = NodeServer(), []
    try:
        nets = [server.open("onnx", os.path.join(weights, f"fsanet-{kind}-iter-688590.onnx"))
                for kind in ("1x1", "var")]
        for file, face in zip(files, faces(files)):
            x0, y0, x1, y1 = (int(v) for v in face["box"])
            with Image.open(file) as image:
                part = image.convert("RGB").crop((x0, y0, x1 + 1, y1 + 1))
            pixels = np.asarray(part.resize((64, 64), Image.Resampling.BILINEAR), np.float32)
            batch = ((pixels[:, :, ::-1] - 127.5) / 128).transpose(2, 0, 1)[None]
            yaw, pitch, _ = np.mean([net(batch)["output"].reshape(3) for net in nets], axis=0)
            differences.append([face["pose"]["yaw"] + yaw, face["pose"]["pitch"] - pitch])
    finally:
        server.close()
    yaw, pitch = np.abs(differences).mean(axis=0)
    print(f"pose of {len(files)} faces: yaw within {yaw:.1f}, pitch within {pitch:.1f} degrees")
    assert yaw <= YAW and pitch <= YAW


def main():
    data = common.data_dir()
    folder = {"lfw": os.path.join(data, "lfw", "original250")}
    if not os.path.isdir(folder["lfw"]):
        print("skipped: no %s" % os.path.normpath(folder["lfw"]))
        return SKIPPED
    names = lfw.pictures(lfw.load_pairs(data))
    with tempfile.TemporaryDirectory() as folder["work"]:
        check_worse(names[:: len(names) // PICTURES][:PICTURES], folder)
        try:
            check_pose(names[:: len(names) // TURNED][:TURNED], folder)
        except (Unavailable, sources.Missing) as missing:
            print("without FSA-Net: %s" % missing)
    return 0


if __name__ == "__main__":
    sys.exit(main())
