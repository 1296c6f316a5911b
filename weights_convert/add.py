"""One command from a file to an installed network: a checkpoint is converted into the weights
folder, a blob is copied there."""

import os
import re
import shutil

from . import safetensors
from .convert import convert
from .errors import ConvertError
from .folders import weights_dir
from .readers import kind_of


def add(paths, folder=None, name=None, replace=False, **options):
    """(a line about what was installed, sentences about what was left out). options: those of
    convert()."""
    name = name or name_of(paths[0])
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", name):
        raise ConvertError(f"{name!r} is no name for a network: lower case letters, digits, dashes "
                           "and dots")
    folder = weights_dir(folder)
    target = os.path.join(folder, name + ".safetensors")
    if os.path.exists(target) and not replace:
        raise ConvertError(f"{target} is there already; --replace puts this one in its place")
    os.makedirs(folder, exist_ok=True)
    if len(paths) == 1 and kind_of(paths[0]) == "safetensors":
        metadata = safetensors.read(paths[0])[1]
        if "mien" in metadata:
            _copy(paths[0], target)
            return f"{target}: {metadata.get('arch')}, for {metadata.get('task')}", []
    net = convert(paths, target, name=name, **options)
    return f"{target}: {net.arch}, for {net.task}", net.notes


def name_of(path):
    """From a file's name: `w600k_mbf.onnx` is w600k-mbf."""
    stem = os.path.basename(path).rpartition(".")[0] or os.path.basename(path)
    return re.sub(r"[^a-z0-9.]+", "-", stem.lower()).strip("-.")


def _copy(source, target):
    temporary = f"{target}.{os.getpid()}.tmp"
    try:
        shutil.copyfile(source, temporary)
        os.replace(temporary, target)
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)
