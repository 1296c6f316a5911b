"""Where weights and downloads lie on this machine, and whether a file there is the right one."""

import hashlib
import os


def weights_dir(option=None):
    """The rule of include/mien.h: an argument, $MIEN_WEIGHTS, the user's data folder."""
    if option or os.environ.get("MIEN_WEIGHTS"):
        return option or os.environ["MIEN_WEIGHTS"]
    data = os.environ.get("XDG_DATA_HOME")
    return os.path.join(data or os.path.expanduser("~/.local/share"), "mien")


def cache_dir():
    cache = os.environ.get("XDG_CACHE_HOME")
    return os.path.join(cache or os.path.expanduser("~/.cache"), "mien")


def file_hash(path, kind="sha256"):
    digest = hashlib.new(kind)
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest


def verifies(path, *sums):
    return os.path.isfile(path) and file_hash(path).hexdigest() in sums
