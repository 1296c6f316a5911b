"""Reads and writes safetensors files: eight bytes of header length, a JSON header, the tensors.
https://huggingface.co/docs/safetensors. The writer pads the header so that the data section starts
on a 64-byte boundary and puts nothing into the file that depends on when or where it runs, so the
same input gives the same bytes. The reader trusts no number of the header before checking it."""

import json
import os
import struct

import numpy as np

from .errors import ConvertError

ALIGN = 64
MAX_RANK = 8
MAX_HEADER = 100_000_000  # the limit of the reference implementation

_DTYPES = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": np.uint16,  # widened after reading
    "I64": np.int64,
    "I32": np.int32,
    "I16": np.int16,
    "I8": np.int8,
    "U8": np.uint8,
    "BOOL": np.bool_,
}


def encode_header(tensors, metadata):
    """The header of a file that holds `tensors` (name -> array, float16 or to be float32) in this
    order."""
    header = {"__metadata__": {key: metadata[key] for key in sorted(metadata)}}
    offset = 0
    for name, array in tensors.items():
        dtype = "F16" if array.dtype == np.float16 else "F32"
        end = offset + array.size * np.dtype(_DTYPES[dtype]).itemsize
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    padding = -(8 + len(text)) % ALIGN
    return text + b" " * padding


def _is_half(item):
    return item[1].dtype == np.float16


def write(path, tensors, metadata):
    """Writes {name: array} whole or not at all: to a temporary file, then renamed. float16 stays,
    all else becomes float32; halves come last, since an odd number of them would leave what
    follows askew."""
    tensors = dict(sorted(tensors.items(), key=_is_half))
    header = encode_header(tensors, metadata)
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(struct.pack("<Q", len(header)))
            file.write(header)
            for array in tensors.values():
                kind = "<f2" if array.dtype == np.float16 else "<f4"
                file.write(np.ascontiguousarray(array, dtype=kind).data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise


def _no_duplicates(pairs):
    result = {}
    for key, value in pairs:
        if key in result:
            raise ConvertError(f"the header names {key!r} twice")
        result[key] = value
    return result


def parse_header(text):
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_no_duplicates)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise ConvertError("the safetensors header is not JSON") from None
    if not isinstance(header, dict):
        raise ConvertError("the safetensors header is not a JSON object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ConvertError("__metadata__ is not a map of strings to strings")
    return header, metadata


def _check_entry(name, entry, size):
    """Returns dtype, shape, begin, end of one tensor; every number is checked."""
    if not isinstance(entry, dict):
        raise ConvertError(f"tensor {name!r} is not described by an object")
    dtype, shape, span = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if dtype not in _DTYPES:
        raise ConvertError(f"tensor {name!r} has the unknown type {dtype!r}")
    for what, numbers in (("shape", shape), ("data_offsets", span)):
        if not isinstance(numbers, list) or not all(
            type(number) is int and 0 <= number < 2**48 for number in numbers
        ):
            raise ConvertError(f"tensor {name!r} has a broken {what}")
    if len(shape) > MAX_RANK:
        raise ConvertError(f"tensor {name!r} has {len(shape)} dimensions")
    if len(span) != 2 or not span[0] <= span[1] <= size:
        raise ConvertError(f"tensor {name!r} lies outside the file")
    count = 1
    for extent in shape:
        count *= extent
    if count * np.dtype(_DTYPES[dtype]).itemsize != span[1] - span[0]:
        raise ConvertError(f"tensor {name!r} has {span[1] - span[0]} bytes, its shape {shape} "
                           f"of {dtype} needs {count * np.dtype(_DTYPES[dtype]).itemsize}")
    return dtype, shape, span[0], span[1]


def read(path):
    """Returns ({name: array}, metadata). BF16 is widened to float32."""
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < 8:
        raise ConvertError("the file is too short to be safetensors")
    (length,) = struct.unpack_from("<Q", data)
    if length > MAX_HEADER or 8 + length > len(data):
        raise ConvertError(f"the safetensors header claims {length} bytes")
    header, metadata = parse_header(data[8 : 8 + length])
    base = 8 + length
    tensors, expected = {}, 0
    entries = [(name, *_check_entry(name, entry, len(data) - base))
               for name, entry in header.items()]
    for name, dtype, shape, begin, end in sorted(entries, key=lambda entry: entry[3:5]):
        if begin != expected:
            raise ConvertError(f"tensor {name!r} overlaps another or follows a hole")
        expected = end
        kind = np.dtype(_DTYPES[dtype]).newbyteorder("<")
        array = np.frombuffer(data, kind, (end - begin) // kind.itemsize, base + begin)
        if dtype == "BF16":
            array = (array.astype(np.uint32) << 16).view(np.float32)
        tensors[name] = array.reshape(shape)
    if expected != len(data) - base:
        raise ConvertError("bytes follow the last tensor")
    return tensors, metadata
