"""What the tests of the converter share: where published files may be found, and a test case with a
folder of its own that checks refusals by their message."""

import atexit
import json
import os
import shutil
import sys
import tempfile
import unittest

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

from weights_convert import fetch  # noqa: E402
from weights_convert.errors import ConvertError  # noqa: E402

SEED = 1
SHARED = os.path.join(ROOT, "..", "shared", "weights")


def shared(*parts):
    """A checkpoint of the shared folder; the test is skipped where it is absent."""
    path = os.path.join(SHARED, *parts)
    if not os.path.exists(path):
        raise unittest.SkipTest(f"{'/'.join(parts)} is not there")
    return path


_unpacked = {}  # (package, patterns) -> folder, for as long as the tests run


def packaged(package, *patterns):
    """A folder with members of an npm package that `fetch` has left in its cache; else a skip."""
    path = os.path.join(fetch.cache_dir(), package.replace("/", "-").lstrip("@") + ".tgz")
    if not os.path.exists(path):
        raise unittest.SkipTest(f"{package} is not in the cache")
    key = (package, patterns)
    if key not in _unpacked:
        _unpacked[key] = tempfile.mkdtemp(prefix="mien-test-")
        atexit.register(shutil.rmtree, _unpacked[key], True)
        fetch.extract(path, patterns, _unpacked[key])
    return _unpacked[key]


class TestCase(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mien-test-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, data):
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(data if isinstance(data, bytes) else json.dumps(data).encode())
        return path

    def refused(self, *expected):
        """assertRaises(ConvertError) that also wants each text in the message."""
        pattern = "".join(f"(?=.*{text})" for text in expected)
        return self.assertRaisesRegex(ConvertError, f"(?s){pattern}")

    def survives(self, data, name, read, step):
        """Every truncation and many flipped bytes either read or raise ConvertError."""
        for end in range(0, len(data), max(1, len(data) // step)):
            self._try(self.write(name, data[:end]), read)
        print(f"{name}, flipped bytes: seed {SEED}")
        random = np.random.default_rng(SEED)
        for _ in range(step):
            broken = bytearray(data)
            for position in random.integers(0, min(len(data), 4096), 3):
                broken[position] = random.integers(0, 256)
            self._try(self.write(name, bytes(broken)), read)

    def _try(self, path, read):
        try:
            read(path)
        except ConvertError:
            pass
