"""What an ONNX value is to the engine: one of its maps [h][w][c], seen through the axes the exporter
gave it. Reshape, Transpose, Flatten, Squeeze and Unsqueeze move no data in the engine; they only
change the view, and whoever reads the value says which views it can take. An axis is a tuple of
atoms, each a run of the map's channels, rows or columns: ShuffleNet's [n, 2, c/2, h, w] splits the
channels into two atoms, a Flatten joins those of three axes into one."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class Atom(NamedTuple):
    kind: str  # "c", "h" or "w"
    size: int  # at least 2: what has one value has no order
    stride: int  # in units of its kind


class CannotView(Exception):
    """The reshape cuts across what belongs together; the message is the end of a sentence."""


@dataclass(frozen=True)
class Map:
    node: int  # number of the engine's value
    axes: tuple  # one tuple of atoms an axis; the batch, being one, has none
    pads: tuple = (0, 0, 0, 0)  # rows and columns of zeros around it: top, left, bottom, right

    @property
    def shape(self):
        return tuple(_product(atom.size for atom in axis) for axis in self.axes)

    def seen(self, axes):
        return Map(self.node, tuple(axes), self.pads)


def _product(sizes):
    result = 1
    for size in sizes:
        result *= size
    return result


def axis_of(kind, size):
    return (Atom(kind, size, 1),) if size > 1 else ()


def plain(node, c, h, w):
    """The view [1, c, h, w]."""
    return Map(node, ((), axis_of("c", c), axis_of("h", h), axis_of("w", w)))


def vector(node, c):
    """The view [1, c] of a map of one pixel."""
    return Map(node, ((), axis_of("c", c)))


def joined(atoms):
    """Neighbours that are one run become one atom."""
    out = []
    for atom in atoms:
        last = out[-1] if out else None
        if last and last.kind == atom.kind and last.stride == atom.size * atom.stride:
            out[-1] = Atom(atom.kind, last.size * atom.size, atom.stride)
        else:
            out.append(atom)
    return tuple(out)


def _take(atoms, wanted):
    """Takes atoms worth `wanted` values from the front of the list."""
    taken = []
    while wanted > 1:
        kind, size, stride = atoms.pop(0)
        if wanted % size == 0:
            taken.append(Atom(kind, size, stride))
            wanted //= size
        elif size % wanted == 0:
            inner = size // wanted
            taken.append(Atom(kind, wanted, stride * inner))
            atoms.insert(0, Atom(kind, inner, stride))
            wanted = 1
        else:
            raise CannotView("cuts an axis into parts that are no whole rows of it")
    return joined(taken)


def reshape(axes, shape):
    """The axes of a reshape to `shape`, in which -1 is what is left and, as in ONNX, nothing 0."""
    atoms = list(joined(atom for axis in axes for atom in axis))
    count = _product(atom.size for atom in atoms)
    known = _product(size for size in shape if size != -1)
    if sum(size == -1 for size in shape) > 1 or known < 1 or count % known:
        raise CannotView(f"of {count} values to {list(shape)}")
    shape = [count // known if size == -1 else size for size in shape]
    if _product(shape) != count:
        raise CannotView(f"of {count} values to {list(shape)}")
    return tuple(_take(atoms, size) for size in shape)


def positions(axes, c, h, w):
    """For each value in the view's order, where it lies in the map's [c][h][w]."""
    unit = {"c": h * w, "h": w, "w": 1}
    index = np.zeros(1, np.int64)
    for atom in (atom for axis in axes for atom in axis):
        steps = np.arange(atom.size, dtype=np.int64) * atom.stride * unit[atom.kind]
        index = (index[:, None] + steps).reshape(-1)
    return index


def is_engine_order(axes, c, h, w):
    """Do the view's values lie as the engine's [h][w][c] do?"""
    atoms = joined(atom for axis in axes for atom in axis)
    return atoms == axis_of("h", h) + axis_of("w", w) + axis_of("c", c)
