"""Senders with a folder and a database of their own, and campaigns put straight into it: what the delivery benches drive.

In: a folder, the port of a sink, how many senders and how large the mails. Out: campaigns sent, and what the senders used:
CPU, memory, bytes of the database. Raises SystemExit with a sentence when something does not come to pass in its time.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from sqlalchemy import text
from support_bench import cpu_of, message

from config import keys
from config.settings import load
from store import accounts, campaigns
from store.engine import Database, now_ms
from store.values import NewCampaign, NewRecipient, Tracked

_CHUNK = 5_000  # recipients of one transaction
_LOOK = 0.1  # seconds between two questions to the database: asking costs the senders their cores
_OPTIONS = {
    "unsubscribe": True, "bulk": True, "footer_name": "Bench", "footer_address": "1 rue", "feedback": "b",
    "list_id": "b.gw.test",
}  # fmt: skip


class Gateway:
    """A folder of its own with senders only, and campaigns put into its database."""

    def __init__(self, folder: Path, sink: int, senders: int = 2, size: int = 35_000, database: str = "") -> None:
        self.folder, self._count, self._size = folder, senders, size
        command = Path(sys.executable).with_name("mail2campaign")
        subprocess.run(
            [str(command), "init", "--dir", str(folder), "--domain", "gw.test"], check=True, stdout=subprocess.DEVNULL
        )
        self.command = [str(command), "--config", str(folder / "mail2campaign.toml")]
        self.environment = os.environ | {"MAIL2CAMPAIGN_DELIVERY__ROUTES": json.dumps({"*": f"127.0.0.1:{sink}"})}
        self.settings = load(folder / "mail2campaign.toml")
        self.url = database or self.settings.database_url
        if database:
            self.environment["MAIL2CAMPAIGN_DATABASE__URL"] = database
            subprocess.run(
                [*self.command, "db", "upgrade"], check=True, env=self.environment, stdout=subprocess.DEVNULL
            )
        self.senders: list[subprocess.Popen[bytes]] = []
        keys.create(self.settings.gateway.data_dir, "gw.test")

    # --- campaigns ---

    def load_campaign(self, count: int, domains: int = 50) -> int:
        """Write a campaign of `count` recipients in so many domains in turn, not yet published; returns its id."""
        return asyncio.run(self._load(f"p{n}@d{n % domains}.test" for n in range(count)))

    async def _load(self, addresses: Iterable[str]) -> int:
        db, now = Database.open(self.url), now_ms()
        async with db.write() as conn:
            account = await accounts.create_account(conn, f"bench{now}", "Bench", "1 rue", "fr", "Europe/Paris", now)
            sender = await accounts.declare_sender(conn, account, f"news{now}@bench.test", "Shop", now, now)
            campaign = await campaigns.begin(conn, _campaign(account, sender, now), message(size=self._size))
            assert isinstance(campaign, int)
        people = [
            NewRecipient(n + 2, 0, address, address, f"Nom {n}", (f"p{n}", f"Nom{n}"), Tracked.FULL)
            for n, address in enumerate(addresses)
        ]
        for start in range(0, len(people), _CHUNK):
            async with db.write() as conn:
                await campaigns.add_rows(conn, campaign, people[start : start + _CHUNK], [], now)
        await db.close()
        return campaign

    def publish(self, campaign: int) -> None:
        """Let the senders have it."""
        asyncio.run(self._publish(campaign))

    async def _publish(self, campaign: int) -> None:
        db = Database.open(self.url)
        async with db.write() as conn:
            await campaigns.publish(conn, campaign, f"bench{campaign}", now_ms())
        await db.close()

    def delivered(self, campaign: int, count: int) -> None:
        """Wait until all of a campaign is durably delivered."""
        query = f"SELECT n FROM tallies WHERE campaign_id = {campaign} AND name = 'status:6'"
        self.wait(query, count, 60 + count / 50)

    # --- senders ---

    def start(self) -> None:
        """Start the senders and wait until all have joined."""
        with (self.folder / "senders.log").open("ab") as log:
            self.senders = [
                subprocess.Popen([*self.command, "_send"], env=self.environment, stderr=log) for _ in range(self._count)
            ]
        self.wait("SELECT count(*) FROM workers WHERE retired_at IS NULL", self._count, 60)

    def stop(self) -> None:
        """End the senders in order."""
        for sender in self.senders:
            sender.terminate()
        for sender in self.senders:
            sender.wait(20)

    def wait(self, query: str, wanted: int, seconds: float) -> None:
        """Ask the database until it says `wanted`."""
        asyncio.run(self._wait(query, wanted, seconds))

    async def _wait(self, query: str, wanted: int, seconds: float) -> None:
        db = Database.open(self.url)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    if await self._ask(db, query) >= wanted:
                        return
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            log = (self.folder / "senders.log").read_text()[-2_000:]
            raise SystemExit(f"bench: {query} did not become {wanted}\n{log}") from None
        finally:
            await db.close()

    async def _ask(self, db: Database, query: str) -> int:
        async with db.read() as conn:
            return int((await conn.execute(text(query))).scalar() or 0)

    # --- what it took ---

    def memory(self) -> float:
        """The largest peak of a sender, in MB."""
        peaks = []
        for sender in self.senders:
            found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{sender.pid}/status").read_text())
            peaks.append(int(found[1]) / 1024 if found else 0.0)
        return max(peaks)

    def cpu(self) -> float:
        """CPU seconds that the senders have used."""
        return sum(cpu_of(sender.pid) for sender in self.senders)

    def database_bytes(self) -> int:
        """Pages in use, in bytes: the file itself grows in steps."""
        return asyncio.run(self._bytes())

    async def _bytes(self) -> int:
        db = Database.open(self.url)
        if not db.sqlite:
            whole = await self._ask(db, "SELECT pg_database_size(current_database())")
            await db.close()
            return whole
        pages = await self._ask(db, "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count")
        size = await self._ask(db, "PRAGMA page_size")
        await db.close()
        return pages * size


def _campaign(account: int, sender: int, now: int) -> NewCampaign:
    return NewCampaign(
        account, sender, "Bonjour {{Nom}}", "bench", "Shop", "news@gw.test", "", f"<{now}@x>", f"k{now}", "fr",
        "Europe/Paris", ("Email", "Nom"), 0, _OPTIONS, (), None, now,
    )  # fmt: skip
