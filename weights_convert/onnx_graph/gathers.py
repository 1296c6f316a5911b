"""Values cut, shuffled and put together anew: Slice, Split, Gather by constants, DepthToSpace,
SpaceToDepth, and the views of maps.py that a reader wants as a plain map. What can stay where it is
does: neighbouring channels are a view in the engine, too."""

from ..errors import ConvertError
from .errors import refuse
from .maps import Atom, CannotView, Map, axis_of, joined, plain, reshape

MOST_LOOPS = 4  # of the engine's places_channels
MOST_BLOCK = 16  # a side of depth to space
MOST_SIDE = 16384


def _product(sizes):
    result = 1
    for size in sizes:
        result *= size
    return result


def _cut(atoms, start, step, count, offset):
    """Values start, start + step... of an axis as atoms; adds to offset {kind: places}."""
    if not atoms:
        return ()
    (kind, size, stride), inner = atoms[0], atoms[1:]
    below = _product(atom.size for atom in inner)
    if below == 1 or count == 1 or (start % below == 0 and count % below == 0 and step == 1):
        offset[kind] += start // below * stride
        if count == 1:
            return _cut(inner, start % below, 1, 1, offset)
        outer = count // below
        return ((Atom(kind, outer, stride * step),) if outer > 1 else ()) + tuple(inner)
    if start // below == (start + (count - 1) * step) // below:
        offset[kind] += start // below * stride
        return _cut(inner, start % below, step, count, offset)
    if step % below == 0:
        offset[kind] += start // below * stride
        _cut(inner, start % below, 1, 1, offset)
        return (Atom(kind, count, stride * (step // below)),)
    raise CannotView(f"takes {count} of {size * below} values that lie in no order there is")


def take(b, operator, x, axis, start, step, count, from_end=False):
    """Values start, start + step... of an axis of x. from_end: the last one is counted from the
    end of the axis, whatever its size."""
    offset, axes = {"c": 0, "h": 0, "w": 0}, list(x.axes)
    axes[axis] = joined(_cut(axes[axis], start, step, count, offset))
    x = _crop(b, operator, Map(x.node, tuple(axes)), offset, from_end)
    return _channels(b, operator, x, offset["c"])


def _side(operator, x, kind, size, first, from_end):
    """Rows or columns [from, to, step] of a view; None: all of them."""
    atoms = [atom for axis in x.axes for atom in axis if atom.kind == kind]
    if first == 0 and _product(atom.size for atom in atoms) == size:
        return None
    if len(atoms) > 1 or any(atom.stride < 0 for atom in atoms):
        refuse(operator, f"it cuts an axis of {list(x.shape)} across rows or columns")
    count, step = (atoms[0].size, atoms[0].stride) if atoms else (1, 1)
    to = first + (count - 1) * step + 1
    if to + step - 1 >= size:
        return [first, 0, step]
    return [first, to - size if from_end else to, step]


def _crop(b, operator, x, offset, from_end):
    c, h, w = b.size(x)
    rows = _side(operator, x, "h", h, offset["h"], from_end)
    columns = _side(operator, x, "w", w, offset["w"], from_end)
    if rows is None and columns is None:
        return x
    sizes = {}
    for kind in "hw":
        sizes[kind] = _product(atom.size for axis in x.axes for atom in axis if atom.kind == kind)
    node = b.add(operator, "crop", [x.node], (c, sizes["h"], sizes["w"]),
                 {"rows": rows or [0, 0, 1], "columns": columns or [0, 0, 1]})
    cut = {kind for kind, range in (("h", rows), ("w", columns)) if range}
    return Map(node, tuple(tuple(Atom(a.kind, a.size, 1) if a.kind in cut else a for a in axis)
                           for axis in x.axes))


def _channels(b, operator, x, first=0):
    """x with its channels in the order in which the view counts them."""
    c, h, w = b.size(x)
    atoms = joined(atom for axis in x.axes for atom in axis if atom.kind == "c")
    count = _product(atom.size for atom in atoms)
    if first == 0 and count == c and atoms == axis_of("c", c):
        return x
    if len(atoms) <= MOST_LOOPS:
        order = [[atom.size, atom.stride] for atom in atoms] or [[1, 1]]
        node = b.add(operator, "channels", [x.node], (count, h, w), {"from": first, "order": order})
    else:
        node = _atom_by_atom(b, operator, x, atoms)
    axes, stride = [], count
    for axis in x.axes:
        now = []
        for atom in axis:
            if atom.kind == "c":
                stride //= atom.size
                atom = Atom("c", atom.size, stride)
            now.append(atom)
        axes.append(joined(now))
    return Map(node, tuple(axes))


def _atom_by_atom(b, operator, x, atoms):
    """A node whose channels lie as these atoms count them, which are more than the engine has loops:
    one after the other is brought to its place."""
    size, lie = b.size(x), sorted(atoms, key=lambda atom: -atom.stride)
    if any(atom.stride != _product(a.size for a in lie[i + 1:]) for i, atom in enumerate(lie)) or (
            size[0] != _product(atom.size for atom in atoms)):
        refuse(operator, f"an order of channels of {len(atoms)} loops; at most {MOST_LOOPS} are "
               "possible where some are left out")
    node = x.node
    for place, atom in enumerate(atoms):
        at = lie.index(atom)
        if at == place:
            continue
        before, between, behind = (_product(a.size for a in part) for part in (
            lie[:place], lie[place:at], lie[at + 1:]))
        order = [[before, between * atom.size * behind], [atom.size, behind],
                 [between, atom.size * behind], [behind, 1]]
        node = b.add(operator, "channels", [node], size, {
            "from": 0, "order": [loop for loop in order if loop[0] > 1]})
        lie.insert(place, lie.pop(at))
    return node


def as_map(b, operator, x):
    """The value as a map seen as [1, c, h, w]; None where it has no four axes."""
    if len(x.axes) != 4 or x.axes[0]:
        return None
    kinds = {atom.kind for atom in x.axes[1]}
    try:
        if is_upright(x):
            y = _channels(b, operator, x)
        else:
            y = (_depth_to_space if kinds <= {"c"} else _space_to_depth)(b, operator, x)
    except (CannotView, ConvertError):
        y = None
    if y is not None and y.axes == b.map(y.node).axes:
        return y
    _, c, h, w = x.shape
    return _counted_anew(b, operator, as_vector(b, operator, x, (2, 3, 1)), c, h, w)


def _depth_to_space(b, operator, x):
    """Rows that are a block's rows within the map's, and columns likewise."""
    inner, outer = [], []
    for axis, kind in ((x.axes[2], "h"), (x.axes[3], "w")):
        own = [atom for atom in axis if atom.kind == kind]
        block = list(axis[len(own):])
        if list(axis[:len(own)]) != own or any(atom.kind != "c" for atom in block) or (
                len(block) > 1):
            return None
        inner.append(tuple(block))
        outer.append(tuple(own))
    sizes = [_product(atom.size for atom in block) for block in inner]
    if max(sizes) > MOST_BLOCK:
        return None
    if joined(x.axes[1]) == axis_of("c", b.size(x)[0] // (sizes[0] * sizes[1])):
        view = Map(x.node, ((), *inner, x.axes[1], *outer))
        return blocks(b, operator, _channels(b, operator, view).node, sizes, "DCR")
    view = Map(x.node, ((), x.axes[1], *inner, *outer))
    return blocks(b, operator, _channels(b, operator, view).node, sizes, "CRD")


def blocks(b, operator, node, block, mode, crop=(0, 0, 0, 0)):
    """Channels to pixels, a block of them of each; crop: top, left, bottom, right."""
    c, h, w = b.sizes[node]
    size = (c // (block[0] * block[1]), h * block[0] - crop[0] - crop[2],
            w * block[1] - crop[1] - crop[3])
    return b.map(b.add(operator, "depth_to_space", [node], size, {
        "block": list(block), "mode": mode, "crop": list(crop)}))


def _space_to_depth(b, operator, x):
    """Channels among which are a block's rows and columns: the maps of each of a block's places,
    joined, and then in the order of the view."""
    c, h, w = b.size(x)
    steps = {}
    for axis, kind in ((x.axes[2], "h"), (x.axes[3], "w")):
        if len(axis) > 1 or any(atom.kind != kind for atom in axis):
            return None
        steps[kind] = axis[0].stride if axis else (h if kind == "h" else w)
    loops = x.axes[1]
    for kind in "hw":
        own = [atom for atom in loops if atom.kind == kind]
        if own and own != [Atom(kind, steps[kind], 1)] or (not own and steps[kind] != 1):
            return None
    whole = Map(x.node, plain(x.node, c, h, w).axes)
    places = [take(b, operator, take(b, operator, whole, 2, i, steps["h"], h // steps["h"]), 3, j,
                   steps["w"], w // steps["w"])
              for i in range(steps["h"]) for j in range(steps["w"])]
    node = join(b, operator, [place.node for place in places])
    stride = {"h": c * steps["w"], "w": c}
    view = tuple(Atom("c", a.size, a.stride if a.kind == "c" else a.stride * stride[a.kind])
                 for a in loops)
    _, h, w = b.sizes[node]
    return _channels(b, operator, Map(node, ((), joined(view), axis_of("h", h), axis_of("w", w))))


def _counted_anew(b, operator, x, c, h, w):
    node = b.add(operator, "reshape", [x.node], (c, h, w), {"size": [h, w], "channels": c})
    return b.map(node)


def one_pixel(b, operator, x):
    """The value with all of it in the channels of one pixel, which the view counts as before."""
    c, h, w = b.size(x)
    if h * w == 1:
        return x
    unit = {"h": w * c, "w": c, "c": 1}
    node = _counted_anew(b, operator, x, c * h * w, 1, 1).node
    return Map(node, tuple(joined(Atom("c", a.size, a.stride * unit[a.kind]) for a in axis)
                           for axis in x.axes))


def as_vector(b, operator, x, order=None):
    """One pixel whose channels are the values in the view's order, or in that of its axes `order`;
    the view of it, in that order."""
    axes = x.axes if order is None else tuple(x.axes[i] for i in order)
    return _channels(b, operator, one_pixel(b, operator, Map(x.node, axes)))


def as_rows(b, operator, x, inner, kinds="hc"):
    """A map whose channels are the values of the axes `inner`, its pixels those of all others, seen
    as before; by kinds "ch" the other way round."""
    inner = sorted(inner)
    order = [i for i in range(len(x.axes)) if i not in inner] + inner
    order = order if kinds == "hc" else inner + order[:len(order) - len(inner)]
    first = len(order) - len(inner) if kinds == "hc" else len(inner)
    shape = [x.shape[i] for i in order]
    pixels, channels = _product(shape[:first]), _product(shape[first:])
    columns = next((n for n in range(1, 1 + pixels)
                    if pixels % n == 0 and pixels // n <= MOST_SIDE))
    y = as_vector(b, operator, x, order)
    if pixels > 1:
        y = _counted_anew(b, operator, y, channels, pixels // columns, columns)
    c, h, w = b.size(y)
    axes = reshape((axis_of("h", h), axis_of("w", w), axis_of("c", c)), shape)
    return Map(y.node, tuple(axes[order.index(i)] for i in range(len(order))))


def spread(b, operator, x, shape):
    """One pixel of the value repeated along axes in which it is 1 and shape is not."""
    x = x.seen(((),) * (len(shape) - len(x.axes)) + tuple(x.axes))
    if any(n not in (1, m) for n, m in zip(x.shape, shape)):
        refuse(operator, f"values of shape {list(x.shape)} where {list(shape)} is wanted")
    x = as_vector(b, operator, x)
    loops = []
    for axis, size in zip(x.axes, shape):
        step = axis[-1].stride if axis else 0
        if size == 1:
            continue
        if loops and loops[-1][1] == size * step:
            loops[-1] = [loops[-1][0] * size, step]
        else:
            loops.append([size, step])
    if len(loops) > MOST_LOOPS:
        refuse(operator, f"values of shape {list(x.shape)} and {list(shape)}")
    count = _product(shape)
    node = x.node
    if count != b.size(x)[0]:
        node = b.add(operator, "channels", [node], (count, 1, 1), {"from": 0, "order": loops})
    return Map(node, reshape((axis_of("c", count),), shape))


def join(b, operator, nodes):
    """One node of maps of one size, along their channels."""
    most = 4  # of one concatenation of the engine
    c, h, w = b.sizes[nodes[0]]
    while len(nodes) > 1:
        group, nodes = nodes[:most], nodes[most:]
        c = sum(b.sizes[node][0] for node in group)
        nodes.insert(0, b.add(operator, "concat", group, (c, h, w)))
    return nodes[0]


def pad(b, operator, x, pads, mode="zero"):
    """A map of its own with pads (top, left, bottom, right) around its rows and columns, which the
    view may have on any axes."""
    x = Map(x.node, x.axes)
    if is_upright(x):
        x = b.map(b.require_map(operator, x))
    c, h, w = b.size(x)
    size = (c, h + pads[0] + pads[2], w + pads[1] + pads[3])
    node = b.add(operator, "pad", [x.node], size, {"pad": [int(n) for n in pads], "mode": mode})
    if x.axes == b.map(x.node).axes:
        return b.map(node)
    grown = {axis_of("h", h): axis_of("h", size[1]), axis_of("w", w): axis_of("w", size[2])}
    return Map(node, tuple(grown.get(axis, axis) if axis else () for axis in x.axes))


def is_upright(x):
    """Has a view of four axes rows and columns, or single ones, where a map has them?"""
    kinds = [{atom.kind for atom in axis} for axis in x.axes]
    return len(kinds) == 4 and kinds[1] <= {"c"} and kinds[2] <= {"h"} and kinds[3] <= {"w"}


def expand(b, operator, x, like):
    """A map of one row or column, or of one channel, with as many of those as `like` has."""
    (c, h, w), (d, i, j) = b.sizes[x], b.sizes[like]
    if (h, w) != (i, j):
        x = b.add(operator, "expand", [x, like], (c, i, j))
    if c == 1 and d > 1:
        x = b.add(operator, "channels", [x], (d, i, j), {"from": 0, "order": [[d, 0]]})
    return x


def slice_of(b, operator, inputs):
    x = inputs[0]
    read = lambda i, key: (inputs[i] if len(inputs) > i and inputs[i] is not None
                           else operator.attrs.get(key))
    starts, ends = read(1, "starts"), read(2, "ends")
    axes = read(3, "axes") if read(3, "axes") is not None else range(len(starts))
    steps = read(4, "steps") if read(4, "steps") is not None else [1] * len(starts)
    for start, end, axis, step in zip(starts, ends, axes, steps):
        size = x.shape[int(axis)]
        taken = range(*slice(int(start), int(end), int(step)).indices(size))
        if int(step) < 1 or not len(taken):
            refuse(operator, f"steps of {int(step)}" if int(step) < 1 else "it takes nothing")
        if len(taken) < size:
            x = take(b, operator, x, int(axis) % len(x.axes), taken[0], int(step), len(taken),
                     end < 0)
    return x


def split(b, operator, inputs):
    x = inputs[0]
    axis = operator.attrs.get("axis", 0) % len(x.axes)
    size, parts = x.shape[axis], len(operator.outputs)
    sizes = b.constant(operator, inputs, 1, "sizes")
    sizes = operator.attrs.get("split") if sizes is None else sizes
    if sizes is None:  # the last one may be smaller
        each = -(-size // parts)
        sizes = [each] * (parts - 1) + [size - each * (parts - 1)]
    if sum(sizes) != size or min(sizes) < 1 or len(sizes) != parts:
        refuse(operator, f"{size} values into {list(sizes)}")
    starts = [int(sum(sizes[:i])) for i in range(parts)]
    return [take(b, operator, x, axis, start, 1, int(n)) if n < size else x
            for start, n in zip(starts, sizes)]


def gather(b, operator, inputs):
    """By constants: one index, which drops the axis, or several at equal distances."""
    x, index = inputs[0], b.constant(operator, inputs, 1, "indices")
    if not isinstance(x, Map):
        refuse(operator, "its indices are no constant")
    axis = operator.attrs.get("axis", 0) % len(x.axes)
    index = index % x.shape[axis]
    flat = [int(i) for i in index.reshape(-1)]
    steps = {second - first for first, second in zip(flat, flat[1:])} or {1}
    if index.ndim > 1 or not flat or len(steps) > 1 or min(steps) < 1:
        refuse(operator, "its indices are not at equal distances")
    y = take(b, operator, x, axis, flat[0], min(steps), len(flat))
    return y if index.ndim else y.seen(y.axes[:axis] + y.axes[axis + 1:])


def depth_to_space(b, operator, inputs):
    node, block = b.require_map(operator, inputs[0]), operator.attrs["blocksize"]
    if not 1 <= block <= 16 or b.sizes[node][0] % (block * block):
        refuse(operator, f"blocks of {block} of {b.sizes[node][0]} channels")
    return blocks(b, operator, node, [block] * 2, operator.attrs.get("mode", "DCR"))


def space_to_depth(b, operator, inputs):
    node, block = b.require_map(operator, inputs[0]), operator.attrs["blocksize"]
    c, h, w = b.sizes[node]
    if not 1 <= block <= 16 or h % block or w % block:
        refuse(operator, f"blocks of {block} of a map of {w}x{h}")
    atoms = [atom for atom in (Atom("h", block, 1), Atom("w", block, 1), *axis_of("c", c))
             if atom.size > 1]
    sides = [(Atom(kind, size // block, block),) if size > block else ()
             for kind, size in (("h", h), ("w", w))]
    return _space_to_depth(b, operator, Map(node, ((), tuple(atoms), *sides)))


OPERATORS = {"Slice": slice_of, "Split": split, "Gather": gather,
             "DepthToSpace": depth_to_space, "SpaceToDepth": space_to_depth}
