"""A trained network as a blob (docs/blob.md): arch `graph` on a value inside the embedder, F16, with
temperature, prior and what it was measured to be worth."""

import datetime
import json
import os

import numpy as np
import torch

from weights_convert import safetensors

from . import judge
from .learn import predict
from .manifest import MISSING, TrainingError

UNSURE_BELOW = 0.6


def _today():
    """SOURCE_DATE_EPOCH, where it is set, so that the same training gives the same bytes."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    now = (datetime.datetime.fromtimestamp(int(given), datetime.timezone.utc) if given
           else datetime.datetime.now(datetime.timezone.utc))
    return now.date().isoformat()


def _half(net):
    """The weights as the blob stores them, so that what is measured is what is shipped. (The first
    layer of the head is rounded after the standardisation is in it: that is left out here, and is
    what tests/training compares with the engine.)"""
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(parameter.half().float())


def _attribute(attribute, logits, labels, prior):
    """The entry of the blob's `attributes`, calibrated on held-out pictures."""
    known = labels != MISSING
    logits, labels = logits[known], labels[known]
    temperature = judge.fit_temperature(logits, labels)
    entry = {"name": attribute.name, "output": attribute.name, "count": len(attribute.labels),
             "labels": attribute.labels, "temperature": temperature, "unsure_below": UNSURE_BELOW}
    if attribute.binary:
        del entry["count"], entry["labels"]
        entry |= {"kind": "probability", "decode": "sigmoid"}
    elif attribute.ordered:
        p = judge.softmax(logits / temperature)
        given = attribute.entry
        entry |= {"kind": "value", "decode": "groups", "unit": given.get("unit", ""),
                  "edges": given["edges"], "means": given["means"], "interval": 0.8,
                  "prior": [round(float(share), 5) for share in prior],
                  "prior_power": judge.fit_power(p, prior, labels, given)}
    else:
        entry |= {"kind": "distribution", "decode": "softmax"}
    if "default" in attribute.entry:
        entry["default"] = attribute.entry["default"]
    return entry


def blob(run, manifest, cache, names, name, licence, check=None, command=""):
    """{tensor: array}, metadata and what is told about them. check: (text, manifest, cache) of
    pictures that nothing was chosen on."""
    chosen = [a for a in manifest.attributes if a.name in names and a.name in run.net.heads]
    if not chosen:
        raise TrainingError(f"{run.folder} tells none of {', '.join(names)}")
    _half(run.net)
    held_out, labels = manifest.held_out(), manifest.labels()
    index = np.flatnonzero(held_out)
    logits = predict(run.net, cache.rows(run.value, "plain"), index)
    entries, lines = [], []
    checked = check and predict(run.net, check[2].rows(run.value, "plain"))
    for attribute in chosen:
        codes = labels[attribute.name]
        train = codes[~held_out & (codes != MISSING)]
        prior = (np.bincount(train, minlength=len(attribute.labels)) + 1) / (
            len(train) + len(attribute.labels))
        entry = _attribute(attribute, logits[attribute.name], codes[index], prior)
        if check:
            data, of, y = check[0], check[1], checked[attribute.name]
            found = judge.measure(y, of.labels()[attribute.name], judge.groups_of(of),
                                  attribute.ordered, entry["temperature"])
        else:
            data = f"{len(index)} pictures held out of the training"
            found = judge.measure(logits[attribute.name], codes[index],
                                  judge.groups_of(manifest)[index], attribute.ordered,
                                  entry["temperature"])
        entry["measured"] = {"data": data, **found}
        entries.append(entry)
        lines.append(f"{attribute.name} {judge.line(found)}")
    graph = run.net.graph([a.name for a in chosen], [a.name for a in chosen if a.binary])
    shape = cache.shape(run.value)
    description = run.description
    metadata = {
        "mien": "1", "name": name, "arch": "graph", "task": "attributes",
        "input": {"width": shape[2], "height": shape[1], "channels": "FEATURES",
                  "count": shape[0]},
        "features_of": f"{description['embedder']}@{run.value}",
        "features_sha256": description["source_sha256"],
        "preprocess": {"crop": "aligned"},
        "graph": {"nodes": graph.nodes, "outputs": graph.outputs, "size": "fixed",
                      "multiple_of": 1},
        "attributes": entries,
        "license": licence, "source": description["data"], "trained": {
            "date": _today(), "pictures": int((~held_out).sum()),
            "held_out": int(held_out.sum()), "command": command or description["command"]},
        "accuracy": f"{entries[0]['measured']['data']}: " + "; ".join(lines),
    }
    texts = {key: value if isinstance(value, str)
             else json.dumps(value, sort_keys=True, separators=(",", ":"))
             for key, value in metadata.items()}
    return {n: t.astype(np.float16) for n, t in graph.tensors.items()}, texts, lines


def write(path, tensors, texts):
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise TrainingError(f"{name} does not fit into F16")
    safetensors.write(path, tensors, texts)
