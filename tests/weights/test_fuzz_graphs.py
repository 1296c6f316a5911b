"""ONNX graphs broken at random, each converted as a whole: in their bytes, and as messages that are
valid but for what they say. A conversion ends in a blob or in one sentence, within bounds of memory
and time; what it takes, the engine takes or refuses. MIEN_FUZZ_GRAPHS says how many inputs,
MIEN_FUZZ_SEED where they begin, MIEN_FUZZ_FILES names further files than the made-up ones; a failure
names the number of its input, which is all it depends on besides."""

import os
import random
import signal
import subprocess
import sys
import unittest
from unittest import mock

from .support import TestCase
from .test_fuzz import MEMORY, NUMBERS, SECONDS, SEED, broken
from weights_convert import confine
from weights_convert.convert import convert
from weights_convert.errors import ConvertError

try:
    import onnx
except ImportError:
    raise unittest.SkipTest("python3-onnx is not installed") from None

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "reference"))
from graph_maker import Maker  # noqa: E402

INPUTS = int(os.environ.get("MIEN_FUZZ_GRAPHS", "40"))
FILES = os.environ.get("MIEN_FUZZ_FILES", "").split()
TOOL = os.environ.get("MIEN_TOOL")
LONGEST = 2000  # characters of a sentence
CHILD = 20  # inputs a child process
NAMES = ("", "x", "a b", "\n", "\x1b[31m", "../../x", "int8.0 x", "é" * 300, "input")


def number(dice):
    return dice.choice((-1, 0, 1, 2, 3, 7, 33, -(2**63), *(n for n in NUMBERS if n < 2**63)))


def break_attribute(graph, dice):
    node = dice.choice(graph.node)
    if not node.attribute:
        return
    attribute = dice.choice(node.attribute)
    if attribute.ints and dice.random() < 0.7:
        attribute.ints[dice.randrange(len(attribute.ints))] = number(dice)
    elif attribute.ints:
        del attribute.ints[dice.randrange(len(attribute.ints)):]
    elif dice.random() < 0.5:
        attribute.i = number(dice)
    elif dice.random() < 0.5:
        attribute.f = dice.choice((float("nan"), float("inf"), -1e38, 0.0))
    else:
        attribute.type = dice.randrange(0, 12)


def break_node(graph, dice):
    node, other = dice.choice(graph.node), dice.choice(graph.node)
    kind = dice.randrange(8)
    if kind == 0:
        node.op_type = other.op_type
    elif kind == 1 and node.input:
        node.input[dice.randrange(len(node.input))] = dice.choice((*other.input, *other.output, ""))
    elif kind == 2 and node.input:
        del node.input[dice.randrange(len(node.input)):]
    elif kind == 3:
        node.input.append(dice.choice((*other.input, *other.output, "nowhere")))
    elif kind == 4 and node.output:
        node.output[0] = dice.choice((*other.output, *NAMES))
    elif kind == 5:
        node.domain = dice.choice(("com.microsoft", "x\ny"))
    elif kind == 6:
        graph.node.remove(node)
    else:
        node.name = dice.choice(NAMES)


def break_tensor(graph, dice):
    if not graph.initializer:
        return
    tensor = dice.choice(graph.initializer)
    kind = dice.randrange(5)
    if kind == 0 and tensor.dims:
        tensor.dims[dice.randrange(len(tensor.dims))] = number(dice)
    elif kind == 1:
        tensor.data_type = dice.randrange(0, 24)
    elif kind == 2:
        tensor.name = dice.choice(NAMES)
    elif kind == 3 and tensor.raw_data:
        data = bytearray(tensor.raw_data)
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        tensor.raw_data = bytes(data)
    elif kind == 4:
        tensor.dims[:] = [n for n in tensor.dims if n != 1] or [1, 1]


def break_ends(graph, dice):
    kind = dice.randrange(4)
    value = dice.choice(graph.input if kind < 2 else graph.output)
    if kind == 0 and value.type.tensor_type.shape.dim:
        dice.choice(value.type.tensor_type.shape.dim).dim_value = number(dice)
    elif kind == 1:
        del value.type.tensor_type.shape.dim[:]
    elif kind == 2:
        value.name = dice.choice((*NAMES, *dice.choice(graph.node).output))
    else:
        graph.output.append(value)


def broken_model(data, dice):
    """The bytes of a model after one to three accidents to its message."""
    model = onnx.load_from_string(data)
    for _ in range(dice.randint(1, 3)):
        if len(model.graph.node) > 1:
            dice.choice((break_attribute, break_attribute, break_node, break_node, break_tensor,
                         break_ends))(model.graph, dice)
    if dice.random() < 0.1:
        model.opset_import[0].version = dice.choice((0, 1, 5, 11, 13, 40, 2**40))
    return model.SerializeToString()


class Graphs(TestCase):
    def input(self, i):
        """The bytes of input i."""
        dice = random.Random(f"graphs {SEED} {i}")
        if FILES and dice.random() < 0.6:
            with open(dice.choice(FILES), "rb") as file:
                data = file.read()
        else:
            data, _, _ = Maker(dice.randrange(1 << 30)).make()
        return broken(data, dice) if dice.random() < 0.3 else broken_model(data, dice)

    def attempt(self, i):
        """What became of input i that may not; None where it was converted or refused."""
        path, blob = self.write("x.onnx", self.input(i)), self.path("x.safetensors")
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
        try:
            convert([path], blob, "graph")
        except ConvertError as why:
            text = str(why)
            return None if text.isprintable() and len(text) <= LONGEST else f"says {text!r}"
        except BaseException as error:  # MemoryError, and the alarm's, too
            return f"{type(error).__name__}: {error}"
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        return self.load(blob) if TOOL else None

    def load(self, blob):
        done = subprocess.run([TOOL, "info", "--plan", blob], capture_output=True, text=True,
                              check=False, timeout=600)
        if done.returncode == 0 or (done.returncode > 0 and done.stderr.count("\n") == 1):
            return None
        return f"the tool ends with {done.returncode}: {done.stderr[:300]}"

    def some(self, numbers):
        """What became of inputs, in a child, that may not; a line an input."""

        def alarm(*_):
            raise TimeoutError(f"more than {SECONDS} seconds")

        def run():
            signal.signal(signal.SIGVTALRM, alarm)
            found = ((i, self.attempt(i)) for i in numbers)
            return "\n".join(f"input {i}: {what}" for i, what in found if what)

        with mock.patch.multiple(confine, MEMORY=4 * MEMORY, WALL_SECONDS=7200, CPU_SECONDS=3600):
            return confine.confined(run, [])

    def test_graphs(self):
        print(f"graphs: {INPUTS} inputs, seed {SEED}")
        wrong = [self.some(range(i, min(i + CHILD, INPUTS))) for i in range(0, INPUTS, CHILD)]
        self.maxDiff = None
        self.assertEqual("\n".join(filter(None, wrong)), "")


if __name__ == "__main__":
    unittest.main()
