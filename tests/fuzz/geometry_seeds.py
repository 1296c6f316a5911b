"""Writes the corpus geometry_fuzz starts from: numbers of one size, and odd ones among them.

usage: geometry_seeds.py FOLDER
"""
import random
import struct
import sys
from pathlib import Path

ODD = [float("nan"), float("inf"), -float("inf"), 3e38, -3e38, 1e-45, -0.0, 16777217.0]


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(12):
        numbers = random.Random(seed)
        content = bytes(numbers.randrange(4) for _ in range(4))
        while len(content) < 1200:
            if numbers.random() < 0.02 * (seed % 4):
                content += b"\0" + struct.pack("<f", numbers.choice(ODD))
            else:
                content += bytes([160 + numbers.randrange(-8, 60), numbers.randrange(256)])
        (folder / f"seed{seed}").write_bytes(content)


if __name__ == "__main__":
    main()
