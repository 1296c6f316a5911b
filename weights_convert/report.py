"""The table --report prints: where each tensor came from, where it went and what was done to it."""


def _shape(shape):
    return "x".join(map(str, shape)) if shape else "-"


def report(net):
    """A line a tensor: source name, its shape, target, its shape, transformation."""
    rows = [("source", "shape", "target", "shape", "transformation")]
    rows += [(source, _shape(shape), target, _shape(target_shape), how)
             for source, shape, target, target_shape, how in net.rows]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ["  ".join([cell.ljust(width) for cell, width in zip(row, widths)] + [row[4]])
             for row in rows]
    values = sum(array.size for array in net.tensors.values())
    lines.append(f"{len(net.tensors)} tensors, {values} values")
    return "\n".join(lines)
