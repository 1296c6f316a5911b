"""Normalisations that an exporter wrote out, as torch does below opset 17: (x - mean) / sqrt(variance +
epsilon) becomes one operator before the graph is built."""

from dataclasses import replace

from ..source import Operator
from .ends import needed


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
    """The source with each of them as MeanVarianceNormalization."""
    graph, model = _Graph(source), source.model
    operators = [_normalisation(graph, operator) or operator for operator in model.operators]
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
