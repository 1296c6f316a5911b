"""What an exporter wrote out becomes one operator before the graph is built: normalisations, as torch
does below opset 17, (x - mean) / sqrt(variance + epsilon), and GELU, as it does below 20, x times 1/2
times 1 + erf(x / sqrt(2)), in any order."""

import math
from dataclasses import replace

from ..source import Operator
from .ends import needed

# Of GELU's numbers, which files have rounded to fp32. One rounded further is another function.
_ROUNDING = 1e-6


class _Graph:
    def __init__(self, source):
        self.tensors = source.tensors
        self.made_by = {name: operator for operator in source.model.operators
                        for name in operator.outputs}

    def maker(self, name, *ops):
        """The inputs of the operator that makes the value; None where it is none of ops."""
        operator = self.made_by.get(name)
        return operator.inputs if operator is not None and operator.op in ops else None

    def number(self, name):
        array = self.tensors.get(name)
        return float(array.reshape(-1)[0]) if array is not None and array.size == 1 else None

    def factors(self, name, at=None, depth=3):
        """(values, number) whose product a value is, seen through so many products and quotients by a
        number, but not through the value `at`. The number is that of all that are constants."""
        number = self.number(name)
        if number is not None and self.tensors[name].ndim < 2:  # more would add axes to the product
            return [], number
        parts = self.maker(name, "Mul", "Div")
        if parts is None or name == at or depth == 0:
            return [name], 1.0
        values, number = self.factors(parts[0], at, depth - 1)
        others, other = self.factors(parts[1], at, depth - 1)
        if self.made_by[name].op == "Mul":
            return values + others, number * other
        return ([name], 1.0) if others or other == 0 else (values, number / other)

    def mean(self, name):
        """(of which value, over which axes) a mean that keeps its axes is; None where it is none."""
        operator = self.made_by.get(name)
        if operator is None or operator.op != "ReduceMean" or not operator.attrs.get("keepdims", 1):
            return None
        axes = operator.attrs.get("axes")
        if axes is None and len(operator.inputs) == 2:
            array = self.tensors.get(operator.inputs[1])
            axes = None if array is None else array.reshape(-1).tolist()
        return None if axes is None else (operator.inputs[0], [int(axis) for axis in axes])

    def distance(self, name):
        """The same of a value from which its mean is subtracted."""
        parts = self.maker(name, "Sub")
        mean = self.mean(parts[1]) if parts else None
        return mean if mean and mean[0] == parts[0] else None


def joined(source):
    """The source with each of them as MeanVarianceNormalization or Gelu."""
    graph, model = _Graph(source), source.model
    operators = [_normalisation(graph, operator) or _gelu(graph, operator) or operator
                 for operator in model.operators]
    if operators == model.operators:
        return source
    return replace(source, model=replace(model, operators=needed(operators, model.outputs)))


def _normalisation(graph, division):
    if division.op != "Div":
        return None
    of = graph.distance(division.inputs[0])
    root = graph.maker(division.inputs[1], "Sqrt")
    total = graph.maker(root[0], "Add") if root else None
    if not of or not total:
        return None
    for variance, small in (total, total[::-1]):
        squares, epsilon = graph.mean(variance), graph.number(small)
        if squares and epsilon and squares[1] == of[1] and _is_square(graph, squares[0], of):
            return Operator("MeanVarianceNormalization", "", division.name, [of[0]],
                            division.outputs, {"axes": of[1], "epsilon": epsilon}, division.opset)
    return None


def _is_square(graph, name, of):
    """Of the distance from the mean `of` says?"""
    parts = graph.maker(name, "Pow", "Mul")
    if not parts or graph.distance(parts[0]) != of:
        return False
    return parts[1] == parts[0] or graph.number(parts[1]) == 2


def _gelu(graph, product):
    name = product.outputs[0]
    for total in graph.factors(name)[0]:
        x = _of_erf(graph, total)
        if x is None:
            continue
        values, number = graph.factors(name, x)
        if sorted(values) == sorted([x, total]) and math.isclose(number, 0.5, rel_tol=_ROUNDING):
            return Operator("Gelu", "", product.name, [x], product.outputs, {}, product.opset)
    return None


def _of_erf(graph, name):
    """The x of 1 + erf(x / sqrt(2)); None where it is something else."""
    total = graph.maker(name, "Add")
    for erf, one in (total, total[::-1]) if total else ():
        inner = graph.maker(erf, "Erf")
        parts = graph.maker(inner[0], "Mul", "Div") if inner else None
        for x in parts or ():
            values, number = graph.factors(inner[0], x)
            if (values == [x] and graph.factors(one) == ([], 1)
                    and math.isclose(number, math.sqrt(0.5), rel_tol=_ROUNDING)):
                return x
    return None
