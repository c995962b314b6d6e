"""A real spamd (SpamAssassin) is asked in its own protocol: an ordinary mail passes, the agreed test for spam does not."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from peer_tree import program

from config.settings_advice import Advice
from gateway.findings import score
from mail.fetch import Client
from mail.resolver import Resolver

pytestmark = [pytest.mark.peers, pytest.mark.slow]
_START = 60.0  # seconds for all its rules, on a slow machine
HEAD = (
    b"Message-ID: <1.2@gw.example>\r\nDate: Fri, 27 Nov 2026 18:00:00 +0000\r\nFrom: Anne <anne@firm.example>\r\n"
    b"To: <marie@rcpt.example>\r\nSubject: Invitation\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
)
GTUBE = b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n"


@pytest.fixture(scope="module")
def spamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One of our own, on a free port, that asks nobody (-L)."""
    path, folder = program("spamd", "spamd"), tmp_path_factory.mktemp("spamd")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [
        "-x",
        "-L",
        "-i",
        "127.0.0.1",
        "-p",
        str(port),
        "--max-children",
        "1",
        "-r",
        str(folder / "pid"),
        "-s",
        "stderr",
    ]
    user = ["--username", "nobody"] if os.geteuid() == 0 else []
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([path, *words, *user], stderr=log, stdout=log, start_new_session=True)
    try:
        _listening(process, port, folder / "log")
        yield f"127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)


def _listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _START
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.2)
    pytest.fail(f"spamd does not listen: {log.read_text()[-1000:]}", False)


@pytest.mark.parametrize(("body", "code"), [(b"Bonjour, venez nombreux samedi.\r\n", "spam_low"), (GTUBE, "spam_high")])
async def test_spamd_gives_its_score(spamd: str, body: bytes, code: str) -> None:
    resolver = Resolver(["127.0.0.1:1"])
    try:
        (found,) = await score.of_mail(HEAD + body, Advice(spamd=spamd, spam_timeout="30s"), Client(resolver))
    finally:
        await resolver.close()
    assert (found.code, found.values["limit"]) == (code, 5.0)
    assert ("GTUBE" in str(found.values["rules"])) == (code == "spam_high")
