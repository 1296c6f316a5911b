"""Name maps: one module a network family, called as its `arch`, with matches(source) and
convert(source, options). `options` are what the command line or the registry says about a network
that its file does not: {"variant": {...}, "input": {...}}. A module that recognises others' files
too says PRIORITY = -1: --family auto tries it after those that do not."""

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
    if family == "auto":
        family = next((name for name, module in FAMILIES.items() if module.matches(source)), None)
        if family is None:
            raise ConvertError("no family of networks has these tensors; see --family")
    if family not in FAMILIES:
        raise ConvertError(f"there is no family {family!r}; there are {', '.join(FAMILIES)}")
    try:
        net = FAMILIES[family].convert(source, options)
    except (ValueError, IndexError, KeyError, TypeError, AttributeError):
        # Shapes and graphs come from outside; a map that trips over one has met another network.
        raise ConvertError(f"the tensors do not have the shapes of a {family}") from None
    net.variant.update(options.get("variant", {}))
    net.input.update(options.get("input", {}))
    if "preprocess" in options:
        net.preprocess = options["preprocess"]
    net.finish()
    return net
