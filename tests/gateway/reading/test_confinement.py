"""A confined process: no network, no children, no privilege, no secret of ours; it still reads and answers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.reading.readers import Readers

TRIES = """
import json, os, socket, sys
from gateway.reading.confinement import confine
confine(1_000_000_000)
told = {}
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=2).close()
    told["network"] = "open"
except OSError:
    told["network"] = "closed"
try:
    bytearray(2_000_000_000)
    told["memory"] = "open"
except MemoryError:
    told["memory"] = "closed"
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
told["privileges"] = status["NoNewPrivs"].strip()
print(json.dumps(told))
"""


def namespaces_allowed() -> bool:
    done = subprocess.run(["unshare", "-rn", "true"], capture_output=True)
    return done.returncode == 0


def test_what_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done = subprocess.run([sys.executable, "-c", TRIES, port], capture_output=True, text=True, timeout=60)
    told = json.loads(done.stdout)
    assert (told["memory"], told["privileges"]) == ("closed", "1")
    if not namespaces_allowed():
        pytest.skip("this kernel lets nobody leave the network")
    assert told["network"] == "closed"


async def test_no_secret_and_no_open_file_reaches_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL2CAMPAIGN_DATABASE__URL", "postgresql://secret")
    path = tmp_path / "mail"
    path.write_bytes(b"{}\nFrom: a@b.test\r\n\r\nx\r\n")
    readers = Readers(2_000_000_000, 30)
    with path.open("rb") as open_file:
        os.set_inheritable(open_file.fileno(), True)
        try:
            assert [one["kind"] async for one in readers.ask({"do": "return", "path": str(path)}, 100)]
            (process,) = [one for one in list(readers._free._queue) if one is not None]  # type: ignore[attr-defined]
            place = Path(f"/proc/{process.pid}")
            assert b"secret" not in (place / "environ").read_bytes()
            assert str(path) not in [str(one.readlink()) for one in (place / "fd").iterdir()]
        finally:
            await readers.close()
