"""Command line: python3 -m weights_convert convert|add|fetch ..."""

import argparse
import json
import math
import re
import sys

from .errors import ConvertError
from .families import FAMILIES


def parser():
    top = argparse.ArgumentParser(
        prog="weights_convert", description="Turns published checkpoints into mien's weight blobs.")
    commands = top.add_subparsers(dest="command", required=True)

    convert = commands.add_parser(
        "convert", help="convert one checkpoint",
        description="Converts a checkpoint: tfjs model.json or weights manifest, ONNX, tflite, "
        "PyTorch .pth, MXNet symbol.json with .params, Keras .h5, safetensors.")
    convert.add_argument("-o", "--output", required=True, metavar="OUT.safetensors")
    convert.add_argument("--name", help="name of the network; default: that of the output file")
    convert.add_argument("--report", action="store_true", help="print what became of every tensor")
    _add_source(convert)

    add = commands.add_parser(
        "add", help="install a network of your own",
        description="Converts a checkpoint into the weights folder, or copies a blob there.")
    add.add_argument("--name", help="name of the network; default: from that of the file")
    add.add_argument("--dir", help="weights folder, as for fetch")
    add.add_argument("--replace", action="store_true", help="also where one of that name is there")
    _add_source(add)

    fetch = commands.add_parser(
        "fetch", help="download and convert the default weights",
        description="Downloads the networks of registry.json, checks their sums and converts "
        "them. What is already there with the right sum is left alone. A network that the "
        "registry does not have is named by its https URL.")
    fetch.add_argument("names", nargs="*", metavar="NAME|URL",
                       help="default: the default networks")
    fetch.add_argument("--all", action="store_true", help="every network of the registry, but for "
                       "those that need --accept-license")
    fetch.add_argument("--sha256", type=_sum, metavar="SUM", help="of a URL: the file's, as its "
                       "publisher states it")
    fetch.add_argument("--name", help="of a URL: name of the network; default: from the file's")
    fetch.add_argument("--accept-license", action="store_true", help="of networks that are not "
                       "free for any use: their licenses have been read")
    fetch.add_argument("--dir", help="weights folder; default: $MIEN_WEIGHTS, else "
                       "$XDG_DATA_HOME/mien, else ~/.local/share/mien")
    fetch.add_argument("--list", action="store_true", help="show what there is and stop")
    fetch.add_argument("--verify", action="store_true", help="check what is installed and stop")
    fetch.add_argument("--accept", action="store_true", help="after a change to the converter: "
                       "take the sums of the new blobs into registry.json")
    return top


def _add_source(command):
    """What a conversion reads, and what is said of it."""
    command.add_argument("source", nargs="+", metavar="SOURCE")
    command.add_argument("--family", default="auto", choices=["auto", *FAMILIES])
    command.add_argument("--variant", type=_object, default={}, metavar="JSON",
                         help="fields of the variant that the file does not state")
    command.add_argument("--input", type=_input, default={}, metavar="JSON|WxH",
                         help="input size and normalisation where they differ from the family's")
    _add_graph_options(command)
    command.add_argument("--labels", metavar="FILE", help="class labels: JSON, or a line a class")
    command.add_argument("--wnids", metavar="FILE", help="WordNet ids, in the same forms")
    for key, text in (("license", "license of the weights"),
                      ("accuracy", "a figure and how it was measured"),
                      ("source-name", "where the weights come from")):
        command.add_argument("--" + key, metavar="TEXT", help=text)
    command.add_argument("--licence", dest="license", help=argparse.SUPPRESS)  # as it was once
    command.add_argument("--same-person", type=_similarity, metavar="S",
                         help="similarity from which an embedder's faces are one person")


def _add_graph_options(command):
    """What the graph of a network of no known family does not say."""
    command.add_argument("--channels", choices=["RGB", "BGR", "GRAY"],
                         help="order of the input's channels; an input of one channel is gray")
    command.add_argument("--mean", type=_three, metavar="M|M,M,M",
                         help="subtracted from the pixels, 0..255")
    command.add_argument("--scale", type=_three, metavar="S|S,S,S", help="then multiplied with")
    command.add_argument("--task", choices=["raw", "embed", "classify", "attributes", "landmarks",
                                            "detect"],
                         help="what a network of no known family is for; default: of add what it "
                         "looks like, else raw, its outputs as they are")
    command.add_argument("--heads", metavar="FILE.json",
                         help="tasks attributes, landmarks: what its outputs mean")
    command.add_argument("--decoder", choices=["scrfd", "retinaface", "yunet"],
                         help="task detect: what its outputs mean")


def _input(text):
    size = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    return {"width": int(size[1]), "height": int(size[2])} if size else _object(text)


_input.__name__ = "size WIDTHxHEIGHT or JSON object"


def _three(text):
    numbers = [float(part) for part in text.split(",")]
    if len(numbers) not in (1, 3) or not all(map(math.isfinite, numbers)):
        raise ValueError
    return numbers * (3 // len(numbers))


_three.__name__ = "number, or three separated by commas"


def _object(text):
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError
    return value


_object.__name__ = "JSON object"


def _sum(text):
    if not re.fullmatch("[0-9a-f]{64}", text.lower()):
        raise ValueError
    return text.lower()


_sum.__name__ = "sha256: 64 hexadecimal digits"


def _similarity(text):
    if not -1 < float(text) < 1:
        raise ValueError
    return text


_similarity.__name__ = "similarity between -1 and 1"


def run_convert(args):
    """convert and add."""
    from .add import add
    from .confine import confined
    from .convert import convert
    from .report import report

    extra = {"license": args.license, "accuracy": args.accuracy, "same_person": args.same_person,
             **({"source": args.source_name} if args.source_name else {})}
    options = {"family": args.family, "options": _options(args), "extra": extra,
               "labels": args.labels, "wnids": args.wnids}

    def converted():
        if args.command == "add":
            text, notes = add(args.source, args.dir, args.name, args.replace, **options)
        else:
            net = convert(args.source, args.output, name=args.name, **options)
            text, notes = report(net) if args.report else "", net.notes
        return json.dumps([text, notes])

    try:
        text, notes = json.loads(confined(converted, args.source))
    except OSError as error:
        raise ConvertError(f"{error.filename or args.source[0]}: {error.strerror}") from None
    except ConvertError as error:
        raise ConvertError(f"{args.source[0]}: {error}") from None
    if text:
        print(text)
    for note in notes:
        print(f"weights_convert: {args.source[0]}: {note}", file=sys.stderr)


def _options(args):
    """What the command line says of the network, as families take it."""
    from .readers import load_json

    given = {"channels": args.channels, "mean": args.mean, "scale": args.scale}
    return {"variant": args.variant, "task": args.task, "decoder": args.decoder,
            "guess": args.command == "add",
            "heads": load_json(args.heads) if args.heads else None,
            "input": {**args.input,
                      **{key: value for key, value in given.items() if value is not None}}}


def main(argv=None):
    args = parser().parse_args(argv)
    try:
        if args.command in ("convert", "add"):
            run_convert(args)
            return 0
        from .fetch import fetch

        return fetch(args)
    except ConvertError as error:
        print(f"weights_convert: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("weights_convert: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
