#!/usr/bin/env python3
"""What packaging/ offers a person who runs the server: each file checked by the program it is
for, where that is installed, and by what it says of the tree it packs."""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
BUILD = Path(os.environ.get("MIEN_BUILD_DIR") or ROOT / "build")
TOOL = os.environ.get("MIEN_TOOL") or str(BUILD / "mien")

# docker's own list: docs.docker.com/reference/dockerfile
INSTRUCTIONS = {
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL",
    "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
}  # fmt: skip


def needs(program):
    return unittest.skipUnless(shutil.which(program), "%s is not installed" % program)


def run(*command, **more):
    return subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more
    )


def dockerfile():
    """[(instruction, arguments)] of the Dockerfile, continued lines joined."""
    text = (PACKAGING / "Dockerfile").read_text(encoding="utf-8")
    lines = "".join(line for line in text.splitlines(True) if not line.startswith("#"))
    found = []
    for line in lines.replace("\\\n", " ").splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            found.append((word, " ".join(rest.split())))
    return found


def stages():
    """[(name or None, [(instruction, arguments)])]"""
    found = []
    for word, rest in dockerfile():
        if word == "FROM":
            name = re.fullmatch(r"\S+(?: AS (\S+))?", rest)
            found.append((name[1], []))
        elif found:
            found[-1][1].append((word, rest))
    return found


def package_of(path):
    """The Debian package a library is from. dpkg knows its folder as /lib or as /usr/lib."""
    for known in (path, os.path.realpath(path), "/usr" + path, path.removeprefix("/usr")):
        done = run("dpkg", "-S", known)
        if done.returncode == 0:
            return done.stdout.split(":")[0]
    raise AssertionError("%s is of no package" % path)


class Dockerfile(unittest.TestCase):
    def test_instructions(self):
        for word, _ in dockerfile():
            self.assertIn(word, INSTRUCTIONS)
        self.assertEqual([name for name, _ in stages()], ["build", "weights", None])

    def test_copied_files_exist_and_are_not_ignored(self):
        ignored = (PACKAGING / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
        kept = [line[1:] for line in ignored if line.startswith("!")]
        for path in kept:
            self.assertTrue((ROOT / path).exists(), path)
        before = []
        for name, instructions in stages():
            for word, rest in instructions:
                if word != "COPY":
                    continue
                options = re.findall(r"--(\w+)=(\S+)", rest)
                *sources, _ = [part for part in rest.split() if not part.startswith("--")]
                if "from" in dict(options):
                    self.assertIn(dict(options)["from"], before)
                    continue
                for source in sources:
                    self.assertTrue((ROOT / source).exists(), source)
                    self.assertIn(source.split("/")[0], [*kept, "."])
            before.append(name)

    def test_everything_the_build_reads_is_copied(self):
        """The build configured and made from what the image's context would hold."""
        ignored = (PACKAGING / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
        kept = [line[1:] for line in ignored if line.startswith("!")]
        with tempfile.TemporaryDirectory() as folder:
            for path in kept:
                target = os.path.join(folder, "src", path)
                if (ROOT / path).is_dir():
                    shutil.copytree(ROOT / path, target)
                else:
                    os.makedirs(os.path.dirname(target), exist_ok=True)
                    shutil.copy(ROOT / path, target)
            (command,) = (
                re.search(r"cmake -S \. -B /build (.*?) &&", rest)[1]
                for word, rest in dict(stages())["build"]
                if word == "RUN" and "cmake -S" in rest
            )
            command = ["cmake", "-S", ".", "-B", folder + "/build", *shlex.split(command)]
            done = run(*command, cwd=folder + "/src")
            self.assertEqual(done.returncode, 0, done.stdout)
            # -n goes through all rules: a missing source is an error, nothing is compiled.
            done = run("ninja", "-C", folder + "/build", "-n")
            self.assertEqual(done.returncode, 0, done.stdout)

    @needs("ldd")
    @needs("dpkg")
    def test_libraries_of_the_tool_are_installed(self):
        if not os.access(TOOL, os.X_OK):
            self.skipTest("mien is not built")
        _, last = stages()[-1]
        installed = next(rest for word, rest in last if word == "RUN").split()
        libraries = dict(re.findall(r"(\S+) => (/\S+)", run("ldd", TOOL).stdout))
        wanted = re.findall(r"NEEDED.*\[(.+?)\]", run("readelf", "-d", TOOL).stdout)
        needed = {package_of(libraries[name]) for name in wanted if name in libraries} - {"libc6"}
        if any(name.startswith(("libasan", "libubsan", "libtsan")) for name in libraries):
            self.skipTest("a sanitizer build")
        self.assertTrue(needed)
        for package in needed:
            self.assertIn(package, installed)

    def test_networks_that_come_with_mien_are_beside_the_tool(self):
        _, last = stages()[-1]
        copied = [rest.split()[-1] for word, rest in last if word == "COPY"]
        self.assertIn("/usr/bin/mien", copied)
        self.assertIn("/usr/share/mien/networks", copied)  # ../share/mien/networks: tasks/shipped.c

    def test_runs_as_an_ordinary_user_and_tells_its_health(self):
        _, last = stages()[-1]
        said = dict(last)
        self.assertRegex(said["USER"], r"^[1-9]\d*:[1-9]\d*$")
        port = re.search(r"MIEN_PORT=(\d+)", said["ENV"])[1]
        self.assertEqual(said["EXPOSE"], port)
        for word in ("ENTRYPOINT", "CMD"):
            self.assertIsInstance(json.loads(said[word]), list)
        check = json.loads(said["HEALTHCHECK"].partition("CMD ")[2])
        self.assertEqual(check, ["mien", "serve", "--check"])
        for word, rest in last:
            if word == "RUN" and "apt-get install" in rest:
                self.assertIn("--no-install-recommends", rest)
                self.assertIn("rm -rf /var/lib/apt/lists/*", rest)


class Compose(unittest.TestCase):
    def setUp(self):
        try:
            import yaml
        except ImportError:
            self.skipTest("python3-yaml is not installed")
        self.text = (PACKAGING / "compose.yaml").read_text(encoding="utf-8")
        self.compose = yaml.safe_load(self.text)

    def test_what_it_names_exists(self):
        for service in self.compose["services"].values():
            build = service["build"]
            context = (PACKAGING / build["context"]).resolve()
            self.assertEqual(context, ROOT.resolve())
            self.assertTrue((context / build["dockerfile"]).is_file())
            for volume in service["volumes"]:
                self.assertIn(volume.split(":")[0], self.compose["volumes"])
            for port in service["ports"]:
                self.assertTrue(port.startswith("127.0.0.1:"), "open to everyone without a key")

    def test_gives_it_no_rights(self):
        (service,) = self.compose["services"].values()
        self.assertEqual(service["cap_drop"], ["ALL"])
        self.assertIs(service["read_only"], True)
        self.assertIn("no-new-privileges:true", service["security_opt"])

    @needs("yamllint")
    def test_yamllint(self):
        rules = "{extends: default, rules: {document-start: disable, line-length: {max: 100}}}"
        done = run("yamllint", "-d", rules, str(PACKAGING / "compose.yaml"))
        self.assertEqual(done.returncode, 0, done.stdout)


class Configuration(unittest.TestCase):
    """mien.conf names options there are, commented ones included."""

    def setUp(self):
        if not os.access(TOOL, os.X_OK):
            self.skipTest("mien is not built")

    def check(self, text):
        """`mien serve --check` with this configuration: it reads all of it, and then finds no
        server."""
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write(text)
            file.flush()
            env = {k: v for k, v in os.environ.items() if not k.startswith("MIEN_")}
            return run(TOOL, "serve", "--check", "--config", file.name, "--port", "1", env=env)

    def test_as_it_is_and_with_every_option_on(self):
        text = (PACKAGING / "mien.conf").read_text(encoding="utf-8")
        everything, options = re.subn(r"(?m)^#(?=[a-z-]+ = )", "", text)
        self.assertGreater(options, 3)
        for conf in (text, everything):
            done = self.check(conf)
            self.assertEqual(done.returncode, 1, done.stdout)  # 2 is a wrong option
        wrong = self.check(text + "no-such-option = 1\n")
        self.assertEqual(wrong.returncode, 2, wrong.stdout)


class Unit(unittest.TestCase):
    def unit(self):
        text = (PACKAGING / "mien.service.in").read_text(encoding="utf-8")
        # verify looks whether the program is there; /bin/true is, as /usr/bin/mien may not be.
        return text.replace("@mien_bindir@/mien", "/bin/true")

    @needs("systemd-analyze")
    def test_systemd_understands_it(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "mien.service")
            Path(path).write_text(self.unit(), encoding="utf-8")
            done = run("systemd-analyze", "verify", "--man=no", path)
            if "Failed to initialize" in done.stdout:
                self.skipTest("systemd-analyze does not run here")
            self.assertEqual((done.returncode, done.stdout), (0, ""))
            broken = os.path.join(folder, "broken.service")
            Path(broken).write_text(self.unit().replace("DynamicUser", "DynamicUse"), "utf-8")
            done = run("systemd-analyze", "verify", "--man=no", broken)
            self.assertIn("DynamicUse", done.stdout)

    @needs("systemd-analyze")
    def test_exposes_little(self):
        """systemd's own scale goes from 0 (safe) to 10."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "mien.service")
            Path(path).write_text(self.unit(), encoding="utf-8")
            done = run(
                "systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager", path
            )
            self.assertEqual(done.returncode, 0, done.stdout[-300:])

    def test_waits_longer_than_the_server_drains(self):
        if not os.access(TOOL, os.X_OK):
            self.skipTest("mien is not built")
        text = run(TOOL, "serve", "--help").stdout
        drain = float(re.search(r"--drain-timeout[^[]*\[([\d.]+)\]", text)[1])
        stop = float(re.search(r"(?m)^TimeoutStopSec=(\d+)", self.unit())[1])
        self.assertGreater(stop, drain)
        compose = (PACKAGING / "compose.yaml").read_text(encoding="utf-8")
        self.assertGreater(float(re.search(r"stop_grace_period: (\d+)s", compose)[1]), drain)


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=2).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(77 if result.testsRun == len(result.skipped) else 0)
