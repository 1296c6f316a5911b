"""What of a graph is converted: one input, and what its outputs need. The ends of a detector are as its
decoder wants them: levels that an exporter strung together are outputs of their own again, and pairs
of class logits are left as they are, because the softmax of two is the sigmoid of their difference
(decoders.py)."""

from dataclasses import replace

from ..errors import ConvertError


def taken_apart(source, decoder):
    """The source, its graph's outputs being those of levels where they were joined."""
    model, outputs = source.model, []
    made_by = {name: operator for operator in model.operators for name in operator.outputs}
    for name in model.outputs:
        outputs += _levels(name, made_by, decoder == "retinaface")
    operators = needed(model.operators, outputs)
    return replace(source, model=replace(model, operators=operators, outputs=outputs))


def reading_one_input(source):
    """The source without inputs that no output depends on; refused where more than one is left."""
    model = source.model
    read = {name for operator in needed(model.operators, model.outputs)
            for name in operator.inputs}
    inputs = {name: shape for name, shape in model.inputs.items() if name in read}
    if len(inputs) > 1 or not model.inputs:
        raise ConvertError(f"the graph reads {len(inputs)} inputs"
                           + "".join(f", {name}" for name in list(inputs)[:4])
                           + "; a network reads one, the picture")
    inputs = inputs or dict([next(iter(model.inputs.items()))])
    return replace(source, model=replace(model, inputs=inputs))


def needed(operators, outputs):
    """Those whose results an output is made of, in their order."""
    wanted, needed = set(outputs), []
    for operator in reversed(operators):
        if wanted.intersection(operator.outputs):
            needed.insert(0, operator)
            wanted.update(operator.inputs)
    return needed


def _levels(name, made_by, skips_softmax):
    end = made_by.get(name)
    while end and (end.op == "Identity" or (skips_softmax and _is_of_pairs(end))):
        name = end.inputs[0]
        end = made_by.get(name)
    is_joined = end and end.op == "Concat" and end.attrs.get("axis") in (1, -2)
    return list(end.inputs) if is_joined else [name]


def _is_of_pairs(end):
    """[1, anchors, 2] over its last axis."""
    return end.op == "Softmax" and end.attrs.get("axis", 1 if end.opset < 13 else -1) in (2, -1)
