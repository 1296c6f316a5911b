"""The results as tables, and the section of docs/speed.md between its two markers."""
import os

from networks import ROOT

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
PAGE = os.path.join(ROOT, "docs", "speed.md")
BUSY = 0.5  # load above which milliseconds are not the machine's best
# Columns of one time divided by another; below 1, the first is faster.
RATIOS = [("mien fp32", "ONNX Runtime"), ("mien bf16", "torch bf16")]


def columns(results):
    """The contenders that took part anywhere, in the order they were named."""
    names = []
    for entry in results["networks"]:
        names += [name for name in entry["median_ms"] if name not in names]
    order = results["contenders"]
    return sorted(names, key=order.index)


def milliseconds(value):
    return "–" if value is None else "%.1f" % value


def ratio(entry, ours, theirs):
    a, b = entry["median_ms"].get(ours), entry["median_ms"].get(theirs)
    return "–" if a is None or b is None else "%.2f" % (a / b)


def networks_table(results):
    names = columns(results)
    ratios = [(a, b) for a, b in RATIOS if a in names and b in names]
    head = ["network", "input", "threads", *names, *("%s / %s" % pair for pair in ratios)]
    lines = ["| %s |" % " | ".join(head), "|---|---|" + "---:|" * (len(head) - 2)]
    for entry in results["networks"]:
        cells = [entry["label"], "%dx%d" % (entry["side"], entry["side"]), str(entry["threads"])]
        cells += [milliseconds(entry["median_ms"].get(name)) for name in names]
        cells += [ratio(entry, *pair) for pair in ratios]
        lines.append("| %s |" % " | ".join(cells))
    return lines


def defaults_table(results):
    threads = sorted({entry["threads"] for entry in results["defaults"]})
    lines = [
        "| installed network | input | %s |"
        % " | ".join("ms, %s" % thread_count(n) for n in threads),
        "|---|---|" + "---:|" * len(threads),
    ]
    for name in dict.fromkeys(entry["name"] for entry in results["defaults"]):
        found = {e["threads"]: e for e in results["defaults"] if e["name"] == name}
        size = next(iter(found.values()))
        cells = [name, "%dx%d" % (size["width"], size["height"])]
        cells += [milliseconds(found[n]["median_ms"] if n in found else None) for n in threads]
        lines.append("| %s |" % " | ".join(cells))
    return lines


def thread_count(n):
    return "1 thread" if n == 1 else "%d threads" % n


def whole_pictures(results):
    """A sentence an `mien bench analyze`."""
    lines = []
    for entry in results["analyze"]:
        stages = ", ".join(
            "%s %.1f" % (name.replace("_", " "), times["p50_ms"])
            for name, times in entry["stages"].items()
        )
        lines.append(
            "- %s: %.1f pictures/s, %.1f faces/s; median ms a picture: %s, total %.1f (p99 %.1f)."
            % (
                thread_count(entry["threads"]),
                entry["pictures_per_s"],
                entry["faces_per_s"],
                stages,
                entry["total"]["p50_ms"],
                entry["total"]["p99_ms"],
            )
        )
    return lines


def machine_sentence(results):
    machine, versions = results["machine"], results["versions"]
    peaks = {e["threads"]: e["peak_gflops"] for e in results["defaults"]}
    text = "%d %score%s of %s (%s)" % (
        machine["cores"],
        "virtual " if machine["virtual"] else "",
        "" if machine["cores"] == 1 else "s",
        machine["cpu"],
        ", ".join(machine["flags"]),
    )
    if 1 in peaks:
        text += ", %.0f GFLOP/s of fp32 multiply-adds a core" % peaks[1]
    rivals = ["ONNX Runtime %s" % versions["onnxruntime"]]
    if versions["torch"]:
        rivals.append(
            "torch %s (eager, channels last, oneDNN %s)" % (versions["torch"], versions["onednn"])
        )
    return "%s; %s" % (text, ", ".join(rivals))


def busy(results):
    """A warning where other programs ran when the measurement began."""
    load = results["machine"]["load_before"]
    if load <= BUSY:
        return []
    return ["The machine was busy (load %.1f): trust the ratios, not the milliseconds." % load]


def section(results):
    """What stands between the markers, as lines."""
    lines = [
        "Measured by `make bench` on %s: %s. Milliseconds a picture, medians of %d interleaved rounds."
        % (results["date"], machine_sentence(results), results["rounds"]),
        *busy(results),
        "",
        *networks_table(results),
    ]
    if results["defaults"]:
        lines += ["", *defaults_table(results)]
    if results["analyze"]:
        entry = results["analyze"][0]
        lines += [
            "",
            "Whole pictures (`mien bench analyze`, the %d sample photos, %d faces, all networks):"
            % (entry["pictures"], entry["faces"]),
            "",
            *whole_pictures(results),
        ]
    return lines


def update_page(results, path=PAGE):
    """Replaces what stands between the markers. Returns whether the file changed."""
    return replace_section(path, BEGIN, END, section(results))


def replace_section(path, begin, end, lines):
    """Puts lines between the one pair of markers of a file, whole or not at all. Returns whether
    the file changed."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError("%s has no one pair of %s and %s" % (path, begin, end))
    before, rest = text.split(begin)
    new = before + "\n".join([begin, *lines, end]) + rest.split(end)[1]
    if new == text:
        return False
    part = "%s.%d" % (path, os.getpid())
    with open(part, "w", encoding="utf-8") as file:
        file.write(new)
    os.replace(part, path)
    return True
