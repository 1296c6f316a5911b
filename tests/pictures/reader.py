"""What the tests of picture formats share: mien's reader, as a program, and other programs."""
import io
import os
import re
import shutil
import subprocess
import sys

import numpy as np
from PIL import Image

DECODE = os.environ.get("MIEN_PICTURE_READER", "build/tests/decode")
if not os.path.exists(DECODE):
    print(f"skipped: {DECODE} is not built")
    sys.exit(77)


class Refused(Exception):
    """mien did not read the picture; the text is its sentence."""


def read(path, *options, env=None):
    """(pixels [height][width][3], has alpha, how often it asked to stop)."""
    run = subprocess.run([DECODE, *map(str, options), str(path)], capture_output=True, check=False,
                         env={**os.environ, **(env or {})}, timeout=300)
    said = run.stderr.decode()
    if run.returncode == 1:
        if said.count("\n") != 1:
            raise AssertionError(f"a library has written to standard error: {said}")
        raise Refused(said.strip())
    if run.returncode:
        raise AssertionError(f"decode ended with {run.returncode}: {said}")
    told = re.fullmatch(r"alpha=(\d) asked=(\d+)\n", said)
    if not told:
        raise AssertionError(f"a library has written to standard error: {said}")
    pixels = np.array(Image.open(io.BytesIO(run.stdout)))
    return pixels, told[1] == "1", int(told[2])


def over_white(rgba):
    """[height][width][3] of [height][width][4], as mien composes it."""
    rgba = np.asarray(rgba).astype(int)
    alpha = rgba[..., 3:]
    return (rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255


def pattern(width=61, height=47):
    """A smooth picture in which every corner has a colour of its own."""
    x = np.linspace(0, 255, width)[None, :].repeat(height, 0)
    y = np.linspace(0, 255, height)[:, None].repeat(width, 1)
    return np.stack([x, y, 255 - (x + y) / 2], -1).round().astype(np.uint8)


def most_differ(a, b):
    """The largest difference of two pictures of the same size."""
    if a.shape != b.shape:
        raise AssertionError(f"sizes differ: {a.shape}, {b.shape}")
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def needs(program):
    """Skips the whole file where a program is missing."""
    if not shutil.which(program):
        print(f"skipped: no {program} here")
        sys.exit(77)
