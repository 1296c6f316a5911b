"""Name maps: one module a network family, called as its `arch` (AS_GRAPH: written as a graph), with matches(source) and
convert(source, options). `options` are what the command line or the registry says about a network
that its file does not: {"variant": {...}, "input": {...}}. A module that recognises others' files
too says PRIORITY = -1: --family auto tries it after those that do not, and where it does not fit,
the next one."""

import importlib
import pkgutil

from ..errors import ConvertError


def discover():
    """{name: module} of this folder, in the order they are tried."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    modules = {name: importlib.import_module(f"{__name__}.{name}") for name in names}
    return dict(sorted(modules.items(), key=lambda pair: -getattr(pair[1], "PRIORITY", 0)))


FAMILIES = discover()


def convert(source, family="auto", options=None):
    """The Network of a source; ConvertError where the two do not fit."""
    options = options or {}
    if family != "auto":
        if family not in FAMILIES:
            raise ConvertError(f"there is no family {family!r}; there are {', '.join(FAMILIES)}")
        return _fit(source, family, options)
    names = [name for name, module in FAMILIES.items() if _matches(module, source)]
    if not names:
        raise ConvertError("no family of networks has these tensors; see --family")
    for name in names[:-1]:
        try:
            return _fit(source, name, options)
        except ConvertError as error:
            if source.uneven or getattr(FAMILIES[name], "PRIORITY", 0) < 0:
                continue
            if not (options.get("guess") and source.model):
                raise
            return _as_graph(source, name, options, error)
    return _fit(source, names[-1], options)


def _as_graph(source, name, options, complaint):
    """A graph with the names of a family that it is a stranger to: what it looks like counts."""
    try:
        net = _fit(source, "graph", options)
    except ConvertError:
        raise complaint from None
    net.notes.append(f"no {name} as it is known ({complaint}): taken as a graph")
    return net


def _matches(module, source):
    try:
        return module.matches(source)
    except ConvertError:
        if source.model is None:
            raise
        return False  # an ONNX graph of layers that no family has


def _fit(source, family, options):
    module = FAMILIES[family]
    if source.uneven and not getattr(module, "ANY_CONVOLUTION", False):
        raise ConvertError(source.uneven)
    try:
        net = module.convert(source, options)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError):
        # Shapes and graphs come from outside; a map that trips over one has met another network.
        raise ConvertError(f"the tensors do not have the shapes of a {family}") from None
    if not getattr(module, "OWN_OPTIONS", False):
        if options.get("task") not in (None, net.task):
            raise ConvertError(f"this is a {family}, which is for {net.task}; --family graph takes "
                               "it for what it is told")
        net.variant.update(options.get("variant", {}))
        net.input.update(options.get("input", {}))
    if "preprocess" in options:
        net.preprocess = options["preprocess"]
    net.finish()
    return net
