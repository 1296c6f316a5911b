import json
import unittest

import numpy as np

from .support import TestCase
from weights_convert.readers import read

try:
    import h5py
except ImportError:
    raise unittest.SkipTest("python3-h5py is not installed") from None


class KerasH5(TestCase):
    def file(self, datasets, config=None):
        path = self.path("x.h5")
        with h5py.File(path, "w") as file:
            for name, array in datasets.items():
                file[name] = np.asarray(array, np.float32)
            if config:
                file.attrs["model_config"] = json.dumps(config)
        return path

    def test_keys_are_outer_groups(self):
        """The session that saved these had given inner names of its own."""
        source = read([self.file({
            "bn_7/bn_25/gamma:0": [1], "bn_7/bn_25/beta:0": [2],
            "conv/conv_3/kernel:0": np.ones((1, 1, 2, 3)), "dense/dense_9/bias:0": [4]})])
        self.assertEqual(sorted(source.tensors), ["bn_7/beta", "bn_7/gamma", "conv/kernel",
                                                  "dense/bias"])
        self.assertEqual(source.layout, "HWIO")

    def test_keras_1_names(self):
        source = read([self.file({
            "res2a_branch2a/res2a_branch2a_W_1:0": np.ones((1, 1, 2, 3)),
            "res2a_branch2a/res2a_branch2a_b_1:0": [1],
            "bn2a/bn2a_gamma_1:0": [2], "bn2a/bn2a_beta_1:0": [3],
            "bn2a/bn2a_running_mean_1:0": [4], "bn2a/bn2a_running_std_1:0": [5]})])
        self.assertEqual({name: array.reshape(-1)[0] for name, array in source.tensors.items()},
                         {"res2a_branch2a/kernel": 1, "res2a_branch2a/bias": 1, "bn2a/gamma": 2,
                          "bn2a/beta": 3, "bn2a/moving_mean": 4, "bn2a/moving_variance": 5})

    def test_whole_models(self):
        config = {"config": {"layers": [{"class_name": "BatchNormalization",
                                         "config": {"name": "b", "epsilon": 0.01}}]}}
        source = read([self.file({"model_weights/b/b/gamma:0": [1]}, config)])
        self.assertEqual(list(source.tensors), ["b/gamma"])
        self.assertEqual(source.eps, {"b/gamma": 0.01})

    def test_weights_of_other_files(self):
        self.file({"a/kernel:0": [1]})
        with h5py.File(self.path("y.h5"), "w") as file:
            file["layer"] = h5py.ExternalLink(self.path("x.h5"), "/a")
        with self.refused("no Keras weights"):
            read([self.path("y.h5")])
        with h5py.File(self.path("z.h5"), "w") as file:
            file.create_dataset("a/kernel:0", (4,), "f4",
                                external=[(self.path("x.h5"), 0, h5py.h5f.UNLIMITED)])
        with self.refused("a/kernel is not stored"):
            read([self.path("z.h5")])

    def test_a_claimed_extent(self):
        with h5py.File(self.path("x.h5"), "w") as file:
            file.create_dataset("a/kernel:0", (1 << 20, 1 << 20), "f4", chunks=(64, 64))
        with self.refused("a/kernel is not stored"):
            read([self.path("x.h5")])

    def test_truncated(self):
        with open(self.file({"a/kernel:0": np.ones(100)}), "rb") as file:
            data = file.read()
        for end in (8, 100, len(data) // 2, len(data) - 10):
            with self.refused("broken"):
                read([self.write("y.h5", data[:end])])
