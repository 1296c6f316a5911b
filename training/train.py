#!/usr/bin/env python3
"""Trains what mien tells of a face, on anybody's pictures: crops, features, heads, finetune,
evaluate, export. training/README.md tells how, how long it takes and what comes out."""

import argparse
import contextlib
import ctypes
import os
import shlex
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
try:
    import numpy as np
    import torch
    from training import card, crops, export, judge, learn, masks, runs
    from training.features import Cache, Engine, Torch
    from training.manifest import Manifest, TrainingError
    from training.net import HIDDEN
    from training.twin import Twin
    from weights_convert.errors import ConvertError
    from weights_convert.folders import weights_dir
except ImportError as missing:
    sys.exit(f"train.py: {missing}: tools/setup.sh train installs what is missing")

HERE = os.path.dirname(os.path.abspath(__file__))
EVERY = 10  # seconds between two lines of progress where it is no terminal


def say(text):
    print(text, flush=True)


class Progress:
    """A line that is written over on a terminal; elsewhere one now and then."""

    def __init__(self, what):
        self.what, self.begun = what, time.monotonic()
        self.last = self.begun

    def __call__(self, done, of, more=""):
        now = time.monotonic()
        if sys.stderr.isatty():
            print(f"\r{self.what}: {done}/{of}{more}  ", end="\n" if done == of else "",
                  file=sys.stderr, flush=True)
        elif now - self.last >= EVERY:
            self.last = now
            print(f"{self.what}: {done}/{of}{more}, {now - self.begun:.0f} s", file=sys.stderr)


def _open(options, manifest_path=None, folder=None):
    """Manifest, twin and cache of a command."""
    manifest = Manifest(manifest_path or options.manifest, options.description)
    path = options.embedder
    if not os.path.sep in path and not path.endswith(".safetensors"):
        path = os.path.join(weights_dir(), path + ".safetensors")
    if not os.path.exists(path):
        raise TrainingError(f"{path} is missing: `mien-weights fetch` gets the embedder")
    twin = Twin(path)
    return manifest, twin, Cache(folder or options.features, manifest, twin)


def command_crops(options):
    folder = options.pictures or os.path.dirname(os.path.abspath(options.manifest))
    none = crops.make(options.manifest, folder, options.out, options.tool, Progress("crops"))
    say(f"{options.out}/labels.csv: {none} pictures show no face")


def command_masked(options):
    masks.make(options.manifest, options.description, options.out, options.limit, options.seed,
               options.unseen, Progress("masks"))


def command_features(options):
    manifest, twin, cache = _open(options)
    values, threads = options.values.split(","), options.threads or os.cpu_count()
    variants, progress = options.variants.split(","), Progress("features")
    if options.runner:
        with contextlib.closing(Engine(twin, values, threads, options.runner)) as compute:
            cache.make(values, variants, options.seed, compute, progress)
    else:
        cache.make(values, variants, options.seed, Torch(twin, values), progress)
    say(f"{options.features}: {len(manifest)} pictures, {options.values} of {options.variants}")


def command_learn(options):
    """heads and finetune: the same training, of other values and with other defaults."""
    manifest, twin, cache = _open(options)
    names = options.attributes.split(",") if options.attributes else [
        a.name for a in manifest.attributes]
    chosen = [a for a in manifest.attributes if a.name in names]
    if len(chosen) < len(names):
        raise TrainingError(f"{options.description} does not describe all of {', '.join(names)}")
    torch.manual_seed(options.seed)
    net = runs.build(twin, options.value, {a.name: len(a.labels) for a in chosen}, options.dropout,
                     options.hidden)
    variants = options.variants.split(",") if options.variants else cache.variants(options.value)
    rows = [cache.rows(options.value, variant) for variant in variants]
    held_out = manifest.held_out()
    if options.start:
        start = runs.Run(options.start, twin)
        state = {k: v for k, v in start.net.state_dict().items() if k in net.state_dict()}
        net.load_state_dict(state, strict=False)
    else:
        some = np.flatnonzero(~held_out)[:: max(1, len(manifest) // 4096)]
        with torch.no_grad():
            net.standardise(net.features(torch.from_numpy(rows[0][some].astype(np.float32))))
    net.freeze(options.freeze)
    teacher = None
    if options.teachers:
        found = runs.mean_of([runs.Run(path, twin) for path in options.teachers.split(",")], cache,
                             options.teacher_variants.split(","))
        teacher = {name: found[name] for name in net.heads}
    keys = ("epochs", "batch", "rate", "trunk_rate", "decay", "dropout", "ema", "balance", "mixup",
            "shift", "erase", "teach", "seed", "freeze", "start", "teachers")
    chosen_options = {key: getattr(options, key) for key in keys} | {"variants": variants}
    runs.write(options.out, {
        "value": options.value, "embedder": twin.name,
        "source_sha256": twin.metadata.get("source_sha256", ""),
        "labels": {a.name: len(a.labels) for a in chosen}, "hidden": options.hidden, "options": chosen_options,
        "data": options.data or os.path.basename(manifest.path), "licences": manifest.licences(),
        "command": options.command})
    progress = Progress("training")
    training = learn.Training(net, rows, manifest.labels(), held_out, chosen_options, options.out,
                              teacher)
    training.run(say, lambda epoch, done, of, loss: progress(
        done, of, f" of epoch {epoch}/{options.epochs}, loss {loss:.3f}"))
    say(f"{options.out}: done; its learning curves are in {options.out}/curves.svg")


def command_evaluate(options):
    manifest, twin, cache = _open(options)
    rows = np.flatnonzero(manifest.held_out()) if options.held_out else np.arange(len(manifest))
    told = runs.mean_of([runs.Run(path, twin) for path in options.runs], cache,
                        options.variants.split(","))
    labels, groups = manifest.labels(), judge.groups_of(manifest)
    for attribute in manifest.attributes:
        if attribute.name not in told:
            continue
        found = judge.measure(np.log(told[attribute.name][rows] + 1e-12),
                              labels[attribute.name][rows], groups[rows], attribute.ordered)
        say(f"{attribute.name}: {judge.line(found)}")
        if options.groups:
            for group, part in found["groups"].items():
                say(f"  {group}: {part['accuracy']:.1f} % of {part['n']}")


def command_export(options):
    manifest, twin, cache = _open(options)
    check = None
    if options.check:
        if not options.check_features or not options.check_data:
            raise TrainingError("--check wants --check-features and --check-data beside it")
        other, _, of = _open(options, options.check, options.check_features)
        check = (options.check_data, other, of)
    name = os.path.basename(options.blob).removesuffix(".safetensors")
    names = options.attributes.split(",") if options.attributes else [
        a.name for a in manifest.attributes]
    tensors, texts, lines = export.blob(runs.Joined(options.run.split(","), twin), manifest, cache, names, name,
                                        options.license, check, options.command_line)
    export.write(options.blob, tensors, texts)
    say(f"{options.blob}: {os.path.getsize(options.blob)} bytes; " + "; ".join(lines))


def command_card(options):
    with open(options.card, "w", encoding="utf-8") as file:
        file.write(card.text(options.blob))


def _common(parser, features=True):
    parser.add_argument("manifest", help="CSV: file, labels, perhaps licence")
    parser.add_argument("--description", default=os.path.join(HERE, "faces.json"),
                        help="which columns are labels of what [training/faces.json]")
    parser.add_argument("--threads", type=int, default=0, help="0: one a core [0]")
    parser.add_argument("--seed", type=int, default=1, help="of everything random [1]")
    if features:
        parser.add_argument("--features", required=True, help="folder of cached features")
        parser.add_argument("--embedder", default="mobilefacenet-192",
                            help="NAME or blob of a MobileFaceNet [mobilefacenet-192]")


def _learner(commands, name, value, help_text, **defaults):
    parser = commands.add_parser(name, help=help_text)
    _common(parser)
    parser.add_argument("--out", required=True, help="folder of this training")
    parser.add_argument("--value", default=value, help=f"what is cached and read [{value}]")
    parser.add_argument("--attributes", help="what is learnt [all that are described]")
    parser.add_argument("--variants", help="of the cached pictures [all there are]")
    parser.add_argument("--start", default="", help="folder of a training to go on from")
    parser.add_argument("--teachers", default="",
                        help="folders of trainings whose mean answer is learnt, too")
    parser.add_argument("--teacher-variants", default="plain",
                        help="variants the teachers' answers are the mean of [plain]")
    parser.add_argument("--data", help="what the pictures are, for the blob [the manifest's name]")
    for option, kind, default, text in (
            ("epochs", int, 10, "rounds over the pictures"),
            ("batch", int, 512, "pictures a step"),
            ("rate", float, 2e-3, "highest learning rate of the head"),
            ("trunk_rate", float, 5e-4, "that of the embedder's stages"),
            ("decay", float, 1e-4, "weight decay"),
            ("hidden", int, HIDDEN, "values between the head's two layers"),
            ("dropout", float, 0.3, "share of features left out"),
            ("ema", float, 0.99, "of the average of the weights, what is kept a step"),
            ("balance", float, 0.0, "0: pictures as they come; 1: all combinations alike"),
            ("mixup", float, 0.0, "parameter of the beta distribution pictures are mixed by"),
            ("shift", int, 0, "cells a map is moved by at most"),
            ("erase", float, 0.0, "share of maps of which a part is erased"),
            ("teach", float, 0.5, "share of the loss that is towards the teachers"),
            ("freeze", int, 0, "stages that stay as they are")):
        default = defaults.get(option, default)
        parser.add_argument("--" + option.replace("_", "-"), type=kind, default=default,
                            help=f"{text} [{default}]")
    parser.set_defaults(call=command_learn)


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    cut = commands.add_parser("crops", help="aligned crops of ordinary pictures, and their manifest")
    _common(cut, features=False)
    cut.add_argument("--out", required=True, help="folder of the crops")
    cut.add_argument("--pictures", help="folder of the pictures [the manifest's]")
    cut.add_argument("--tool", default="mien", help="the program that finds faces [mien]")
    cut.set_defaults(call=command_crops)
    draw = commands.add_parser("masked", help="draws face masks on half of the aligned crops")
    _common(draw, features=False)
    draw.add_argument("--out", required=True, help="folder of the crops")
    draw.add_argument("--limit", type=int, default=0, help="0: all the manifest's crops [0]")
    draw.add_argument("--unseen", action="store_true",
                      help="only styles that none but held-out crops have")
    draw.set_defaults(call=command_masked)
    cache = commands.add_parser("features", help="computes values inside the embedder, and keeps them")
    _common(cache)
    cache.add_argument("--values", default="conv_6_dw", help="in the network's order [conv_6_dw]")
    cache.add_argument("--variants", default="plain,flip",
                       help="plain, flip, moved-1, moved-2 ... [plain,flip]")
    cache.add_argument("--runner", help="build/tests/runnet: mien's engine instead of torch")
    cache.set_defaults(call=command_features)
    _learner(commands, "heads", "conv_6_dw", "trains a head on the embedder's features")
    _learner(commands, "finetune", "conv_45", "trains the embedder's last stages, too", batch=128,
             epochs=6, rate=5e-4, decay=1e-3, ema=0.995)
    look = commands.add_parser("evaluate", help="how right trainings are, their mean answer taken")
    _common(look)
    look.add_argument("runs", nargs="+", help="folders of trainings")
    look.add_argument("--held-out", action="store_true", help="the held-out pictures alone")
    look.add_argument("--groups", action="store_true", help="every group of people")
    look.add_argument("--variants", default="plain", help="whose mean is taken [plain]")
    look.set_defaults(call=command_evaluate)
    write = commands.add_parser("export", help="writes the blob mien runs")
    _common(write)
    write.add_argument("run", help="folder of a training, or of several (with commas): their mean "
                       "as one network")
    write.add_argument("blob", help="NAME.safetensors")
    write.add_argument("--attributes", help="what it tells [all it learnt]")
    write.add_argument("--license", default="see the training data's",
                       help="of the weights, for the blob")
    write.add_argument("--check", help="manifest of pictures that nothing was chosen on")
    write.add_argument("--check-features", help="folder of their features")
    write.add_argument("--check-data", help="what they are, for the blob")
    write.add_argument("--command-line", default="", help="what made it, for the blob")
    write.set_defaults(call=command_export)
    tell = commands.add_parser("card", help="writes a blob's model card")
    tell.add_argument("blob")
    tell.add_argument("card", help="NAME.md")
    tell.set_defaults(call=command_card, threads=1)
    return parser.parse_args(arguments)


def keep_memory():
    """Tells the C library to keep what is freed. Tensors of megabytes come and go a thousand times
    a second: mapped and zeroed anew each time they cost four times the arithmetic (measured on a
    virtual machine). A C library that does not know the call goes on as it was."""
    trim_threshold, top_pad, mmap_threshold = -1, -2, -3  # malloc.h
    try:
        library = ctypes.CDLL(None)
        for parameter, value in ((mmap_threshold, 1 << 30), (trim_threshold, 2**31 - 1),
                                 (top_pad, 1 << 28)):
            library.mallopt(parameter, value)
    except (OSError, AttributeError):
        pass


def run(arguments):
    options = parse(arguments)
    options.command = shlex.join(["training/train.py", *arguments])
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(options.threads or os.cpu_count())
    options.call(options)


def main():
    keep_memory()
    try:
        run(sys.argv[1:])
    except (TrainingError, ConvertError, OSError) as error:
        sys.exit(f"train.py: {error}")


if __name__ == "__main__":
    main()
