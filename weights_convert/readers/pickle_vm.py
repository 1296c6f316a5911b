"""An interpreter for the pickles inside PyTorch files that can build tensors, dicts, lists and
numbers, and nothing else. Python's own unpickler imports and calls what the bytes tell it to; this
one has no way to do either: a name that is not one of the few below ends the reading with an error
that says which name it was. Opcodes are decoded by the standard library's pickletools."""

import pickletools
import struct
from collections import OrderedDict
from dataclasses import dataclass

from ..errors import ConvertError

_MARK = object()
MAX_RANK = 8


@dataclass
class Storage:
    """A stretch of numbers in the file, of `count` items of a torch type; filled in later."""

    kind: str  # "FloatStorage", ...
    key: str
    count: int


@dataclass
class TensorRef:
    storage: Storage
    offset: int
    shape: tuple
    stride: tuple


@dataclass(frozen=True)
class Global:
    module: str
    name: str


def _rebuild_tensor(args):
    storage, offset, shape, stride = args[:4]
    if not isinstance(storage, Storage):
        raise ConvertError("a tensor of the pickle has no storage")
    numbers = [offset, *shape, *stride]
    whole = all(type(n) is int and 0 <= n < 2**48 for n in numbers)
    if not whole or len(shape) != len(stride) or len(shape) > MAX_RANK:
        raise ConvertError("a tensor of the pickle has a broken shape")
    return TensorRef(storage, offset, tuple(shape), tuple(stride))


def _rebuild_parameter(args):
    return args[0]


def _ordered_dict(args):
    result = OrderedDict()
    for key, value in args[0] if args else ():
        result[_key(key)] = value
    return result


def _key(key):
    """A dict key. Nested tuples are no keys of a state dict, and hashing one that holds itself
    many times over takes for ever."""
    if not isinstance(key, (str, int, float, type(None))):
        raise ConvertError("the pickle has a dict whose keys are no names")
    return key


_CALLS = {
    Global("collections", "OrderedDict"): _ordered_dict,
    Global("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    Global("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
}
STORAGES = {"FloatStorage", "DoubleStorage", "HalfStorage", "BFloat16Storage", "LongStorage",
            "IntStorage", "ShortStorage", "CharStorage", "ByteStorage", "BoolStorage"}


def _global(module, name):
    found = Global(module, name)
    if found in _CALLS or (module == "torch" and name in STORAGES):
        return found
    raise ConvertError(f"the pickle wants {module}.{name}, which is not a tensor or a dict; "
                       "nothing was run")


class Machine:
    """Runs one pickle. persistent(tuple) answers a reference to a storage."""

    def __init__(self, persistent):
        self.stack, self.memo, self.persistent = [], {}, persistent

    def run(self, file):
        try:
            for opcode, argument, _ in pickletools.genops(file):
                if opcode.name == "STOP":
                    return self.stack.pop()
                self.step(opcode.name, argument)
        except ConvertError:
            raise
        except (ValueError, IndexError, KeyError, TypeError, AttributeError, struct.error,
                RecursionError, OverflowError, MemoryError):
            raise ConvertError("the pickle is broken") from None
        raise ConvertError("the pickle ends too early")

    def step(self, name, argument):
        stack = self.stack
        if name in _CONSTANTS:
            stack.append(_CONSTANTS[name]())
        elif name in _LITERALS:
            stack.append(argument)
        elif name in ("PROTO", "FRAME"):
            pass
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(self.memo[argument])
        elif name == "GLOBAL":
            stack.append(_global(*argument.split(" ", 1)))
        elif name in _BUILDERS:
            _BUILDERS[name](self)
        else:
            raise ConvertError(f"the pickle uses {name}, which no tensor needs; nothing was run")

    def to_mark(self):
        """Pops everything above the last mark, and the mark."""
        items = []
        while self.stack[-1] is not _MARK:
            items.append(self.stack.pop())
        self.stack.pop()
        return items[::-1]

    def stack_global(self):
        name, module = self.stack.pop(), self.stack.pop()
        self.stack.append(_global(module, name))

    def reduce(self):
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, Global) or function not in _CALLS:
            raise ConvertError("the pickle calls something that is no tensor or dict; "
                               "nothing was run")
        self.stack.append(_CALLS[function](arguments))

    def build(self):
        """The state of an OrderedDict is module metadata (version numbers): dropped."""
        self.stack.pop()
        if not isinstance(self.stack[-1], OrderedDict):
            raise ConvertError("the pickle sets the state of something that is no dict")

    def reference(self):
        self.stack.append(self.persistent(self.stack.pop()))

    def set_items(self, pairs):
        for key, value in zip(pairs[::2], pairs[1::2]):
            self.stack[-1][_key(key)] = value

    def set_item(self):
        value, key = self.stack.pop(), self.stack.pop()
        self.set_items([key, value])

    def set_marked(self):
        pairs = self.to_mark()
        self.set_items(pairs)

    def dict_of_marked(self):
        pairs = self.to_mark()
        self.stack.append({})
        self.set_items(pairs)

    def append(self):
        item = self.stack.pop()
        self.stack[-1].append(item)

    def append_marked(self):
        items = self.to_mark()
        self.stack[-1].extend(items)

    def tuple_of(self, count):
        items = tuple(self.stack[len(self.stack) - count :])
        del self.stack[len(self.stack) - count :]
        self.stack.append(items)


_CONSTANTS = {"MARK": lambda: _MARK, "NONE": lambda: None, "NEWTRUE": lambda: True,
              "NEWFALSE": lambda: False, "EMPTY_TUPLE": tuple, "EMPTY_LIST": list,
              "EMPTY_DICT": dict}
_LITERALS = {"INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
             "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE",
             "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES"}
_BUILDERS = {
    "POP": lambda m: m.stack.pop(),
    "POP_MARK": lambda m: m.to_mark(),
    "TUPLE": lambda m: m.stack.append(tuple(m.to_mark())),
    "TUPLE1": lambda m: m.tuple_of(1),
    "TUPLE2": lambda m: m.tuple_of(2),
    "TUPLE3": lambda m: m.tuple_of(3),
    "LIST": lambda m: m.stack.append(m.to_mark()),
    "APPEND": Machine.append,
    "APPENDS": Machine.append_marked,
    "DICT": Machine.dict_of_marked,
    "SETITEM": Machine.set_item,
    "SETITEMS": Machine.set_marked,
    "STACK_GLOBAL": Machine.stack_global,
    "REDUCE": Machine.reduce,
    "BUILD": Machine.build,
    "BINPERSID": Machine.reference,
}
