"""Networks that are published as a file, or in a zip of several, at an https URL: the entries
`downloads` of registry.json, and what a user names by URL. The file's sum is checked before
anything reads it; a blob says by its source_sha256 which file it was made of."""

import hashlib
import json
import os
import struct
import sys
import tempfile
import zipfile

from .add import add, name_of
from .confine import confined
from .download import check_url, download
from .errors import ConvertError
from .folders import cache_dir, file_hash

MAX_MEMBER = 1 << 30  # no network of a zip is larger than this
_MOST_HEADER = 100 << 20


class Published:
    """A network of a download: as fetch's Item."""

    is_photos = False

    def __init__(self, entry, network, folder):
        self.download, self.network, self.folder = entry, network, folder
        self.name, self.source = network["name"], entry["urls"][0]
        if "file" in network:
            self.source += " " + network["file"]
        self.entry = {"default": False, "license": entry["license"],
                      **{key: network[key] for key in ("accuracy",) if key in network}}

    def blob(self):
        return os.path.join(self.folder, self.name + ".safetensors")

    def state(self):
        if not os.path.exists(self.blob()):
            return "missing"
        return "ok" if _made_of(self.blob()) == self.network["sha256"] else "wrong"

    def needs_consent(self):
        return bool(self.download.get("accept_license"))

    def install(self, packages, accept=False):
        os.makedirs(self.folder, exist_ok=True)
        file = fetched(self.download["urls"], self.download["sha256"], self.download.get("bytes"))
        extra = {"license": self.download["license"], "accuracy": self.network.get("accuracy"),
                 "source": self.source}
        if "file" not in self.network:
            _install(file, self.folder, self.name, extra)
            return
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".fetch-") as work:
            member = os.path.join(work, self.network["file"])
            unzip(file, self.network["file"], member)
            if file_hash(member).hexdigest() != self.network["sha256"]:
                raise ConvertError(f"{file}: its {self.network['file']} has not the sum of the "
                                   "registry")
            _install(member, self.folder, self.name, extra)


def items(book, folder):
    """({name: Published}, {name of a download: its list}) of a registry."""
    by_name, packs = {}, {}
    for entry in book.get("downloads", []):
        parts = [Published(entry, network, folder) for network in entry["networks"]]
        packs[entry["name"]] = parts
        for part in parts:
            by_name.setdefault(part.name, part)
    return by_name, packs


def fetched(urls, sha256, size=None):
    """The path of the file in the cache, downloaded where it is not there."""
    os.makedirs(cache_dir(), exist_ok=True)
    base = os.path.basename(urls[0].partition("?")[0]) or "download"
    target = os.path.join(cache_dir(), f"{sha256[:16]}-{base}")
    if os.path.isfile(target) and file_hash(target).hexdigest() == sha256:
        return target
    print(f"  downloading {urls[0]}" + (f" ({size / 1e6:.1f} MB)" if size else ""), flush=True)
    download(urls, target, sha256, size)
    return target


def fetch_url(url, sha256, folder, name=None):
    """Installs the network of a URL that is in no registry. Without a sum nothing is installed, and
    the user is told the file's."""
    check_url(url)
    base = os.path.basename(url.partition("?")[0])
    if not base:
        raise ConvertError(f"{url} names no file")
    if sha256 is None:
        os.makedirs(cache_dir(), exist_ok=True)
        mark = hashlib.sha256(url.encode()).hexdigest()[:16]
        passing = os.path.join(cache_dir(), f"unverified-{mark}-{base}")
        print(f"  downloading {url}", flush=True)
        found = download([url], passing)
        os.replace(passing, os.path.join(cache_dir(), f"{found[:16]}-{base}"))
        raise ConvertError(f"{url}: its sha256 is {found}; where that is the sum its publisher "
                           f"states, run again with --sha256 {found}")
    os.makedirs(folder, exist_ok=True)
    return _install(fetched([url], sha256), folder, name or name_of(base), {"source": url})


def _install(path, folder, name, extra):
    def converted():
        text, notes = add([path], folder, name, True, options={"guess": True}, extra=extra)
        return json.dumps([text, notes])

    try:
        text, notes = json.loads(confined(converted, [path]))
    except ConvertError as error:
        raise ConvertError(f"{path}: {error}") from None
    for note in notes:
        print(f"weights_convert: {name}: {note}", file=sys.stderr)
    return text


def unzip(path, name, target):
    """The member called `name`, in whichever folder of the zip, as the file `target`."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist()
                       if os.path.basename(info.filename) == name and not info.is_dir()]
            if len(members) != 1:
                raise ConvertError(f"{path}: the zip has {len(members) or 'no'} {name}")
            if members[0].file_size > MAX_MEMBER:
                raise ConvertError(f"{path}: {name} is too large")
            left = members[0].file_size
            with archive.open(members[0]) as source, open(target, "xb") as file:
                while block := source.read(min(1 << 20, left + 1)):
                    left -= len(block)
                    if left < 0:
                        raise ConvertError(f"{path}: {name} is larger than the zip says")
                    file.write(block)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise ConvertError(f"{path}: the zip cannot be unpacked: {error}") from None


def _made_of(path):
    """source_sha256 of a blob; None where it is none."""
    try:
        with open(path, "rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(size)) if size <= _MOST_HEADER else {}
        return header["__metadata__"]["source_sha256"]
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None
