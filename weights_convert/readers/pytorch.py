"""PyTorch .pth and .pt, of both kinds torch.save has written: a zip with data.pkl and one member a
storage (since 1.6), and the older run of pickles followed by the storages. The pickles go through
pickle_vm, so a checkpoint cannot run anything. torch/serialization.py describes both formats."""

import io
import re
import struct
import zipfile

import numpy as np

from ..errors import ConvertError
from ..source import Source
from .pickle_vm import STORAGES, Global, Machine, Storage, TensorRef

_MAGIC, _PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
_DTYPES = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2",
           "BFloat16Storage": "<u2", "LongStorage": "<i8", "IntStorage": "<i4",
           "ShortStorage": "<i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "?"}
# Where training scripts put the state dict when they save more than it.
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "backbone", "state_dict_backbone")


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    load = _load_zip if data[:4] == b"PK\x03\x04" else _load_legacy
    root, storages = load(data)
    state = _state_dict(root)
    tensors = {}
    for name, ref in state.items():
        if isinstance(ref, TensorRef):
            name = re.sub(r"\A(module\.)+", "", name)
            if name in tensors:
                raise ConvertError(f"two tensors are called {name}")
            tensors[name] = _array(name, ref, storages)
    return Source([path], tensors)


def _state_dict(root):
    """The dict that holds the tensors: the root, or one of its usual places."""
    candidates = [root]
    if isinstance(root, dict):
        candidates += [root[key] for key in _WRAPPERS if isinstance(root.get(key), dict)]
    for state in candidates:
        if isinstance(state, dict) and any(isinstance(v, TensorRef) for v in state.values()):
            if not all(isinstance(key, str) for key in state):
                raise ConvertError("the state dict has keys that are no names")
            return state
    raise ConvertError("the file holds no state dict: no dict of tensors by name")


def _storage_reference(reference):
    """('storage', type, key, location, count[, view]) as the pickles name a storage."""
    if not isinstance(reference, tuple) or len(reference) < 5 or reference[0] != "storage":
        raise ConvertError("the pickle refers to something that is no storage")
    kind, key, count = reference[1], reference[2], reference[4]
    if not isinstance(kind, Global) or kind.name not in STORAGES or type(key) not in (str, int):
        raise ConvertError("the pickle refers to a storage of an unknown type")
    if len(reference) > 5 and reference[5] is not None:
        raise ConvertError("the file uses storage views, which were given up in 2017")
    if type(count) is not int or not 0 <= count < 2**48:
        raise ConvertError(f"storage {key} has a broken size")
    return Storage(kind.name, str(key), count)


def _load_zip(data):
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = {info.filename: info for info in archive.infolist()}
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, struct.error):
        raise ConvertError("the zip archive is broken or cut short") from None
    pickles = [name for name in members if name.endswith("/data.pkl")]
    if len(pickles) != 1:
        raise ConvertError("the zip archive is not a file of torch.save")
    prefix = pickles[0][: -len("data.pkl")]
    left = len(data)  # members that overlap could add up to more than there is

    def member(name):
        nonlocal left
        info = members.get(prefix + name)
        if info is None:
            raise ConvertError(f"the archive has no {name}")
        left -= info.file_size
        if info.compress_type != zipfile.ZIP_STORED or left < 0:
            raise ConvertError(f"the archive's {name} is compressed, as torch.save never does")
        try:
            return archive.read(info)
        except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, ValueError,
                NotImplementedError, struct.error):
            raise ConvertError(f"the archive's {name} is broken") from None

    if prefix + "byteorder" in members and member("byteorder") != b"little":
        raise ConvertError("the file was saved on a big-endian machine")
    wanted = {}

    def persistent(reference):
        storage = _storage_reference(reference)
        return wanted.setdefault(storage.key, storage)

    root = Machine(persistent).run(io.BytesIO(member("data.pkl")))
    return root, {key: member("data/" + key) for key in wanted}


def _load_legacy(data):
    file = io.BytesIO(data)

    def no_reference(_):
        raise ConvertError("a storage is referred to where none can be")

    if Machine(no_reference).run(file) != _MAGIC or Machine(no_reference).run(file) != _PROTOCOL:
        raise ConvertError("the file is not one of torch.save")
    system = Machine(no_reference).run(file)
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ConvertError("the file was saved on a big-endian machine")
    wanted = {}

    def persistent(reference):
        storage = _storage_reference(reference)
        return wanted.setdefault(storage.key, storage)

    root = Machine(persistent).run(file)
    keys = Machine(no_reference).run(file)
    storages = {}
    for key in keys if isinstance(keys, list) else []:
        storage = wanted.get(str(key))
        if storage is None:
            raise ConvertError(f"storage {key} belongs to no tensor")
        head = file.read(8)
        size = storage.count * np.dtype(_DTYPES[storage.kind]).itemsize
        body = file.read(size)
        if len(head) < 8 or struct.unpack("<q", head)[0] != storage.count or len(body) != size:
            raise ConvertError(f"storage {key} is cut short or not of the size it claims")
        storages[storage.key] = body
    return root, storages


def _array(name, ref, storages):
    storage = ref.storage
    dtype = np.dtype(_DTYPES[storage.kind])
    data = storages.get(storage.key)
    if data is None or len(data) != storage.count * dtype.itemsize:
        raise ConvertError(f"tensor {name} has no storage of {storage.count} numbers")
    count = 1
    for extent in ref.shape:
        count *= extent
    last = ref.offset + sum((n - 1) * s for n, s in zip(ref.shape, ref.stride))
    if count > storage.count or (count and last >= storage.count):
        raise ConvertError(f"tensor {name} of shape {list(ref.shape)} does not fit its storage")
    flat = np.frombuffer(data, dtype)
    if storage.kind == "BFloat16Storage":
        flat = (flat.astype(np.uint32) << 16).view(np.float32)
    if count == 0:
        return np.zeros(ref.shape, flat.dtype)
    strides = [stride * flat.itemsize for stride in ref.stride]
    view = np.lib.stride_tricks.as_strided(flat[ref.offset :], ref.shape, strides, writeable=False)
    return np.ascontiguousarray(view).reshape(ref.shape)
