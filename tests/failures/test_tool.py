#!/usr/bin/env python3
"""Runs of the tool in which one allocation or system call fails: no crash, no hang, no leak, no
half-written file; where the tool says that all went well all results are right, and where it does
not it says why, and blames nothing that is not to blame."""
import json
import re
import shutil
import struct
import unittest

from calls import Program, Subject, fail_each, skip_or_run
from networks import write_networks
from tool import mien, ppm

EACH = 6
RUNS = {  # name: arguments
    "analyze": ["analyze", "--embedder=embed", "--age-gender=attributes", "--classifier=classify",
                "--embeddings", "--draw=new/drawn", "--output=new/results", "pictures"],
    "again": ["detect", "--json", "pictures/a.jpg"],  # with packed weights there
    "compare": ["compare", "--embedder=embed", "pictures/a.jpg", "pictures/b.ppm"],
    "calibrate": ["calibrate", "--force", "--output=new.safetensors", "detect", "pictures"],
    "info": ["info", "--plan", "--size=64x64", "detect"],
    "models": ["models"],
    "classify": ["classify", "--classifier=classify", "--pretty", "pictures/b.ppm"],
}
KEPT = ("again",)  # of which what earlier runs have left stays
BLAMED = re.compile(b"not valid JSON|broken|corrupt|metadata|memory.*mien-weights")


def plain(data):
    """Output, or the bytes of a file, less what differs from run to run."""
    return re.sub(rb'"timing_ms": ?\{[^}]*\}', b"", data)


def head(blob):
    """The header of a blob."""
    (size,) = struct.unpack("<Q", blob[:8])
    return json.loads(blob[8:8 + size])


class Run(Subject):
    def __init__(self, folder, name):
        super().__init__(folder)
        write_networks(self.folder)
        pictures = self.folder / "pictures"
        pictures.mkdir()
        (pictures / "b.ppm").write_bytes(ppm(64, 48))
        drawn = mien("detect", "--weights=.", "--detector=detect", "--threshold=1",
                     "--draw=pictures/a.jpg", "pictures/b.ppm", cwd=self.folder)
        assert drawn.returncode == 0, drawn.stderr
        self.keeps = name in KEPT
        networks = [] if name in ("info", "models", "classify") else ["--detector=detect"]
        self.program = Program(self.folder, *RUNS[name][:1], "--weights=.", *networks,
                               *RUNS[name][1:])
        self.mine = set(self.files())
        self.run()
        self.good, self.written = self.run(), self.outputs()
        assert self.good.status == 0, self.good

    def files(self):
        return [path for path in self.folder.rglob("*") if path.is_file()]

    def outputs(self):
        """{name: bytes} of what it has written."""
        return {str(path.relative_to(self.folder)): plain(path.read_bytes())
                for path in self.files() if path not in self.mine and path.suffix != ".packed"}

    def run(self, point="none"):
        for path in set(self.files()) - self.mine:
            if path.suffix != ".packed" or not self.keeps:
                path.unlink()
        shutil.rmtree(self.folder / "new", ignore_errors=True)
        return self.program.run(point)

    def count(self):
        calls = [self.run().calls for _ in range(3)]
        return {kind: max(some[kind] for some in calls) for kind in calls[0]}

    def judge(self, point):
        kind, number = point.split(":")
        ended = self.run(point)
        made = ended.calls[kind] >= int(number)
        assert not ended.hung, "it hangs"
        assert ended.status in (0, 1, 2), (ended.status, ended.err)
        assert ended.live <= self.good.live, (ended.live - self.good.live, "are not freed", ended)
        self.check_written(ended)
        if ended.status == 0:
            assert plain(ended.out) == plain(self.good.out), ended.out
            return made, "all is well"
        assert re.search(rb"mien.*: .*\w|not read: ", ended.err + ended.out), ended
        assert not BLAMED.search(ended.out + ended.err), ended
        for line in ended.out.splitlines():
            if line.startswith(b'{"file":') and b'"error":' in line:
                assert json.loads(line)["code"] == ("enomem" if kind in ("malloc", "mmap", "thread")
                                                    else "eio"), line
        return made, "it says why not"

    def check_written(self, ended):
        """Of those that are there all are whole; where all went well, all are there."""
        found = self.outputs()
        if ended.status == 0:
            assert found.keys() == self.written.keys(), (found.keys(), ended.err)
        for name, data in found.items():
            if ended.status and name.endswith("/failed.jsonl"):  # what did not go well, a line each
                assert all(json.loads(line)["error"] for line in data.splitlines()), data
                continue
            assert name in self.written, f"{name} is left"
            # One picture that could not be read is not part of what was measured on all.
            if name.endswith(".safetensors") and b"calibrated" in ended.out and ended.status:
                assert head(data) == head(self.written[name]), f"{name} has another header"
            elif b'"error":' not in data:
                assert data == self.written[name], f"{name} is not what it should be"


class Tool(unittest.TestCase):
    def test_one_call_fails(self):
        for name in RUNS:
            with self.subTest(run=name):
                self.assertEqual(fail_each(name, Run, (name,), EACH), [])


if __name__ == "__main__":
    skip_or_run(unittest.main)
