"""One module a checkpoint format. read() looks at the bytes, not at the file's extension."""

import json
import os
import stat
import struct

from ..errors import ConvertError

_LEGACY_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_MXNET_LIST = struct.pack("<Q", 0x112)


def kind_of(path):
    """Which format a file is in: the name of the module that reads it."""
    if stat.S_ISFIFO(os.stat(path).st_mode) or stat.S_ISCHR(os.stat(path).st_mode):
        raise ConvertError("this is no file but a pipe or a device")
    with open(path, "rb") as file:
        head = file.read(4096)
    if not head:
        raise ConvertError("the file is empty")
    if head[:4] == b"PK\x03\x04" or head.startswith(_LEGACY_TORCH):
        return "pytorch"
    if head[4:8] == b"TFL3":
        return "tflite"
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return "keras_h5"
    if head.startswith(_MXNET_LIST):
        return "mxnet_params"
    if head.lstrip()[:1] in (b"{", b"["):
        return "json"
    if len(head) > 9 and head[8:9] == b"{" and struct.unpack_from("<Q", head)[0] < 2**32:
        return "safetensors"
    if head[:1] == b"\x80":
        raise ConvertError("this is a bare pickle, not a file of torch.save")
    return "onnx"


def read(paths):
    """Reads a checkpoint: one file, or for MXNet the symbol and the params file in any order."""
    if not paths:
        raise ConvertError("no source file was given")
    kinds = {path: kind_of(path) for path in paths}
    for path in [p for p, kind in kinds.items() if kind == "json"]:
        kinds[path] = _kind_of_json(path)
    if "mxnet_symbol" in kinds.values() or "mxnet_params" in kinds.values():
        return _read_mxnet(kinds)
    if len(paths) != 1:
        raise ConvertError("this format is one file; give the model's own file only")
    (path, kind), = kinds.items()
    return _reader(kind)(path)


def _reader(kind):
    if kind == "pytorch":
        from .pytorch import read
    elif kind == "tflite":
        from .tflite import read
    elif kind == "keras_h5":
        from .keras_h5 import read
    elif kind == "tfjs":
        from .tfjs import read
    elif kind == "safetensors":
        from .safetensors_file import read
    else:
        from .onnx_file import read
    return read


def _kind_of_json(path):
    document = load_json(path)
    if isinstance(document, dict) and "nodes" in document and "arg_nodes" in document:
        return "mxnet_symbol"
    return "tfjs"


def _read_mxnet(kinds):
    by_kind = {kind: path for path, kind in kinds.items()}
    if set(by_kind) != {"mxnet_symbol", "mxnet_params"} or len(kinds) != 2:
        raise ConvertError("an MXNet network is two files: its -symbol.json and its .params")
    from .mxnet import read

    return read(by_kind["mxnet_symbol"], by_kind["mxnet_params"])


def load_json(path):
    """A JSON document, or a ConvertError."""
    if os.path.getsize(path) > 200_000_000:
        raise ConvertError("the JSON file is larger than 200 MB")
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise ConvertError("the file is not valid JSON") from None
