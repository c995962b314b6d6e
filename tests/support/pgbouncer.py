"""A pgbouncer in front of the tests' PostgreSQL, lending its few connections for one transaction each.

In: the server. Out: the URL of a database by way of it. Debian's program is used, as the user `postgres` when the tests run
as root, for it refuses to. A missing program fails the tests: nothing is skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from postgres import USER, Postgres
from running import free_ports, listening, until

_SETTINGS = """
[databases]
* = host={folder} port=5432 user={user}
[pgbouncer]
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 200
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
logfile = {folder}/pgbouncer.log
pidfile = {folder}/pgbouncer.pid
"""


class Pgbouncer:
    """Use as a context manager; `connections` of the server serve everybody."""

    def __init__(self, server: Postgres, connections: int = 4) -> None:
        self._server, self._port = server, free_ports(1)[0]
        values = {"folder": server.folder, "user": USER, "connections": connections, "port": self._port}
        self._file = server.folder / "pgbouncer.ini"
        self._file.write_text(_SETTINGS.format(**values))
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, name: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql+asyncpg://{USER}@127.0.0.1:{self._port}/{name}"

    def __enter__(self) -> Pgbouncer:
        program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        assert program, "pgbouncer is missing: install Debian's package `pgbouncer`"
        own = {"user": USER, "group": USER, "extra_groups": []} if os.getuid() == 0 else {}
        self._process = subprocess.Popen([program, "-q", str(self._file)], cwd=self._server.folder, **own)  # type: ignore[call-overload]
        until(lambda: listening(self._port), 30, "pgbouncer listens")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(10)
