#!/usr/bin/env python3
"""Every file of tests/broken through the tool: one sentence, the right exit status, no crash."""
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "broken")]
import broken  # noqa: E402
from tool import TOOL, mien, objects  # noqa: E402


class Broken(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="mien-broken-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.expected = broken.write_all(cls.folder)

    def files(self, blobs, sound=False):
        return [(str(self.folder / name), message) for name, message in self.expected.items()
                if name.endswith(".safetensors") == blobs and (message is None) == sound]

    def classify(self, blob, *pictures, **more):
        return mien("classify", "--threads=1", "--top=2", "--classifier", blob, *pictures, **more)

    def test_sound_files_are_taken(self):
        pictures = [path for path, _ in self.files(blobs=False, sound=True)]
        result = self.classify(str(self.folder / "sound.safetensors"), *pictures)
        self.assertEqual((result.returncode, result.stderr), (0, "mien: 3 pictures\n"))
        found = objects(result)
        self.assertEqual([(e["width"], e["height"]) for e in found], [(48, 32), (64, 64), (48, 32)])
        for entry in found:
            self.assertEqual({c["label"] for c in entry["classes"]}, {"left", "right"})
            self.assertAlmostEqual(sum(c["score"] for c in entry["classes"]), 1, places=5)

    def test_pictures(self):
        names = self.files(blobs=False)
        sound = str(self.folder / "sound.png")
        result = self.classify(str(self.folder / "sound.safetensors"),
                               *[name for name, _ in names], sound)
        self.assertEqual(result.returncode, 1)
        found = objects(result)
        self.assertEqual(len(found), len(names) + 1)
        self.assertNotIn("error", found[-1])
        told = result.stderr.splitlines()
        self.assertEqual(told[:-1], [f"mien: {entry['error']}" for entry in found[:-1]])
        first = ", ".join(Path(name).name for name, _ in names[:10])
        self.assertEqual(told[-1], f"mien: {len(found)} pictures, {len(names)} failed: {first} and "
                                   f"{len(names) - 10} more")
        for (name, message), entry in zip(names, found):
            with self.subTest(Path(name).name):
                self.assertEqual(entry["file"], name)
                self.assertIn("error", entry)
                self.assertEqual(set(entry), {"file", "format_version", "error", "code"})
                self.assertIn(entry["code"], ("eformat", "etoobig", "eunsupported"))
                self.assertTrue(entry["error"].startswith(f"{name}: "), entry["error"])
                self.assertIn(message, entry["error"])
                self.assertNotRegex(entry["error"], r"\n|[.]$")

    def test_pictures_on_standard_input(self):
        for name, message in self.files(blobs=False):
            with self.subTest(Path(name).name):
                result = self.classify(str(self.folder / "sound.safetensors"), "-",
                                       stdin=Path(name).read_bytes())
                (entry,) = objects(result)
                self.assertEqual((result.returncode, result.stderr), (1, f"mien: {entry['error']}\n"))
                self.assertTrue(entry["error"].startswith("standard input: "), entry["error"])
                self.assertIn(message, entry["error"])

    def test_blobs(self):
        for name, message in self.files(blobs=True):
            with self.subTest(Path(name).name):
                result = self.classify(name, str(self.folder / "sound.png"))
                self.assertEqual((result.returncode, result.stdout), (1, b""))
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
                self.assertTrue(result.stderr.startswith(f"mien: {name}: "), result.stderr)
                self.assertIn(message, result.stderr)
                for command in (("info", "--plan"), ("bench", "--seconds=0")):
                    again = mien(*command, name)
                    self.assertEqual((again.returncode, again.stdout, again.stderr),
                                     (1, b"", result.stderr))
                self.assertIn(mien("info", name).returncode, (0, 1))

    def test_models_lists_them(self):
        result = mien("models", "--json", "--weights", str(self.folder))
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        listed = {m["name"]: m for m in objects(result)[0]["models"]}
        shipped = {path.stem for path in Path("models/data").glob("*.safetensors")}
        self.assertEqual(set(listed), {Path(n).stem for n, _ in self.files(blobs=True)} | {"sound"}
                         | shipped)
        self.assertNotIn("error", listed["sound"])
        for name in ("empty", "zeros", "header_cut", "overlap", "wrong_dtype"):
            self.assertIn(self.expected[f"{name}.safetensors"], listed[name]["error"])
        text = mien("models", "--weights", str(self.folder))
        self.assertEqual(text.returncode, 1)
        self.assertIn("broken: ", text.stdout.decode())


if __name__ == "__main__":
    print("seed", broken.SEED, flush=True)
    if not Path(TOOL).exists():
        print("skipped: the tool is not built")
        sys.exit(77)
    unittest.main()
