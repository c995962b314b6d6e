"""`/metrics` of a machine that has no pages: who may read it, and that nobody can hold it up."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from config import metrics
from config.settings import Settings
from gateway.processes.measured import Measured
from gateway.processes.sockets import Sockets, every

TOKEN = "s3cret"


@pytest.fixture
async def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """Where a listener answers; other processes have counted an attempt and end with it."""
    monkeypatch.setenv(metrics.VARIABLE, str(tmp_path))
    counted = "from config import metrics; metrics.attempt('accepted', 'delivered')"
    for _ in range(2):
        subprocess.run([sys.executable, "-c", counted], check=True, env=dict(os.environ))
    sockets = Sockets()
    sockets.want(["127.0.0.1:0"])
    [one] = sockets.of("127.0.0.1:0")
    made = Measured(lambda: TOKEN)
    await made.open(sockets.of("127.0.0.1:0"))
    await made.open(sockets.of("127.0.0.1:0"))  # as after a change of the settings
    yield one.getsockname()[1]
    made.close()
    sockets.close()


async def ask(port: int, request: str) -> str:
    """What is said to these bytes, until the connection ends."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.replace("\n", "\r\n").encode())
    try:
        async with asyncio.timeout(20):
            return (await reader.read()).decode()
    except ConnectionError:
        return ""
    finally:
        writer.close()


async def test_counters_of_all_processes_for_who_has_the_token(port: int) -> None:
    said = await ask(port, f"GET /metrics HTTP/1.1\nHost: w1:9125\nAuthorization: Bearer {TOKEN}\n\n")
    assert said.startswith("HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4")
    assert 'mail2campaign_attempts_total{class="delivered",kind="accepted"} 2.0' in said
    for request in ("GET /metrics HTTP/1.1\nHost: localhost\n\n", "POST /metrics HTTP/1.1\n\n", "GET / HTTP/1.1\n\n",
                    "GET /metrics HTTP/1.1\nAuthorization: Bearer wrong\n\n"):  # fmt: skip
        assert (await ask(port, request)).startswith("HTTP/1.1 404 ")
    assert await ask(port, "x" * 10_000 + "\n\n") == ""


@pytest.mark.costly("gateway/processes/test_measured.py::test_counters_of_all_processes_for_who_has_the_token")
async def test_who_keeps_silent_takes_a_place_of_a_few(port: int) -> None:
    silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(8)]
    assert await ask(port, f"GET /metrics HTTP/1.1\nAuthorization: Bearer {TOKEN}\n\n") == ""
    for _, writer in silent:
        writer.close()
    request = f"GET /metrics HTTP/1.1\nAuthorization: Bearer {TOKEN}\n\n"
    while not (await ask(port, request)).startswith("HTTP/1.1 200"):
        await asyncio.sleep(0.01)


def test_it_is_a_place_like_the_others() -> None:
    def settings(**values: str) -> Settings:
        return Settings(gateway={"domain": "m.test"}, metrics=values)

    assert every(settings(listen="0.0.0.0:9125"), []) == ["0.0.0.0:9125"] and every(settings(), ["_send"]) == []
    with pytest.raises(ValueError, match="listen"):
        settings(listen="nowhere")
