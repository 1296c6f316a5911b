#!/usr/bin/env python3
"""The command line itself: help, version, unknown words, values, environment. No networks."""
import os
import re
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from tool import COMMANDS, GALLERY, TASKS, TOOL, mien  # noqa: E402

SMALL = os.environ.get("MIEN_TEST_SIZE") == "small"  # with a sanitizer a start takes a second
HEADER = Path(__file__).parents[2] / "include" / "mien.h"

# An option, a value it takes, and one it must refuse; for the commands that have it.
VALUES = [
    ("threshold", "0.25", "1.5"), ("threshold", "1", "-0.1"), ("threshold", "0", "nan"),
    ("nms", "0.3", "x"), ("max-faces", "3", "0"), ("max-faces", "750", "1e3"),
    ("size", "320", "12cm"), ("size", "0", "-1"), ("top", "5", "0"), ("top", "1", " 1"),
    ("face", "centre", "smallest"), ("precision", "fp32", "fp64"), ("threads", "1", "-2"),
    ("threads", "0", "99999999999999999999"), ("batch", "2", "0"), ("device", "cpu", "gpu"),
    ("device", "cuda:1", "cuda:"), ("backend", "c", "mkl"), ("pretty", "yes", "maybe"),
    ("seconds", "0.1", "inf"), ("json", "0", "json"), ("detector", "a", ""), ("draw", "d/", ""),
]


def options_of(command):
    return set(re.findall(r"^  --([a-z-]+)", mien(command, "--help").stdout.decode(), re.M))


class Help(unittest.TestCase):
    def test_each_command_has_help_that_fits(self):
        for args in [("help",), ("--help",), ("-h",), *((c, "--help") for c in COMMANDS + GALLERY),
                     *(("help", *c.split()) for c in COMMANDS)]:
            with self.subTest(args):
                result = mien(*args)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                text = result.stdout.decode("ascii")
                self.assertTrue(text.startswith("Usage: mien "))
                self.assertLessEqual(max(map(len, text.splitlines())), 80)
                self.assertNotRegex(text, r"[ \t]\n")
                self.assertIn("Examples\n", text)

    def test_overview_names_every_command(self):
        text = mien("help").stdout.decode()
        for command in COMMANDS + GALLERY:
            whole, _, part = command.partition(" ")
            of_it = rf".*\n(    .*\n)*    {part} +\w" if part else r"\w"
            self.assertRegex(text, rf"(?m)^  {whole} +{of_it}")

    def test_help_wins_over_other_errors(self):
        for args in [("detect", "--bogus", "--help"), ("embed", "-h"), ("bench", "--help", "x")]:
            self.assertEqual(mien(*args).returncode, 0, args)
        self.assertEqual(mien("detect", "--help", env={"MIEN_NMS": "x"}).returncode, 0)

    def test_contract_options_are_offered(self):
        common = {"precision", "threads", "device", "weights"}
        pictures = common | {"pretty", "draw"}
        faces = pictures | {"threshold", "nms", "max-faces", "size", "detector"}
        everything = faces | {"top", "embedder", "classifier", "age-gender"}
        for command, wanted in [("analyze", everything),
                                ("detect", faces), ("classify", pictures | {"top", "classifier"}),
                                ("embed", faces | {"embedder", "aligned"}),
                                ("bench", common | {"batch", "size", "json"}),
                                ("bench analyze", (everything - {"pretty", "draw"})
                                 | {"batch", "seconds", "json"}),
                                ("info", {"plan", "weights"}), ("models", {"weights"})]:
            self.assertLessEqual(wanted, options_of(command), command)

    def test_version_is_that_of_the_header(self):
        version = re.search(r'#define MIEN_VERSION +"(.*)"', HEADER.read_text(encoding="utf-8"))[1]
        for flag in ("--version", "-V"):
            result = mien(flag)
            self.assertEqual((result.returncode, result.stdout.decode().splitlines()[0]),
                             (0, f"mien {version}"))

    def test_version_says_which_pictures_are_read(self):
        without = {"MIEN_LIBHEIF": "/none", "MIEN_LIBTIFF": "/none"}
        lines = mien("--version", env=without).stdout.decode().splitlines()[1:]
        self.assertEqual(lines[0], "Reads JPEG, PNG, WebP, BMP, GIF, PNM, TGA")
        for line, name, package in zip(lines[1:], ("HEIC", "AVIF", "TIFF"),
                                       ("libheif1", "libheif1", "libtiff6")):
            self.assertRegex(line, f"^{name} is read by lib.* not installed here .*install {package}")
        self.assertEqual(len(lines), 4)


class WrongLines(unittest.TestCase):
    """Exit status 2, nothing on standard output, one sentence and a hint on standard error."""

    def refuse(self, *args, says, env=None):
        result = mien(*args, env=env)
        self.assertEqual((result.returncode, result.stdout), (2, b""), args)
        lines = result.stderr.splitlines()
        self.assertEqual(len(lines), 2, result.stderr)
        self.assertIn(says, lines[0])
        self.assertRegex(lines[0], r"^mien( [a-z]+)*: .*[^.]$")
        self.assertRegex(lines[1], r"^Try 'mien( [a-z]+)* --help'\.$")

    def test_no_command_prints_the_overview(self):
        result = mien()
        self.assertEqual((result.returncode, result.stdout), (2, b""))
        self.assertIn("Usage: mien COMMAND", result.stderr)

    def test_unknown_words(self):
        self.refuse("frobnicate", says="unknown command frobnicate")
        self.refuse("help", "frobnicate", says="unknown command frobnicate")
        self.refuse("--frobnicate", says="unknown option --frobnicate")
        for command in COMMANDS:
            self.refuse(command, "--frobnicate", "x", says="unknown option --frobnicate")
            self.refuse(command, "-q", "x", says="unknown option -q")

    def test_a_slip_of_the_finger_is_recognised(self):
        self.refuse("detect", "--treshold", "0.5", "x", says="perhaps --threshold is meant")
        self.refuse("detect", "--max_faces=3", "x", says="perhaps --max-faces is meant")
        self.refuse("analyze", "--classifyer", "x", "y", says="perhaps --classifier is meant")

        self.refuse("detect", "-threshold", "1", "x", says="perhaps --threshold is meant")
        self.refuse("anaylze", "x", says="unknown command anaylze, perhaps analyze is meant")
        self.refuse("help", "modles", says="unknown command modles, perhaps models is meant")
        self.refuse("--versoin", says="unknown option --versoin, perhaps --version is meant")
        # Words that have nothing in common with any are not guessed at.
        for args in (("frobnicate",), ("x",), ("detect", "--foo", "x"), ("--frob",)):
            self.assertNotIn("perhaps", mien(*args).stderr)

    def test_hints_in_a_file(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write("prot = 80\n")
            file.flush()
            self.refuse("serve", "--config", file.name, says="no option prot, perhaps port is meant")

    def test_unknown_variables_are_told(self):
        """Where one of ours is near: others are anybody's."""
        ours = {"MIEN_THREADS": "1", "MIEN_AGE_GENDER": "x", "MIEN_PORT": "1", "MIEN_CUDA_TUNE": "0",
                "MIEN_LIBCUDA": "x", "MIEN_LIBTIFF": "none"}
        result = mien("models", "--weights=/nonexistent", env=ours)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        result = mien("models", "--weights=/nonexistent",
                      env={"MIEN_TRESHOLD": "0.9", "MIEN_FOO": "1"})
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stderr, "mien: unknown environment variable MIEN_TRESHOLD, perhaps "
                                        "MIEN_THRESHOLD is meant\n")

    def test_an_option_of_another_command_is_unknown(self):
        self.refuse("detect", "--aligned", "x",
                    says="unknown option --aligned: it is one of embed, enroll, identify, recognize, cluster, calibrate")
        self.refuse("models", "--plan", says="unknown option --plan")

    def test_missing_and_surplus_arguments(self):
        for command in (*TASKS, "bench analyze"):
            self.refuse(command, says="at least one picture")
        self.refuse("bench", says="at least one network")
        self.refuse("info", "--plan", says="at least one network")
        self.refuse("serve", "x", says="unexpected argument x")
        self.refuse("compare", "a", says="two pictures")
        self.refuse("compare", "a", "b", "c", says="unexpected argument c")
        self.refuse("completion", says="give a shell")
        self.refuse("completion", "tcsh", says="unknown shell tcsh: bash, zsh or fish")

    def test_missing_value(self):
        self.refuse("analyze", "x", "--top", says="--top needs a value")
        self.refuse("analyze", "--top", "--nms", "0.4", "x", says="--top needs a value")
        self.refuse("analyze", "--draw=", "x", says="--draw needs a value: FILE|DIR")

    def test_values(self):
        for c, command in enumerate(COMMANDS):
            offered = options_of(command)
            for v, (option, good, bad) in enumerate(VALUES):
                if option not in offered or (command in ("bench", "info") and option == "size"):
                    continue
                if SMALL and (c + v) % 5:  # every option, and every command, now and then
                    continue
                variable = "MIEN_" + option.upper().replace("-", "_")
                with self.subTest(command=command, option=option):
                    self.refuse(command, f"--{option}={bad}", "x", says=f"--{option}")
                    # A good value gets past the parser to the next complaint.
                    self.refuse(command, f"--{option}={good}", "--zz", says="unknown option --zz")
                    self.refuse(command, "--zz", env={variable: good}, says="unknown option --zz")
                    if bad:  # an empty variable counts as unset
                        self.refuse(command, "x", env={variable: bad}, says=variable)

    def test_sizes_of_bench(self):
        for good in ("640x480", "224", "0"):
            self.refuse("bench", "--size", good, "--zz", says="unknown option --zz")
        for bad in ("640x", "x480", "640x480x3", "0x5", "640X480", "-1"):
            self.refuse("bench", "--size", bad, "x", says=f"'{bad}' is not a size")

    def test_line_wins_over_environment(self):
        self.refuse("detect", "--detector", "none", "x", env={"MIEN_DETECTOR": "y"},
                    says="--detector none leaves nothing to do")

    def test_everything_off(self):
        self.refuse("analyze", "--detector=none", "--classifier=none", "x", says="nothing to do")
        self.refuse("classify", "--classifier", "none", "x", says="nothing to do")

    def test_standard_input_once(self):
        self.refuse("detect", "-", "-", says="only once")
        self.refuse("bench analyze", "-", says="only once")
        self.refuse("compare", "-", "-", says="only once")

    def test_draw_names(self):
        self.refuse("detect", "--draw", "out.jpg", "a.jpg", "b.jpg", says="give a folder for many")
        self.refuse("detect", "--draw", "out.gif", "a.jpg", says="ends in none of")
        self.refuse("detect", "--draw", "out", "a.jpg", says="ends in none of")
        self.refuse("detect", "--output", "out.json", "a.jpg", says="is the name of a file")


class Networks(unittest.TestCase):
    def test_missing_network_names_the_remedy(self):
        for command, name in [("analyze", "retinaface-mnet025-v2"), ("info", "mobilefacenet-192"),
                              ("classify", "resnet50-imagenet"), ("bench", "mobilefacenet-192"),
                              ("detect", "retinaface-mnet025-v2")]:
            args = ["x.jpg"] if command in TASKS else [name]
            result = mien(command, "--weights", "/nonexistent", *args)
            self.assertEqual((result.returncode, result.stdout), (1, b""))
            self.assertEqual(len(result.stderr.splitlines()), 1)
            self.assertIn(f"network {name} is not installed in /nonexistent", result.stderr)
            self.assertIn(f"mien-weights fetch {name}", result.stderr)
            self.assertIn("make demo", result.stderr)

    def test_missing_path_is_no_name(self):
        result = mien("info", "./nowhere.safetensors")
        self.assertEqual(result.returncode, 1)
        self.assertIn("./nowhere.safetensors: No such file or directory", result.stderr)
        self.assertNotIn("fetch", result.stderr)

    def test_a_near_name_is_told(self):
        for name, meant in [("resnet50", "resnet50-imagenet"), ("resnet50-imagenett", "resnet50-imagenet"),
                            ("mobilefacenet-129", "mobilefacenet-192")]:
            result = mien("info", "--weights", "/nonexistent", name)
            self.assertEqual((result.returncode, result.stdout), (1, b""))
            self.assertIn(f"network {name} is not installed in /nonexistent: perhaps {meant} is meant",
                          result.stderr)

    def test_models_without_weights(self):
        result = mien("models", "--weights", "/nonexistent")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for name in ("retinaface-mnet025-v2", "mobilefacenet-192", "resnet50-imagenet",
                     "face-joint"):
            self.assertIn(name, result.stdout.decode())


if __name__ == "__main__":
    if not Path(TOOL).exists():
        print("skipped: the tool is not built")
        sys.exit(77)
    unittest.main()
