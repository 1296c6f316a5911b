#!/usr/bin/env python3
"""mien eval on made pictures: labels and their sentences, figures against a count of `mien`'s own
answers, files it writes, failures."""
import csv
import json
import random
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from tool import Folder, PHOTOS, mien, needs_networks, needs_photos, objects, png, ppm  # noqa: E402


def report(*args, status=0):
    """The one object of a run that ends with this status."""
    result = mien(*args, "--json")
    if result.returncode != status:
        raise AssertionError(result.stderr)
    return objects(result)[0], result.stderr


class Refusals(Folder):
    """Sentences that need no network: what is wrong is told before anything runs."""

    def refused(self, command, *args, files=()):
        for name, text in files:
            self.write(name, text.encode())
        result = mien(command, *args)
        self.assertEqual((result.returncode, result.stdout), (1, b""), result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        return result.stderr.replace(str(self.folder), "T")

    def test_labels(self):
        path = str(self.folder / "l.csv")
        for text, why in (("", "T/l.csv is empty: its first row names the columns"),
                          ("file,gender\n", "T/l.csv: no row follows the names of the columns"),
                          ("gender\nMale\n", "T/l.csv: the first row names no column 'file'"),
                          ("file,gender\na,Male\nb\n", "T/l.csv:3: 1 field, the first row has 2")):
            self.assertEqual(self.refused("eval attributes", path, files=[("l.csv", text)]),
                             f"mien: {why}\n")
        self.assertEqual(self.refused("eval attributes", path + "x"),
                         "mien: T/l.csvx: No such file or directory\n")
        self.assertEqual(self.refused("eval classify", path, files=[("l.csv", "file,x\na,1\n")]),
                         "mien: T/l.csv: the first row names no column 'label'\n")

    def test_conditions(self):
        self.write("l.csv", b"file,gender\na,Male\n")
        path = str(self.folder / "l.csv")
        self.assertEqual(self.refused("eval attributes", path, "--where", "colour=red"),
                         "mien: T/l.csv has no column 'colour' for a condition\n")
        self.assertEqual(self.refused("eval attributes", path, "--skip-missing"),
                         "mien: T/l.csv: none of its 1 pictures is there: --pictures says in which "
                         "folder they are\n")

    def test_annotations(self):
        path = str(self.folder / "a.txt")
        self.assertEqual(self.refused("eval detect", path, files=[("a.txt", "x.jpg\nmany\n")]),
                         "mien: T/a.txt:2: no number of faces follows the picture of line 1\n")
        self.assertIn("is a folder: give its annotations",
                      self.refused("eval detect", str(self.folder), files=[("x.ppm", "")]))

    def test_folders(self):
        self.assertEqual(self.refused("eval classify", str(self.folder)),
                         "mien: T: no pictures in this folder\n")
        self.write("x.ppm", ppm(4, 4))
        self.assertEqual(self.refused("eval classify", str(self.folder)),
                         "mien: T/x.ppm is in no folder of its class: give a folder a class, or a "
                         "CSV\n")

    def test_without_a_task(self):
        result = mien("eval")
        self.assertEqual(result.returncode, 2)
        self.assertIn("attributes, detect, classify, identify or verify", result.stderr)


@needs_networks
class Classify(Folder):
    def setUp(self):
        super().setUp()
        for i in range(4):
            self.write(f"p{i}.ppm", ppm(240, 240, lambda x, y, i=i: ((x * i) % 256, y, 60 * i)))
        result = mien("classify", "--top", "5", *(str(self.folder / f"p{i}.ppm") for i in range(4)))
        self.classes = [line["classes"] for line in objects(result)]

    def labels(self, texts):
        rows = "".join(f'p{i}.ppm,"{text}"\n' for i, text in enumerate(texts))
        return self.write("labels.csv", ("file,label\n" + rows).encode())

    def test_counts(self):
        """Right by label, right by number, among the first five, and wrong."""
        first, second, third, fourth = self.classes
        said = {c["index"] for c in fourth}
        wrong = next(i for i in range(1000) if i not in said)
        path = self.labels([first[0]["label"], second[0]["index"], third[2]["index"], wrong])
        found, _ = report("eval classify", path, "--by", "label")
        figures = found["all"]["class"]
        self.assertEqual(figures["top_1"]["value"], 0.5)
        self.assertEqual(figures["top_5"]["value"], 0.75)
        self.assertEqual([m["file"] for m in found["mistakes"]],
                         sorted((str(self.folder / f"p{i}.ppm") for i in (2, 3)),
                                key=lambda f: -(third if "p2" in f else fourth)[0]["score"]))
        self.assertEqual(found["calibration"]["class"]["n"], 4)
        self.assertEqual(len(found["groups"]), len({str(t) for t in (
            first[0]["label"], second[0]["index"], third[2]["index"], wrong)}))

    def test_folders_limit_and_answers(self):
        for i, classes in enumerate(self.classes):
            (self.folder / f"d/{classes[0]['index']}").mkdir(parents=True, exist_ok=True)
            (self.folder / f"p{i}.ppm").rename(self.folder / f"d/{classes[0]['index']}/p{i}.ppm")
        answers = self.folder / "deep/er/a.csv"
        found, _ = report("eval classify", str(self.folder / "d"), "--limit", "3", "--answers",
                          str(answers), "--batch", "2", "--threads", "1")
        self.assertEqual(found["pictures"], 3)
        self.assertEqual(found["all"]["class"]["top_1"]["value"], 1)
        with open(answers, newline="", encoding="utf-8") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual([r["mark"] for r in rows], ["1"] * 6)  # two figures each
        again, _ = report("eval classify", str(self.folder / "d"), "--limit", "3")
        self.assertEqual([one.pop("backend")[:3] for one in (again, found)], ["cpu"] * 2)
        self.assertEqual(again, found)  # the same draw, whatever batch and threads

    def test_unknown_class(self):
        result = mien("eval classify", self.labels(["0", "zebra crossing lion", "0", "0"]))
        self.assertEqual(result.returncode, 1)
        self.assertIn("'zebra crossing lion' is no class of the network", result.stderr)
        self.assertEqual(result.stdout, b"")

    def test_failures(self):
        path = self.labels(["0"] * 4)
        self.write("p1.ppm", b"P6 no picture")
        (self.folder / "p2.ppm").unlink()
        found, said = report("eval classify", path, status=1)
        self.assertEqual(found["pictures"], 2)
        self.assertEqual([f["file"][-6:] for f in found["failed"]], ["p1.ppm", "p2.ppm"])
        self.assertEqual(said.count("mien: "), 2)
        found, _ = report("eval classify", path, "--skip-missing", status=1)
        self.assertEqual((found["missing"], len(found["failed"])), (1, 1))


@needs_networks
class Identify(Folder):
    """Figures of people whose "faces" are crops of noise, against those of the answers' rows."""

    def setUp(self):
        super().setUp()
        for i in range(24):
            self.write(f"people/{i % 6}/{i}.png",
                       png(112, 112, random.Random(i).randbytes(3 * 112 * 112)))

    def identify(self, *args):
        answers = str(self.folder / "a.csv")
        found, _ = report("eval identify", str(self.folder / "people"), "--crop", "aligned",
                          "--answers", answers, *args)
        with open(answers, newline="", encoding="utf-8") as f:
            rows = {}
            for row in csv.DictReader(f):
                rows.setdefault(row["role"], []).append(row)
        return found, rows

    def test_figures(self):
        found, rows = self.identify("--samples", "2", "--plots", str(self.folder / "plots"))
        figures = found["all"]["identity"]
        self.assertEqual({role: len(list_) for role, list_ in rows.items()},
                         {"enrolled": 6, "known": 6, "stranger": 12})
        self.assertEqual(found["all"]["n"], 18)
        for name, rank in ("top_1", 1), ("top_5", 5):
            self.assertAlmostEqual(figures[name]["value"],
                                   sum(int(row["rank"]) <= rank for row in rows["known"]) / 6, 5)
        passing = sorted(float(row["similarity"]) for row in rows["stranger"])[-2]  # one of twelve
        missed = sum(not (row["answer"] == row["truth"] and float(row["similarity"]) > passing)
                     for row in rows["known"])
        self.assertAlmostEqual(figures["fnir_at_fpir_10"]["value"], missed / 6, 5)
        self.assertIsNone(figures["fnir_at_fpir_1"]["value"])  # of a hundred strangers one
        curve = found["curves"]["all"]
        self.assertGreaterEqual(curve["fpir"][0], 1 / 12)
        self.assertEqual(curve["fpir"][-1], 1)
        self.assertEqual(curve["fnir"], sorted(curve["fnir"], reverse=True))
        self.assertTrue((self.folder / "plots/fnir-fpir.png").read_bytes().startswith(b"\x89PNG"))
        self.assertNotEqual(self.identify("--samples", "2", "--seed", "2")[1], rows)

    def test_nobody_to_tell_apart(self):
        result = mien("eval identify", str(self.folder / "people/1"), "--crop", "aligned")
        self.assertEqual(result.returncode, 1)
        result = mien("eval identify", self.write("l.csv", b"file,label\npeople/1/1.png,x\n"))
        self.assertIn("of one person nobody can be told apart", result.stderr)


@needs_networks
class Verify(Folder):
    """Pairs of crops of noise: each with itself, and with another."""

    def setUp(self):
        super().setUp()
        for i in range(10):
            self.write(f"p/p_{i + 1:04d}.jpg",
                       png(112, 112, random.Random(i).randbytes(3 * 112 * 112)))

    def test_figures(self):
        lines = [f"p\t{i + 1}\t{i + 1}\n" if same else f"p {i + 1} p {(i + 1) % 10 + 1}\n"
                 for fold in range(2) for same in (1, 0) for i in range(5 * fold, 5 * fold + 5)]
        self.write("pairs.txt", ("2 5\n" + "".join(lines)).encode())
        answers = str(self.folder / "a.csv")
        found, _ = report("eval verify", str(self.folder / "pairs.txt"), "--crop", "aligned",
                          "--answers", answers, "--plots", str(self.folder / "plots"))
        self.assertEqual((found["pictures"], found["all"]["n"]), (10, 20))
        with open(answers, newline="", encoding="utf-8") as f:
            rows = list(csv.DictReader(f))
        self.assertEqual([row["fold"] for row in rows], ["0"] * 10 + ["1"] * 10)
        for row in rows:
            one = row["a"] == row["b"]
            self.assertEqual(row["truth"], "one person" if one else "two persons")
            self.assertEqual(abs(float(row["similarity"]) - 1) < 1e-5, one)
        figures = found["all"]["pairs"]
        self.assertEqual((figures["accuracy"]["value"], figures["eer"]["value"]), (1, 0))
        self.assertIsNone(figures["tar_at_far_1"]["value"])  # of a hundred pairs one
        self.assertGreater(figures["threshold"]["value"],
                           max(float(row["similarity"]) for row in rows if row["a"] != row["b"]))
        self.assertTrue((self.folder / "plots/frr-far.png").read_bytes().startswith(b"\x89PNG"))

    def test_labels(self):
        for text, why in (("2 5\np 1\n", "T/l.txt:2: NAME I J, or NAME I NAME J, is expected"),
                          ("2 5\np 1 0\n", "T/l.txt:2: NAME I J, or NAME I NAME J, is expected"),
                          ("2 5\n", "T/l.txt: no pair is named"),
                          ("a,b\nx,y\n", "T/l.txt: neither LFW's pairs nor a table: the first row "
                                         "names no column 'same'"),
                          ("a,b,same\nx,y,perhaps\n",
                           "T/l.txt:2: same is yes or no, not 'perhaps'"),
                          ("a,b,same,fold\nx,y,1,0\n",
                           "T/l.txt:2: a fold is a number from 1 to 1000")):
            result = mien("eval verify", self.write("l.txt", text.encode()))
            self.assertEqual((result.returncode, result.stderr.replace(str(self.folder), "T")),
                             (1, f"mien: {why}\n"))
        result = mien("eval verify", str(self.folder))
        self.assertIn("is a folder: pairs are", result.stderr)


@needs_photos
class Faces(Folder):
    def setUp(self):
        super().setUp()
        self.lines = objects(mien("analyze", "--classifier", "none", *map(str, PHOTOS[:3])))

    def test_attributes(self):
        """Each photo labelled with what `mien analyze` says of its main face, one of them wrongly."""
        people = [(line["file"], line["faces"][line["main"]]) for line in self.lines if line["faces"]]
        self.assertGreater(len(people), 1)
        rows = ["file,age,gender,camera"]
        for i, (file, face) in enumerate(people):
            gender = face["gender"]["value"]
            if i == 0:
                gender = "male" if gender == "female" else "female"
            rows.append(f"{file},{face['age'] + 5},{gender},{'ab'[i % 2]}")
        self.write("grey.png", png(200, 200))
        rows.append("grey.png,30,female,a")
        path = self.write("people.csv", "\n".join(rows).encode())
        found, _ = report("eval attributes", path, "--plots", str(self.folder / "plots"), "--by",
                          "camera")
        n = len(people) + 1
        self.assertEqual((found["pictures"], found["unanswered"]), (n, 1))
        figures = found["all"]
        self.assertAlmostEqual(figures["gender"]["accuracy"]["value"], (n - 2) / n)
        self.assertAlmostEqual(figures["age"]["mean_error"]["value"], 5, 1)
        self.assertEqual(figures["age"]["mean_error"]["n"], n - 1)
        self.assertEqual([g["by"] for g in found["groups"]], [{"camera": "a"}, {"camera": "b"}])
        confusion = found["confusion"]["gender"]["counts"]
        self.assertEqual(sum(map(sum, confusion)), n)
        self.assertEqual(sum(row[-1] for row in confusion), 1)  # no face, no answer
        self.assertEqual([m["file"] for m in found["mistakes"] if m["subject"] == "gender"],
                         [people[0][0]])
        plots = sorted(p.name for p in (self.folder / "plots").iterdir())
        self.assertEqual(plots, ["calibration-age.png", "calibration-gender.png",
                                 "confusion-age.png", "confusion-gender.png", "groups-age-accuracy.png",
                                 "groups-age-mean_error.png", "groups-age-within_one.png",
                                 "groups-gender-accuracy.png"])

    def test_labels_of_the_network(self):
        for row, why in (("x.png,Fmale", "l.csv:2: gender 'Fmale' is none of"),
                         ("x.png,", None)):
            path = self.write("l.csv", f"file,gender\n{row}\n".encode())
            self.write("x.png", png(120, 120))
            result = mien("eval attributes", path)
            if why:
                self.assertEqual((result.returncode, result.stdout), (1, b""))
                self.assertIn(why, result.stderr)
            else:  # nothing is known of it: no figure, and no failure
                self.assertEqual(result.returncode, 0, result.stderr)
                self.assertRegex(result.stdout.decode(), r"all +1  -\n")
        path = self.write("l.csv", b"file,colour\nx.png,red\n")
        self.assertIn("no column is called as what the networks tell",
                      mien("eval attributes", path).stderr)

    def test_detect(self):
        """Annotated with the boxes it finds itself, all is found; one box more is missed."""
        annotations = [{"file": line["file"], "boxes": [f["box"] for f in line["faces"]]}
                       for line in self.lines]
        faces = sum(len(a["boxes"]) for a in annotations)
        annotations[0]["boxes"].append([0, 0, 3, 3])
        path = self.write("a.json", json.dumps(annotations).encode())
        found, _ = report("eval detect", path, "--threshold", "0.5")
        (level,) = found["groups"]
        self.assertEqual((level["by"], level["n"]), ({"level": "all"}, faces + 1))
        self.assertAlmostEqual(level["faces"]["recall"]["value"], faces / (faces + 1))
        self.assertEqual(level["faces"]["precision"]["value"], 1)
        self.assertAlmostEqual(level["faces"]["ap"]["value"], faces / (faces + 1))
        self.assertEqual(len(found["curves"]["all"]["recall"]), 1000)

    def test_text(self):
        rows = [f"{line['file']},female" for line in self.lines]
        path = self.write("l.csv", "\n".join(["file,gender", *rows]).encode())
        text = mien("eval attributes", path, "--mistakes", "1").stdout.decode()
        self.assertRegex(text, r"(?m)^all +%d +\d+\.\d \(\d+\.\d-\d+\.\d\)$" % len(rows))
        self.assertIn("\ncalibration ", text)
        self.assertLessEqual(max(map(len, text.splitlines()[1:8])), 120)


if __name__ == "__main__":
    unittest.main()
