"""ONNX files whose input size is frozen, made to take any size.

Published detectors are exported at 512 or 640 pixels. The weights do not depend on that: only the
declared shapes and, in SCRFD, the absolute sizes its two Resize nodes were given. Both are edited
here.
"""
import os

import onnx
from onnx import TensorProto, helper


def any_size(source, target):
    """Writes `source` to `target` with free height and width, for batch 1. Returns target."""
    model = onnx.load(source)
    graph = model.graph
    names = {t.name for t in graph.initializer}
    for value in list(graph.input) + list(graph.output) + list(graph.value_info):
        if value.name in names:
            continue
        for i, dim in enumerate(value.type.tensor_type.shape.dim):
            if value in graph.input and i < 2:
                continue
            dim.Clear()
            dim.dim_param = "%s_%d" % (value.name, i)
    del graph.value_info[:]
    for node in graph.node:
        if node.op_type == "Resize" and len(node.input) == 4 and node.input[3] in names:
            scales = helper.make_tensor(
                node.output[0] + "_scales", TensorProto.FLOAT, [4], [1, 1, 2, 2]
            )
            graph.initializer.append(scales)
            node.input[2], node.input[3] = scales.name, ""
            del node.input[3:]
    os.makedirs(os.path.dirname(target), exist_ok=True)
    onnx.save(model, target)
    return target
