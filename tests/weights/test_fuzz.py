"""Small valid files of every format, broken at random: what a reader does not understand it refuses
by a ConvertError, within bounds of memory and time. MIEN_FUZZ_INPUTS says how many inputs a format,
MIEN_FUZZ_SEED where they begin; a failure names the number of its input, which is all it depends on
besides."""

import json
import os
import random
import signal
import unittest
from unittest import mock

import numpy as np

from .support import TestCase
from .test_mxnet import params, symbol
from .test_tfjs import weight
from .test_tflite import sample
from .torch_files import torch_legacy, torch_zip, with_storages
from weights_convert import confine, safetensors
from weights_convert.errors import ConvertError
from weights_convert.readers import read

INPUTS = int(os.environ.get("MIEN_FUZZ_INPUTS", "50"))
SEED = int(os.environ.get("MIEN_FUZZ_SEED", "1"))
MEMORY = 256 << 20  # bytes an input may take
SECONDS = 20  # of a processor, for what never ends
STATE = {"a.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2),
         "a.bias": np.ones(2, np.float16), "n": np.array(3, np.int64)}
NUMBERS = [0, 1, 2, 7, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**47,
           2**62, 2**63 - 1, 2**64 - 1]


def broken(data, dice):
    """The bytes after one to four accidents."""
    data = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at, kind = dice.randrange(len(data) + 1), dice.randrange(7)
        if kind == 0:
            data[at : at + 1] = bytes([dice.randrange(256)])
        elif kind == 1:
            data[at : at + 1] = bytes([1 << dice.randrange(8) ^ (data[at] if at < len(data) else 0)])
        elif kind == 2:
            size = dice.choice((1, 2, 4, 8))
            number = dice.choice(NUMBERS) % (1 << 8 * size)
            data[at : at + size] = number.to_bytes(size, "little")
        elif kind == 3:
            del data[at : at + dice.randint(1, 16)]
        elif kind == 4:
            data[at:at] = data[dice.randrange(len(data) + 1) :][: dice.randint(1, 64)]
        elif kind == 5 and dice.random() < 0.3:
            del data[at:]
        else:
            _break_number(data, dice)
        data = data or bytearray(1)
    return bytes(data)


def _break_number(data, dice):
    """Of those written in decimal digits, as JSON has them."""
    digits = [i for i, byte in enumerate(data) if 48 <= byte < 58]
    if digits:
        at = dice.choice(digits)
        text = dice.choice([str(dice.choice(NUMBERS)), "-1", "1e999", "null", '"x"', "[]", "{}"])
        data[at : at + 1] = text.encode()


def seeds():
    """{format: {file name: bytes}}; the first file of each is the one to be converted."""
    tensors, storages = with_storages(STATE)
    counts = {t.storage.key: t.storage.count for t in tensors.values()}
    yield "zip", {"x.pth": torch_zip(tensors, storages)}
    yield "legacy", {"x.pth": torch_legacy(tensors, storages, counts)}
    yield "mxnet", {"x.params": params({"arg:w": np.ones((2, 1, 3, 3)), "aux:v": [1.0]}),
                    "x-symbol.json": json.dumps(symbol(
                        ("Convolution", "c", ["data", "w"], {"kernel": "(3, 3)"}),
                        ("BatchNorm", "bn", ["c", "g", "b", "m", "v"], {"eps": "2e-05"}))).encode()}
    weights = [weight("w", [2, 3]), weight("q", [4]) | {"quantization": {
        "dtype": "uint8", "scale": 0.5, "min": -1}}]
    node = {"op": "Conv2D", "name": "c", "input": ["x", "w"], "attr": {
        "strides": {"list": {"i": ["1", "2", "2", "1"]}}, "padding": {"s": "U0FNRQ=="}}}
    yield "tfjs", {"model.json": json.dumps({
        "weightsManifest": [{"paths": ["w.bin"], "weights": weights}],
        "modelTopology": {"node": [node]}}).encode(), "w.bin": bytes(28)}
    layers = [{"class_name": "BatchNormalization", "config": {"name": "bn", "epsilon": 0.002}}]
    yield "tfjs layers", {"model.json": json.dumps({
        "weightsManifest": [{"paths": ["w.bin"], "weights": [weight("w", [2])]}],
        "modelTopology": {"model_config": {"config": {"layers": layers}}}}).encode(),
        "w.bin": bytes(8)}
    yield "tflite", {"x.tflite": sample()}


class Readers(TestCase):
    def files(self, name, seed, number):
        """Writes input `number` of a format, None for the valid files; returns what is to be read."""
        dice = random.Random(f"{name} {SEED} {number}")
        victim = dice.choice(list(seed)) if number is not None else None
        paths = [self.write(file, broken(data, dice) if file == victim else data)
                 for file, data in seed.items()]  # further ones are shards, which a manifest names
        return paths[: 2 if name == "mxnet" else 1]

    def attempt(self, paths):
        """What a reader did that it may not do; None where it read or refused the file."""
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        try:
            read(paths)
        except ConvertError:
            pass
        except BaseException as error:  # MemoryError, and the alarm's, too
            return f"{type(error).__name__}: {error}"
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        return None

    def unforeseen(self, name, seed, numbers):
        """What readers did, in a child, that they may not do; a line an input."""

        def alarm(*_):
            raise TimeoutError(f"more than {SECONDS} seconds")

        def run():
            signal.signal(signal.SIGVTALRM, alarm)
            found = ((i, self.attempt(self.files(name, seed, i))) for i in numbers)
            return "\n".join(f"input {i}: {what}" for i, what in found if what)

        with mock.patch.multiple(confine, MEMORY=MEMORY, WALL_SECONDS=7200, CPU_SECONDS=3600):
            return confine.confined(run, [])

    def fuzz(self, name, seed):
        print(f"{name}: {INPUTS} inputs, seed {SEED}")
        self.assertIsNone(self.attempt(self.files(name, seed, None)))
        self.assertEqual(self.unforeseen(name, seed, range(INPUTS)), "")

    def test_readers_of_ours(self):
        for name, seed in seeds():
            with self.subTest(name):
                self.fuzz(name, seed)
        safetensors.write(self.path("seed"), {"w": STATE["a.weight"]}, {})
        with open(self.path("seed"), "rb") as file, self.subTest("safetensors"):
            self.fuzz("safetensors", {"x.safetensors": file.read()})

    def test_onnx(self):
        try:
            from onnx import helper, numpy_helper
        except ImportError:
            self.skipTest("python3-onnx is not installed")
        from .test_onnx import model

        node = helper.make_node("Conv", ["x", "w"], ["y"], strides=[2, 2], pads=[1, 1, 1, 1])
        graph = model([numpy_helper.from_array(np.ones((2, 1, 3, 3), np.float32), "w")], [node])
        self.fuzz("onnx", {"x.onnx": graph.SerializeToString()})

    def test_h5(self):
        """Its library may crash, in a child: then the command has its sentence for it."""
        try:
            import h5py
        except ImportError:
            self.skipTest("python3-h5py is not installed")
        with h5py.File(self.path("seed.h5"), "w") as file:
            file["conv/conv_3/kernel:0"] = np.ones((3, 3, 2, 4), np.float32)
            file.create_dataset("b/gamma:0", data=np.ones(64, np.float32), compression="gzip")
        with open(self.path("seed.h5"), "rb") as file:
            seed = {"x.h5": file.read()}
        print(f"h5: {INPUTS} inputs, seed {SEED}")
        for start in range(0, INPUTS, 50):
            self.fuzz_h5(seed, range(start, min(start + 50, INPUTS)))

    def fuzz_h5(self, seed, numbers):
        """Where one of many crashes, each in a child of its own."""
        try:
            self.assertEqual(self.unforeseen("h5", seed, numbers), "")
        except ConvertError as error:
            self.assertIn("crashed", str(error))
            if len(numbers) == 1:
                print(f"h5: the library crashed on input {numbers[0]}")
            for number in numbers if len(numbers) > 1 else []:
                self.fuzz_h5(seed, [number])


if __name__ == "__main__":
    unittest.main()
