"""Writes files as torch.save does, old and new kind, without torch: so that broken and malicious
ones can be made byte by byte, and the tests do not need torch."""

import io
import pickle
import struct
import zipfile

import numpy as np

class Named:
    """Pickles as a reference to a global of another program."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Storage:
    def __init__(self, kind, key, count):
        self.kind, self.key, self.count = kind, key, count


class Tensor:
    def __init__(self, array, storage, offset=0, shape=None, stride=None):
        self.shape = tuple(array.shape if shape is None else shape)
        self.stride = tuple(np.array(array.strides) // array.itemsize) if stride is None else stride
        self.storage, self.offset = storage, offset


KINDS = {"float32": "FloatStorage", "float64": "DoubleStorage", "float16": "HalfStorage",
         "int64": "LongStorage", "uint16": "BFloat16Storage"}  # uint16 stands for bfloat16


class Pickler(pickle._Pickler):  # the Python one: its save methods can be overridden
    """Writes what torch.save writes for tensors: a global, a persistent id, a REDUCE."""

    legacy = False

    def save_named(self, value):
        self.write(b"c" + f"{value.module}\n{value.name}\n".encode())

    def save(self, value, **kwargs):
        if isinstance(value, Tensor):
            self.save_named(Named("torch._utils", "_rebuild_tensor_v2"))
            self.write(pickle.MARK)
            self._save_storage(value.storage)
            for item in (value.offset, tuple(map(int, value.shape)),
                         tuple(map(int, value.stride)), False):
                self.save(item)
            self.write(b"}" + pickle.TUPLE + pickle.REDUCE)
        elif isinstance(value, Named):
            self.save_named(value)
        else:
            super().save(value, **kwargs)

    def _save_storage(self, storage):
        self.write(pickle.MARK)
        self.save("storage")
        self.save_named(Named("torch", storage.kind))
        for item in (storage.key, "cpu", storage.count):
            self.save(item)
        if self.legacy:
            self.save(None)
        self.write(pickle.TUPLE + pickle.BINPERSID)


def pickled(root, legacy=False):
    file = io.BytesIO()
    pickler = Pickler(file, 2)
    pickler.legacy = legacy
    pickler.dump(root)
    return file.getvalue()


def with_storages(state):
    """({name: Tensor}, {key: bytes}) of {name: array}."""
    tensors, storages = {}, {}
    for index, (name, array) in enumerate(state.items()):
        array = np.asarray(array)
        key = str(index)
        storages[key] = array.tobytes()
        tensors[name] = Tensor(np.asarray(array, order="C"),
                                Storage(KINDS[str(array.dtype)], key, array.size))
    return tensors, storages


def torch_zip(root, storages, **extra):
    """The bytes of a file of torch.save since 1.6."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", root if isinstance(root, bytes) else pickled(root))
        for key, data in storages.items():
            archive.writestr(f"archive/data/{key}", data)
        for name, data in extra.items():
            archive.writestr(f"archive/{name}", data)
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def torch_legacy(root, storages, counts):
    """The bytes of a file of torch.save before 1.6."""
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    parts = [pickle.dumps(0x1950A86A20F9469CFC6C, 2), pickle.dumps(1001, 2),
             pickle.dumps(system, 2), root if isinstance(root, bytes) else pickled(root, True),
             pickle.dumps(list(storages), 2)]
    for key, data in storages.items():
        parts += [struct.pack("<q", counts[key]), data]
    return b"".join(parts)


def save_state(path, state):
    """{name: array} as a .pth file."""
    tensors, storages = with_storages(state)
    with open(path, "wb") as file:
        file.write(torch_zip(tensors, storages))
    return path
