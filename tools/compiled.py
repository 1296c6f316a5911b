#!/usr/bin/env python3
"""Of the files named on standard input, prints those a build folder compiles.

usage: compiled.py BUILD < names    reads BUILD/compile_commands.json
"""
import json
import sys
from pathlib import Path

commands = json.loads(Path(sys.argv[1], "compile_commands.json").read_text())
compiled = {Path(entry["directory"], entry["file"]).resolve() for entry in commands}
for name in sys.stdin.read().split():
    if Path(name).resolve() in compiled:
        print(name)
