"""Networks whose checkpoints cannot be had here, with random weights under the published
checkpoints' key names.

torch makes a .pth file as the publishers' training scripts would, weights_convert turns it into a
blob, mien runs it, and torch's double precision is the reference. This covers the reader, the name
map and the network at once. Rounding errors grow with the depth and with the weights that were drawn:
mien may be twice as far from the reference as torch in single precision is.
"""
import os
import sys
import tempfile

import numpy as np

import compare
import sources


def cases():
    """(name, family, network, sample for its batch norms, (width, height) to test, normalisation,
    legacy file?)"""
    from runtimes import torch_nets as nets

    imagenet = ((123.675, 116.28, 103.53), (1 / 58.395, 1 / 57.12, 1 / 57.375), False)
    arcface = (127.5, 1 / 127.5, False)
    for depth in (18, 34, 50, 101, 152):
        yield "resnet%d" % depth, "resnet", nets.resnet(depth), (4, 96), (
            224,
            224,
        ), imagenet, depth == 34
    for depth in (18, 34, 50, 100):
        yield "iresnet%d" % depth, "iresnet", nets.iresnet(depth), (4, 112), (
            112,
            112,
        ), arcface, depth == 34
    yield "mobilefacenet", "mobilefacenet", nets.MobileFaceNet(), (4, 112), (
        112,
        112,
    ), arcface, False
    for size in ((320, 224), (96, 160), (203, 150)):
        yield (
            "retinaface-resnet50",
            "retinaface",
            nets.RetinaFace("resnet50"),
            (2, 128),
            size,
            ((104, 117, 123), 1, True),
            size[0] == 96,
        )


def photographs(width, height, count):
    """A batch of the sample photographs."""
    import test_networks

    return np.concatenate(
        [test_networks.scene(p, width, height) for p in sources.sample_photos()[:count]]
    )


def run(net, x, family):
    """{output: array}"""
    import torch

    with torch.no_grad():
        out = net(x)
    if isinstance(out, dict):
        return {k: v.numpy() for k, v in out.items()}
    return {"prob" if family == "resnet" else "embedding": out.numpy()}


def compare_case(report, folder, case, batch=2):
    import torch
    from runtimes import torch_nets
    from runtimes.open_net import nchw

    name, family, net, (samples, side), size, (mean, scale, bgr), legacy = case
    seed = len(name)
    torch.manual_seed(seed)
    print("%s: seed %d" % (name, seed))
    sample, shift = torch.randn(samples, 3, side, side), 0
    if family == "retinaface":
        # No residual sums in its neck, and an input of bare pixels: without the shift, and with
        # statistics of small inputs, rounding errors grow to the limit, in torch's fp32 as well.
        sample, shift = 60 * sample, 1
    torch_nets.random_state(net, seed, sample, shift)
    source, target = os.path.join(folder, "net.pth"), os.path.join(folder, name + ".safetensors")
    torch.save(net.state_dict(), source, _use_new_zipfile_serialization=not legacy)
    compare.convert([source], target, "--family", family, "--name", name)
    x = photographs(*size, batch)
    normal = nchw(x.astype(float), np.asarray(mean, float), 1, bgr) * np.reshape(
        np.asarray(scale, float), (-1, 1, 1)
    )
    single, theirs = (run(net.to(t), torch.from_numpy(normal).to(t), family)
                      for t in (torch.float32, torch.float64))
    rounding = max(compare.relative_rms(single[k], theirs[k]) for k in theirs)
    what = "%s %dx%d, %s .pth" % (name, *size, "legacy" if legacy else "zip")
    report.outputs(what, compare.run_mien(target, x), theirs,
                   limit=max(compare.RMS_LIMIT, 2 * rounding))
    os.remove(source)
    os.remove(target)


def main():
    report = compare.Report("mien and torch, random weights in published key names")
    compare.tool("runnet", "MIEN_RUNNET")
    try:
        import torch
    except ImportError:
        print("skipped: python3-torch is not installed")
        return compare.SKIPPED
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        for case in cases():
            report.attempt(case[0], compare_case, report, folder, case)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
