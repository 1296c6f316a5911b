#!/usr/bin/env python3
"""The gallery's exact search beside Debian's Faiss (python3-faiss): the ten best of rows of 512 values,
in turn, so that what else the machine does meets all of them. Faiss uses a thread a query.

usage: bench/search.py [--worker build/tests/search_worker] [--rows 1000000] [--dims 512] [--threads 2]
                       [--rounds 9] [--alone]

Prints medians and, against the time of one query, ratios. --alone: without Faiss, for rows whose floats
do not fit into memory.
"""
import argparse
import os
import statistics
import subprocess
import tempfile
import time

import numpy

HITS = 10


class Worker:
    def __init__(self, args, path):
        command = [args.worker, str(args.dims), str(args.rows), str(args.threads)] + ([path] if path else [])
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.bytes_a_row = float(self.process.stdout.readline())

    def search(self, n):
        """Milliseconds, and the ids found for the first query."""
        self.process.stdin.write(f"{n}\n")
        self.process.stdin.flush()
        ms, *ids = self.process.stdout.readline().split()
        return float(ms), [int(i) for i in ids]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Faiss:
    def __init__(self, index, rows, queries):
        self.index, self.queries = index, queries
        if not index.is_trained:
            index.train(rows[:100_000])
        for i in range(0, len(rows), 100_000):
            index.add(rows[i:i + 100_000])

    def search(self, n):
        begin = time.monotonic()
        _, ids = self.index.search(self.queries[:n], HITS)
        return 1e3 * (time.monotonic() - begin), ids[0].tolist()


def contenders(args, folder):
    path = None if args.alone else os.path.join(folder, "rows")
    found = {"mien": Worker(args, path)}
    if args.alone:
        return found
    os.environ["OMP_WAIT_POLICY"] = "passive"  # or its threads spin on while others are measured
    import faiss
    faiss.omp_set_num_threads(args.threads)
    written = numpy.memmap(path, numpy.float32, "r").reshape(-1, args.dims)
    rows, queries = written[:args.rows], written[args.rows:]
    found["IndexFlatIP"] = Faiss(faiss.IndexFlatIP(args.dims), rows, queries)
    found["IndexScalarQuantizer"] = Faiss(
        faiss.IndexScalarQuantizer(args.dims, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT),
        rows, queries)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--worker", default="build/tests/search_worker")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--dims", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--alone", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = contenders(args, folder)
        times = {(name, n): [] for name in found for n in ((1, 16) if name == "mien" else (1,))}
        first = {}
        for _ in range(args.rounds):
            for name, n in times:
                ms, first[name] = found[name].search(n)
                times[name, n].append(ms)
        report(args, found, times, first)
        found["mien"].close()


def report(args, found, times, first):
    medians = {key: statistics.median(ms) for key, ms in times.items()}
    print(f"{args.rows} rows of {args.dims}, {args.threads} threads, {args.rounds} rounds; mien: "
          f"{found['mien'].bytes_a_row:.1f} bytes a row")
    for name, n in times:
        print(f"{name:22} {n:3} queries {medians[name, n]:9.2f} ms, best {min(times[name, n]):9.2f}, "
              f"{medians[name, n] / medians['mien', 1]:6.2f} of mien's one")
    if "IndexFlatIP" in first:
        print("the ten found are IndexFlatIP's:", first["mien"] == first["IndexFlatIP"])


if __name__ == "__main__":
    main()
