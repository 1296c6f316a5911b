"""Operators all of whose inputs are known: exporters compute shapes, scales and padded weights in
the graph, and what they compute is a constant here. Plain numpy; the size of a result is bounded
before it is made, since a few bytes of a file can ask for any."""

import numpy as np

from .errors import refuse

MOST_VALUES = 1 << 26
_TYPES = {1: np.float32, 2: np.uint8, 3: np.int8, 5: np.int16, 6: np.int32, 7: np.int64,
          9: np.bool_, 10: np.float16, 11: np.float64, 12: np.uint32, 13: np.uint64}


def fold(operator, inputs):
    """The outputs of an operator over arrays; None where it is none that is folded."""
    function = _FOLDED.get(operator.op)
    if function is None:
        return None
    try:
        with np.errstate(all="ignore"):
            result = function(operator, *inputs)
    except (ValueError, IndexError, TypeError, KeyError, OverflowError, AttributeError,
            np.AxisError):
        refuse(operator, "its constant inputs do not fit it")
    return result if isinstance(result, list) else [np.asarray(result)]


def is_folded(op):
    return op in _FOLDED


def _bounded(operator, shape):
    count = 1
    for size in shape:
        if size < 0:
            refuse(operator, f"a constant of shape {list(shape)}")
        count *= int(size)
    if count > MOST_VALUES:
        refuse(operator, f"a constant of {count} values is more than {MOST_VALUES}")
    return [int(size) for size in shape]


def axes_of(operator, inputs, position):
    """`axes`, which older opsets have as an attribute and newer ones as an input; None: neither."""
    if len(inputs) > position and inputs[position] is not None:
        return [int(axis) for axis in np.atleast_1d(inputs[position])]
    axes = operator.attrs.get("axes")
    return None if axes is None else [int(axis) for axis in axes]


def _arithmetic(function):
    def folded(operator, a, b):
        _bounded(operator, np.broadcast_shapes(a.shape, b.shape))
        return function(a, b).astype(a.dtype)
    return folded


def _divide(a, b):
    if a.dtype.kind not in "iu":
        return a / b
    return np.trunc(a / b) if np.abs(a).max(initial=0) < 2**50 else a // b


def _compare(function):
    def folded(operator, a, b):
        _bounded(operator, np.broadcast_shapes(a.shape, b.shape))
        return function(a, b)
    return folded


def _cast(operator, x):
    return x.astype(_TYPES[operator.attrs["to"]])


def _constant_of_shape(operator, shape):
    value = operator.attrs.get("value")
    value = np.zeros(1, np.float32) if value is None else value
    return np.full(_bounded(operator, shape), value.reshape(-1)[0], value.dtype)


def _expand(operator, x, shape):
    return np.broadcast_to(x, _bounded(operator, np.broadcast_shapes(x.shape, tuple(shape))))


def _gather(operator, x, indices):
    axis = operator.attrs.get("axis", 0)
    shape = list(x.shape)
    shape[axis:axis + 1 or None] = indices.shape
    _bounded(operator, shape)
    return np.take(x, indices.astype(np.int64), axis)


def _range(operator, start, stop, step):
    count = max(0, int(np.ceil((stop.item() - start.item()) / step.item())))
    _bounded(operator, [count])
    return (start.item() + np.arange(count) * step.item()).astype(start.dtype)


def _reshape(operator, x, shape=None):
    shape = operator.attrs.get("shape") if shape is None else shape
    zero = not operator.attrs.get("allowzero", 0)
    return x.reshape([x.shape[i] if size == 0 and zero else int(size)
                      for i, size in enumerate(shape)])


def _slice(operator, x, *bounds):
    return x[slices(operator, x.shape, bounds)]


def slices(operator, shape, bounds):
    """A tuple of slices, one an axis, of a Slice's inputs starts, ends, axes, steps."""
    read = lambda i, key: (bounds[i] if len(bounds) > i and bounds[i] is not None
                           else operator.attrs.get(key))
    starts, ends = read(0, "starts"), read(1, "ends")
    axes = read(2, "axes") if read(2, "axes") is not None else range(len(starts))
    steps = read(3, "steps") if read(3, "steps") is not None else [1] * len(starts)
    parts = [slice(None)] * len(shape)
    for start, end, axis, step in zip(starts, ends, axes, steps):
        start, end, step = int(start), int(end), int(step)
        if step < 0 and end < -shape[axis]:
            end = None
        parts[int(axis)] = slice(start, end, step)
    return tuple(parts)


def _split(operator, x, sizes=None):
    axis = operator.attrs.get("axis", 0)
    sizes = operator.attrs.get("split") if sizes is None else sizes
    if sizes is None:
        return np.split(x, len(operator.outputs), axis)
    return np.split(x, np.cumsum(np.asarray(sizes, np.int64))[:-1], axis)


def _squeeze(operator, x, *axes):
    axes = axes_of(operator, (x, *axes), 1)
    return np.squeeze(x, None if axes is None else tuple(axes))


def _unsqueeze(operator, x, *axes):
    return np.expand_dims(x, tuple(axes_of(operator, (x, *axes), 1)))


def _flatten(operator, x):
    axis = operator.attrs.get("axis", 1)
    axis += x.ndim if axis < 0 else 0
    return x.reshape(int(np.prod(x.shape[:axis], dtype=np.int64)), -1)


def _reduce(function):
    def folded(operator, x, *axes):
        axes = axes_of(operator, (x, *axes), 1)
        return function(x, axis=None if axes is None else tuple(axes),
                        keepdims=bool(operator.attrs.get("keepdims", 1))).astype(x.dtype)
    return folded


def _tile(operator, x, repeats):
    _bounded(operator, [size * int(n) for size, n in zip(x.shape, repeats)])
    return np.tile(x, [int(n) for n in repeats])


def dequantize(operator, x, scale, zero=None):
    """scale (x - zero), a scale a tensor or one a slice of the axis."""
    shape = [1] * x.ndim
    if scale.size > 1:
        shape[operator.attrs.get("axis", 1)] = scale.size
    zero = np.zeros_like(scale) if zero is None else zero
    offset = x.astype(np.float64) - zero.astype(np.float64).reshape(shape)
    return (offset * scale.astype(np.float64).reshape(shape)).astype(np.float32)


def _where(operator, condition, a, b):
    _bounded(operator, np.broadcast_shapes(condition.shape, a.shape, b.shape))
    return np.where(condition, a, b)


_FOLDED = {
    "Add": _arithmetic(np.add), "Sub": _arithmetic(np.subtract), "Mul": _arithmetic(np.multiply),
    "Div": _arithmetic(_divide), "Pow": _arithmetic(np.power),
    "Equal": _compare(np.equal), "Less": _compare(np.less), "Greater": _compare(np.greater),
    "Cast": _cast, "Ceil": lambda operator, x: np.ceil(x), "Concat":
    lambda operator, *xs: np.concatenate(xs, operator.attrs.get("axis", 0)),
    "ConstantOfShape": _constant_of_shape, "DequantizeLinear": dequantize, "Expand": _expand,
    "Exp": lambda operator, x: np.exp(x), "Flatten": _flatten,
    "Floor": lambda operator, x: np.floor(x), "Gather": _gather,
    "Identity": lambda operator, x: x, "Neg": lambda operator, x: -x,
    "Not": lambda operator, x: ~x, "Range": _range, "ReduceMax": _reduce(np.max),
    "ReduceMin": _reduce(np.min), "ReduceProd": _reduce(np.prod), "ReduceSum": _reduce(np.sum),
    "Reshape": _reshape, "Slice": _slice, "Split": _split,
    "Sqrt": lambda operator, x: np.sqrt(x), "Squeeze": _squeeze, "Tile": _tile,
    "Transpose": lambda operator, x: x.transpose(operator.attrs.get("perm")),
    "Unsqueeze": _unsqueeze, "Where": _where,
}


def shape_of(operator, shape):
    """Shape: of any value, whose values need not be known. start and end came with opset 15."""
    start, end = operator.attrs.get("start", 0), operator.attrs.get("end")
    return np.array(shape[slice(start, end)], np.int64)

