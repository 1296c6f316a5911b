#!/usr/bin/env python3
"""The completion scripts in the shells they are for, as far as these are installed."""
import os
import pty
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from tool import BASE_ENV, Folder, TOOL, mien  # noqa: E402

# What stands before the cursor, and what must and must not be offered.
CASES = [("mien an", {"analyze"}, {"detect"}),
         ("mien ", {"analyze", "models", "serve", "help", "eval"}, {"bench analyze"}),
         ("mien help cl", {"classify"}, {"analyze"}),
         ("mien analyze --pre", {"--pretty", "--precision"}, {"--top"}),
         ("mien classify --agi", set(), {"--age-gender"}),
         ("mien detect --precision ", {"fp32", "int8", "auto"}, {"cpu", "picture.png"}),
         ("mien detect --device c", {"cpu", "cuda"}, set()),
         ("mien bench a", {"analyze", "a-network"}, set()),
         ("mien bench analyze --sec", {"--seconds"}, set()),
         ("mien bench analyze pic", {"picture.png"}, {"a-network"}),
         ("mien eval ", {"attributes", "detect", "classify"}, set()),
         ("mien eval attributes --w", {"--where", "--weights"}, set()),
         ("mien eval attributes --crop ", {"find", "aligned"}, {"picture.png"}),
         ("mien eval detect --w", {"--weights"}, {"--where"}),
         ("mien eval classify pic", {"picture.png"}, {"a-network"}),
         ("mien info a-n", {"a-network"}, set()),
         ("mien analyze pic", {"picture.png"}, {"a-network"}),
         ("mien analyze --detector ", {"a-network", "none"}, set()),
         ("mien completion ", {"bash", "zsh", "fish"}, {"picture.png"})]


def needs(shell):
    return unittest.skipUnless(shutil.which(shell), f"{shell} is not installed")


class Completion(Folder):
    def setUp(self):
        super().setUp()
        self.write("weights/a-network.safetensors", b"")
        self.write("picture.png", b"")
        self.env = {**BASE_ENV, "HOME": str(self.folder), "TERM": "dumb",
                    "MIEN_WEIGHTS": str(self.folder / "weights"),
                    "PATH": f"{Path(TOOL).resolve().parent}:{os.environ['PATH']}"}

    def script(self, shell):
        result = mien("completion", shell)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return self.write(f"script.{shell}", result.stdout)

    def run_in(self, shell, text):
        done = subprocess.run([*shell, text], env=self.env, cwd=self.folder, check=False,
                              capture_output=True, timeout=300)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout.decode()

    def check(self, complete):
        for line, wanted, unwanted in CASES:
            with self.subTest(line):
                offered = complete(line)
                self.assertLessEqual(wanted, offered)
                self.assertEqual(unwanted & offered, set())

    def test_every_option_is_in_each(self):
        for shell in ("bash", "zsh", "fish"):
            text = Path(self.script(shell)).read_text(encoding="utf-8")
            for option in re.findall(r"^  --([a-z-]+)", mien("serve", "--help").stdout.decode(), re.M):
                self.assertRegex(text, rf"(--|-l ){option}\b", shell)

    @needs("bash")
    def test_bash(self):
        script = self.script("bash")

        def complete(line):
            words = " ".join(f"'{w}'" for w in line.split(" "))
            return set(self.run_in(["bash", "--norc", "-c"], f"""
                source {script}
                COMP_WORDS=({words}) COMP_CWORD={line.count(' ')}
                _mien
                printf '%s\\n' "${{COMPREPLY[@]}}" """).split("\n"))
        self.check(complete)
        # --name=value is three words to bash.
        self.assertEqual(self.run_in(["bash", "--norc", "-c"], f"""
            source {script}
            COMP_WORDS=(mien detect --precision = i) COMP_CWORD=4
            _mien
            echo "${{COMPREPLY[@]}}" """), "int8\n")

    @needs("fish")
    def test_fish(self):
        script = self.script("fish")
        self.check(lambda line: {entry.split("\t")[0] for entry in self.run_in(
            ["fish", "--no-config", "-c"], f"source {script}; complete -C '{line}'").split("\n")})

    @needs("zsh")
    def test_zsh(self):
        script, offered = self.script("zsh"), self.folder / "offered"
        # compadd, which is what offers a match, is made to write it down.
        self.write(".zshrc", f"""
            autoload -Uz compinit && compinit -u -D
            source {script}
            zstyle ':completion:*' list-prompt ''
            LISTMAX=10000
            PS1='' RPS1=''
            compadd() {{
                local -a hits
                [[ " $* " == *" -"[OAD]" "* ]] && {{ builtin compadd "$@"; return }}
                builtin compadd -A hits "$@"
                print -rl -- $hits >> {offered}
                builtin compadd "$@"
            }}
            finish() {{ print DONE; BUFFER= }}
            zle -N finish
            bindkey '^X' finish
        """.encode())
        master, slave = pty.openpty()
        with subprocess.Popen(["zsh", "-i"], stdin=slave, stdout=slave, stderr=slave, env=self.env,
                              cwd=self.folder, start_new_session=True) as process:
            os.close(slave)
            self.addCleanup(os.close, master)

            def complete(line):
                offered.write_text("", encoding="utf-8")
                os.write(master, line.encode() + b"\t\x18")
                text = b""
                while b"DONE" not in text:
                    text += os.read(master, 65536)
                return set(offered.read_text(encoding="utf-8").split("\n"))
            try:
                self.check(complete)
            finally:
                process.kill()


if __name__ == "__main__":
    if not Path(TOOL).exists():
        print("skipped: the tool is not built")
        sys.exit(77)
    unittest.main()
