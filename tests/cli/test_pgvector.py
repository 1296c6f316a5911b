#!/usr/bin/env python3
"""Galleries searched by pgvector in the database (--index pgvector): who is found is who an exact search finds, with
the same similarities; what comes, changes and goes is followed; how much is missed is told. PostgreSQL is PGlite's,
from npm, which takes one connection at a time; skipped where npm cannot be reached. Faces are crops of noise."""
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from test_gallery import noise  # noqa: E402
from tool import HAVE_NETWORKS, Folder, mien, objects  # noqa: E402

HERE = Path(__file__).resolve().parents[1] / "gallery" / "pglite"


def packages():
    """The folder that holds PGlite; installed from npm once, without install scripts. None where that cannot be done."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(os.environ.get("MIEN_REF_CACHE") or os.path.join(base, "mien", "reference"), "pglite")
    wanted = (HERE / "package.json").read_text(encoding="utf-8")
    stamp = folder / "installed.json"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return folder
    if not shutil.which("npm"):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(wanted, encoding="utf-8")
    done = subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"],
                          cwd=folder, capture_output=True, check=False)
    if done.returncode:
        return None
    stamp.write_text(wanted, encoding="utf-8")
    return folder


class Database:
    def __init__(self, folder):
        self.process = subprocess.Popen(["node", HERE / "serve.mjs", folder], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        port = self.process.stdout.readline().strip()
        assert port, "PGlite did not start"
        self.place = f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable"

    def query(self, sql):
        self.process.stdin.write(sql + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


def crowd(persons, dims, seed):
    """Rows of persons who have two samples each."""
    rng = random.Random(seed)
    people, samples = [], []
    for p in range(persons):
        middle = [rng.gauss(0, 1) for _ in range(dims)]
        people.append(f"({1000 + p}, 2, 'P{p}', 1, 1)")
        for i in range(2):
            v = [m + rng.gauss(0, 0.5) for m in middle]
            length = sum(x * x for x in v) ** 0.5
            data = struct.pack(f"<{dims}f", *(x / length for x in v))
            samples.append(f"({100000 + 2 * p + i}, {1000 + p}, 1, '\\x{data.hex()}', 1, 1)")
    return people, samples


class Pgvector(Folder):
    def setUp(self):
        super().setUp()
        self.database = Database(FOLDER)
        self.addCleanup(self.database.stop)
        self.place = f"--gallery={self.database.place}"

    def run_tool(self, *args, fails=False):
        result = mien(*args, self.place)
        self.assertEqual(result.returncode, int(fails), result.stderr)
        self.said = result.stderr
        return objects(result) if result.stdout else []

    def copies(self):
        (name,) = [row["relname"] for row in self.database.query(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'vectors\\_%'")]
        return name, self.database.query(f"SELECT count(*)::int AS n FROM mien_gallery.{name}")[0]["n"]

    def test_as_exact(self):
        pictures = [self.write(f"{i}.png", noise(i)) for i in range(8)]
        ids = []
        for i in range(6):
            (done,) = self.run_tool("enroll", "--aligned", "--force", f"P{i // 2}", pictures[i])
            ids.append(done["person"])
        look = ("identify", "--aligned", *pictures)
        exact = self.run_tool(*look)
        self.assertEqual(self.run_tool(*look, "--index=pgvector"), exact)
        self.assertEqual(self.run_tool(*look, "--index=pgvector", "--by=sample"), self.run_tool(*look, "--by=sample"))
        self.assertEqual(self.run_tool(*look, "--index-memory=1K"), exact)
        self.assertEqual(self.copies()[1], 6)
        self.run_tool("enroll", "--index=pgvector", "--aligned", "--force", "New", pictures[6])
        self.run_tool("gallery move", ids[2], objects(mien("gallery show", ids[0], self.place))[0]["samples"][0]["id"])
        self.run_tool("gallery delete", "P2")
        self.assertEqual(self.run_tool(*look, "--index=pgvector"), self.run_tool(*look))
        self.assertEqual(self.copies()[1], 5)

    def test_recall(self):
        head = [{"gallery": {"version": 1}}, {"contract": {"id": f"{1:016x}", "name": "made", "hash": "made", "dims": 32}},
                {"collection": {"id": f"{2:016x}", "name": "crowd"}}]
        self.run_tool("gallery import", self.write("head.jsonl", "".join(map(json.dumps, head)).replace("}{", "}\n{").encode()))
        people, samples = crowd(600, 32, 1)
        ids = {name: self.database.query(f"SELECT id::text FROM mien_gallery.{name} WHERE name IN ('made', 'crowd')")[0]["id"]
               for name in ("contracts", "collections")}
        of = lambda rows: ", ".join(rows).replace(", 2, 'P", f", {ids['collections']}, 'P").replace(
            ", 1, '\\x", f", {ids['contracts']}, '\\x")
        self.database.query("INSERT INTO mien_gallery.persons (id, collection, name, created, updated) VALUES " + of(people))
        self.database.query("INSERT INTO mien_gallery.samples (id, person, contract, embedding, created, updated) VALUES "
                            + of(samples))
        (told,) = self.run_tool("gallery index", "--collection=crowd", "--index=pgvector")
        self.assertEqual((told["embedder"], told["samples"], told["persons"]), ("made", 1200, 10))
        self.assertGreater(told["recall"], 0.9)
        (told,) = self.run_tool("gallery index", "--collection=crowd")
        self.assertEqual(told["recall"], 1)
        name, copies = self.copies()
        self.assertEqual(copies, 1200)
        self.database.query("SET enable_seqscan = off")
        plan = self.database.query(f"EXPLAIN SELECT sample FROM mien_gallery.{name} ORDER BY v"
                                   f" OPERATOR(public.<#>) '[1{',0' * 31}]'::public.halfvec LIMIT 200")
        self.assertIn(f"{name}_hnsw", json.dumps(plan))

    def test_not_of_a_file(self):
        result = mien("identify", "--index=pgvector", f"--gallery={self.folder}/g.db", "x.jpg")
        self.assertEqual(result.returncode, 1)
        self.assertIn("pgvector searches galleries in PostgreSQL", result.stderr)
        result = mien("gallery index", "--index=sieve", f"--gallery={self.folder}/g.db")
        self.assertIn("'sieve' is no index", result.stderr)


if __name__ == "__main__":
    FOLDER = packages()
    if not HAVE_NETWORKS or not FOLDER:
        print("skipped: PGlite cannot be installed from npm, or the networks are not installed")
        sys.exit(77)
    unittest.main()
