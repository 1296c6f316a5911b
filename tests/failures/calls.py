"""What the tests of failing calls share: where the library that fails them is, and which to fail."""
import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "server"))
from server import HAVE_SERVER  # noqa: E402

INJECT = Path(os.environ.get("MIEN_BUILD_DIR", "build"), "tests", "libinject.so").resolve()
KINDS = ("malloc", "read", "write", "mmap", "rename", "thread")
# "all", or how many times the sample of `make test`.
FAILURES = os.environ.get("MIEN_FAILURES", "1")
SEED = int(os.environ.get("MIEN_SEED", "20"))
HANGS = 120  # seconds
NETWORK = "retinaface-mnet025-v2"


def environment(inject, counts):
    """Of a program whose N-th call of a kind fails, as "kind:N"; counts: the file to count in."""
    return {"LD_PRELOAD": str(INJECT), "INJECT": inject, "INJECT_COUNTS": str(counts)}


def read_counts(path):
    """{kind: calls} of a program that has ended, {} where it was in no state to tell."""
    if not path.exists():
        return {}
    calls = {k: int(n) for k, n in (line.split() for line in path.read_text().splitlines())}
    path.unlink()
    return calls


def points(calls, each):
    """("kind:N") of a seeded sample of so many of each kind, or of all."""
    print("MIEN_SEED =", SEED)
    chance = random.Random(SEED)
    for kind in KINDS:
        numbers = range(1, calls[kind] + 1)
        count = calls[kind] if FAILURES == "all" else min(each * int(FAILURES), calls[kind])
        for n in sorted(chance.sample(numbers, count)):
            yield f"{kind}:{n}"


def skip_or_run(main):
    if not HAVE_SERVER or not INJECT.exists():
        print("skipped: the default networks and photos are not installed, or there is no glibc")
        sys.exit(77)
    main()
