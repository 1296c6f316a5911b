"""Times `mien serve` and a Python service under load, interleaved, and checks their answers.

    python3 bench/serve.py [--clients 1 8 64] [--sizes 320x240 640x480 1080p] [--paths /predict ...]
                           [--rounds 3] [--seconds 4] [--precision fp32 bf16 int8] [--json FILE] [--update]
    python3 bench/serve.py --soak SECONDS [--clients 64] [--sizes 640x480] [--json FILE]

The rival is bench/rivals/service.py: FastAPI, uvicorn and torch over the same weights, at the
fastest of the settings services.py lists, tried first. All services run at once and are loaded one
after the other in each round by wrk, whose clients keep their connections and post different
pictures in turn; the median of the rounds is shown. Beside what a client sees, the processor time
a request took of the service is kept: on a busy machine it is the figure to trust. Before anything
is timed every picture's answer is compared with what the command line says of it, and while wrk
runs one more client goes on comparing; a service that answers wrongly is an error.

--soak loads mien alone, compares every answer, and tells whether its memory stays what it was.
--json writes everything: machine, versions, commands, all rounds; --update puts the tables between
the markers of docs/speed.md. Needs wrk, python3-fastapi, python3-uvicorn, python3-multipart,
python3-torch, python3-opencv and python3-pil.
"""
import argparse
import contextlib
import datetime
import json
import os
import statistics
import sys
import tempfile
import threading

import answers
import load
import machine
import serve_report
import services
import soak
from contenders import LIMITS, Unavailable
from match import say

SAMPLE_SECONDS = 0.5  # between two compared answers while wrk runs
LATENCIES = 3  # a client's requests in the shortest time a cell is measured for
TRY_CLIENTS, TRY_SECONDS = 8, 6  # for one setting of the rival


class Sampler:
    """A client that compares answers while others load the service."""

    def __init__(self, service, path, pictures, wanted):
        self.service, self.path, self.wanted = service, path, wanted
        self.bodies = [(p, *answers.body_of(load.PATHS[path], [p])) for p in pictures]
        self.compared, self.wrong = 0, []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    def run(self):
        turn = 0
        with contextlib.closing(answers.Client(self.service.url)) as client:
            while not self.ended.wait(SAMPLE_SECONDS):
                self.compare(client, *self.bodies[turn % len(self.bodies)])
                turn += 1

    def compare(self, client, picture, body, kind):
        status, text = client.post(self.path, body, kind)
        wrong = "status %d: %s" % (status, text[:200].decode(errors="replace"))
        if status == 200:
            exact = self.service.exact
            wrong = answers.differs(self.path, text, self.wanted[picture], exact)
        self.compared += 1
        if wrong:
            self.wrong.append("%s: %s" % (os.path.basename(picture), wrong))

    def all_once(self):
        """Each picture, one after the other; the first complaint or None."""
        with contextlib.closing(answers.Client(self.service.url)) as client:
            for body in self.bodies:
                self.compare(client, *body)
        return self.wrong[0] if self.wrong else None


class Measurement:
    """Everything of one run; results as the JSON file holds them."""

    def __init__(self, options, pictures):
        self.options, self.pictures = options, pictures
        self.services, self.results, self.wrong, self.left_out = [], [], [], {}
        self.wanted = {}

    def expected(self, path, size, precision):
        key = path, size, precision
        if key not in self.wanted:
            self.wanted[key] = answers.expected(path, self.pictures[size], precision)
        return self.wanted[key]

    def sampler(self, service, path, size):
        wanted = self.expected(path, size, service.precision)
        return Sampler(service, path, self.pictures[size], wanted)

    def start(self, candidates):
        for service in candidates:
            try:
                service.start()
            except Unavailable as reason:
                self.left_out[service.name] = str(reason)
                say("%s left out: %s" % (service.name, reason))
                continue
            self.services.append(service)
            service.idle = service.memory()["now"]

    def stop(self):
        for service in self.services:
            service.stop()

    def verify(self):
        """Takes out who answers wrongly before anything is timed."""
        for service in list(self.services):
            for path in self.options.paths:
                for size in self.options.sizes:
                    complaint = self.sampler(service, path, size).all_once()
                    if complaint:
                        say("%s is WRONG: %s %s: %s" % (service.name, path, size, complaint))
                        self.wrong.append("%s: %s" % (service.name, complaint))
                        self.left_out[service.name] = "wrong: " + complaint
                        if service in self.services:
                            self.services.remove(service)
                            service.stop()
                        break
                if service not in self.services:
                    break
            else:
                say("%s agrees with the command line" % service.name)

    def time(self):
        for path in self.options.paths:
            for size in self.options.sizes:
                rates = {s.name: self.warm(s, path, size) for s in self.services}
                for clients in self.options.clients:
                    self.cell(path, size, clients, rates)

    def warm(self, service, path, size):
        """Requests a second, roughly."""
        return max(self.load(service, path, size, 2, 1)["requests_per_s"], 1)

    def load(self, service, path, size, clients, seconds):
        try:
            return load.wrk(service.url, path, self.pictures[size], clients, seconds)
        except load.LoadFailed as error:
            raise load.LoadFailed(service.death() or str(error)) from error

    def cell(self, path, size, clients, rates):
        rounds = {service.name: [] for service in self.services}
        for _ in range(self.options.rounds):
            for service in self.services:
                # A latency longer than the run would never be seen.
                seconds = max(self.options.seconds, LATENCIES * clients / rates[service.name])
                before = service.cpu_seconds()
                with self.sampler(service, path, size) as sampler:
                    one = self.load(service, path, size, clients, seconds)
                answered = max(one["requests"] + sampler.compared, 1)
                one["cpu_ms"] = 1000 * (service.cpu_seconds() - before) / answered
                one["compared"], one["wrong"] = sampler.compared, len(sampler.wrong)
                self.wrong += ["%s: %s" % (service.name, w) for w in sampler.wrong]
                rounds[service.name].append(one)
        say("%s, %s, %d clients" % (path, size, clients))
        for service in self.services:
            self.results.append(cell_entry(service.name, path, size, clients, rounds[service.name]))
            say("  " + serve_report.line(self.results[-1]))

    def memory(self):
        return {s.name: {"idle": s.idle, "peak": s.memory()["peak"]} for s in self.services}


def cell_entry(name, path, size, clients, rounds):
    entry = {"service": name, "path": path, "size": size, "clients": clients, "rounds": rounds}
    for key in ("requests_per_s", "p50_ms", "p99_ms", "cpu_ms"):
        entry[key] = statistics.median(one[key] for one in rounds)
    for key in ("requests", "failed", "compared", "wrong"):
        entry[key] = sum(one[key] for one in rounds)
    return entry


def fastest_rival(pictures, precision):
    """The rival at the settings that answer most requests; and what each of them gave."""
    rivals = [services.rival(settings, precision) for settings in services.RIVAL_SETTINGS]
    rates = {rival: 0 for rival in rivals}
    try:
        for rival in rivals:
            rival.start()
            load.wrk(rival.url, "/predict", pictures, TRY_CLIENTS, 2)
        for rival in [*rivals, *rivals]:
            one = load.wrk(rival.url, "/predict", pictures, TRY_CLIENTS, TRY_SECONDS)
            rates[rival] = max(rates[rival], one["requests_per_s"])
    finally:
        for rival in rivals:
            rival.stop()
    for rival in rivals:
        say("%s %s: %.1f requests/s" % (rival.name, " ".join(rival.settings), rates[rival]))
    best = max(rivals, key=rates.get)
    tried = [{"settings": r.settings, "requests_per_s": rates[r]} for r in rivals]
    return services.rival(best.settings, precision), tried


def measure(options, pictures):
    host = machine.describe()
    if host["load_before"] > serve_report.BUSY:
        say("The machine is busy (load %.1f): trust ratios, not rates." % host["load_before"])
    measurement, tried, rivals = Measurement(options, pictures), {}, []
    for precision in options.rival:
        try:
            rival, tried[precision] = fastest_rival(pictures["640x480"], precision)
            rivals.append(rival)
        except Unavailable as reason:
            say("rival left out: %s" % reason)
    try:
        measurement.start([*map(services.mien, options.precision), *rivals])
        measurement.verify()
        measurement.time()
        memory = measurement.memory()
    finally:
        measurement.stop()
    return {
        **about(options, host),
        "rival_settings": tried,
        "services": {s.name: s.command for s in measurement.services},
        "left_out": measurement.left_out,
        "memory_mib": memory,
        "results": measurement.results,
    }, measurement.wrong


def about(options, host):
    return {
        "date": datetime.date.today().isoformat(),
        "machine": host,
        "versions": {**machine.versions(), **machine.service_versions()},
        "command": sys.argv,
        "rounds": options.rounds,
        "seconds": options.seconds,
    }


def soaked(options, pictures):
    """The soak of mien at the first precision; the results, and complaints."""
    host, service = machine.describe(), services.mien(options.precision[0])
    service.start()
    try:
        results, wrong = soak.run(service, options, pictures)
    finally:
        status = service.stop()
    if status != 0:
        wrong.append("%s ended with status %s after SIGTERM" % (service.name, status))
    return {**about(options, host), "soak": results}, wrong


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--sizes", nargs="+", choices=list(load.SIZES), default=list(load.SIZES))
    parser.add_argument("--paths", nargs="+", choices=list(load.PATHS), default=list(load.PATHS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4, help="a service's time in a round [4]")
    precisions = sorted(LIMITS)
    parser.add_argument(
        "--precision", nargs="*", choices=precisions, default=["fp32", "bf16", "int8"]
    )
    parser.add_argument(
        "--rival", nargs="*", choices=("fp32", "bf16"), default=["fp32", "bf16"], help="its precisions"
    )
    parser.add_argument("--soak", type=float, metavar="SECONDS", help="saturate mien this long")
    parser.add_argument("--json", help="write everything that was measured to this file")
    parser.add_argument("--update", action="store_true", help="update the tables of docs/speed.md")
    options = parser.parse_args(arguments)
    if options.soak and options.update:
        parser.error("--soak measures nothing docs/speed.md shows")
    return options


def main():
    options = parse(sys.argv[1:])
    try:
        with tempfile.TemporaryDirectory() as folder:
            pictures = load.make_pictures(folder)
            results, wrong = (soaked if options.soak else measure)(options, pictures)
    except (Unavailable, load.LoadFailed) as reason:
        print("serve.py: %s" % reason, file=sys.stderr)
        return 1
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(results, file, indent=1)
            file.write("\n")
    if not options.soak:
        say("\n" + "\n".join(serve_report.section(results)))
    for complaint in dict.fromkeys(wrong):
        print("serve.py: %s" % complaint, file=sys.stderr)
    if wrong:
        return 1
    if options.update:
        changed = serve_report.update_page(results)
        say("\ndocs/speed.md: %s" % ("updated" if changed else "as it was"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
