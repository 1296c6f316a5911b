"""The one sentence an operator is refused with: node, operator, why."""

from ..errors import ConvertError


def refuse(operator, why):
    where = f"node {operator.name}" if operator.name else "a node without a name"
    raise ConvertError(f"{where} ({operator.op}): {why}")
