"""A PostgreSQL server of the tests' own: started once a process on a socket in a folder of its own, gone with it.

In: nothing. Out: `url(name)` of a database that is a copy of the migrated one. Debian's server programs are used, as the
user `postgres` when the tests run as root, for the server refuses to. A missing server fails the tests: nothing is skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

USER = "postgres"


def programs() -> Path:
    """The folder of the newest server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    assert found, "PostgreSQL's server is missing: install Debian's package `postgresql`"
    return found[-1].parent


class Postgres:
    """One server; `start` it, `stop` it (or `kill`), and `remove` what it left. `durable`: on the disk, as in operation."""

    def __init__(self, *, durable: bool = False) -> None:
        memory = Path("/dev/shm").is_dir() and not durable
        self._fast = "" if durable else " -c fsync=off -c full_page_writes=off"
        self.folder = Path(tempfile.mkdtemp(prefix="m2c-pg-", dir="/dev/shm" if memory else None))
        self.data = self.folder / "data"
        self._as = {"user": USER, "group": USER, "extra_groups": []} if os.getuid() == 0 else {}
        if self._as:
            shutil.chown(self.folder, USER, USER)
        self._run("initdb", "-D", str(self.data), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = (
            f"-c listen_addresses= -c unix_socket_directories={self.folder}{self._fast}"
            " -c shared_buffers=64MB -c max_connections=60"
        )
        self._run(
            "pg_ctl", "-D", str(self.data), "-w", "-t", "60", "-l", str(self.folder / "log"), "-o", options, "start"
        )

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: `fast` in order, `immediate` as a crash would."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")

    def remove(self) -> None:
        """Take its folder away."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def create(self, name: str, template: str = "template0") -> str:
        """Make a database as a copy of another; returns its URL."""
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def url(self, name: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql+asyncpg://{USER}@/{name}?host={self.folder}"

    def sql(self, statement: str) -> None:
        """Run one statement as the operator would."""
        self._run("psql", "-X", "-q", "-h", str(self.folder), "-U", USER, "-d", "postgres", "-c", statement)

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(programs() / program), *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=120, **self._as)  # type: ignore[call-overload]
        assert done.returncode == 0, f"{program}: {done.stderr or done.stdout}"
