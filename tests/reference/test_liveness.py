"""MiniFASNet v2 as the tool runs it on photographs, beside torch: the layers of its authors'
src/model_lib/MiniFASNet.py on their checkpoint, the crop of src/generate_patches.py, the pixels of
src/anti_spoof_predict.py. Skipped where ../shared has no checkpoint."""
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np

import compare
import pictures
import sources
from test_attributes import cut, inside

CHECKPOINT = os.path.join(sources.SHARED, "weights", "minifasnet_silentface",
                          "2.7_80x80_MiniFASNetV2.pth")
PHOTOS = 4
TOLERANCE = 1e-4  # of a probability


class Published:
    """Its forward pass, by the names of the state dict."""

    def __init__(self, path):
        import torch

        self.torch = torch
        state = torch.load(path, map_location="cpu")
        self.state = {re.sub(r"\Amodule\.", "", k): v.double() for k, v in state.items()}

    def norm(self, x, name):
        parts = (self.state[f"{name}.{p}"] for p in ("running_mean", "running_var", "weight", "bias"))
        return self.torch.nn.functional.batch_norm(x, *parts, False, 0, 1e-5)

    def block(self, x, name, stride=1):
        """Conv_block, or where it has no slopes Linear_block."""
        weight = self.state[f"{name}.conv.weight"]
        x = self.torch.nn.functional.conv2d(x, weight, None, stride, 1 if weight.shape[2] == 3 else 0,
                                            groups=x.shape[1] // weight.shape[1])
        x = self.norm(x, name + ".bn")
        slopes = self.state.get(name + ".prelu.weight")
        return x if slopes is None else self.torch.nn.functional.prelu(x, slopes)

    def depth_wise(self, x, name, stride=1):
        x = self.block(self.block(x, name + ".conv"), name + ".conv_dw", stride)
        return self.block(x, name + ".project")

    def __call__(self, pixels):
        """[h][w][3], BGR, 0..255; the three classes' probabilities."""
        x = self.torch.from_numpy(np.float64(pixels)).permute(2, 0, 1)[None]
        x = self.block(self.block(x, "conv1", 2), "conv2_dw")
        for strided, stage, blocks in (("conv_23", "conv_3", 4), ("conv_34", "conv_4", 6),
                                       ("conv_45", "conv_5", 2)):
            x = self.depth_wise(x, strided, 2)
            for i in range(blocks):
                x = x + self.depth_wise(x, f"{stage}.model.{i}")
        x = self.block(self.block(x, "conv_6_sep"), "conv_6_dw").flatten(1)
        x = self.norm(x @ self.state["linear.weight"].T, "bn") @ self.state["prob.weight"].T
        return self.torch.softmax(x, 1)[0].numpy()


def expected(net, image, face):
    x0, y0, x1, y1 = face["box"]
    rect = inside((x0 + x1) / 2, (y0 + y1) / 2, 2.7 * (x1 - x0), 2.7 * (y1 - y0), image)
    return net(cut(image, rect, 80, 80)[:, :, ::-1])[1]


def tell(blob, photos):
    done = subprocess.run(
        [compare.tool("mien", "MIEN_TOOL"), "analyze", "--classifier=none", "--search=fast",
         "--attributes=live", "--age-gender=" + blob, "--", *photos],
        stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(report, folder, photos):
    net, blob = Published(CHECKPOINT), os.path.join(folder, "minifasnet-v2.safetensors")
    compare.convert([CHECKPOINT], blob, "--name", "minifasnet-v2")
    told, wanted = [], []
    for line in tell(blob, photos):
        image = pictures.load_rgb(line["file"])
        for face in line["faces"]:
            told.append(face["live"]["probability"])
            wanted.append(expected(net, image, face))
    worst = np.abs(np.subtract(told, wanted)).max() if told else np.inf
    report.check("MiniFASNet v2", worst <= TOLERANCE,
                 "%d faces, of %.3f to %.3f, within %.2g of %g" % (
                     len(told), min(wanted), max(wanted), worst, TOLERANCE))


def main():
    report = compare.Report("liveness: mien and the publisher's network in torch")
    try:
        import torch

        torch.set_num_threads(1)
        photos = sources.sample_photos()[:PHOTOS]
    except (ImportError, sources.Unavailable) as reason:
        print("skipped: %s" % reason)
        return compare.SKIPPED
    if not os.path.exists(CHECKPOINT):
        print("skipped: %s is not there" % CHECKPOINT)
        return compare.SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        report.attempt("MiniFASNet v2", check, report, folder, photos)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
