#!/usr/bin/env python3
"""enroll and gallery: what is enrolled is there once, under its name; changes and their undoing; nothing
is left of what is deleted. Faces are crops of noise: a network makes an embedding of any."""
import base64
import json
import random
import sqlite3
import struct
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from tool import (HAVE_NETWORKS, MODELS, PHOTOS, Folder, mien, needs_photos, objects,  # noqa: E402
                  on_terminal, png)


def noise(seed):
    """An "aligned face" as a PNG: eight by eight squares of random colours."""
    rng = random.Random(seed)
    colours = [[bytes(rng.randrange(256) for _ in range(3)) for _ in range(8)] for _ in range(8)]
    return png(112, 112, b"".join(colours[y // 14][x // 14] for y in range(112) for x in range(112)))


class Gallery(Folder):
    def setUp(self):
        super().setUp()
        self.gallery = f"--gallery={self.folder}/g.db"

    def run_gallery(self, *args, fails=False):
        result = mien(*args, self.gallery)
        self.assertEqual(result.returncode, int(fails), result.stderr)
        return objects(result) if result.stdout else []

    def enroll(self, *args, fails=False):
        """Of noise, which no gate lets in and of which no faces need to be seen."""
        return self.run_gallery("enroll", "--aligned", "--force", "--keep-crops=no", *args,
                                fails=fails)

    def people(self):
        return {p["name"]: p["samples"] for p in self.run_gallery("gallery list")}

    def samples(self, person):
        return self.run_gallery("gallery show", person)[0]["samples"]

    def three_people(self):
        seed = 0
        for name, pictures in [("Ann", 3), ("Bob", 2), ("Cid", 1)]:
            for i in range(pictures):
                self.write(f"people/{name}/{i}.png", noise(seed))
                seed += 1
        return self.enroll(f"--folder={self.folder}/people")


class Enroll(Gallery):
    def test_a_folder_a_person_and_again(self):
        lines = self.three_people()
        self.assertEqual([line["outcome"] for line in lines], ["enrolled"] * 6)
        self.assertEqual(self.people(), {"Ann": 3, "Bob": 2, "Cid": 1})
        self.write("people/Bob/9.png", noise(9))
        lines = self.enroll(f"--folder={self.folder}/people")
        self.assertEqual(sorted(line["outcome"] for line in lines), ["enrolled"] + ["known"] * 6)
        self.assertEqual(self.people(), {"Ann": 3, "Bob": 3, "Cid": 1})
        stray = self.write("people/stray.png", noise(10))
        (line,) = [line for line in self.enroll(f"--folder={self.folder}/people", fails=True)
                   if line["outcome"] == "refused"]
        self.assertEqual((line["file"], line["error"]), (stray, "is in no person's folder"))

    def test_the_embedding_is_that_of_embed(self):
        picture = self.write("a.png", noise(1))
        (line,) = self.enroll("Ann", picture)
        (embedded,) = objects(mien("embed", "--aligned", picture))
        with sqlite3.connect(self.folder / "g.db") as db:
            (blob, source), = db.execute("SELECT embedding, source FROM samples WHERE id = ?",
                                         (int(line["sample"], 16),))
        self.assertEqual(source, picture)
        stored = struct.unpack(f"<{len(blob) // 4}f", blob)
        expected = [struct.unpack("<f", struct.pack("<f", v))[0]
                    for v in embedded["faces"][0]["embedding"]]
        self.assertEqual(list(stored), expected)

    def test_one_picture_of_two_people(self):
        picture = self.write("a.png", noise(1))
        again = self.write("b.png", noise(1))
        self.enroll("Ann", picture)
        (line,) = self.enroll("Bob", again, fails=True)
        self.assertEqual(line["error"], "was enrolled already, for Ann")
        (line,) = self.enroll("Ann", again)
        self.assertEqual(line["outcome"], "known")
        self.assertEqual(self.people(), {"Ann": 1})

    def test_wrong_lines(self):
        for args in [("Ann",), (), ("--folder=x", "Ann")]:
            self.assertEqual(mien("enroll", *args, self.gallery).returncode, 2, args)
        self.assertEqual(mien("gallery", self.gallery).returncode, 2)
        self.assertEqual(mien("gallery list", self.gallery).returncode, 1)
        self.assertFalse((self.folder / "g.db").exists())

    @needs_photos
    def test_several_faces_and_none(self):
        photo = str(PHOTOS[0])
        empty = self.write("empty.png", png(60, 60))
        lines = self.run_gallery("enroll", "Ann", photo, empty, fails=True)
        self.assertEqual([line["error"] for line in lines],
                         ["several faces were found: --force takes the largest",
                          "no face was found"])
        (line,) = self.run_gallery("enroll", "--force", "Ann", photo)
        self.assertRegex(line["forced"], r"^the largest of \d+ faces$")
        (sample,) = self.samples("Ann")
        faces = objects(mien("embed", photo))[0]["faces"]
        largest = max(faces, key=lambda f: (f["box"][2] - f["box"][0]) * (f["box"][3] - f["box"][1]))
        self.assertEqual(sample["box"], largest["box"])


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def mean(samples):
    """The template of some samples, in a list."""
    total = [sum(values) for values in zip(*samples)]
    return [[x / dot(total, total) ** 0.5 for x in total]]


class Identify(Gallery):
    def identify(self, *args):
        return [line["faces"] for line in self.run_gallery("identify", "--aligned", *args)]

    def test_who_is_enrolled_is_found_and_others_are_told_by_their_similarity(self):
        self.three_people()
        pictures = [self.write("same.png", noise(3)), self.write("grey.png", png(112, 112))]
        embeddings = {path: objects(mien("embed", "--aligned", path))[0]["faces"][0]["embedding"]
                      for path in (*pictures, *map(str, self.folder.glob("people/*/*.png")))}
        people = {}
        for path in self.folder.glob("people/*/*.png"):
            people.setdefault(path.parent.name, []).append(embeddings[str(path)])
        for by, compared in ("sample", lambda samples: samples), ("template", mean):
            for path, (face,) in zip(pictures, self.identify(f"--by={by}", *pictures)):
                best = {name: max(dot(embeddings[path], other) for other in compared(samples))
                        for name, samples in people.items()}
                expected = sorted(best, key=best.get, reverse=True)
                self.assertEqual([match["name"] for match in face["matches"]], expected)
                for match in face["matches"]:
                    self.assertAlmostEqual(match["similarity"], best[match["name"]], places=5)
        (face,), = self.identify(pictures[0], "--top=1")
        self.assertEqual((face["verdict"], len(face["matches"])), ("likely the same", 1))
        similarity = best[expected[0]]
        self.assertLess(similarity, 0.85)  # thresholds end at 1
        for threshold, verdict in [(similarity - 0.01, "likely the same"),
                                   (similarity + 0.09, "unsure"), (similarity + 0.11, "unknown")]:
            (face,), = self.identify(pictures[1], f"--same-person={threshold}")
            self.assertEqual(face["verdict"], verdict)

    def test_nobody(self):
        picture = self.write("a.png", noise(1))
        self.assertEqual(mien("identify", picture, self.gallery).returncode, 1)  # no gallery
        self.enroll("Ann", picture)
        (face,), = self.identify(picture, "--collection=other")
        self.assertEqual((face["verdict"], face["matches"]), ("unknown", []))
        (face,), = self.identify(picture)
        self.assertEqual(face["matches"][0]["name"], "Ann")
        self.run_gallery("gallery delete", "Ann")
        (face,), = self.identify(picture)
        self.assertEqual((face["verdict"], face["matches"]), ("unknown", []))
        self.assertEqual(self.run_gallery("identify", "no.jpg", fails=True)[0]["file"], "no.jpg")

    def test_on_a_terminal(self):
        self.three_people()
        picture = self.write("a.png", noise(3))
        told = on_terminal("identify", "--aligned", "--by=sample", picture,
                           self.gallery).decode()
        self.assertIn(f"{picture}: face at 0,0: Bob (similarity 1.00, probability 0.9", told)
        self.assertIn("; then Ann, 0.9", told)
        told = on_terminal("identify", "--aligned", "--same-person=1", self.write("b.png", noise(50)),
                           self.gallery).decode()
        self.assertRegex(told, r"face at 0,0: (unknown|unsure, perhaps [A-C]\w+) \(similarity 0\.\d\d, probability 0\.\d+; then ")


class Strangers(Gallery):
    def threshold(self, *args):
        line, = self.run_gallery("identify", "--aligned", *args, self.write("a.png", noise(1)))
        return line["threshold"], line.get("fpir")

    def test_the_threshold_is_that_of_the_gallery_s_size(self):
        self.enroll("Ann", self.write("ann.png", noise(0)))
        table = {(row["faces"], row["fpir"]): row["similarity"]
                 for row in objects(mien("thresholds", "mobilefacenet-192", "--json"))[0]["thresholds"]}
        self.assertEqual(self.threshold(), (table[1, 0.01], 0.01))
        self.assertEqual(self.threshold("--fpir=0.1"), (table[1, 0.1], 0.1))
        self.assertEqual(self.threshold("--same-person=0.4"), (0.4, None))
        for i in range(9):
            self.enroll("Bob", self.write("bob.png", noise(10 + i)))
        self.assertEqual(self.threshold("--by=sample"), (table[10, 0.01], 0.01))
        self.assertLess(table[1, 0.01], self.threshold()[0])  # of two people, nine samples are one
        self.assertLess(self.threshold()[0], table[10, 0.01])
        self.assertEqual(self.threshold("--where=team=sales"), (table[1, 0.01], 0.01))
        for rows in zip(*[iter(table.items())] * 3):  # of one size, the rates falling
            values = [similarity for _, similarity in rows]
            self.assertEqual(values, sorted(values))
        self.assertLess(table[1, 0.01], table[1000, 0.01])

    def test_why_nobody(self):
        self.enroll("Ann", self.write("ann.png", noise(0)))
        grey = self.write("grey.png", png(112, 112))
        for args, reason in [((), "not_alike"), (("--collection=other",), "nobody_enrolled")]:
            line, = self.run_gallery("identify", "--aligned", "--same-person=0.99", *args, grey)
            self.assertEqual((line["faces"][0]["verdict"], line["faces"][0]["reason"]),
                             ("unknown", reason))

    def test_how_likely_it_is(self):
        self.enroll("Ann", self.write("ann.png", noise(0)))
        probability = {}
        for i in range(8):
            self.enroll(f"Other {i}", self.write(f"{i}.png", noise(20 + i)))
        for name, picture in [("same", noise(0)), ("grey", png(112, 112))]:
            (line,) = self.run_gallery("identify", "--aligned", "--top=20", self.write("a.png", picture))
            (face,) = line["faces"]
            self.assertEqual(line["prior"], 0.5)
            values = [match["probability"] for match in face["matches"]]
            self.assertEqual(values, sorted(values, reverse=True))
            self.assertLessEqual(sum(values), 1.001)
            probability[name] = values[0]
            (only,) = self.run_gallery("identify", "--aligned", "--top=1", str(self.folder / "a.png"))
            (match,) = only["faces"][0]["matches"]
            self.assertAlmostEqual(match["probability"], values[0], places=4)
        self.assertGreater(probability["same"], 0.5)  # of noise, of which all is much alike
        self.assertLess(probability["grey"], probability["same"])

    def test_two_people_of_one_face(self):
        self.enroll("Ann", self.write("ann.png", noise(0)))
        self.enroll("Bob", self.write("bob.png", noise(0) + b"\0"))  # another file
        line, = self.run_gallery("identify", "--aligned", self.write("a.png", noise(0)))
        face, = line["faces"]
        self.assertEqual((face["verdict"], face["reason"]), ("unsure", "like_another"))
        self.assertEqual([m["probability"] for m in face["matches"]], [0.5, 0.5])

    def test_what_was_not_measured(self):
        other = Path(MODELS["weights"], "retinaface-mnet025-v2.safetensors")
        self.assertEqual(mien("thresholds", str(other)).returncode, 1)
        self.assertEqual(mien("identify", "--fpir=0.7", "a.jpg").returncode, 2)


class Contract(Gallery):
    """A network is the same as long as its numbers are: however it is run, named or described."""

    def embedder(self, change):
        """A copy of the default one: its header, and the values of its tensors, changed."""
        whole = Path(MODELS["weights"], "mobilefacenet-192.safetensors").read_bytes()
        n, = struct.unpack("<Q", whole[:8])
        header, values = json.loads(whole[8:8 + n]), bytearray(whole[8 + n:])
        change(header, values)
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        return self.write("changed.safetensors", struct.pack("<Q", len(text)) + text + values)

    def verdict(self, change):
        picture = self.write("people/Ann/0.png", noise(0))
        (face,), = [line["faces"] for line in self.run_gallery(
            "identify", "--aligned", f"--embedder={self.embedder(change)}", picture)]
        return face["verdict"]

    def test_a_network_is_its_weights(self):
        def described(header, _):
            header["__metadata__"]["accuracy"] = "unknown"

        def calibrated(header, values):
            ranges = min(name for name in header if name.startswith("int8."))
            at = header[ranges]["data_offsets"][0]
            values[at:at + 4] = struct.pack("<f", -9)

        def trained(header, values):
            at = header["linear.bias"]["data_offsets"][0]
            values[at:at + 4] = struct.pack("<f", 9)

        self.three_people()
        self.assertEqual(self.verdict(described), "likely the same")
        self.assertEqual(self.verdict(calibrated), "likely the same")
        self.assertEqual(self.verdict(trained), "unknown")


class Change(Gallery):
    def test_changes_and_back(self):
        self.three_people()
        ann = [s["id"] for s in self.samples("Ann")]
        steps = [
            (("gallery rename", "Ann", "Anna"), {"Anna": 3, "Bob": 2, "Cid": 1}),
            (("gallery merge", "Cid", "Bob"), {"Anna": 3, "Bob": 3}),
            (("gallery split", "Dan", ann[0]), {"Anna": 2, "Bob": 3, "Dan": 1}),
            (("gallery move", "Bob", ann[1]), {"Anna": 1, "Bob": 4, "Dan": 1}),
            (("gallery not-this-person", "Dan", ann[0]),
             {"Anna": 1, "Bob": 4, "Dan": 0, "": 1}),
        ]
        before, events = [self.people()], []
        for args, expected in steps:
            (told,) = self.run_gallery(*args)
            events.append(str(told["event"]))
            self.assertEqual(self.people(), expected, args)
            before.append(expected)
        self.run_gallery("gallery move", "Dan", ann[0], fails=True)
        self.assertEqual(self.run_gallery("gallery history")[-1]["kind"], "not this person")
        for event, expected in zip(reversed(events), reversed(before[:-1])):
            self.run_gallery("gallery undo", event)
            self.assertEqual(self.people(), expected)
        self.run_gallery("gallery undo", events[0], fails=True)
        self.assertEqual(self.run_gallery("gallery check"), [{"ok": True, "problems": []}])

    def test_names_that_two_have(self):
        self.three_people()
        self.run_gallery("gallery rename", "Cid", "Bob")
        result = mien("gallery show", "Bob", self.gallery)
        self.assertEqual(result.returncode, 1)
        ids = [p["id"] for p in self.run_gallery("gallery list") if p["name"] == "Bob"]
        self.assertEqual(result.stderr, "mien: 2 persons are called Bob: give one's id: "
                                        f"{', '.join(ids)}\n")
        self.assertEqual(len(self.samples(ids[1])), 1)
        result = mien("gallery show", "Zoe", self.gallery)
        self.assertEqual(result.stderr, "mien: nobody is called Zoe\n")

    def test_deleting_and_proving(self):
        self.three_people()
        backup = f"{self.folder}/backup.db"
        self.run_gallery("gallery backup", backup)
        receipt = f"{self.folder}/receipt"
        (told,) = self.run_gallery("gallery delete", "Ann", f"--receipt={receipt}")
        self.assertEqual((told["samples"], told["complete"]), (3, True))
        self.assertEqual(Path(receipt).read_text(), told["receipt"])
        self.assertEqual(self.run_gallery("gallery prove-deleted", receipt),
                         [{"ok": True, "found": []}])
        result = mien("gallery prove-deleted", receipt, f"--gallery={backup}")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(objects(result)[0]["found"]), 3 * 192 * 4 // 32)
        self.assertEqual(self.people(), {"Bob": 2, "Cid": 1})
        self.run_gallery("gallery undo", str(told["event"]), fails=True)
        (told,) = self.run_gallery("gallery delete", self.samples("Bob")[0]["id"])
        self.assertEqual(self.people(), {"Bob": 1, "Cid": 1})

    def test_export_and_import(self):
        self.three_people()
        exported, again = f"{self.folder}/e.jsonl", f"{self.folder}/f.jsonl"
        self.run_gallery("gallery export", exported)
        self.assertEqual(Path(exported).stat().st_mode & 0o77, 0)
        other = f"--gallery={self.folder}/other.db"
        result = mien("gallery import", exported, other)
        self.assertEqual(objects(result), [{"persons": 3, "samples": 6}])
        self.assertEqual(mien("gallery export", again, other).returncode, 0)
        kinds = ("person", "sample")

        def people(path):
            lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
            rows = [line[kind] for line in lines for kind in kinds if kind in line]
            return [{k: v for k, v in row.items() if k not in ("collection", "contract")}
                    for row in rows]
        self.assertEqual(people(exported), people(again))
        self.assertEqual(len(people(exported)), 9)
        result = mien("gallery import", exported, other)  # all of it is there: nothing is added
        self.assertEqual(result.returncode, 1)
        self.assertIn("what is to be added is there already", result.stderr)
        text = Path(exported).read_text().splitlines()
        for broken in [["{}", *text], text[1:], [*text[:-1], text[-1][:-9]], []]:
            Path(again).write_text("\n".join(broken))
            third = f"--gallery={self.folder}/third.db"
            self.assertEqual(mien("gallery import", again, third).returncode, 1)
            self.assertEqual(mien("gallery list", third).stdout, b"")

    def test_importing_what_is_no_export(self):
        """One sentence, at a bounded cost: a line that never ends is given up."""
        self.write("nul", b'{"gallery": {"version": 1}}\0\n')
        for path, says in [("/dev/zero", "too long"), (f"{self.folder}/nul", "no line of an export"),
                           (str(self.folder), "is a directory"), ("/dev/null", "is empty")]:
            result = mien("gallery import", path, self.gallery)
            self.assertEqual(result.returncode, 1)
            self.assertEqual(len(result.stderr.splitlines()), 1)
            self.assertIn(says, result.stderr.lower())
        self.three_people()
        result = mien("gallery prove-deleted", "/dev/zero", self.gallery)
        self.assertEqual((result.returncode, len(result.stderr.splitlines())), (1, 1))
        self.assertIn("too large", result.stderr)

    def test_on_a_terminal(self):
        self.three_people()
        lines = on_terminal("gallery", "list", self.gallery).decode().splitlines()
        self.assertEqual([line.split()[1:] for line in lines[1:]],
                         [["3", "Ann"], ["2", "Bob"], ["1", "Cid"]])
        told = on_terminal("gallery", "rename", "Ann", "Anna", self.gallery).decode()
        self.assertRegex(told, r"^renamed \(event (\d+): 'mien gallery undo \1'\)")
        self.assertIn("Ann, now Anna", on_terminal("gallery", "history", self.gallery).decode())
        self.assertIn("Anna: 3 samples", on_terminal("gallery", "show", "Anna", self.gallery).decode())
        self.assertIn("nothing is wrong", on_terminal("gallery", "check", self.gallery).decode())

    def test_an_encrypted_gallery(self):
        """All that the others can do; without the key, or with another, one sentence."""
        keys = {name: f"--gallery-key={self.write(name, text.encode())}"
                for name, text in [("key", "ab" * 32 + "\n"), ("new", "cd" * 32), ("bad", "xyz")]}
        plain, self.gallery = self.gallery, [f"--gallery={self.folder}/s.db", keys["key"]]
        seed_people = [(name, self.write(f"{name}{i}.png", noise(10 * i + ord(name[0]))))
                       for i, name in enumerate(["Ann", "Ann", "Bob", "Cid"])]
        for name, picture in seed_people:
            mien("enroll", "--aligned", "--force", name, picture, *self.gallery)

        def run(*args, status=0, gallery=self.gallery):
            result = mien(*args, *gallery)
            self.assertEqual(result.returncode, status, result.stderr)
            self.assertLessEqual(len(result.stderr.splitlines()), 1)
            return objects(result) if status == 0 and result.stdout else result.stderr

        def people(gallery=self.gallery):
            return {p["name"]: p["samples"] for p in run("gallery list", gallery=gallery)}

        self.assertEqual(people(), {"Ann": 2, "Bob": 1, "Cid": 1})
        (event,) = run("gallery merge", "Bob", "Ann")
        self.assertEqual(people(), {"Ann": 3, "Cid": 1})
        run("gallery undo", str(event["event"]))
        (again,) = run("enroll", "--aligned", "--force", "Ann", seed_people[0][1])
        self.assertEqual(again["outcome"], "known")
        (face,) = run("identify", "--aligned", seed_people[3][1])[0]["faces"]
        self.assertEqual(face["matches"][0]["name"], "Cid")
        run("gallery doctor", "--json")
        lines = f"{self.folder}/people.jsonl"
        run("gallery export", lines)
        exported = [json.loads(line) for line in open(lines, encoding="utf-8")]
        crops = [base64.b64decode(line["sample"]["crop"]) for line in exported if "sample" in line]
        self.assertEqual(len(crops), 4)
        kept = b"".join(path.read_bytes() for path in self.folder.glob("s.db*"))
        for known in [b"Bob", *(crop[-32:] for crop in crops),
                      *(struct.pack("<4f", *line["sample"]["embedding"][:4])
                        for line in exported if "sample" in line)]:
            self.assertNotIn(known, kept)
        run("gallery import", lines, gallery=[plain])
        other = [f"--gallery={self.folder}/t.db", keys["new"]]
        run("gallery import", lines, gallery=other)
        for gallery in [[plain], other]:
            self.assertEqual(people(gallery), {"Ann": 2, "Bob": 1, "Cid": 1})
        for gallery, says in [(self.gallery[:1], "is encrypted"), ([plain, keys["new"]], "is not en"),
                              ([self.gallery[0], keys["new"]], "is not this gallery's"),
                              ([self.gallery[0], keys["bad"]], "is no key")]:
            self.assertIn(says, run("gallery list", gallery=gallery, status=1))
            if says != "is not en":
                self.assertIn(says, run("serve", "--port=0", gallery=gallery, status=1))
        receipt = f"{self.folder}/bob.receipt"
        run("gallery delete", "Bob", f"--receipt={receipt}")
        run("gallery prove-deleted", receipt)
        run("gallery rekey", f"{self.folder}/new")
        self.assertIn("is not this gallery's", run("gallery check", status=1))
        other[0] = self.gallery[0]
        self.assertEqual(run("gallery check", gallery=other), [{"ok": True, "problems": []}])
        self.assertEqual(people(other), {"Ann": 2, "Cid": 1})


if __name__ == "__main__":
    if not HAVE_NETWORKS:
        print("skipped: the default networks are not installed")
        sys.exit(77)
    unittest.main()
