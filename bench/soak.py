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
    """Of [(second, MiB)]: where memory settled, how much a straight line through the rest grows, and
    whether that is little. Pictures under way come and go, which moves a sample by many MiB: the
    line's growth is known to about `doubt` (two standard errors), and only what is beyond it counts."""
    settle = min(SETTLE, seconds / 3)
    rest = [(second, mib) for second, mib in samples if second >= settle]
    middle = statistics.fmean(second for second, _ in rest)
    level = statistics.fmean(mib for _, mib in rest)
    spread = sum((second - middle) ** 2 for second, _ in rest) or 1
    slope = sum((second - middle) * (mib - level) for second, mib in rest) / spread
    left = sum((mib - level - slope * (second - middle)) ** 2 for second, mib in rest)
    length = rest[-1][0] - rest[0][0]
    doubt = 2 * length * (left / max(len(rest) - 2, 1) / spread) ** 0.5
    return {
        "settled_after_s": settle,
        "level_mib": level,
        "peak_mib": max(mib for _, mib in rest),
        "growth_mib": slope * length,
        "doubt_mib": doubt,
        "flat": slope * length - doubt <= GROWTH_MIB,
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
        "memory %.1f MiB, in %.0f s after the first %.0f %+.1f +- %.1f MiB, %s"
        % (
            service.name,
            len(threads),
            seconds,
            results["requests_per_s"],
            tally.right,
            tally.failed,
            tally.wrong,
            memory["level_mib"],
            seconds - memory["settled_after_s"],
            memory["settled_after_s"],
            memory["growth_mib"],
            memory["doubt_mib"],
            "flat" if memory["flat"] else "GROWING",
        )
    )
    complaints = list(tally.complaints)
    if not memory["flat"]:
        complaints.append("memory grew by %.1f MiB" % memory["growth_mib"])
    if not tally.right:
        complaints.append("no answer was right")
    return results, complaints
