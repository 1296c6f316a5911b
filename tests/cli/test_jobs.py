#!/usr/bin/env python3
"""submit, worker and jobs on a queue in a file: what is asked, what comes of it, who may retry."""
import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import unittest

from tool import BASE_ENV, HAVE_NETWORKS, PHOTOS, TOOL, Folder, mien, objects, png, without_timing

NETWORKS = ("--classifier", "none")


class Jobs(Folder):
    def setUp(self):
        super().setUp()
        self.queue = str(self.folder / "jobs" / "queue.db")
        self.good = [self.write(f"{i}.png", png(40 + i, 30)) for i in range(3)]

    def run_tool(self, *args, status=0, stdin=b""):
        result = mien(*args, "--queue", self.queue, stdin=stdin)
        self.assertEqual(result.returncode, status, result.stderr)
        return result

    def work(self, *args):
        return self.run_tool("worker", "--until-empty", *NETWORKS, *args)

    def stats(self):
        return objects(self.run_tool("jobs", "stats"))[0]

    def exported(self, *args):
        return objects(self.run_tool("jobs", "export", *args))

    def test_results_are_the_tools(self):
        pictures = [str(PHOTOS[0]), *self.good]
        self.run_tool("submit", "--embeddings", "--top", "2", *pictures, "--trace", "t-1")
        self.work("--batch", "2", "--take", "3")
        found = self.exported()
        right = without_timing(mien("analyze", *NETWORKS, "--embeddings", *pictures,
                                    env={"MIEN_SEARCH": "fast"}))
        for entry, expected in zip(found, right, strict=True):
            entry["result"].pop("timing_ms")
            self.assertEqual(entry["result"], expected)
            self.assertEqual((entry["state"], entry["tries"], entry["trace_id"]), ("done", 1, "t-1"))
        self.assertGreater(len(right[0]["faces"]), 0)
        self.assertIn("embedding", right[0]["faces"][0])

    def test_bad_pictures_and_retry(self):
        bad = self.write("bad.jpg", b"\xff\xd8\xff no picture")
        submitted = objects(self.run_tool("submit", "--json", bad, self.good[0]))
        self.assertEqual([entry["file"] for entry in submitted], [bad, self.good[0]])
        self.work()
        self.assertEqual(self.stats(), {"queued": 0, "running": 0, "done": 1, "failed": 1,
                                        "cancelled": 0, "dead": 0})
        shown = objects(self.run_tool("jobs", "show", submitted[0]["id"]))[0]
        self.assertEqual(shown["state"], "failed")
        self.assertEqual(shown["result"]["code"], "eformat")
        self.write("bad.jpg", png(8, 8))
        self.run_tool("jobs", "retry", submitted[0]["id"])
        self.work()
        self.assertEqual(self.stats()["done"], 2)
        refused = self.run_tool("jobs", "retry", submitted[0]["id"], status=1)
        self.assertIn("is done", refused.stderr)
        missing = self.run_tool("jobs", "show", "0" * 32, status=1)
        self.assertIn("there is no job", missing.stderr)

    def test_lists_bytes_and_urls(self):
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        self.run_tool("submit", "-", stdin=b"0.png\n\nhttp://127.0.0.1:9/x.jpg\n")
        self.run_tool("submit", "--carry", self.good[1])
        os.unlink(self.good[1])
        self.work()
        found = {entry["file"]: entry for entry in self.exported()}
        self.assertEqual(found[self.good[0]]["state"], "done")
        self.assertEqual(found[self.good[1]]["result"]["width"], 41)
        self.assertIn("--allow-urls", found["http://127.0.0.1:9/x.jpg"]["result"]["error"])
        self.run_tool("submit", "http://127.0.0.1:9/y.jpg")
        self.work("--allow-urls")
        error = self.exported()[-1]["result"]["error"]
        self.assertIn("http://127.0.0.1:9/y.jpg: ", error)
        gone = self.run_tool("submit", str(self.folder / "gone.png"), status=1)
        self.assertIn("gone.png: No such file", gone.stderr)

    def test_cancel_priorities_and_room(self):
        low = objects(self.run_tool("submit", "--json", "--priority", "low", self.good[0]))[0]["id"]
        high = objects(self.run_tool("submit", "--json", "--priority", "high", self.good[1]))[0]["id"]
        full = self.run_tool("submit", "--room", "2", "--no-wait", self.good[2], status=1)
        self.assertIn("the queue is full: 2 jobs wait, of 2 that may", full.stderr)
        self.run_tool("jobs", "cancel", low)
        self.work()
        states = {job["id"]: job["state"] for job in objects(self.run_tool("jobs", "list"))}
        self.assertEqual(states, {low: "cancelled", high: "done"})
        listed = objects(self.run_tool("jobs", "list", "--state", "done", "--limit", "5"))
        self.assertEqual([job["id"] for job in listed], [high])
        self.run_tool("jobs", "purge", "--older", "0")
        self.assertEqual(self.stats()["done"], 0)

    def test_csv_and_folder_of_results(self):
        name = self.write('a "quoted", one.png', png(20, 20))
        results = self.folder / "results"
        self.run_tool("submit", name, self.good[0])
        self.work("--results", str(results))
        files = sorted(results.glob("*/*/*/*.json"))
        self.assertEqual(len(files), 2)
        self.assertEqual(json.loads(files[0].read_text())["result"]["width"], 20)
        self.assertEqual([p for p in results.rglob(".*")], [])
        self.assertEqual(self.exported(), [])
        text = self.run_tool("jobs", "export", "--format", "csv", "--results", str(results)).stdout
        rows = list(csv.DictReader(io.StringIO(text.decode(), newline="")))
        self.assertEqual([row["file"] for row in rows], [name, self.good[0]])
        self.assertEqual(json.loads(rows[0]["result"])["file"], name)

    def test_sigterm_gives_back(self):
        self.run_tool("submit", *(self.write(f"many/{i}.png", png(30, 30)) for i in range(40)))
        worker = subprocess.Popen([os.path.abspath(TOOL), "worker", *NETWORKS, "--take", "2",
                                   "--tries", "1", "--queue", self.queue], env=BASE_ENV,
                                  stderr=subprocess.PIPE)
        while self.stats()["done"] == 0:
            time.sleep(0.02)
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=60)
        self.assertEqual(worker.returncode, 0, said)
        stats = self.stats()
        self.assertEqual((stats["running"], stats["dead"], stats["failed"]), (0, 0, 0))
        self.work()
        self.assertEqual(self.stats()["done"], 40)


if __name__ == "__main__":
    if not (HAVE_NETWORKS and PHOTOS):
        print("skipped: the default networks and photos are not installed")
        sys.exit(77)
    unittest.main()
