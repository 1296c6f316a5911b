#!/usr/bin/env python3
"""Two servers and the tool on one gallery in PostgreSQL: what is enrolled, renamed, merged or deleted through one
is known to the other moments later, also after the database was started anew; what one server did itself it
knows at once. Faces are crops of noise."""
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "cli"))
from server import Server, skip_or_run, wait_for  # noqa: E402
from test_gallery import noise  # noqa: E402
from tool import mien  # noqa: E402

PROGRAMS = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1:]
AS = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
C = "/v1/collections/default"


class Postgres:
    """A server of the test's own, reached by a socket in its folder."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="mien-pg-")
        if AS:
            shutil.chown(self.folder, "postgres")
        self.place = f"postgresql:///postgres?user=master&host={self.folder}"
        self.run("initdb", "-D", f"{self.folder}/data", "-U", "master", "-A", "trust", "-E", "UTF8",
                 "--locale=C", "--no-sync")
        self.start()

    def run(self, program, *args):
        subprocess.run([*AS, f"{PROGRAMS[0]}/{program}", *args], check=True, cwd="/", stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def start(self):
        self.run("pg_ctl", "start", "-w", "-D", f"{self.folder}/data", "-l", f"{self.folder}/log", "-o",
                 f"-c listen_addresses= -c unix_socket_directories={self.folder} -c fsync=off -c shared_buffers=8MB")

    def stop(self, how="fast"):
        self.run("pg_ctl", "stop", "-w", "-D", f"{self.folder}/data", "-m", how)

    def remove(self):
        self.stop("immediate")
        shutil.rmtree(self.folder)


class TwoServers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.postgres = Postgres()
        cls.addClassCleanup(cls.postgres.remove)
        cls.servers = []
        for _ in range(2):
            cls.servers.append(Server("--gallery", cls.postgres.place, "--classifier", "none", "--age-gender", "none"))
            cls.addClassCleanup(cls.servers[-1].stop)

    def enrol(self, server, name, seed):
        answer = server.ask("POST", f"{C}/samples?name={name}&aligned=1&force=1", noise(seed),
                            {"Content-Type": "image/png"})
        self.assertEqual(answer.status, 200, answer)
        return answer.json["results"][0]

    @staticmethod
    def who(server, seed):
        answer = server.ask("POST", f"{C}/identify?aligned=1&top=1", noise(seed), {"Content-Type": "image/png"})
        assert answer.status == 200, answer
        matches = answer.json["faces"][0]["matches"]
        return matches[0]["name"] if matches and matches[0]["similarity"] > 0.999 else None

    def test_each_knows_what_the_other_did(self):
        for seed in range(6):
            one, other = self.servers[seed % 2], self.servers[1 - seed % 2]
            self.assertIsNone(self.who(other, seed))
            sample = self.enrol(one, f"P{seed}", seed)
            self.assertEqual(self.who(one, seed), f"P{seed}")  # at once
            wait_for(lambda: self.who(other, seed) == f"P{seed}", "the other server to know")
            answer = other.ask("DELETE", f"{C}/persons/{sample['person']}")
            self.assertEqual(answer.status, 200, answer)
            self.assertIsNone(self.who(other, seed))
            wait_for(lambda: self.who(one, seed) is None, "the other server to forget")

    def test_the_tool_beside_them(self):
        with tempfile.NamedTemporaryFile(suffix=".png") as picture:
            picture.write(noise(20))
            picture.flush()
            result = mien("enroll", "--gallery", self.postgres.place, "--aligned", "--force", "Tool", picture.name)
            self.assertEqual(result.returncode, 0, result.stderr)
        for server in self.servers:
            wait_for(lambda: self.who(server, 20) == "Tool", "the servers to know")  # noqa: B023

    def test_the_database_ends_and_comes_back(self):
        one, other = self.servers
        self.enrol(one, "Before", 30)
        wait_for(lambda: self.who(other, 30) == "Before", "the other server to know")
        self.postgres.stop()
        self.postgres.start()
        self.assertEqual(self.who(other, 30), "Before")
        self.enrol(one, "After", 31)
        wait_for(lambda: self.who(other, 31) == "After", "the other server to listen again")


if __name__ == "__main__":
    if not PROGRAMS:
        print("skipped: no PostgreSQL is installed here (Debian: apt-get install postgresql)")
        sys.exit(77)
    skip_or_run(unittest.main)
