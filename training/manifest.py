"""What is trained on: a CSV with a row a picture (file, labels, licence) and a JSON file that says
which columns are labels of what. A label that is empty, or no known value, is missing and counts
for nothing. Pictures are files beside the CSV or members of tar files there."""

import csv
import glob
import hashlib
import io
import json
import os
import tarfile

import numpy as np
from PIL import Image

SIDE = 112  # of the template mien_align cuts
MISSING = -1


class TrainingError(Exception):
    """What is wrong, in one sentence for the user."""


class Attribute:
    """One thing to tell: its column, the labels and what else its description says."""

    def __init__(self, entry):
        self.entry, self.name = entry, entry["name"]
        self.labels = entry["labels"]
        self.values = {value: i for i, value in enumerate(entry.get("values", self.labels))}
        self.column = entry.get("column", self.name)

    @property
    def ordered(self):
        """Groups of a number: one beside the right one is nearly right."""
        return self.entry.get("kind") == "groups"

    @property
    def binary(self):
        """Of two labels, no and yes, the probability of the second."""
        return self.entry.get("kind") == "probability"

    def codes(self, rows):
        return np.array([self.values.get(row.get(self.column) or "", MISSING) for row in rows],
                        np.int64)


class Manifest:
    def __init__(self, path, attributes):
        with open(attributes, encoding="utf-8") as file:
            description = json.load(file)
        self.attributes = [Attribute(entry) for entry in description["attributes"]]
        self.by = description.get("by", [])
        self.path, self.folder = path, os.path.dirname(os.path.abspath(path))
        with open(path, encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file))
        if not self.rows or "file" not in self.rows[0]:
            raise TrainingError(f"{path}: a row a picture is wanted, with a column `file`")
        self.files = [row["file"] for row in self.rows]
        if len(set(self.files)) < len(self.files):
            raise TrainingError(f"{path}: a file is named twice")
        for attribute in self.attributes:
            if (attribute.codes(self.rows) == MISSING).all():
                raise TrainingError(f"{path}: no row has a known value in {attribute.column!r}, "
                                    f"for {attribute.name}")

    def __len__(self):
        return len(self.files)

    def labels(self):
        """{attribute: [rows] codes}."""
        return {a.name: a.codes(self.rows) for a in self.attributes}

    def licences(self):
        return sorted({row.get("licence") or row.get("license") or "" for row in self.rows} - {""})

    def held_out(self, share=0.1):
        """[rows] of bool: pictures that every choice is made on and no weight is fitted to. By the
        file's name, so that a picture stays on its side however the manifest grows."""
        def position(name):
            return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32
        return np.array([position(name) < share for name in self.files])

    def digest(self):
        """Of the order of the files: what cached features belong to."""
        return hashlib.sha256("\n".join(self.files).encode()).hexdigest()

    def pictures(self, start=0):
        """Yields [side][side][3] of bytes, picture by picture, in the manifest's order."""
        members = {}
        for path in sorted(glob.glob(os.path.join(self.folder, "*.tar"))):
            with tarfile.open(path) as tar:
                members.update({m.name: (path, m.offset_data, m.size) for m in tar if m.isfile()})
        for name in self.files[start:]:
            if name in members:
                path, offset, size = members[name]
                with open(path, "rb") as file:
                    file.seek(offset)
                    data = io.BytesIO(file.read(size))
            else:
                data = os.path.join(self.folder, name)
            try:
                with Image.open(data) as image:
                    pixels = np.asarray(image.convert("RGB"))
            except OSError as error:
                raise TrainingError(f"{name}: {error}") from None
            if pixels.shape[0] != pixels.shape[1] or pixels.shape[0] < SIDE:
                raise TrainingError(f"{name} is {pixels.shape[1]}x{pixels.shape[0]}: aligned crops "
                                    f"are wanted, {SIDE}x{SIDE} or with an equal margin around")
            yield pixels
