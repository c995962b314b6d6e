"""The bench of pixels and clicks: how many a second one web process answers, against nginx with a static GIF in the same run.

In: nothing (options: --people N, --seconds S, --rounds N). Out: a table: answers a second of nginx (one process), of the
pixel and of clicks, their ratios, and how long answers take at half of our own rate. Every hit is on disk before its answer.
Needs `wrk` and `nginx` (packages of Debian); says so and ends without them. Raises SystemExit when a server does not come up.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from statistics import median
from typing import cast

import uvloop
from support_bench import Row, free_port, report, until

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sqlalchemy import select  # noqa: E402

from config import keys  # noqa: E402
from gateway.web.track import GIF  # noqa: E402
from parsers.tokens import Keyring, Purpose, sign  # noqa: E402
from store import accounts, campaigns  # noqa: E402
from store.engine import Database, now_ms  # noqa: E402
from store.tables import recipients  # noqa: E402
from store.values import NewCampaign, NewRecipient, Tracked  # noqa: E402

LINKS = 10
CONNECTIONS = 256
AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0"
SERVE = """
import asyncio, signal, uvloop
from config.settings import Settings
from gateway.web import serve
async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve.run(Settings(), stop)
uvloop.run(main())  # as every process of ours runs
"""
SCRIPT = """
local paths = {{}}
for line in io.lines("{file}") do paths[#paths + 1] = line end
local at = math.random(#paths)
request = function()
  at = at % #paths + 1
  return wrk.format("GET", paths[at], {{["User-Agent"] = "{agent}"}})
end
"""
NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; keepalive_requests 1000000;
  server {{ listen 127.0.0.1:{port}; root {folder}/static; default_type image/gif; }} }}
"""


async def seeded(folder: Path, people: int) -> list[int]:
    """Make a database with one campaign and return its recipients' ids."""
    db = Database.open(f"sqlite+aiosqlite:///{folder / 'm2c.db'}")
    await db.migrate()
    now = now_ms()
    links = tuple(
        {"index": i, "part": "html", "target": f"https://shop.test/{i}?x=1", "merged": False} for i in range(LINKS)
    )
    try:
        async with db.write() as conn:
            account = await accounts.create_account(conn, "A", "A", "", "fr", "Europe/Paris", now)
            sender = await accounts.declare_sender(conn, account, "c@a.test", "A", now, now)
            new = NewCampaign(
                account, sender, "S", "S", "A", "c@a.test", "", "<b@a.test>", "b", "fr", "Europe/Paris", ("Email",), 0,
                {}, (), None, now, links,
            )  # fmt: skip
            campaign = await campaigns.begin(conn, new, b"Subject: x\r\n\r\n")
            assert isinstance(campaign, int)
        for start in range(0, people, 2_000):
            some = [
                NewRecipient(i + 1, 0, f"r{i}@d.test", f"r{i}@d.test", "", (f"r{i}@d.test",), Tracked.FULL)
                for i in range(start, min(start + 2_000, people))
            ]
            async with db.write() as conn:
                await campaigns.add_rows(conn, campaign, some, [], now)
        async with db.write() as conn:
            await campaigns.publish(conn, campaign, "w" * 43, now)
        async with db.read() as conn:
            return list((await conn.execute(select(recipients.c.id))).scalars())
    finally:
        await db.close()


def wrk(port: int, script: Path, seconds: int) -> float:
    """Answers a second, all of them 2xx or 3xx."""
    said = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), f"http://127.0.0.1:{port}"],
        capture_output=True, text=True, timeout=seconds + 30, check=True,
    ).stdout  # fmt: skip
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"answers failed:\n{said}")
    return float(said.split("Requests/sec:")[1].split()[0])


class Reader(asyncio.Protocol):
    """One connection that asks when it is time, and notes how long each answer took from the moment at which it was due."""

    def __init__(self, taken: list[float]) -> None:
        self._taken, self._due, self._came = taken, deque[float](), b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def ask(self, due: float, request: bytes) -> None:
        assert self.transport is not None
        self._due.append(due)
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._came += data
        while (end := self._came.find(b"\r\n\r\n") + 4) > 3:
            size = int(self._came.split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
            if len(self._came) < end + size:
                return
            self._came = self._came[end + size :]
            self._taken.append(time.perf_counter() - self._due.popleft())


async def paced(port: int, paths: list[str], rate: float, seconds: float) -> list[float]:
    """Ask at a steady rate over many connections in turn; how long each answer took, after a first second that counts for
    nothing: both sides begin in it."""
    loop, taken, count = asyncio.get_running_loop(), list[float](), int(rate * (seconds + 1))
    readers = [(await loop.create_connection(lambda: Reader(taken), "127.0.0.1", port))[1] for _ in range(CONNECTIONS)]
    asked = [f"GET {path} HTTP/1.1\r\nHost: gw\r\nUser-Agent: {AGENT}\r\n\r\n".encode() for path in paths]
    begun, number = time.perf_counter() + 0.2, 0
    while number < count:
        while number < count and (due := begun + number / rate) <= time.perf_counter():
            readers[number % CONNECTIONS].ask(due, asked[number % len(asked)])
            number += 1
        await asyncio.sleep(0.0005)
    async with asyncio.timeout(20):
        while len(taken) < count:  # noqa: ASYNC110 a bench looks on
            await asyncio.sleep(0.01)
    for reader in readers:
        if reader.transport is not None:
            reader.transport.close()
    return sorted(taken[int(rate) :])


def main() -> None:
    """Run the bench and print the table."""
    options = argparse.ArgumentParser()
    options.add_argument("--people", type=int, default=20_000)
    options.add_argument("--seconds", type=int, default=4)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--json", type=Path)
    asked = options.parse_args()
    if missing := [
        name for name in ("wrk", "nginx") if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None
    ]:
        print(f"bench_tracking: needs {' and '.join(missing)} (apt-get install wrk nginx-light)")
        return
    with tempfile.TemporaryDirectory(prefix="bench-tracking") as name:
        folder = Path(name)
        folder.chmod(0o755)
        run(folder, asked)


def settings(folder: Path, port: int) -> dict[str, str]:
    """The settings of the web process, as its environment."""
    return {
        "MAIL2CAMPAIGN_GATEWAY__DOMAIN": "gw.test", "MAIL2CAMPAIGN_GATEWAY__DATA_DIR": str(folder),
        "MAIL2CAMPAIGN_GATEWAY__PUBLIC_URL": f"http://127.0.0.1:{port}", "MAIL2CAMPAIGN_WEB__LISTEN": f"127.0.0.1:{port}",
        "MAIL2CAMPAIGN_DATABASE__URL": f"sqlite+aiosqlite:///{folder / 'm2c.db'}",
    }  # fmt: skip


def run(folder: Path, asked: argparse.Namespace) -> None:
    keys.create(folder, "gw.test")
    ids = asyncio.run(seeded(folder, asked.people))
    ring = Keyring(*keys.load_keyring(folder, "tokens"))
    opens = [f"/o/{sign(ring, Purpose.OPEN, one)}.gif" for one in ids]
    clicks = [f"/c/{sign(ring, Purpose.CLICK, one, at % LINKS)}" for at, one in enumerate(ids)]
    (folder / "static").mkdir()
    (folder / "static" / "pixel.gif").write_bytes(GIF)
    scripts = {"nginx": ["/pixel.gif"], "pixel": opens, "click": clicks}
    for which, paths in scripts.items():
        (folder / which).write_text("\n".join(paths) + "\n")
        (folder / f"{which}.lua").write_text(SCRIPT.format(file=folder / which, agent=AGENT))
    ours, theirs = free_port(), free_port()
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=theirs))
    env = {**os.environ, **settings(folder, ours)}
    with (folder / "web.log").open("wb") as log:
        web = subprocess.Popen([sys.executable, "-c", SERVE], cwd=ROOT, env=env, stdout=log, stderr=log)
        nginx = subprocess.Popen(
            [
                shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx",
                "-c",
                str(folder / "nginx.conf"),
                "-e",
                str(folder / "error.log"),
            ]
        )
        try:
            until(lambda: listening(ours) and listening(theirs), 30, "the web process or nginx does not come up")
            sites = {"nginx": (theirs, nginx.pid), "pixel": (ours, web.pid), "click": (ours, web.pid)}
            measure(folder, asked, sites, {"pixel": opens, "click": clicks})
        finally:
            for process in (web, nginx):
                process.send_signal(signal.SIGTERM)
            for process in (web, nginx):
                process.wait(15)


def measure(
    folder: Path, asked: argparse.Namespace, sites: dict[str, tuple[int, int]], paths: dict[str, list[str]]
) -> None:
    rates: dict[str, list[float]] = {which: [] for which in sites}
    prices: dict[str, list[float]] = {which: [] for which in sites}
    for _ in range(asked.rounds):
        for which, (port, pid) in sites.items():
            before = processor(pid)
            rates[which].append(wrk(port, folder / f"{which}.lua", asked.seconds))
            prices[which].append((processor(pid) - before) / (rates[which][-1] * asked.seconds))
    rows = [Row("nginx, a static GIF", median(rates["nginx"]), "answers/s")]
    for which, words in (("pixel", "pixel"), ("click", "click")):
        ratio = median(ours / theirs for ours, theirs in zip(rates[which], rates["nginx"], strict=True))
        price = median(theirs / ours for ours, theirs in zip(prices[which], prices["nginx"], strict=True))
        taken = uvloop.run(paced(sites[which][0], paths[which], median(rates[which]) / 2, asked.seconds))
        slow = taken[len(taken) * 99 // 100] * 1000
        rows += [
            Row(f"{words}, on disk before the answer", median(rates[which]), "answers/s"),
            Row(f"{words}, share of nginx", ratio, "", ">= 0.12", ratio >= 0.12),
            Row(f"{words}, processor time", median(prices[which]) * 1e6, "µs"),
            Row(f"{words}, share of nginx by processor time", price, ""),
            Row(f"{words} at half that rate, median", taken[len(taken) // 2] * 1000, "ms"),
            Row(f"{words} at half that rate, 99 of 100 within", slow, "ms", "< 50", slow < 50),
        ]
    report(rows, asked.json)


def processor(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    said = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(said[11]) + int(said[12])) / os.sysconf("SC_CLK_TCK")


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main()
