"""What same.py asks the tool: pictures, and every command with them."""
import os
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".ppm"}
CROP = 112  # side of an aligned face
PATIENCE = 900  # seconds for one command, or for a server to start and to answer
# Each build has one thread, since both run at once; some questions ask for more.
ENV = {**{k: v for k, v in os.environ.items() if not k.startswith("MIEN_") or k == "MIEN_WEIGHTS"},
       "MIEN_THREADS": "1"}


def spread(items, count):
    """At most count of them, evenly."""
    items = list(items)
    step = max(1.0, len(items) / count) if count > 0 else 1.0
    return [items[int(i * step)] for i in range(min(len(items), count))]


def find_pictures(names, count):
    """At most count pictures, as many from each argument as long as it has some."""
    folders = []
    for path in map(Path, names):
        if not path.exists():
            sys.exit(f"same.py: {path} is not there")
        folders.append([path] if path.is_file() else sorted(
            p for p in path.rglob("*") if p.suffix.lower() in PICTURES))
    found = []
    for i, files in enumerate(sorted(folders, key=len)):
        found += spread(files, (count - len(found)) // (len(folders) - i))
    if not found:
        sys.exit("same.py: there are no pictures")
    return found


def read_ppm(data):
    _, width, height, _ = data.split(maxsplit=4)[:4]
    width, height = int(width), int(height)
    return width, height, data[-3 * width * height:]


def middle(data, side):
    """RGB bytes of the square in the middle of a PPM; None where it is smaller."""
    width, height, pixels = read_ppm(data)
    x, y = (width - side) // 2, (height - side) // 2
    if x < 0 or y < 0:
        return None
    return b"".join(pixels[3 * ((y + row) * width + x):][:3 * side] for row in range(side))


class Pictures:
    """What both builds are asked about, in a folder: copies of the pictures, crops of them and
    files that are none. Names are relative to the folder."""

    def __init__(self, folder, paths, tool):
        self.folder, self.tool = folder, tool
        for name in ("pictures", "crops", "broken", "empty"):
            (folder / name).mkdir()
        self.all = []
        for i, path in enumerate(paths):
            self.all.append(f"pictures/{i:03}-{path.name}")
            shutil.copy(path, folder / self.all[-1])
        self.some, self.few = spread(self.all, len(self.all) // 3 or 1), spread(self.all, 3)
        self.crops = [crop for crop in map(self.crop, spread(self.all, 10)) if crop]
        first = self.bytes(self.all[0])
        for name, data in (("cut.jpg", first[:len(first) // 2]), ("text.jpg", b"no picture\n"),
                           ("head.jpg", first[:20]), ("nothing.jpg", b"")):
            (folder / "broken" / name).write_bytes(data)
        self.broken = sorted(str(p.relative_to(folder)) for p in (folder / "broken").iterdir())

    def bytes(self, name):
        return (self.folder / name).read_bytes()

    def crop(self, name):
        """The middle of a picture, of the size of an aligned face; None where it is too small."""
        made = self.folder / "plain.ppm"
        subprocess.run([self.tool, "detect", "--threshold=1", f"--draw={made}", name], env=ENV,
                       cwd=self.folder, stdout=subprocess.DEVNULL, check=True)
        pixels = middle(made.read_bytes(), CROP)
        crop = f"crops/{Path(name).stem}.ppm"
        if pixels:
            (self.folder / crop).write_bytes(b"P6\n%d %d\n255\n" % (CROP, CROP) + pixels)
        return pixels and crop


def run(tool, folder, words, env, stdin):
    """The answer of one command in its own folder; what it draws there is part of it."""
    result = subprocess.run([tool, *words], cwd=folder, env={**ENV, **env}, input=stdin,
                            capture_output=True, timeout=PATIENCE, check=False)
    answer = {"status": result.returncode, "stdout": result.stdout.decode("utf-8", "replace"),
              "stderr": result.stderr.decode("utf-8", "replace")}
    drawn = folder / "drawn"
    for path in sorted(drawn.rglob("*")) if drawn.exists() else ():
        answer[f"{path.relative_to(folder)}"] = path.read_bytes()
    shutil.rmtree(drawn, ignore_errors=True)
    return answer


def picture_commands(p):
    """(group, words, pictures) of commands that look at pictures."""
    for precision in ("fp32", "bf16", "int8"):
        pictures = p.all if precision == "fp32" else p.some
        for words in ("analyze --embeddings", "classify --top 10", "detect", "embed"):
            yield precision, f"{words} --precision {precision}", pictures
    for words in ("detect --size 0", "detect --threshold .3"):
        yield "options", words, p.all
    for words in ("detect --max-faces 2 --nms .2", "detect --size 320", "embed --face all",
                  "embed --face largest", "embed --face centre",
                  "embed --embedder mobilefacenet-512",
                  "detect --detector retinaface-mnet025-v1",
                  "analyze --age-gender none --classifier none", "analyze --top 1"):
        yield "options", words, p.some
    for words in ("analyze --detector none", "analyze --pretty --embeddings", "detect --pretty",
                  "classify --pretty", "embed --pretty --face largest"):
        yield "options", words, p.few
    yield "crops", "embed --aligned", p.crops
    yield "crops", "embed --aligned --precision bf16 --batch 3", p.crops
    yield "crops", "embed --aligned", p.few
    for words in ("analyze --embeddings --batch 4 --threads 1", "detect --batch 4 --threads 1",
                  "analyze --batch 3 --threads 2"):
        yield "batches", words, p.some
    for words in ("analyze", "detect --threshold .3", "classify", "embed --face largest"):
        yield "drawings", f"{words} --draw drawn", p.few
    for kind in ("png", "ppm", "webp", "xyz"):
        yield "drawings", f"analyze --draw drawn/one.{kind}", p.few[:1]
    for words in ("analyze", "detect --batch 4", "classify", "embed"):
        yield "errors", words, [*p.broken, p.all[0], "missing.jpg", "empty", *p.broken]
    yield "folders", "detect", ["broken", "pictures", "crops"]


def other_commands(p, names):
    """(group, words) of the others, and of such as are refused."""
    for words in ("models", "models --json", "--version", "models --weights empty"):
        yield "networks", words
    for name in names:
        for options in ("", " --json", " --plan", " --plan --json --batch 2", " --tensors"):
            yield "networks", f"info {name}{options}"
    picture = shlex.quote(p.all[0])
    for words in ("", "detect", "frobnicate", f"detect --nosuch {picture}",
                  f"detect --threshold 2 {picture}", f"detect --size -1 {picture}",
                  f"detect --detector nosuch {picture}", f"embed --face biggest {picture}",
                  f"detect --detector resnet50-imagenet {picture}", f"classify --top 0 {picture}",
                  f"analyze --embedder none --embeddings {picture}", "info", "info nosuch",
                  f"info {picture}", "serve --port x", "serve --port 0 --detector nosuch",
                  f"detect --precision fp8 {picture}", f"detect --backend sse {picture}",
                  f"detect --draw no/where.jpg {picture}", f"detect --config x {picture}"):
        yield "refused", words


def commands(p, names):
    """(group, question, words, environment, standard input)"""
    for group, words, pictures in picture_commands(p):
        yield group, f"{words} ({len(pictures)})", [*words.split(), *pictures], {}, b""
    for group, words in other_commands(p, names):
        yield group, words, shlex.split(words), {}, b""
    for cpu in ("c", "avx2", "avx512"):
        for words in ("analyze --embeddings", "detect --precision int8", "embed --precision bf16"):
            yield (f"MIEN_CPU={cpu}", f"MIEN_CPU={cpu} {words} ({len(p.few)})",
                   [*words.split(), *p.few], {"MIEN_CPU": cpu}, b"")
    yield "options", "MIEN_TOP=2 classify", ["classify", p.all[0]], {"MIEN_TOP": "2"}, b""
    yield "options", "analyze - < picture", ["analyze", "-"], {}, p.bytes(p.all[0])


def compare_commands(tools, folders, p, names, report):
    with ThreadPoolExecutor(2) as pool:
        for group, question, words, env, stdin in commands(p, names):
            if not report.wanted(question):
                continue
            old, new = pool.map(lambda tool, folder: run(tool, folder, words, env, stdin),
                                tools, folders)
            report.compare(f"commands: {group}", question, old, new)
