"""Name maps: one module a network family, each with matches(source) and convert(source, options).
`options` are what the command line or the registry says about a network that its file does not:
{"variant": {...}, "input": {...}}."""

from ..errors import ConvertError
from . import age_gender, iresnet, mobilefacenet, resnet, retinaface, scrfd

# In the order they are tried by --family auto: the specific ones before mobilefacenet, which
# recognises a graph by its shape.
FAMILIES = {
    "resnet": resnet,
    "retinaface": retinaface,
    "iresnet": iresnet,
    "scrfd": scrfd,
    "faceapi_age_gender": age_gender.FaceApi,
    "insightface_genderage": age_gender.InsightFace,
    "mobilefacenet": mobilefacenet,
}


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
