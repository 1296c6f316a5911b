#!/usr/bin/env python3
"""Workers are killed, Redis and PostgreSQL crash and come back: every picture has one right result.

Right is what `mien analyze` says of the same picture. MIEN_TEST_SIZE=small is the part of `make
test`; the whole takes 20,000 pictures, 4 workers and 100 kills, or $MIEN_CRASH_PICTURES pictures.
"""
import json
import os
import random
import signal
import subprocess
import sys
import time
import unittest

from databases import Postgres, Redis
from PIL import Image
from tool import BASE_ENV, PHOTOS, TOOL, Folder, mien, needs_photos, objects, png

SMALL = os.environ.get("MIEN_TEST_SIZE") == "small"
PICTURES = 120 if SMALL else int(os.environ.get("MIEN_CRASH_PICTURES", "20000"))
DISTINCT = min(PICTURES, 120 if SMALL else 400)
WORKERS, KILLS = (2, 8) if SMALL else (4, 100)
REDIS_CRASHES = 1 if SMALL else 2
SEED = int(os.environ.get("MIEN_SEED", "18"))
NETWORKS = ("--classifier", "none", "--threads", "1", "--search", "fast")


def crops_of_photo(n, rng):
    """Parts of a photo as bytes of PNG files, no two of one size."""

    photo = Image.open(PHOTOS[0]).convert("RGB")
    photo.thumbnail((480, 480))
    for i in range(n):
        width, height = 60 + i % 40, 60 + i // 40
        x = rng.randrange(photo.width - width)
        y = rng.randrange(photo.height - height)
        yield png(width, height, photo.crop((x, y, x + width, y + height)).tobytes())


@needs_photos
class Crashes(Folder):
    def start_worker(self):
        return subprocess.Popen(
            [os.path.abspath(TOOL), "worker", *NETWORKS, "--queue", self.redis.url, "--results",
             self.postgres.url, "--lease", "2", "--tries", "50", "--take", "4", "--batch", "4"],
            env=BASE_ENV, stderr=subprocess.PIPE)

    def stats(self):
        return objects(mien("jobs", "stats", "--json", "--queue", self.redis.url))[0]

    def submit(self, paths):
        """Also while Redis is away: then it waits."""
        return subprocess.Popen([os.path.abspath(TOOL), "submit", "--queue", self.redis.url,
                                 "--search", "fast", *paths], env=BASE_ENV, stderr=subprocess.PIPE)

    def crash_databases(self, portion):
        """Redis within the first and the last third, PostgreSQL in the middle."""
        if portion in (KILLS // 4, KILLS * 3 // 4)[:REDIS_CRASHES]:
            self.redis.crash()
            time.sleep(0.3)
            self.redis.start()
        if portion == KILLS // 2:
            self.postgres.crash()
            time.sleep(0.3)
            self.postgres.start()

    def work(self, rng, paths):
        """As many portions of pictures as kills, each killing somebody at work on it."""
        workers = [self.start_worker() for _ in range(WORKERS)]
        self.addCleanup(lambda: [(worker.kill(), worker.wait()) for worker in workers])
        share = len(paths) // KILLS
        for portion in range(KILLS):
            submitting = self.submit(paths[portion * share:] if portion == KILLS - 1
                                     else paths[portion * share:(portion + 1) * share])
            self.crash_databases(portion)
            _, said = submitting.communicate(timeout=120)
            self.assertEqual(submitting.returncode, 0, said)
            time.sleep(rng.random() * 0.2)
            victim = rng.randrange(WORKERS)
            workers[victim].send_signal(signal.SIGKILL)
            _, said = workers[victim].communicate()
            self.assertEqual(workers[victim].returncode, -signal.SIGKILL, said)
            workers[victim] = self.start_worker()
        deadline = time.monotonic() + 1500
        while self.stats()["running"] or self.stats()["queued"]:
            self.assertLess(time.monotonic(), deadline, self.stats())
            time.sleep(0.2)
        for worker in workers:
            worker.terminate()
            _, said = worker.communicate(timeout=60)
            self.assertEqual(worker.returncode, 0, said)

    def check_sentences(self):
        """What is wrong with where results go is said before any job is taken."""
        args = ("worker", *NETWORKS, "--until-empty", "--queue", self.redis.url, "--results")
        nowhere = mien(*args, self.postgres.url.replace("/postgres?", "/nowhere?"))
        self.assertEqual(nowhere.returncode, 1)
        self.assertIn('database "nowhere" does not exist', nowhere.stderr)
        self.postgres.query("UPDATE mien_jobs.settings SET value = 99")
        newer = mien(*args, self.postgres.url)
        self.assertEqual(newer.returncode, 1)
        self.assertIn("newer mien (version 99", newer.stderr)

    def test_every_picture_has_one_right_result(self):
        rng = random.Random(SEED)
        folder = self.folder / "pictures"
        folder.mkdir()
        crops = list(crops_of_photo(DISTINCT, rng))
        for i in range(PICTURES):
            (folder / f"{i:06}.png").write_bytes(crops[i % DISTINCT])
        first = [str(folder / f"{i:06}.png") for i in range(DISTINCT)]
        right = []
        for entry in objects(mien("analyze", *NETWORKS, "--batch", "8", *first)):
            entry.pop("timing_ms")
            entry.pop("file")
            right.append(entry)
        self.assertEqual(len(right), DISTINCT)
        self.assertGreater(sum(len(entry["faces"]) for entry in right), 0)

        self.redis, self.postgres = Redis(), Postgres()
        self.addCleanup(self.redis.end)
        self.addCleanup(self.postgres.end)
        self.work(rng, [str(folder / f"{i:06}.png") for i in range(PICTURES)])
        stats = self.stats()
        self.assertEqual((stats["done"], stats["failed"], stats["dead"]), (PICTURES, 0, 0), stats)

        rows = self.postgres.query("SELECT file, result FROM mien_jobs.results ORDER BY file")
        self.assertEqual([row[0] for row in rows],
                         [str(folder / f"{i:06}.png") for i in range(PICTURES)])
        exported = mien("jobs", "export", "--results", self.postgres.url)
        self.assertEqual(len(objects(exported)), PICTURES)
        self.check_sentences()
        for i, (_, text) in enumerate(rows):
            result = json.loads(text)
            result.pop("timing_ms")
            self.assertEqual(result.pop("file"), rows[i][0])
            self.assertEqual(result, right[i % DISTINCT])


if __name__ == "__main__":
    if not (Redis.is_here() and Postgres.is_here()):
        print("skipped: redis-server or PostgreSQL is not installed")
        sys.exit(77)
    if not PHOTOS:
        print("skipped: the default networks and photos are not installed")
        sys.exit(77)
    print(f"seed {SEED}")
    unittest.main()
