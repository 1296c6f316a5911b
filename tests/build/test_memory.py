"""Peak resident memory of the tool is at most weights + plan + 64 MB.

Weights and plan are what `mien bench --json` says of the network that runs, on an input as large as
the picture can become. Skipped where the default weights are not installed.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

SLACK = 64 * 10**6
TOOL = os.environ["MIEN_TOOL"]
WEIGHTS = Path(os.environ.get("MIEN_WEIGHTS") or
               Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "mien")
CASES = [  # command with its options, network, its input
    (["classify"], "resnet50-imagenet", "224x224"),
    (["detect", "--size", "640"], "retinaface-mnet025-v2", "640x640"),
]
# Runs a command and prints its peak resident bytes: a process of its own, so that no other child is
# counted.
PEAK = """import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)"""


def output_of(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    photos = sorted(WEIGHTS.glob("photos/sample*.jpg"))
    if not photos or not all((WEIGHTS / f"{net}.safetensors").exists() for _, net, _ in CASES):
        print(f"skipped: the default weights are not in {WEIGHTS}")
        return 77
    failed = 0
    for command, network, size in CASES:
        plan = json.loads(output_of([TOOL, "bench", network, "--json", "--seconds", "0", "--size",
                                     size]))
        limit = sum(plan[key] for key in ("weight_bytes", "arena_bytes", "scratch_bytes")) + SLACK
        for photo in photos[:2]:
            peak = int(output_of([sys.executable, "-c", PEAK, TOOL, *command, str(photo)]))
            print(f"{command[0]} {photo.name}: peak {peak / 1e6:.1f} MB, "
                  f"weights + plan + 64 MB = {limit / 1e6:.1f} MB")
            failed += peak > limit
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
