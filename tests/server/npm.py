"""Packages from npm that tests of the server run: installed once, without install scripts."""
import os
import shutil
import subprocess
from pathlib import Path


def installed(name, package):
    """The folder where the packages of that package.json are, below the cache; None where they cannot be
    had. package: a path."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    cache = os.environ.get("MIEN_REF_CACHE") or os.path.join(base, "mien", "reference")
    folder = Path(cache, name)
    wanted = Path(package).read_text(encoding="utf-8")
    stamp = folder / "installed.json"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return folder
    if not shutil.which("npm"):
        return None
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(wanted, encoding="utf-8")
    done = subprocess.run(["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"],
                          cwd=folder, capture_output=True, check=False)
    if done.returncode:
        return None
    stamp.write_text(wanted, encoding="utf-8")
    return folder
