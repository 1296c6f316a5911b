import os
import pickle
import unittest

import numpy as np

from .support import TestCase, shared
from .torch_files import Storage, Tensor, save_state, torch_legacy, torch_zip, with_storages
from weights_convert.readers import read

SAMPLE = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "module.h": np.array([0.5, -2], np.float16),
    "d": np.array([[1e-3]], np.float64),
    "n": np.array(3, np.int64),
}


class Formats(TestCase):
    def check(self, path):
        tensors = read([path]).tensors
        self.assertEqual(list(tensors), ["a", "h", "d", "n"])
        for (name, array), found in zip(SAMPLE.items(), tensors.values()):
            np.testing.assert_array_equal(found, array, name)
            self.assertEqual(found.shape, array.shape)

    def test_zip(self):
        self.check(save_state(self.path("x.pth"), SAMPLE))

    def test_legacy(self):
        tensors, storages = with_storages(SAMPLE)
        counts = {key: SAMPLE[name].size for key, name in zip(storages, SAMPLE)}
        self.check(self.write("x.pth", torch_legacy(tensors, storages, counts)))

    def test_a_wrapped_state_dict(self):
        tensors, storages = with_storages(SAMPLE)
        root = {"epoch": 3, "best": 0.5, "state_dict": tensors}
        self.check(self.write("x.pth", torch_zip(root, storages)))

    def test_bfloat16(self):
        path = save_state(self.path("x.pth"), {"w": np.array([0x3FC0, 0xC000], np.uint16)})
        self.assertEqual(read([path]).tensors["w"].tolist(), [1.5, -2.0])

    def test_strides_and_offset(self):
        """A transposed view of the middle of a storage, as torch saves it."""
        storage = Storage("FloatStorage", "0", 8)
        view = Tensor(None, storage, offset=1, shape=(3, 2), stride=(1, 3))
        data = np.arange(8, dtype=np.float32)
        path = self.write("x.pth", torch_zip({"w": view}, {"0": data.tobytes()}))
        np.testing.assert_array_equal(read([path]).tensors["w"], data[1:7].reshape(2, 3).T)

    def test_against_torch(self):
        """The published legacy files, and a new one of torch's own making, as torch reads them."""
        torch = self.torch()
        path = self.path("new.pth")
        weight = torch.randn(4, 6)
        torch.save({"w": weight.t(), "half": weight.half(), "bf": weight.bfloat16(),
                    "p": torch.nn.Parameter(weight[1:3])}, path)
        self.same(torch, path)

    def test_published_files(self):
        torch = self.torch()
        for folder in ("retinaface_mnet025_biubug6", "retinaface_1mb_biubug6"):
            self.same(torch, shared(folder, "mobilenet0.25_Final.pth"))
        self.same(torch, shared("minifasnet_silentface", "2.7_80x80_MiniFASNetV2.pth"))

    def torch(self):
        try:
            import torch
        except ImportError:
            self.skipTest("torch is not installed")
        return torch

    def same(self, torch, path):
        expected = torch.load(path, map_location="cpu")
        tensors = read([path]).tensors
        self.assertEqual(list(tensors), [name.replace("module.", "") for name in expected])
        for found, value in zip(tensors.values(), expected.values()):
            np.testing.assert_array_equal(found, value.detach().float().numpy().astype(found.dtype))


class Attack:
    """Pickles as a call of os.system that would leave a file behind."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


class Malicious(TestCase):
    """Nothing of a pickle may run, and the message names what it wanted to run."""

    def attack(self, root, *expected):
        for legacy in (False, True):
            data = torch_legacy(root, {}, {}) if legacy else torch_zip(root, {})
            with self.subTest(legacy=legacy), self.refused(*expected):
                read([self.write("x.pth", data)])
            self.assertFalse(os.path.exists(self.path("pwned")))

    def test_system(self):
        self.attack(pickle.dumps(Attack(f"touch {self.path('pwned')}"), 2), "(posix|os).system")

    def test_nested_in_a_state_dict(self):
        attack = Attack(f"touch {self.path('pwned')}")
        self.attack(pickle.dumps({"state_dict": {"w": [attack]}}, 2), "(posix|os).system")
        self.attack(pickle.dumps({"state_dict": {"w": [attack]}}, 4), "(posix|os).system")

    def test_eval(self):
        code = f"open({self.path('pwned')!r}, 'w')"
        self.attack(b"cbuiltins\neval\n(X" + len(code).to_bytes(4, "little") + code.encode()
                    + b"tR.", "builtins.eval")

    def test_every_other_global(self):
        for module, name in (("builtins", "getattr"), ("torch", "load"), ("torch.storage", "x"),
                             ("torch", "FloatStorage.__class__"), ("collections", "deque"),
                             ("torch._utils", "_rebuild_tensor_v2.__globals__"),
                             ("numpy", "load"), ("argparse", "Namespace")):
            self.attack(f"c{module}\n{name}\n.".encode(), f"{module}.{name}")

    def test_other_opcodes(self):
        self.attack(b"(ibuiltins\neval\n.", "INST")
        self.attack(b"\x80\x02\x82\x01.", "EXT1")
        self.attack(b"ccollections\nOrderedDict\n)\x81.", "NEWOBJ")
        self.attack(b"}}b.", "state")
        self.attack(b"X\x01\x00\x00\x00a)R.", "calls something")

    def test_a_bare_pickle(self):
        with self.refused("bare pickle"):
            read([self.write("x.pth", pickle.dumps(Attack("true"), 2))])

    def test_keys_that_take_for_ever(self):
        """A tuple of itself twice, sixty times over, as a key: hashing it would not end."""
        bomb = b"\x80\x02}(K\x01" + b"q\x00h\x00\x86" * 60 + b"K\x01u."
        self.attack(bomb, "keys are no names")


class Lies(TestCase):
    def refuse(self, tensor, storages, message):
        with self.subTest(message), self.refused(message):
            read([self.write("x.pth", torch_zip({"w": tensor}, storages))])

    def test_sizes(self):
        good, data = Storage("FloatStorage", "0", 4), {"0": b"\0" * 16}
        ones = np.ones(4, np.float32)
        self.refuse(Tensor(None, good, 0, (5,), (1,)), data, "does not fit")
        self.refuse(Tensor(None, good, 1, (4,), (1,)), data, "does not fit")
        self.refuse(Tensor(None, good, 0, (2, 2), (3, 1)), data, "does not fit")
        self.refuse(Tensor(None, good, 0, (1000000,), (0,)), data, "does not fit")
        self.refuse(Tensor(None, good, -1, (1,), (1,)), data, "broken shape")
        self.refuse(Tensor(None, good, 0, (2,), (-1,)), data, "broken shape")
        self.refuse(Tensor(None, good, 0, (1,) * 9, (1,) * 9), data, "broken shape")
        self.refuse(Tensor(ones, Storage("FloatStorage", "0", 5)), data, "no storage of 5")
        self.refuse(Tensor(ones, Storage("FloatStorage", "0", -1)), data, "broken size")
        self.refuse(Tensor(ones, Storage("FloatStorage", "9", 4)), data, "no data/9")

    def test_legacy_storage_sizes(self):
        tensors, storages = with_storages({"w": np.ones(4, np.float32)})
        for counts, message in (({"0": 3}, "cut short"), ({"0": 2**40}, "cut short")):
            with self.refused(message):
                read([self.write("x.pth", torch_legacy(tensors, storages, counts))])
        with self.refused("belongs to no tensor"):
            read([self.write("x.pth", torch_legacy(tensors, {"7": b""}, {"7": 0}))])

    def test_big_endian(self):
        with self.refused("big-endian"):
            read([self.write("x.pth", torch_zip({}, {}, byteorder="big"))])

    def test_no_tensors(self):
        with self.refused("no state dict"):
            read([self.write("x.pth", torch_zip({"epoch": 1}, {}))])

    def test_the_same_name_twice(self):
        with self.refused("two tensors are called w"):
            read([save_state(self.path("x.pth"), {"w": np.ones(1, np.float32),
                                                  "module.w": np.ones(1, np.float32)})])

    def test_truncated_and_flipped(self):
        tensors, storages = with_storages(SAMPLE)
        counts = {key: SAMPLE[name].size for key, name in zip(storages, SAMPLE)}
        load = lambda path: read([path])
        self.survives(torch_zip(tensors, storages), "x.pth", load, 150)
        self.survives(torch_legacy(tensors, storages, counts), "x.pth", load, 150)


if __name__ == "__main__":
    unittest.main()
