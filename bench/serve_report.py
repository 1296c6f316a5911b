"""The load results as tables, and the section of docs/speed.md between its two markers."""
import report
from report import BUSY, PAGE

BEGIN, END = "<!-- bench-serve:begin -->", "<!-- bench-serve:end -->"


def line(entry):
    """One measurement on a terminal."""
    return "%-24s %8.1f requests/s, p50 %8.1f ms, p99 %8.1f ms, CPU %6.1f ms a request%s" % (
        entry["service"],
        entry["requests_per_s"],
        entry["p50_ms"],
        entry["p99_ms"],
        entry["cpu_ms"],
        trouble(entry),
    )


def trouble(entry):
    parts = ["%d %s" % (entry[key], key) for key in ("failed", "wrong") if entry[key]]
    return ", " + ", ".join(parts) if parts else ""


def number(value):
    """Three digits that count."""
    return "%.0f" % value if value >= 100 else "%.1f" % value


def cell(entry):
    if entry is None:
        return "–"
    times = number(entry["p50_ms"]), number(entry["p99_ms"])
    return "%s (%s / %s)%s" % (number(entry["requests_per_s"]), *times, trouble(entry))


def names(results):
    return list(dict.fromkeys(entry["service"] for entry in results["results"]))


def opponents(columns):
    """[(mien, rival)]: the rival of the same precision, else the one of the lowest there is."""
    rivals = [name for name in columns if not name.startswith("mien")]
    pairs = []
    for name in columns:
        if name not in rivals and rivals:
            same = [r for r in rivals if r.split()[-1] == name.split()[-1]]
            pairs.append((name, (same or rivals)[-1]))
    return pairs


def table(results, path):
    """Rows are picture sizes and clients, columns services; the last columns are how many times the
    rival's requests mien answers."""
    entries = [e for e in results["results"] if e["path"] == path]
    columns = names(results)
    ratios = opponents(columns)
    short = [(a, b.split()[-2] + " " + b.split()[-1]) for a, b in ratios]
    head = ["picture", "clients", *columns, *("%s / %s" % pair for pair in short)]
    lines = ["| %s |" % " | ".join(head), "|---|" + "---:|" * (len(head) - 1)]
    for size, clients in dict.fromkeys((e["size"], e["clients"]) for e in entries):
        found = {e["service"]: e for e in entries if (e["size"], e["clients"]) == (size, clients)}
        cells = [size, str(clients), *(cell(found.get(name)) for name in columns)]
        cells += [times(found.get(a), found.get(b)) for a, b in ratios]
        lines.append("| %s |" % " | ".join(cells))
    return lines


def times(a, b):
    if a is None or b is None or not b["requests_per_s"]:
        return "–"
    return "%.1fx" % (a["requests_per_s"] / b["requests_per_s"])


def memory(results):
    parts = [
        "%s %.0f (%.0f)" % (name, used["peak"], used["idle"])
        for name, used in results["memory_mib"].items()
    ]
    return "Peak resident memory of all processes, MiB (idle, before the first request): %s." % (
        ", ".join(parts)
    )


def rival_sentence(results):
    """The settings of each rival, as they were chosen."""
    parts = []
    for precision, tried in results["rival_settings"].items():
        best = max(tried, key=lambda one: one["requests_per_s"])
        parts.append("%s: `%s`" % (precision, " ".join(best["settings"])))
    if not parts:
        return []
    return [
        "The rival is bench/rivals/service.py at the fastest of its settings (%s)."
        % "; ".join(parts)
    ]


def section(results):
    """What stands between the markers, as lines."""
    machine, versions = results["machine"], results["versions"]
    lines = [
        "Measured by `make bench-serve` on %s: %d %score%s of %s (%s); FastAPI %s, uvicorn %s, torch %s."
        % (
            results["date"],
            machine["cores"],
            "virtual " if machine["virtual"] else "",
            "" if machine["cores"] == 1 else "s",
            machine["cpu"],
            ", ".join(machine["flags"]),
            versions["fastapi"],
            versions["uvicorn"],
            versions["torch"],
        ),
        "Requests a second, and in brackets their median and 99th percentile in ms: medians of %d interleaved rounds; wrk on the same cores. A client whose request is not answered before the end counts nowhere: where the median is far below clients / requests a second, some were kept waiting."
        % results["rounds"],
        *rival_sentence(results),
    ]
    if machine["load_before"] > BUSY:
        lines.append("The machine was busy (load %.1f): trust the ratios." % machine["load_before"])
    for path in dict.fromkeys(e["path"] for e in results["results"]):
        lines += ["", "`POST %s`, one picture a request:" % path, "", *table(results, path)]
    return [*lines, "", memory(results)]


def update_page(results, path=PAGE):
    """Replaces what stands between the markers. Returns whether the file changed."""
    return report.replace_section(path, BEGIN, END, section(results))
