"""The blob being built: a name map puts tensors into it one by one and says what it did to each.
finish() then answers the two questions that matter - is a tensor missing, is one left over - by
name, and checks what can be checked without running the network: shapes of a layer's parts, finite
values, epsilons. The metadata written here is the table of docs/blob.md."""

import hashlib
import json
import re
from collections import Counter

import numpy as np

from .errors import ConvertError
from .source import as_float32

TINY = 1e-30  # smaller magnitudes become zero: denormals cost a CPU a factor of several
BN_PARTS = ("weight", "bias", "running_mean", "running_var")
_CONV_AXES = {"OIHW": (0, 1, 2, 3), "HWIO": (3, 2, 0, 1), "OHWI": (0, 3, 1, 2)}
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*\Z")


def dumps(value):
    """JSON without anything that varies: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def names(values, limit=12):
    """`a, b, c and 4 more`: an error names tensors, but stays a sentence."""
    values = list(values)
    more = f" and {len(values) - limit} more" if len(values) > limit else ""
    return ", ".join(values[:limit]) + more


class Network:
    def __init__(self, source, arch, task):
        self.source = source
        self.arch = arch
        self.task = task
        self.tensors = {}  # target name -> float32 array, in the order of the network
        self.rows = []  # report: (source name, source shape, target, target shape, transformation)
        self.used = set()
        self.missing = []
        self.eps = {}  # batch norm layer -> epsilon
        self.input = {}
        self.variant = {}
        self.preprocess = None
        self.attributes = None
        self.labels = None
        self.wnids = None
        self.graph = None  # arch graph: its op list
        self.ranges = {}  # tensors for int8, where the source states them
        self.classes = None  # classifiers whose last layer has no name of its own
        self.notes = []  # sentences about what was left out

    def array(self, name, target):
        """The source tensor, marked as used; None (and noted as missing) where there is none."""
        if name not in self.source.tensors:
            self.missing.append(f"{name} (for {target})")
            return None
        self.used.add(name)
        return self.source.tensors[name]

    def put(self, target, name, function=None, how=""):
        """Stores source tensor `name` as `target`, through `function` where one is given."""
        array = self.array(name, target)
        if array is None:
            return
        shape = array.shape
        if function is not None:
            try:
                array = function(array)
            except (ValueError, IndexError):
                raise ConvertError(
                    f"tensor {name} has shape {list(shape)}, which cannot become {target}"
                ) from None
        note = self.source.notes.get(name, "")
        self.store(target, array, name, shape, "; ".join(part for part in (note, how) if part))

    def store(self, target, array, name, shape, how):
        if target in self.tensors:
            raise ConvertError(f"two tensors want to become {target}")
        array = as_float32(array)
        if not np.isfinite(array).all():
            raise ConvertError(f"tensor {name} holds values that are not finite numbers")
        tiny = np.abs(array) < TINY
        flushed = int(np.count_nonzero(tiny & (array != 0)))
        if tiny.any():
            array = np.where(tiny, np.float32(0), array)
        if flushed:
            how = "; ".join(part for part in (how, f"{flushed} tiny values to 0") if part)
        self.tensors[target] = array
        self.rows.append((name, list(shape), target, list(array.shape), how or "as it is"))

    def drop(self, name, why):
        """A source tensor that is rightly not part of the blob."""
        self.used.add(name)
        self.rows.append((name, list(self.source.tensors[name].shape), "-", [], why))

    def drop_all(self, pattern, why):
        for name in self.source.tensors:
            if name not in self.used and re.fullmatch(pattern, name):
                self.drop(name, why)

    def conv(self, layer, weight, bias=None, depthwise=False):
        """A convolution: weight to OIHW by the source's layout, bias as it is."""
        layout = self.source.layout
        axes, how = _CONV_AXES[layout], "" if layout == "OIHW" else f"{layout} to OIHW"
        if depthwise and layout == "HWIO":  # TensorFlow: [kh][kw][c][1]
            axes, how = (2, 3, 0, 1), "HWC1 to C1HW"
        elif depthwise and layout == "OHWI":  # TensorFlow Lite: [1][kh][kw][c]
            axes, how = (3, 0, 1, 2), "1HWC to C1HW"
        identity = axes == (0, 1, 2, 3)
        self.put(layer + ".weight", weight, None if identity else lambda a: a.transpose(axes), how)
        if bias:
            self.put(layer + ".bias", bias)

    def dense(self, layer, weight, bias=None):
        """A fully connected layer whose input was no map, so no order of axes matters."""
        if self.source.layout == "HWIO":
            self.put(layer + ".weight", weight, lambda a: a.T, "[in][out] to [out][in]")
        else:
            self.put(layer + ".weight", weight)
        if bias:
            self.put(layer + ".bias", bias)

    def bn(self, layer, gamma, beta, mean, variance, eps):
        """A batch norm; the epsilon the file states for it wins over `eps`."""
        for part, name in zip(BN_PARTS, (gamma, beta, mean, variance)):
            self.put(f"{layer}.{part}", name)
        self.eps[layer] = self.source.eps.get(gamma, eps)

    def same(self, layer, parts, optional=()):
        """Tensors whose names are already ours."""
        for part in parts:
            self.put(f"{layer}.{part}", f"{layer}.{part}")
        for part in optional:
            if self.source.has(f"{layer}.{part}"):
                self.put(f"{layer}.{part}", f"{layer}.{part}")

    def torch_layer(self, conv, bn, eps=1e-5):
        """A PyTorch convolution with its batch norm, or with the bias it was folded into."""
        self.same(conv, ["weight"], ["bias"])
        folded = self.source.has(conv + ".bias") and not any(
            self.source.has(f"{bn}.{part}") for part in BN_PARTS)
        if not folded:
            self.torch_bn(bn, eps)

    def torch_bn(self, bn, eps=1e-5):
        self.bn(bn, *(f"{bn}.{part}" for part in BN_PARTS), eps)

    def finish(self):
        """Raises where the checkpoint and the network do not fit each other exactly."""
        self.drop_all(r"(.*\.)?num_batches_tracked", "dropped: training counter")
        left = [name for name in self.source.tensors if name not in self.used]
        complaints = []
        if self.missing:
            complaints.append(f"{self.arch} misses {names(self.missing)}")
        if left:
            complaints.append(f"{self.arch} has no place for {names(left)}")
        if complaints:
            raise ConvertError("; ".join(complaints))
        self._check_layers()

    def _check_layers(self):
        for target, array in self.tensors.items():
            layer, _, part = target.rpartition(".")
            rank = {"weight": (1, 2, 4)}.get(part, (1,))
            if array.ndim not in rank or 0 in array.shape:
                raise ConvertError(f"tensor {target} has shape {list(array.shape)}")
            # A separable convolution has one bias, its pointwise half's.
            weight = self.tensors.get(layer + ".weight", self.tensors.get(
                layer + ".pointwise.weight"))
            if part != "weight" and (weight is None or array.shape[0] != weight.shape[0]):
                raise ConvertError(f"tensor {target} has {array.shape[0]} values, "
                                   f"its layer's weight does not")
            if part == "running_var" and (array < 0).any():
                raise ConvertError(f"tensor {target} holds a negative variance")

    def bn_eps(self):
        """{prefix: epsilon} such that the longest prefix of a layer's name gives its epsilon; as
        few prefixes as do."""
        if not self.eps:
            return {}
        eps = {layer: float(f"{value:.7g}") for layer, value in self.eps.items()}
        common = Counter(eps.values()).most_common(1)[0][0]
        prefixes = {"": common}
        for layer, value in eps.items():
            if value == _lookup(prefixes, layer):
                continue
            parts = layer.split(".")
            candidates = [".".join(parts[:n]) + "." for n in range(1, len(parts))] + [layer]
            for prefix in candidates:
                if all(v == value for other, v in eps.items() if other.startswith(prefix)):
                    break
            prefixes[prefix] = value
        wrong = [layer for layer, value in eps.items() if _lookup(prefixes, layer) != value]
        prefixes.update({layer: eps[layer] for layer in wrong})
        return prefixes

    def metadata(self, name, extra):
        """The __metadata__ of the blob; `extra` holds license, source, accuracy, same_person."""
        if not _NAME.match(name):
            raise ConvertError(f"{name!r} is no name for a network: lower case letters, digits, "
                               "dashes and dots")
        meta = {
            "mien": "1",
            "name": name,
            "arch": self.arch,
            "task": self.task,
            "input": dumps(self.input),
            "variant": dumps(self.variant),
        }
        if self.eps:
            meta["bn_eps"] = dumps(self.bn_eps())
        for key in ("preprocess", "attributes", "labels", "wnids", "graph"):
            if getattr(self, key) is not None:
                meta[key] = dumps(getattr(self, key))
        digest = hashlib.sha256()
        for path in self.source.files:
            with open(path, "rb") as file:
                for block in iter(lambda: file.read(1 << 20), b""):
                    digest.update(block)
        meta["source_sha256"] = digest.hexdigest()
        meta.update({key: str(value) for key, value in extra.items() if value})
        return meta


def _lookup(prefixes, layer):
    return prefixes[max((p for p in prefixes if layer.startswith(p)), key=len)]


def input_of(width, height, channels, mean, scale):
    """The `input` metadata; mean and scale are one number for all channels, or three."""
    three = lambda value: list(value) if isinstance(value, (list, tuple)) else [value] * 3
    return {"width": width, "height": height, "channels": channels,
            "mean": three(mean), "scale": three(scale)}
