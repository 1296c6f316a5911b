"""A Redis and a PostgreSQL of the tests' own: in folders of their own, ended with the test."""
import glob
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Redis:
    """Keeps what it was told on the disk before it says so."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="mien-redis-")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.process = None
        self.start()

    @staticmethod
    def is_here():
        return shutil.which("redis-server") is not None

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--dir", self.folder, "--appendonly", "yes", "--appendfsync", "always"],
            stdout=subprocess.DEVNULL)
        while self.ask("PING") != "PONG":
            time.sleep(0.05)

    def ask(self, *words):
        result = subprocess.run(["redis-cli", "-p", str(self.port), *words], capture_output=True,
                                check=False)
        return result.stdout.decode().strip()

    def crash(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        self.crash()
        shutil.rmtree(self.folder)


class Postgres:
    """Nobody runs it as root: then it is who Debian's package made for it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="mien-postgres-")
        self.data = Path(self.folder, "data")
        self.url = f"postgresql:///postgres?host={self.folder}&port=5432&user=tests"
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self.run("initdb", "-D", str(self.data), "-U", "tests", "-A", "trust", "--no-sync")
        self.start()

    @staticmethod
    def programs():
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        return found[-1] if found else None

    @classmethod
    def is_here(cls):
        return cls.programs() is not None

    def run(self, program, *args, check=True):
        user = {"user": "postgres", "group": "postgres", "extra_groups": []} \
            if os.geteuid() == 0 else {}
        return subprocess.run([f"{self.programs()}/{program}", *args], check=check, cwd="/",
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, **user)

    def start(self):
        options = f"-k {self.folder} -c listen_addresses= -c max_connections=30"
        self.run("pg_ctl", "-D", str(self.data), "-w", "-t", "60", "-l", f"{self.folder}/data/log",
                 "-o", options, "start")

    def crash(self):
        self.run("pg_ctl", "-D", str(self.data), "-w", "-m", "immediate", "stop", check=False)

    def query(self, sql):
        """Rows as lists of texts."""
        result = subprocess.run(["psql", "-h", self.folder, "-U", "tests", "-AtF", "\t", "-c", sql,
                                 "postgres"], capture_output=True, check=True, cwd="/")
        return [line.split("\t") for line in result.stdout.decode().splitlines()]

    def end(self):
        self.crash()
        shutil.rmtree(self.folder)
