"""What becomes of files that hurt their readers: one sentence, whatever happens in the child."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from unittest import mock

import numpy as np

from .support import ROOT, TestCase
from .test_mxnet import array, symbol
from weights_convert import confine
from weights_convert.confine import confined
from weights_convert.errors import ConvertError

INPUTS = os.path.join(ROOT, "..", "shared", "data", "inputs")


class Child(TestCase):
    def fails(self, function, *expected, **limits):
        with mock.patch.multiple(confine, **{"MOST_ANSWER": 1 << 20, **limits}), \
                self.refused(*expected):
            confined(function, [])

    def test_what_it_returns(self):
        text = "é" * 200000  # more than a pipe holds
        self.assertEqual(confined(lambda: text, []), text)
        self.assertEqual(confined(lambda: "", []), "")
        with self.assertRaises(ProcessLookupError):
            os.kill(int(confined(lambda: str(os.getpid()), [])), 0)

    def test_what_it_raises(self):
        def refuse():
            raise ConvertError("no such thing")

        self.fails(refuse, r"\Ano such thing\Z")
        with self.assertRaises(FileNotFoundError) as caught:
            confined(lambda: open("/nowhere/x", encoding="ascii").read(), [])
        self.assertEqual(caught.exception.filename, "/nowhere/x")
        self.fails(lambda: [][1], r"\Athe file is broken .IndexError: list index out of range.\Z")

    def test_crashes(self):
        self.fails(lambda: os.kill(os.getpid(), signal.SIGSEGV), "its reader crashed .SIGSEGV")
        self.fails(lambda: os._exit(0), "its reader crashed .no answer")

    def test_memory(self):
        self.fails(lambda: str(len(np.ones(1 << 28))), "takes more than 256 MB of memory",
                   MEMORY=256 << 20)
        # A file gives its reader more.
        path = self.write("x", bytes(1 << 20))
        with mock.patch.multiple(confine, MEMORY=256 << 20, A_BYTE=1100):
            self.assertEqual(confined(lambda: str(len(np.ones(1 << 27))), [path]), str(1 << 27))

    def test_time(self):
        def spin():
            while True:
                pass

        self.fails(spin, "more than 1 seconds of a processor", CPU_SECONDS=1)
        self.fails(lambda: time.sleep(60), "more than 1 seconds", WALL_SECONDS=1)

    def test_an_answer_without_end(self):
        self.fails(lambda: "x" * 4000, "report on the file is too long", MOST_ANSWER=1000)

    def test_it_prints_nothing(self):
        code = ("import os; from weights_convert.confine import confined; "
                "print(confined(lambda: os.write(2, b'x') and os.write(1, b'y') and 'said', []))")
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True,
                              check=True)
        self.assertEqual((done.stdout, done.stderr), (b"said\n", b""))

    def test_no_network(self):
        probe = [sys.executable, "-c", "import ctypes\nunshare = ctypes.CDLL(None).unshare\n"
                 "exit(unshare(0x40000000) and unshare(0x50000000))"]
        if subprocess.run(probe, check=False).returncode:
            self.skipTest("this system lets nobody give up the network")
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)
        with self.assertRaises(OSError):
            confined(lambda: socket.create_connection(listener.getsockname(), 5).close(), [])


class HostileFiles(TestCase):
    """Through the command itself."""

    def convert(self, *paths):
        """The message, which is one sentence, after the file's name."""
        done = subprocess.run([sys.executable, "-m", "weights_convert", "convert", *paths, "-o",
                               self.path("out.safetensors")], cwd=ROOT, capture_output=True,
                              stdin=subprocess.DEVNULL, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""), done.stderr)
        self.assertRegex(done.stderr, rf"\Aweights_convert: {paths[0]}: [^\n]+\n\Z")
        self.assertFalse(os.path.exists(self.path("out.safetensors")))
        return done.stderr.strip().split(": ", 2)[2]

    def test_a_params_file_with_more_numbers_than_numpy_counts(self):
        head = array(np.zeros(0)).replace(struct.pack("<Iq", 1, 0),
                                          struct.pack("<I3q", 3, 2**34, 2**32, 0))
        params = struct.pack("<3Q", 0x112, 0, 1) + head + struct.pack("<Q", 1) + bytes(8)
        message = self.convert(self.write("x.params", params),
                               self.write("x-symbol.json", symbol(("Flatten", "f", ["w"], {}))))
        self.assertIn("has the shape [17179869184, 4294967296, 0]", message)

    def test_a_manifest_that_names_a_shard_a_hundred_times(self):
        self.write("w.bin", bytes(4 << 20))
        weight = {"name": "w", "shape": [1 << 20], "dtype": "float32"}
        for manifest in ([{"paths": ["w.bin"] * 100, "weights": [weight]}],
                         [{"paths": ["w.bin"], "weights": [{**weight, "name": f"w{i}"}]}
                          for i in range(100)]):
            self.assertIn("named twice", self.convert(self.write("m.json", manifest)))

    def test_shards_that_are_no_files(self):
        os.mkfifo(self.path("pipe"))
        for name in ("pipe", "."):
            manifest = [{"paths": [name], "weights": []}]
            self.assertIn("is no file", self.convert(self.write("m.json", manifest)))
        self.assertIn("a pipe", self.convert(self.path("pipe")))
        self.assertIn("a device", self.convert("/dev/zero"))

    def test_compressed_zeros(self):
        try:
            import h5py
        except ImportError:
            self.skipTest("python3-h5py is not installed")
        with h5py.File(self.path("x.h5"), "w") as file:
            for i in range(30):
                file.create_dataset(f"a{i}/kernel:0", (1 << 20,), "f4", compression="gzip",
                                    data=np.zeros(1 << 20, np.float32))
        self.assertLess(os.path.getsize(self.path("x.h5")), 1 << 20)
        self.assertIn("is not stored in this file", self.convert(self.path("x.h5")))

    def test_files_that_crashed_the_converter(self):
        if not os.path.isdir(INPUTS):
            self.skipTest("../shared/data/inputs is not there")
        self.assertIn("broken", self.convert(os.path.join(INPUTS, "h5_segv.bin")))
        graph = self.write("x-symbol.json", json.loads(json.dumps(symbol())))
        self.convert(os.path.join(INPUTS, "mxnet_crash_0.bin"), graph)
