"""Load for the services: pictures of three sizes, and wrk, which posts them."""
import json
import math
import os
import subprocess

from contenders import Unavailable
from networks import ROOT, reference

# Where the time goes shifts with the size: small pictures are all network, 1080p half decoding.
SIZES = {"320x240": (320, 240), "640x480": (640, 480), "1080p": (1920, 1080)}
# The path, and the field its pictures are posted as.
PATHS = {"/predict": "file", "/detect_faces_from_files/": "files"}
TIMEOUT = 120  # seconds a client waits: a slow service is measured, not given up on


class LoadFailed(Exception):
    """A service could not be loaded; the message says why."""


def make_pictures(folder):
    """The sample photos cut and scaled to each size, as JPEG; {size: [paths]}."""
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise Unavailable("python3-pil is not installed") from error
    photos = os.path.join(reference.weights_dir(), "photos")
    if not os.path.isdir(photos):
        raise Unavailable("the sample photos are not installed: run tools/weights.sh")
    os.makedirs(folder, exist_ok=True)
    made = {}
    for size, (width, height) in SIZES.items():
        made[size] = []
        for name in sorted(os.listdir(photos)):
            path = os.path.join(folder, "%s-%s" % (size, name))
            with Image.open(os.path.join(photos, name)) as image:
                fitted = ImageOps.fit(image.convert("RGB"), (width, height), Image.BICUBIC)
            fitted.save(path, quality=90)
            made[size].append(path)
    return made


def wrk(url, path, pictures, clients, seconds):
    """What wrk measured, as bench/serve.lua prints it."""
    threads = 1 if clients == 1 else 2
    command = ["wrk", "-t%d" % threads, "-c%d" % clients, "-d%ds" % math.ceil(seconds)]
    command += ["--timeout", "%ds" % TIMEOUT, "-s", os.path.join(ROOT, "bench", "serve.lua")]
    command += [url + path, "--", PATHS[path], *pictures]
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False
        )
    except OSError as error:
        raise Unavailable("wrk is not installed") from error
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        raise LoadFailed("wrk: %s" % (done.stderr.strip() or done.stdout.strip()))
    measured = json.loads(lines[-1])
    measured["requests_per_s"] = measured["requests"] / measured["seconds"]
    measured["failed"] = sum(measured.pop("errors").values())
    return measured
