"""The delivery bench: mails a second against what the machine can sign, memory of a sender, bytes a recipient.

In: nothing (options: --mails N, --large N, --peer N). Out: a table on standard output and, with --json FILE, the rows. All of
it in one run, because only ratios travel between machines: RSA-2048 signatures a second by OpenSSL, then a real campaign
(35 KB mails, 10 tracked links, a durable status for each) sent by 2 sender processes into a light sink on loopback.
Raises SystemExit with a sentence when a tool is missing or a figure is short of its target.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import peer_postfix
from sqlalchemy import text
from support_bench import Row, light_sink, message, report, sink_count, unsigned

from config import keys
from config.settings import load
from store import accounts, campaigns
from store.engine import Database, now_ms
from store.values import NewCampaign, NewRecipient, Tracked

SENDERS = 2
RATIO = 0.35  # mails/s over SENDERS x RSA signatures/s, at least
DATABASE = 1024  # bytes a recipient without events, at most
PEER = 10.0  # mails/s over those of Postfix with OpenDKIM, at least
GROWTH = 1.10  # memory of a sender at the large list over that at the small one, at most


def signatures_a_second(seconds: int = 3) -> float:
    """RSA-2048 signatures a second of one core, by OpenSSL itself."""
    if shutil.which("openssl") is None:
        raise SystemExit("bench: openssl is missing")
    told = subprocess.run(["openssl", "speed", "-seconds", str(seconds), "rsa2048"], capture_output=True, text=True)
    found = re.search(r"rsa\s+2048 bits\s+\S+\s+\S+\s+([\d.]+)", told.stdout)
    if found is None:
        raise SystemExit(f"bench: openssl speed said nothing: {told.stderr[-300:]}")
    return float(found[1])


class Gateway:
    """A folder of its own with senders only, and a campaign put into its database."""

    def __init__(self, folder: Path, sink: int) -> None:
        self.folder = folder
        command = Path(sys.executable).with_name("mail2campaign")
        subprocess.run(
            [str(command), "init", "--dir", str(folder), "--domain", "gw.test"], check=True, stdout=subprocess.DEVNULL
        )
        self.command = [str(command), "--config", str(folder / "mail2campaign.toml")]
        self.environment = os.environ | {"MAIL2CAMPAIGN_DELIVERY__ROUTES": json.dumps({"*": f"127.0.0.1:{sink}"})}
        self.settings = load(folder / "mail2campaign.toml")
        self.senders: list[subprocess.Popen[bytes]] = []

    async def load_campaign(self, count: int) -> int:
        """Write a campaign of `count` recipients, not yet published; returns its id."""
        db = Database.open(self.settings.database_url)
        now = now_ms()
        async with db.write() as conn:
            account = await accounts.create_account(conn, f"bench{now}", "Bench", "1 rue", "fr", "Europe/Paris", now)
            sender = await accounts.declare_sender(conn, account, f"news{now}@bench.test", "Shop", now, now)
            campaign = await campaigns.begin(conn, self._new(account, sender, now), message())
            assert isinstance(campaign, int)
        for start in range(0, count, 5_000):
            people = [
                NewRecipient(
                    n + 2,
                    0,
                    f"p{n}@d{n % 50}.test",
                    f"p{n}@d{n % 50}.test",
                    f"Nom {n}",
                    (f"p{n}", f"Nom{n}"),
                    Tracked.FULL,
                )
                for n in range(start, min(start + 5_000, count))
            ]
            async with db.write() as conn:
                await campaigns.add_rows(conn, campaign, people, [], now)
        await db.close()
        return campaign

    def _new(self, account: int, sender: int, now: int) -> NewCampaign:
        options = {
            "unsubscribe": True,
            "bulk": True,
            "footer_name": "Bench",
            "footer_address": "1 rue",
            "feedback": "b",
            "list_id": "b.gw.test",
        }
        return NewCampaign(
            account, sender, "Bonjour {{Nom}}", "bench", "Shop", "news@gw.test", "", f"<{now}@x>", f"k{now}", "fr",
            "Europe/Paris", ("Email", "Nom"), 0, options, (), None, now,
        )  # fmt: skip

    def start(self) -> None:
        """Start the senders and wait until all have joined."""
        with (self.folder / "senders.log").open("ab") as log:
            self.senders = [
                subprocess.Popen([*self.command, "_send"], env=self.environment, stderr=log) for _ in range(SENDERS)
            ]
        self.wait("SELECT count(*) FROM workers WHERE retired_at IS NULL", SENDERS, 30)

    def stop(self) -> None:
        for sender in self.senders:
            sender.terminate()
        for sender in self.senders:
            sender.wait(20)

    def wait(self, query: str, wanted: int, seconds: float) -> None:
        """Ask the database until it says `wanted`."""
        asyncio.run(self._wait(query, wanted, seconds))

    async def _wait(self, query: str, wanted: int, seconds: float) -> None:
        db = Database.open(self.settings.database_url)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    async with db.read() as conn:
                        if int((await conn.execute(text(query))).scalar() or 0) >= wanted:
                            return
                    await asyncio.sleep(0.2)  # asking costs the senders their cores
        except TimeoutError:
            log = (self.folder / "senders.log").read_text()[-2_000:]
            raise SystemExit(f"bench: {query} did not become {wanted}\n{log}") from None
        finally:
            await db.close()

    def publish(self, campaign: int) -> None:
        asyncio.run(self._publish(campaign))

    async def _publish(self, campaign: int) -> None:
        db = Database.open(self.settings.database_url)
        async with db.write() as conn:
            await campaigns.publish(conn, campaign, f"bench{campaign}", now_ms())
        await db.close()

    def memory(self) -> float:
        """The largest peak of a sender, in MB."""
        peaks = []
        for sender in self.senders:
            status = Path(f"/proc/{sender.pid}/status").read_text()
            found = re.search(r"VmHWM:\s+(\d+) kB", status)
            peaks.append(int(found[1]) / 1024 if found else 0.0)
        return max(peaks)

    def cpu(self) -> float:
        """CPU seconds that the senders have used."""
        ticks = os.sysconf("SC_CLK_TCK")
        used = 0.0
        for sender in self.senders:
            fields = Path(f"/proc/{sender.pid}/stat").read_text().rpartition(")")[2].split()
            used += (int(fields[11]) + int(fields[12])) / ticks
        return used


@dataclass(frozen=True, slots=True)
class Sent:
    """What one campaign showed."""

    seconds: float
    cpu: float
    memory: float
    bytes_a_mail: float
    database: float  # bytes a recipient before any event


def ours(folder: Path, count: int) -> Sent:
    """Send a campaign of `count` recipients with our senders."""
    with light_sink(folder) as sink:
        gateway = Gateway(folder / f"gw{count}", sink)
        keys.create(gateway.settings.gateway.data_dir, "gw.test")
        gateway.start()
        try:
            before = database_bytes(gateway)
            campaign = asyncio.run(gateway.load_campaign(count))
            size = (database_bytes(gateway) - before) / count
            gateway.publish(campaign)
            begun, cpu = time.monotonic(), gateway.cpu()
            query = f"SELECT n FROM tallies WHERE campaign_id = {campaign} AND name = 'status:6'"
            gateway.wait(query, count, 60 + count / 100)
            seconds = time.monotonic() - begun
            taken, volume = sink_count(sink) or (0, 0)
            if taken != count:
                raise SystemExit(f"bench: the sink took {taken} of {count} mails")
            return Sent(seconds, (gateway.cpu() - cpu) / count, gateway.memory(), volume / count, size)
        finally:
            gateway.stop()


def database_bytes(gateway: Gateway) -> int:
    """Pages in use, in bytes: the file itself grows in steps."""

    async def ask() -> int:
        db = Database.open(gateway.settings.database_url)
        async with db.read() as conn:
            pages = (
                await conn.execute(
                    text("SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count")
                )
            ).scalar()
            size = (await conn.execute(text("PRAGMA page_size"))).scalar()
        await db.close()
        return int(pages or 0) * int(size or 0)

    return asyncio.run(ask())


def peer_rows(folder: Path, rate: float, count: int) -> list[Row]:
    """The same mails through Postfix with OpenDKIM, into the same sink."""
    with light_sink(folder) as sink:
        try:
            taken = peer_postfix.seconds(unsigned(count), sink, lambda: (sink_count(sink) or (0, 0))[0])
        except peer_postfix.PeerMissing as missing:
            raise SystemExit(f"bench: {missing}") from None
    peer = count / taken
    return [
        Row("Postfix + OpenDKIM, the same mails", peer, "/s"),
        Row("ours / Postfix + OpenDKIM", rate / peer, "x", f">= {PEER:.0f}", rate / peer >= PEER),
    ]


def rows(mails: int, large: int, peer: int) -> list[Row]:
    """All figures of one run."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        signatures = signatures_a_second()
        small = ours(folder, mails)
        rate = mails / small.seconds
        again = signatures_a_second()
        signing = (signatures + again) / 2
        ratio = rate / (SENDERS * signing)
        table = [
            Row("RSA-2048 signatures, one core, OpenSSL", signing, "/s"),
            Row("mails sent, signed, status durable", rate, "/s"),
            Row("mails / (2 x signatures)", ratio, "", f">= {RATIO}", ratio >= RATIO),
            Row("CPU of the senders", small.cpu * 1e6, "µs a mail"),
            Row("CPU of a signature / CPU of a mail", 1 / signing / small.cpu, ""),
            Row("size of a mail", small.bytes_a_mail / 1000, "KB"),
            Row(
                "database before any event",
                small.database,
                "bytes a recipient",
                f"<= {DATABASE}",
                small.database <= DATABASE,
            ),
            Row(f"peak memory of a sender, {mails} recipients", small.memory, "MB"),
        ]
        if peer:
            table += peer_rows(folder, rate, peer)
        if large:
            big = ours(folder, large)
            growth = big.memory / small.memory
            table += [
                Row(f"peak memory of a sender, {large} recipients", big.memory, "MB"),
                Row("growth of memory", growth, "x", f"<= {GROWTH}", growth <= GROWTH),
                Row(f"mails sent, {large} recipients", large / big.seconds, "/s"),
            ]
        return table


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    reader.add_argument("--mails", type=int, default=10_000)
    reader.add_argument("--large", type=int, default=100_000, help="a second, larger campaign for the memory (0: none)")
    reader.add_argument("--peer", type=int, default=5_000, help="mails through Postfix with OpenDKIM (0: none)")
    reader.add_argument("--json", type=Path, help="also write the rows there")
    found = reader.parse_args()
    return report(rows(found.mails, found.large, found.peer), found.json)


if __name__ == "__main__":
    sys.exit(main())
