"""Instance, group and layer norms: the engine brings a group of values to a mean of 0 and a variance
of 1, and a scale and shift a channel follow."""

import numpy as np

from .errors import refuse
from .gathers import as_rows, as_vector
from .layers import affine, per_channel
from .maps import Atom, Map, axis_of


def _normal(b, operator, x, op, groups, epsilon):
    if not 0 < epsilon <= 1:
        refuse(operator, f"an epsilon of {epsilon}")
    node = b.add(operator, op, [x.node], b.size(x), {"groups": int(groups),
                                                     "epsilon": float(epsilon)})
    return Map(node, x.axes)


def _scaled(b, operator, x, scale, shift):
    """scale, shift: numbers a channel, or one a group of neighbouring channels."""
    c = b.size(x)[0]
    scale, shift = (None if part is None else np.repeat(part.reshape(-1), c // part.size)
                    for part in (scale, shift))
    if (scale is None or (scale == 1).all()) and (shift is None or (shift == 0).all()):
        return x
    return affine(b, operator, x, scale, shift)


def _are_groups(b, x):
    """Does the second axis of a view [1, groups, ...] count groups of neighbouring channels?"""
    return x.axes[1] in ((), (Atom("c", x.shape[1], b.size(x)[0] // x.shape[1]),))


def instance_norm(b, operator, inputs):
    x = inputs[0]
    scale, shift = (b.constant(operator, inputs, i, "parameter") for i in (1, 2))
    if x.axes[0]:
        refuse(operator, f"of a value of {list(x.shape)}, which is no batch of one")
    if not _are_groups(b, x):
        x = as_vector(b, operator, x)
    groups = x.shape[1]
    if scale is None or shift is None or scale.size != groups or shift.size != groups:
        refuse(operator, f"its parameters must have {groups} values each")
    y = _normal(b, operator, x, "norm_map", groups, operator.attrs.get("epsilon", 1e-5))
    return _scaled(b, operator, y, scale, shift)


def group_norm(b, operator, inputs):
    node = b.require_map(operator, inputs[0])
    scale, shift = (b.constant(operator, inputs, i, "parameter") for i in (1, 2))
    c, groups = b.sizes[node][0], operator.attrs.get("num_groups", 0)
    if groups < 1 or c % groups or any(part is None or part.size not in (c, groups)
                                       for part in (scale, shift)):
        refuse(operator, f"{groups} groups of {c} channels")
    y = _normal(b, operator, b.map(node), "norm_map", groups, operator.attrs.get("epsilon", 1e-5))
    return _scaled(b, operator, y, scale, shift)


def layer_norm(b, operator, inputs):
    x, rank = inputs[0], len(inputs[0].axes)
    axis = operator.attrs.get("axis", -1) % rank
    if len([name for name in operator.outputs if name]) > 1:
        refuse(operator, "its mean and variance as values are not supported")
    y = _over(b, operator, x, range(axis, rank), operator.attrs.get("epsilon", 1e-5))
    parts = [b.constant(operator, inputs, i, "parameter") for i in (1, 2)]
    parts = [None if part is None else per_channel(b, operator, y, part) for part in parts]
    return _scaled(b, operator, y, *parts)


def _over(b, operator, x, axes, epsilon):
    """Over some of the view's axes."""
    c, h, w = b.size(x)
    over = sorted(atom for axis in axes for atom in x.axes[axis])
    whole = sorted(atom for part in x.axes for atom in part)
    if over == list(axis_of("c", c)):
        return _normal(b, operator, x, "norm_pixels", 1, epsilon)
    if over == whole:
        return _normal(b, operator, x, "norm_map", 1, epsilon)
    if over == [atom for atom in whole if atom.kind != "c"]:
        return _normal(b, operator, x, "norm_map", c, epsilon)
    return _normal(b, operator, as_rows(b, operator, x, axes), "norm_pixels", 1, epsilon)


def mean_variance(b, operator, inputs):
    """Also what patterns.py makes of one that is written out: it has an epsilon."""
    x, rank = inputs[0], len(inputs[0].axes)
    axes = {axis % rank for axis in operator.attrs.get("axes", [0, 2, 3])}
    return _over(b, operator, x, axes, operator.attrs.get("epsilon", 1e-9))


OPERATORS = {"InstanceNormalization": instance_norm, "GroupNormalization": group_norm,
             "LayerNormalization": layer_norm, "MeanVarianceNormalization": mean_variance}
