"""A PostgreSQL server of the tests' own: started once a process on a socket in a folder of its own, gone with it.

In: nothing. Out: `url(name)` of a database that is a copy of the migrated one. Debian's server programs are used, as the
user `postgres` when the tests run as root, for the server refuses to. A missing server fails the tests: nothing is skipped.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

USER = "postgres"


def programs() -> Path:
    """The folder of the newest server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    assert found, "PostgreSQL's server is missing: install Debian's package `postgresql`"
    return found[-1].parent


def _somebody() -> tuple[list[str], dict[str, Any]]:
    """How to be somebody else than root, whom the server refuses: words before a command, and what Popen is told."""
    if os.getuid() != 0:
        return [], {}
    if Path("/proc/self/uid_map").read_text().split()[2] == "1":
        user = pwd.getpwnam(USER)  # root of a user namespace has nobody else in it: one more of these
        return ["unshare", "--user", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}"], {}
    return [], {"user": USER, "group": USER, "extra_groups": []}


def children(parent: int) -> list[int]:
    """Process ids of a process's children."""
    told = subprocess.run(["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True)
    return [int(word) for word in told.stdout.split()]


class Postgres:
    """One server; `start` it, `stop` it (or `kill`), and `remove` what it left. `durable`: on the disk, as in operation.
    `listen`: an address on which its whole /24 network may reach it, beside the socket. `of`: the server that it follows.
    `within`: the folder of a durable one's own. `memory`: its shared buffers."""

    def __init__(
        self, *, durable: bool = False, listen: str = "", of: Postgres | None = None, within: Path | None = None,
        memory: str = "64MB",
    ) -> None:  # fmt: skip
        self._listen, self._memory = listen, memory
        light = Path("/dev/shm").is_dir() and not durable
        self._fast = "" if durable else " -c fsync=off -c full_page_writes=off"
        self.folder = Path(tempfile.mkdtemp(prefix="m2c-pg-", dir="/dev/shm" if light else within))
        self.data = self.folder / "data"
        self._before, self._as = _somebody()
        if self._as:
            shutil.chown(self.folder, USER, USER)
        if of is None:
            same = ("-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
            self._run("initdb", "-D", str(self.data), *same)
        else:  # -R: it goes on from there as a standby
            self._run("pg_basebackup", "-h", str(of.folder), "-U", USER, "-D", str(self.data), "-R", "-c", "fast")
        if listen:
            with (self.data / "pg_hba.conf").open("a") as rules:
                rules.write(f"host all {USER} {listen}/24 trust\n")

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = (
            f"-c listen_addresses={self._listen} -c unix_socket_directories={self.folder}{self._fast}"
            f" -c shared_buffers={self._memory} -c max_connections=60"
        )
        self._run(
            "pg_ctl", "-D", str(self.data), "-w", "-t", "60", "-l", str(self.folder / "log"), "-o", options, "start"
        )

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: `fast` in order, `immediate` as a crash would."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")

    def pid(self) -> int:
        """The server's process id."""
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def kill(self) -> None:
        """kill -9 of the server and of all that serve for it, as when its machine dies."""
        server = self.pid()
        family = [server, *children(server)]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def synchronous(self) -> None:
        """From now on a commit is confirmed when a standby has it, too (one must follow by now)."""
        self.sql("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.sql("SELECT pg_reload_conf()")

    def promote(self) -> None:
        """Make a standby a server that takes writes."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "promote")

    def remove(self) -> None:
        """Take its folder away."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def create(self, name: str, template: str = "template0") -> str:
        """Make a database as a copy of another; returns its URL."""
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def url(self, name: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql+asyncpg://{USER}@{self._listen}/{name}" + ("" if self._listen else f"?host={self.folder}")

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run one statement as the operator would; returns what it tells."""
        where = ("-h", str(self.folder), "-U", USER, "-d", database)
        return self._run("psql", "-X", "-q", "-At", *where, "-c", statement)

    def _run(self, program: str, *arguments: str) -> str:
        command = [*self._before, str(programs() / program), *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=120, **self._as)  # type: ignore[call-overload]
        assert done.returncode == 0, f"{program}: {done.stderr or done.stdout}"
        return str(done.stdout).strip()


@contextlib.contextmanager
def serving() -> Iterator[Postgres]:
    """A server of its own, gone afterwards."""
    made = Postgres()
    try:
        made.start()
        yield made
    finally:
        made.stop()
        made.remove()
