#!/usr/bin/env python3
"""`--device cuda` as a person meets it: what is missing is said in a sentence, and nothing runs on the
processor instead. Over the emulated driver, which stands for devices of several kinds."""
import os
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))
from tool import HAVE_NETWORKS, mien, objects  # noqa: E402

EMULATED = Path(os.environ.get("MIEN_BUILD_DIR", "build"), "tests/cuda/libcuda_emulated.so")
NET = "mobilefacenet-192"


def cuda(*args, driver=str(EMULATED), **env):
    return mien("info", NET, "--plan", "--device", *args, env={"MIEN_LIBCUDA": driver, **env})


class Refusals(unittest.TestCase):
    def refused(self, result, *words):
        self.assertEqual((result.returncode, result.stdout), (1, b""))
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        for word in words:
            self.assertIn(word, result.stderr)

    def test_no_driver(self):
        self.refused(cuda("cuda", driver="/nowhere/libcuda.so.1"), "no NVIDIA driver")

    def test_not_a_driver(self):
        self.refused(cuda("cuda", driver="libm.so.6"), "too old", "cuInit")

    def test_no_such_device(self):
        self.refused(cuda("cuda:3"), "no CUDA device 3", "has 1")

    def test_old_device(self):
        self.refused(cuda("cuda", MIEN_EMULATOR_ARCH="7.5"), "7.5", "8.0")

    def test_precision(self):
        self.refused(cuda("cuda", "--precision", "bf16"), "fp16", "bf16")

    def test_other_devices_kernels(self):
        self.refused(cuda("cuda", "--backend", "avx2"), "'avx2'", "mma")
        self.refused(mien("info", NET, "--plan", "--backend", "mma"), "'mma'", "avx2")
        self.refused(cuda("cuda", "--backend", "wgmma", MIEN_EMULATOR_ARCH="8.0"), "wgmma")

    def test_memory(self):
        """Wherever it runs out: for the weights, for a plan, for nothing."""
        ends = set()
        for size in (0.1e6, 1e6, 3e6, 4.4e6, 5e6, 6e6, 7e6, 8e6, 64e6):
            result = cuda("cuda", MIEN_EMULATOR_MEMORY=str(int(size)))
            ends.add(result.returncode)
            if result.returncode == 0:
                self.assertEqual(result.stderr, "")
                continue
            # the emulator says, too, what it refused: the tool's sentence is the last one
            self.assertEqual((result.returncode, result.stdout), (1, b""))
            self.assertRegex(result.stderr.splitlines()[-1], r"has no \d+ MB of memory left")
        self.assertEqual(ends, {0, 1})


class Plans(unittest.TestCase):
    def plan(self, *args, **env):
        result = cuda(*args, **env)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout.decode()

    def test_best(self):
        text = self.plan("cuda")
        self.assertIn("sm_90", text)
        self.assertIn("conv_wgmma_", text)
        self.assertIn("depthwise", text)
        self.assertRegex(text, r"(?m) f16 ")  # the default on a GPU

    def test_ampere(self):
        text = self.plan("cuda", MIEN_EMULATOR_ARCH="8.0")
        self.assertIn("conv_f16_", text)
        self.assertNotIn("wgmma", text)

    def test_driver_without_early_launches(self):
        self.assertIn("conv_wgmma_", self.plan("cuda", MIEN_EMULATOR_NO_EARLY="1"))

    def test_plain(self):
        text = self.plan("cuda:0", "--backend", "plain", "--precision", "fp32")
        self.assertIn("conv_plain", text)
        self.assertNotRegex(text, r"(?m) f16 ")


class Tuning(unittest.TestCase):
    """Algorithms of convolutions are measured once, and kept. In bytes: those kernels are quickest here.
    Which is slow is said, in the emulator's own time, so that no other process changes it."""

    NET = "retinaface-mnet025-v2"
    SLOW = "conv_u8_32x32_v16"
    DEAD = "conv_u8_64x32_v16"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def plan(self, *args, **env):
        result = mien("info", self.NET, "--plan", "--device", "cuda", "--size", "32x32",
                      "--precision", "int8", *args,
                      env={"MIEN_LIBCUDA": str(EMULATED), "MIEN_EMULATOR_ARCH": "8.0",
                           "XDG_CACHE_HOME": str(self.folder), **env})
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout.decode()

    def file(self):
        (path,) = self.folder.glob("mien/cuda-emulated-GPU-*.algorithms")
        return path

    def test_measured(self):
        self.plan("--no-cache", MIEN_CUDA_TUNE="1")
        self.assertEqual(list(self.folder.iterdir()), [])
        expected = self.plan()
        self.assertIn(self.SLOW, expected)  # what the model says
        # an emulator's time is none
        self.assertEqual(list(self.folder.glob("mien/*.algorithms")), [])
        measured = self.plan(MIEN_CUDA_TUNE="1", MIEN_EMULATOR_SLOW=self.SLOW)
        self.assertNotIn(self.SLOW, measured)
        self.assertIn("conv_u8_", measured)
        # of the others, those that compute something else here are not taken
        others = "!" + self.DEAD
        alone = self.plan("--no-cache", MIEN_CUDA_TUNE="1", MIEN_EMULATOR_SLOW=others)
        self.assertIn(self.DEAD, alone)
        right = self.plan("--no-cache", MIEN_CUDA_TUNE="1", MIEN_EMULATOR_SLOW=others,
                          MIEN_EMULATOR_DEAD=self.DEAD)
        self.assertNotIn(self.DEAD, right)
        wrong = self.plan("--no-cache", MIEN_CUDA_TUNE="1", MIEN_EMULATOR_DEAD="conv_u8_")
        self.assertNotIn("conv_u8_", wrong)
        self.assertIn("conv_plain", wrong)
        kept = self.file().read_text()
        self.assertNotIn(self.SLOW, kept)
        # the next start measures nothing, and what else is in the file does no harm
        self.file().write_text("odd\n" + kept + "0123456789abcdef conv_u8_9x9_v16 70000\n")
        before = self.file().stat()
        self.assertEqual(self.plan(MIEN_CUDA_TUNE="1", MIEN_EMULATOR_SLOW="conv_u8_64x32_v16"),
                         measured)
        self.assertEqual(self.file().stat().st_mtime_ns, before.st_mtime_ns)
        # without the file nothing is known, and nothing measured
        self.assertEqual(self.plan("--no-cache", MIEN_CUDA_TUNE="0"), expected)

    def test_pairs(self):
        """A depthwise convolution and the 1x1 behind it: one kernel or two, by measuring."""
        apart = self.plan(MIEN_CUDA_TUNE="1", MIEN_EMULATOR_SLOW="separable_")
        self.assertNotIn("separable_", apart)
        self.assertIn("depthwise_u8_3x3", apart)
        kept = self.file().read_text()
        self.assertNotIn("separable_", kept)
        before = self.file().stat()
        self.assertEqual(self.plan(MIEN_CUDA_TUNE="1", MIEN_EMULATOR_SLOW="depthwise_"), apart)
        self.assertEqual(self.file().stat().st_mtime_ns, before.st_mtime_ns)
        self.file().unlink()
        together = self.plan(MIEN_CUDA_TUNE="1", MIEN_EMULATOR_SLOW="depthwise_")
        self.assertIn("separable_u8_", together)
        self.assertNotIn("depthwise_u8_3x3", together)
        self.assertEqual(together.count("separable_"), together.count("inside the next"))
        self.assertIn("separable_u8_", self.file().read_text())
        self.assertEqual(self.plan(MIEN_CUDA_TUNE="1", MIEN_EMULATOR_SLOW="separable_"), together)
        # however fast: what computes something else is not taken
        right = self.plan("--no-cache", MIEN_CUDA_TUNE="1", MIEN_EMULATOR_SLOW="depthwise_",
                          MIEN_EMULATOR_DEAD="separable_")
        self.assertNotIn("separable_", right)
        self.assertIn("depthwise_u8_3x3", right)


@unittest.skipUnless(HAVE_NETWORKS, "no networks")
class Bench(unittest.TestCase):
    def test_json(self):
        result = mien("bench", NET, "--device", "cuda", "--seconds", "0.01", "--json",
                      env={"MIEN_LIBCUDA": str(EMULATED)})
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        (found,) = objects(result)
        self.assertEqual(found["precision"], "fp16")
        self.assertIn("cuda", found["backend"])


if __name__ == "__main__":
    if not EMULATED.exists() or not HAVE_NETWORKS or "has no CUDA" in cuda("cuda").stderr:
        print("skipped: no emulated driver, no networks, or a build without CUDA")
        sys.exit(77)
    unittest.main()
