"""The model card of a blob: what it is, of what, how right for whom, and what it is not for. All
figures are read from the blob, so that the card cannot say others (tests/training compares)."""

import json

from weights_convert import safetensors

WHAT = {
    "age": "the group of age, and years from it",
    "gender": "how likely the face would be labelled male or female",
    "race": "which of seven groups of FairFace people would put the face into",
    "mask": "how likely a mask covers mouth and nose",
}
MASK_LIMITS = """\
No real mask was looked at: all are drawn (training/masks.py), in shapes, colours and patterns of its own. The figures are
of such drawings, in styles that the training had none of (duckbill, gaiter, printed), so that they say little of how many
real masks are told. By eye: of 30,000 other crops of FairFace as they are, 0.5 % were told to have one, and of the 55
likeliest about ten did have a mask or a cloth before mouth and nose; most of the others hid both behind a hand, a head,
a cup, a camera or a microphone, and some were profiles. What is told is that the lower half of the face is covered by
something. FairFace has few masks, so that hands, cups and scarves it shows were all learnt as none. Masks below the
nose were neither drawn nor measured, and masks below the chin were drawn as none."""
MASK_NOT_FOR = """\
Not for refusing anybody entry or service, not for fines, and not for keeping watch over people by name: it is for
counting, and for telling whoever recognises a face that much of it is hidden."""
LIMITS = """\
The labels are what people who were paid for it thought when they saw the picture. They are no facts about the
person: gender is what a stranger reads off a face, not what somebody is; race is a crude habit of sorting people,
not biology; age is an impression. Whoever looks unlike what labellers expect is told wrongly more often.

The pictures are photographs of Flickr (YFCC-100M) of which faces were at least 50 pixels large. Small, dark, blurred or half
hidden faces, drawings, make-up and masks are told worse than the tables say. Small children's gender is near chance
at the youngest. An answer below the blob's `unsure_below` is marked "unsure": treat it as none."""
NOT_FOR = """\
Not for decisions about a person: hiring, credit, insurance, policing, border control, access, prices, or proof of age.
Not for telling who belongs to a group that law protects, and not for surveillance by such groups. In the European Union
sorting people by race from biometric data is forbidden or restricted (GDPR article 9; AI Act articles 5 and 50), other
places have laws of their own. It is for statistics over many faces, for search in one's own photographs, and for
measuring how another system treats groups of people."""


def _measured(attribute):
    found = attribute["measured"]
    yield f"### {attribute['name']}"
    yield ""
    within = f", within one group {found['within_one']:.2f} %" if "within_one" in found else ""
    yield (f"{found['accuracy']:.2f} % of {found['n']} pictures ({found['data']}){within}. Expected calibration error "
           f"{found['ece']:.2f} points\nat temperature {attribute['temperature']:g}.")
    if not found["groups"]:
        return
    yield ""
    what = "style" if attribute["name"] == "mask" else "people"
    yield f"| {what} | pictures | right, % | 95 % interval |"
    yield "|---|---:|---:|---|"
    for group, part in found["groups"].items():
        low, high = wilson(part["accuracy"] / 100, part["n"])
        yield (f"| {group.replace('_', ' ')} | {part['n']} | {part['accuracy']:.1f} | "
               f"{100 * low:.1f} to {100 * high:.1f} |")


def wilson(p, n):
    """Interval of a share: E. B. Wilson, "Probable inference", 1927."""
    z = 1.959964
    middle, room = p + z * z / (2 * n), z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5
    return (middle - room) / (1 + z * z / n), (middle + room) / (1 + z * z / n)


def text(path):
    tensors, metadata = safetensors.read(path)
    attributes = json.loads(metadata["attributes"])
    trained = json.loads(metadata["trained"])
    network, _, value = metadata["features_of"].partition("@")
    weights = sum(t.size for t in tensors.values())
    lines = [
        f"# {metadata['name']}", "",
        "Written by `training/train.py card` from the blob `models/data/"
        f"{metadata['name']}.safetensors`; not by hand.", "",
        "## What it is", "",
        *(f"- **{a['name']}**: {WHAT.get(a['name'], a['name'])}"
          + ("" if a.get("default", True) else "; off unless it is asked for") for a in attributes),
        "",
        f"It reads the value `{value}` of `{network}` (source SHA-256 `{metadata['features_sha256']}`), which the embedder",
        f"computes anyway, and has {weights:,} weights of its own, in F16.", "",
        "## What it was trained on", "",
        f"{metadata['source']}: {trained['pictures']:,} pictures, and {trained['held_out']:,} held out that every choice "
        "(epochs, temperature,\nprior) was made on.",
        f"Licence: {metadata['license']}.", f"Made on {trained['date']} by `{trained['command']}`.", "",
        "## How right it is", "",
    ]
    for attribute in attributes:
        lines += [*_measured(attribute), ""]
    masks = [a["name"] for a in attributes] == ["mask"]
    lines += ["## Limits", "", MASK_LIMITS if masks else LIMITS, "",
              "## What it must not be used for", "", MASK_NOT_FOR if masks else NOT_FOR]
    return "\n".join(lines) + "\n"
