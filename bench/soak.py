"""mien at saturation for a long time: every answer compared, and its memory watched."""
import contextlib
import statistics
import threading
import time

import answers
import load
from match import say

SETTLE = 60  # seconds until memory has to stay what it is; of a short run, a third of it
GROWTH_MIB = 2  # what it may grow by from then on
PATHS = ("/predict", "/detect_faces_from_files/")


class Tally:
    """What the clients count together."""

    def __init__(self):
        self.lock = threading.Lock()
        self.right, self.failed, self.wrong, self.complaints = 0, 0, 0, []
        self.good = set()  # (path, picture, answer) found right before: the same bytes are right

    def add(self, service, path, picture, status, text, ours):
        key = path, picture, text
        complaint = None
        if status != 200:
            complaint = "status %d: %s" % (status, text[:200].decode(errors="replace"))
        elif key not in self.good:
            complaint = answers.differs(path, text, ours, service.exact)
        with self.lock:
            if not complaint:
                self.right += 1
                self.good.add(key)
                return
            self.failed += status != 200
            self.wrong += status == 200
            if len(self.complaints) < 10:
                self.complaints.append("%s %s: %s" % (path, picture, complaint))


def client(service, jobs, first, end, tally):
    """Posts one job after the other over one connection until `end`."""
    turn = first
    with contextlib.closing(answers.Client(service.url)) as connection:
        while time.monotonic() < end:
            path, picture, body, kind, ours = jobs[turn % len(jobs)]
            turn += 1
            tally.add(service, path, picture, *connection.post(path, body, kind), ours)


def make_jobs(service, options, pictures):
    jobs = []
    for path in PATHS:
        for size in options.sizes:
            wanted = answers.expected(path, pictures[size], service.precision)
            for picture in pictures[size]:
                body = answers.body_of(load.PATHS[path], [picture])
                jobs.append((path, picture, *body, wanted[picture]))
    return jobs


def flatness(samples, seconds):
    """Of [(second, MiB)]: the settled value, the last, and whether the two are the same."""
    settle = min(SETTLE, seconds / 3)
    rest = [mib for second, mib in samples if second >= settle]
    part = max(len(rest) // 5, 1)
    first, last = statistics.median(rest[:part]), statistics.median(rest[-part:])
    return {
        "settled_after_s": settle,
        "settled_mib": first,
        "last_mib": last,
        "peak_mib": max(rest),
        "flat": last - first <= GROWTH_MIB,
    }


def run(service, options, pictures):
    """(what was measured, complaints)."""
    jobs, tally = make_jobs(service, options, pictures), Tally()
    begin = time.monotonic()
    end = begin + options.soak
    threads = [
        threading.Thread(target=client, args=(service, jobs, n, end, tally))
        for n in range(max(options.clients))
    ]
    for thread in threads:
        thread.start()
    samples = []
    while time.monotonic() < end:
        samples.append((round(time.monotonic() - begin, 1), service.memory()["now"]))
        time.sleep(min(1, options.soak / 30))
    for thread in threads:
        thread.join()
    seconds = time.monotonic() - begin
    memory = flatness(samples, options.soak)
    results = {
        "service": service.name,
        "command": service.command,
        "clients": len(threads),
        "seconds": seconds,
        "right": tally.right,
        "failed": tally.failed,
        "wrong": tally.wrong,
        "requests_per_s": (tally.right + tally.wrong) / seconds,
        "memory": memory,
        "samples_mib": samples,
    }
    say(
        "%s: %d clients, %.0f s, %.1f requests/s: %d right, %d failed, %d wrong; "
        "memory %.1f MiB after %.0f s, %.1f MiB at the end, %s"
        % (
            service.name,
            len(threads),
            seconds,
            results["requests_per_s"],
            tally.right,
            tally.failed,
            tally.wrong,
            memory["settled_mib"],
            memory["settled_after_s"],
            memory["last_mib"],
            "flat" if memory["flat"] else "GROWING",
        )
    )
    complaints = list(tally.complaints)
    if not memory["flat"]:
        complaints.append("memory grew by %.1f MiB" % (memory["last_mib"] - memory["settled_mib"]))
    if not tally.right:
        complaints.append("no answer was right")
    return results, complaints
