"""training/ on made pictures, end to end: its twin is the engine's network, what it caches survives
an interruption, a training that is resumed ends as one that was not, missing labels count for
nothing, and what it exports is the same whenever it is made."""

import contextlib
import io
import json
import os
import sys
import tempfile
import unittest
from unittest import mock

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [ROOT, os.path.join(ROOT, "tests", "reference"), os.path.dirname(__file__)]

try:
    import numpy as np
    import torch
    from PIL import features

    if not features.check("webp"):
        raise ImportError("Pillow without WebP")
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

import compare  # noqa: E402
import toy  # noqa: E402
from training import card, crops, judge, learn, masks, runs, train  # noqa: E402
from training.features import Cache, Engine, Torch  # noqa: E402
from training.manifest import MISSING, Manifest, TrainingError  # noqa: E402
from training.net import Net  # noqa: E402
from training.twin import Twin  # noqa: E402
from weights_convert import safetensors  # noqa: E402

DESCRIPTION = os.path.join(ROOT, "training", "faces.json")
MASKS = os.path.join(ROOT, "training", "masks.json")
OPTIONS = {"epochs": 3, "batch": 16, "rate": 0.01, "trunk_rate": 0.001, "decay": 1e-4, "dropout": 0.3,
           "ema": 0.9, "balance": 0.5, "mixup": 0.2, "shift": 1, "erase": 0.5, "teach": 0.5, "seed": 3,
           "freeze": 0}


class Interrupted(Exception):
    pass


def train_py(*arguments):
    """What a command prints. In this process: loading torch takes longer than all of this."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        train.run([*arguments, "--threads", "1"])
    return said.getvalue()


class Toys(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        torch.set_num_threads(1)
        torch.use_deterministic_algorithms(True)
        cls.made = tempfile.TemporaryDirectory()
        cls.folder = cls.made.name
        cls.embedder = os.path.join(cls.folder, "toy.safetensors")
        toy.embedder(cls.embedder)
        cls.csv = toy.pictures(cls.folder)
        cls.cache_folder = os.path.join(cls.folder, "features")
        cls.manifest, cls.twin = Manifest(cls.csv, DESCRIPTION), Twin(cls.embedder)
        cls.cache = Cache(cls.cache_folder, cls.manifest, cls.twin)
        cls.values = ["conv_4", "conv_6_dw"]
        cls.cache.make(cls.values, ["plain", "flip", "moved-1"], 1, Torch(cls.twin, cls.values),
                       lambda *_: None)

    @classmethod
    def tearDownClass(cls):
        cls.made.cleanup()


class Features(Toys):
    def test_twin_is_the_engines_network(self):
        rng = np.random.default_rng(5)
        x = rng.integers(0, 256, (3, 112, 112, 3)).astype(np.float32)
        with torch.no_grad():
            want = self.twin.embedding(torch.tensor(x).permute(0, 3, 1, 2)).numpy()
        got = compare.run_mien(self.embedder, x)["embedding"]
        self.assertLess(compare.relative_rms(got, want), 1e-5)

    def test_engine_computes_the_same(self):
        rng = np.random.default_rng(6)
        pixels = rng.integers(0, 256, (3, 112, 112, 3)).astype(np.uint8)
        engine = Engine(self.twin, self.values, 1, compare.tool("runnet", "MIEN_RUNNET"))
        with contextlib.closing(engine):
            for value, want, got in zip(self.values, Torch(self.twin, self.values)(pixels),
                                        engine(pixels)):
                self.assertEqual(want.shape, got.shape)
                self.assertLess(compare.relative_rms(got, want), 1e-5, value)

    def test_pieces_are_the_whole(self):
        """The value inside, cached, and what is above it give the last features."""
        x = torch.from_numpy(self.cache.rows("conv_4", "plain")[:].astype(np.float32))
        with torch.no_grad():
            above = self.twin.above("conv_4")(x).numpy()
        want = self.cache.rows("conv_6_dw", "plain").astype(np.float32)
        self.assertLess(compare.relative_rms(above, want), 2e-3)  # both are stored as float16

    def test_interrupted_cache_goes_on(self):
        path = os.path.join(self.cache_folder, "conv_6_dw.moved-1.f16")
        with open(path, "rb") as file:
            whole = file.read()
        with open(path, "r+b") as file:
            file.truncate(len(whole) // 2 + 3)  # amid a row
        self.cache.make(["conv_6_dw"], ["plain", "moved-1"], 1, Torch(self.twin, ["conv_6_dw"]),
                        lambda *_: None)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), whole)

    def test_other_pictures_are_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            other = toy.pictures(folder, 10)
            with self.assertRaisesRegex(TrainingError, "features of other pictures"):
                train_py("features", other, "--features", self.cache_folder, "--embedder",
                         self.embedder)


class Crops(unittest.TestCase):
    def test_face_on_the_template_stays(self):
        """Moved by whole pixels: the crop is that part of the picture, with its margin."""
        pixels = np.random.default_rng(2).integers(0, 256, (180, 170, 3)).astype(np.uint8)
        crop = crops.align(pixels, crops.TEMPLATE + (30, 25))
        np.testing.assert_array_equal(crop, pixels[9:153, 14:158])
        edge = crops.align(pixels, crops.TEMPLATE - (20, 0), margin=0)  # black outside
        np.testing.assert_array_equal(edge[:, 20:], pixels[:112, :92])
        self.assertFalse(edge[:, :20].any())


class Masks(Toys):
    """Drawn masks, and the network that tells them."""

    def test_a_mask_covers_nose_and_mouth_and_nothing_else_does(self):
        pixels = np.full((144, 144, 3), 128, np.uint8)
        nose, mouth, brow = ((slice(y - 2 + 16, y + 3 + 16), slice(54 + 16, 59 + 16))
                             for y in (74, 92, 40))
        for style in (*masks.SEEN, *masks.UNSEEN, *masks.HIDDEN_BY_OTHERS, "nothing"):
            for seed in range(2):
                drawn = masks.draw(pixels, style, np.random.default_rng(seed)).astype(int)
                hidden = [bool((np.ptp(drawn[part].reshape(-1, 3), 0) > 0).any()
                               or abs(drawn[part].mean() - 128) > 2) for part in (nose, mouth)]
                with self.subTest(style, seed=seed):
                    self.assertEqual(all(hidden), style in masks.SHAPES)
                    if style in masks.SHAPES:
                        self.assertEqual(drawn[brow].min(), 128)
        self.assertEqual(set(masks.SHAPES), {*masks.SEEN, *masks.UNSEEN})

    def test_styles_that_are_held_out_are_in_no_other_picture(self):
        with tempfile.TemporaryDirectory() as folder:
            for options, unseen in ((), False), (("--unseen",), True):
                out = os.path.join(folder, str(unseen))
                train_py("masked", self.csv, "--out", out, *options)
                made = Manifest(os.path.join(out, "labels.csv"), MASKS)
                self.assertEqual(made.files, self.manifest.files)
                self.assertEqual([p.shape for p in made.pictures()], [(144, 144, 3)] * len(made))
                for row, held_out in zip(made.rows, made.held_out()):
                    of = masks.UNSEEN if held_out or unseen else masks.SEEN
                    self.assertEqual(row["mask"] == "yes", row["style"] in of)
            again = os.path.join(folder, "again")
            train_py("masked", self.csv, "--out", again, "--limit", "30")
            with open(os.path.join(again, "labels.csv"), encoding="utf-8") as few, open(
                    os.path.join(folder, "False", "labels.csv"), encoding="utf-8") as all_of_them:
                self.assertEqual(few.read().splitlines(), all_of_them.read().splitlines()[:31])

    def test_what_is_exported_is_one_probability(self):
        """The engine's number is by how much torch's second label is likelier."""
        with tempfile.TemporaryDirectory() as folder:
            out, run = os.path.join(folder, "masked"), os.path.join(folder, "run")
            blob = os.path.join(folder, "mask.safetensors")
            train_py("masked", self.csv, "--out", out)
            common = [os.path.join(out, "labels.csv"), "--description", MASKS, "--features",
                      os.path.join(folder, "features"), "--embedder", self.embedder]
            train_py("features", *common, "--variants", "plain")
            train_py("heads", *common, "--attributes", "mask", "--hidden", "8", "--out", run,
                     "--epochs", "3", "--batch", "32", "--rate", "0.05")
            train_py("export", *common, run, blob)
            half, texts = safetensors.read(blob)
            (entry,) = json.loads(texts["attributes"])
            self.assertEqual((entry["kind"], entry["decode"], entry["default"]),
                             ("probability", "sigmoid", False))
            joined = runs.Joined([run], self.twin)
            safetensors.write(blob, joined.net.graph(["mask"], ["mask"]).tensors, texts)
            self.assertEqual(half["hidden.weight"].shape[0], 8)
            cache = Cache(os.path.join(folder, "features"), Manifest(common[0], MASKS), self.twin)
            x = cache.rows("conv_6_dw", "plain")[:8].astype(np.float32)
            os.mkdir(os.path.join(folder, "mien"))
            os.symlink(self.embedder, os.path.join(folder, "mien", "toy.safetensors"))
            with mock.patch.dict(os.environ, XDG_DATA_HOME=folder):
                got = compare.run_mien(blob, x.transpose(0, 2, 3, 1))["mask"].reshape(-1)
            joined.net.eval()
            with torch.no_grad():
                two = joined.net(torch.from_numpy(x))["mask"].numpy()
            np.testing.assert_allclose(got, two[:, 1] - two[:, 0], rtol=1e-3, atol=1e-4)


class Learning(Toys):
    def training(self, folder, value="conv_4", **more):
        torch.manual_seed(1)
        net = Net(self.twin.above(value), 2 * toy.CHANNELS, {"age": 9, "gender": 2}, 0.3)
        rows = [self.cache.rows(value, v) for v in self.cache.variants(value)]
        return learn.Training(net, rows, self.manifest.labels(), self.manifest.held_out(),
                              {**OPTIONS, **more}, folder)

    def test_resumed_is_as_uninterrupted(self):
        def stop(text):
            raise Interrupted(text)

        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            whole = self.training(one)
            whole.run(lambda _: None, lambda *_: None)
            with self.assertRaises(Interrupted):
                self.training(two).run(stop, lambda *_: None)
            said = []
            resumed = self.training(two)
            resumed.run(said.append, lambda *_: None)
            self.assertEqual(len(said), OPTIONS["epochs"] - 1)
            self.assertEqual(whole.log, resumed.log)
            for name, value in whole.net.state_dict().items():
                self.assertTrue(torch.equal(value, resumed.net.state_dict()[name]), name)
            with open(os.path.join(one, "curves.svg"), encoding="utf-8") as file:
                self.assertEqual(file.read().count("<polyline"), 4)

    def test_missing_labels_count_for_nothing(self):
        logits = {"a": torch.randn(6, 3, generator=torch.Generator().manual_seed(1))}
        truth = torch.tensor([0, 1, 2, MISSING, 1, MISSING])
        known = truth != MISSING
        self.assertEqual(float(learn._loss(logits, {"a": truth}, None, 0.5)),
                         float(learn._loss({"a": logits["a"][known]}, {"a": truth[known]}, None, 0.5)))
        self.assertEqual(float(learn._loss(logits, {"a": torch.full((6,), MISSING)}, None, 0.5)), 0)

    def test_balance_evens_out(self):
        labels = {"a": np.repeat([0, 1], [90, 10])}
        index = np.arange(100)
        share = [learn.sampling(labels, index, power)[90:].sum() for power in (0, 0.5, 1)]
        np.testing.assert_allclose(share, [0.1, 0.25, 0.5])

    def test_head_learns_what_can_be_seen(self):
        with tempfile.TemporaryDirectory() as folder:
            training = self.training(folder, "conv_6_dw", epochs=40, mixup=0, balance=0)
            some = torch.from_numpy(self.cache.rows("conv_6_dw", "plain")[:].astype(np.float32))
            training.net.standardise(some.flatten(1))
            training.run(lambda _: None, lambda *_: None)
        self.assertGreater(training.log[-1]["accuracy"]["gender"], 90)


class Judging(unittest.TestCase):
    def test_temperature_of_answers_twice_too_sure(self):
        rng = np.random.default_rng(1)
        logits = rng.normal(0, 2, (20000, 3))
        labels = (judge.softmax(logits).cumsum(1) > rng.random((20000, 1))).argmax(1)
        self.assertAlmostEqual(judge.fit_temperature(2 * logits, labels), 2, delta=0.1)
        groups = np.full(20000, "")
        self.assertLess(judge.measure(2 * logits, labels, groups, False, 2.0)["ece"], 1.5)
        self.assertGreater(judge.measure(2 * logits, labels, groups, False)["ece"], 5)

    def test_years_without_the_prior(self):
        """Half and half, of groups of which the training had three times as many of the first."""
        p, prior = np.array([[0.5, 0.5]]), [0.75, 0.25]
        self.assertAlmostEqual(judge.years(p, prior, 1.0, [10, 50])[0], (10 + 3 * 50) / 4)
        self.assertAlmostEqual(judge.years(p, prior, 0.0, [10, 50])[0], 30)

    def test_calibration_error_by_hand(self):
        p = np.array([[0.9, 0.1]] * 10)
        right = np.array([True] * 7 + [False] * 3)
        self.assertAlmostEqual(judge.calibration_error(p, right), 20)


class Commands(Toys):
    def make(self, out):
        common = ["--features", self.cache_folder, "--embedder", self.embedder]
        head, tune = os.path.join(out, "head"), os.path.join(out, "tune")
        train_py("heads", self.csv, *common, "--out", head, "--epochs", "2", "--batch", "32")
        train_py("finetune", self.csv, *common, "--value", "conv_4", "--out", tune, "--epochs", "1",
                 "--teachers", head, "--attributes", "age,gender", "--freeze", "1")
        said = train_py("evaluate", self.csv, *common, head, tune, "--held-out", "--groups")
        self.assertRegex(said, r"race: [\d.]+ %, worst \w+ \w+ [\d.]+, ece [\d.]+, n \d+")
        blobs = []
        for run in (head, tune):
            blobs.append(run + ".safetensors")
            train_py("export", self.csv, *common, run, blobs[-1], "--command-line", "make train",
                     "--license", "CC0")
        return blobs

    def test_end_to_end_and_again(self):
        os.environ["SOURCE_DATE_EPOCH"] = "1700000000"
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            blobs = self.make(one)
            for first, second in zip(blobs, self.make(two)):
                with open(first, "rb") as a, open(second, "rb") as b:
                    self.assertEqual(a.read(), b.read())
            self.judge(*blobs)

    def test_several_as_one_network(self):
        """What the engine makes of their blob is the mean of what they say in torch."""
        with tempfile.TemporaryDirectory() as folder:
            common = ["--features", self.cache_folder, "--embedder", self.embedder]
            paths = [os.path.join(folder, name) for name in "abc"]
            for seed, path in enumerate(paths[:2]):
                train_py("finetune", self.csv, *common, "--value", "conv_4", "--out", path,
                         "--epochs", "1", "--seed", str(seed), "--rate", "0.01")
            train_py("heads", self.csv, *common, "--out", paths[2], "--epochs", "1")
            blob = os.path.join(folder, "mean.safetensors")
            train_py("export", self.csv, *common, ",".join(paths[:2]), blob)
            half, texts = safetensors.read(blob)
            # In full: of a toy whose features hardly differ, halves are too coarse to compare.
            tensors = runs.Joined(paths[:2], self.twin).net.graph(["age", "gender", "race"]).tensors
            self.assertEqual(set(tensors), set(half))
            safetensors.write(blob, tensors, texts)
            x = self.cache.rows("conv_4", "plain")[:8].astype(np.float32)
            os.mkdir(os.path.join(folder, "mien"))
            os.symlink(self.embedder, os.path.join(folder, "mien", "toy.safetensors"))
            with mock.patch.dict(os.environ, XDG_DATA_HOME=folder):
                got = compare.run_mien(blob, x.transpose(0, 2, 3, 1))
            members = [runs.Run(path, self.twin).net.eval() for path in paths[:2]]
            with torch.no_grad():
                told = [member(torch.from_numpy(x)) for member in members]
            for name in ("age", "gender", "race"):
                first, second = (y[name].numpy() for y in told)
                self.assertGreater(compare.relative_rms(first, second), 0.05)
                self.assertLess(compare.relative_rms(got[name].reshape(first.shape),
                                                     (first + second) / 2), 1e-3, name)
            with self.assertRaisesRegex(TrainingError, "reads conv_6_dw"):
                train_py("export", self.csv, *common, ",".join(paths[1:]), blob)

    def judge(self, head, tune):
        tensors, metadata = safetensors.read(head)
        self.assertTrue(all(t.dtype == np.float16 for t in tensors.values()))
        self.assertEqual(metadata["features_of"], "toy@conv_6_dw")
        self.assertEqual(metadata["features_sha256"], "0" * 64)
        self.assertEqual([a["name"] for a in json.loads(metadata["attributes"])],
                         ["age", "gender", "race"])
        tensors, metadata = safetensors.read(tune)
        self.assertEqual(json.loads(metadata["input"]),
                         {"width": 14, "height": 14, "channels": "FEATURES", "count": 4})
        age, gender = json.loads(metadata["attributes"])
        self.assertEqual((age["decode"], len(age["prior"]), len(age["edges"])), ("groups", 9, 10))
        self.assertAlmostEqual(sum(age["prior"]), 1, places=3)
        self.assertEqual(gender["labels"], ["male", "female"])
        self.assertIn("2023-11-14", metadata["trained"])
        # The stage that was frozen is the embedder's own.
        given = safetensors.read(self.embedder)[0]["conv_45.conv.conv.weight"]
        np.testing.assert_array_equal(tensors["conv_45.conv.conv.weight"], given.astype(np.float16))


class Shipped(unittest.TestCase):
    """The blobs of models/data and their cards."""

    def test_cards_are_of_the_blobs(self):
        folder = os.path.join(ROOT, "models", "data")
        blobs = sorted(name for name in os.listdir(folder) if name.endswith(".safetensors"))
        self.assertEqual(blobs, [f"face-{n}.safetensors" for n in ("age", "gender", "joint", "mask", "race")])
        self.assertLess(sum(os.path.getsize(os.path.join(folder, b)) for b in blobs), 4 << 20)
        for blob in blobs:
            name = blob.removesuffix(".safetensors")
            with open(os.path.join(ROOT, "docs", "models", name + ".md"), encoding="utf-8") as file:
                self.assertEqual(file.read(), card.text(os.path.join(folder, blob)), name)
            metadata = safetensors.read(os.path.join(folder, blob))[1]
            self.assertEqual(metadata["name"], name)
            self.assertIn("CC BY 4.0", metadata["license"])
            for attribute in json.loads(metadata["attributes"]):
                self.assertLess(attribute["measured"]["ece"], 5, attribute["name"])  # of 2000 pictures


if __name__ == "__main__":
    unittest.main()
