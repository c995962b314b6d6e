"""A real sender process (`mail2campaign _send`) with a campaign in its database, on its way to a foreign server.

In: a folder and the server's port. Out: the statuses in the database, and for every mail that arrived the very bytes that
the sender rendered: a mail is a function of its campaign, its recipient, its date and the keys, so it can be made again.
The process is ended by its id.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from email import message_from_bytes
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from sqlalchemy import text

from config.settings import load
from mail import dkim
from mta import plates
from mta.plates import house
from store import accounts, campaigns
from store.engine import Database, now_ms
from store.states import Status
from store.values import Job, NewCampaign, NewRecipient, Tracked

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = "gw.test"
OPTIONS = {
    "unsubscribe": True, "bulk": True, "footer_name": "Société Été", "footer_address": "1 rue de la Paix",
    "feedback": "f", "list_id": "l.gw.test",
}  # fmt: skip
SUBJECT = "Bonjour {{Nom}}, l'été arrive"


def source() -> bytes:
    """The user's mail: accents, tags, links, lines that begin with dots, a paragraph far beyond 998 characters."""
    plain = "Bonjour {{Nom}},\r\n.\r\n..deux points\r\n.ligne\r\nvoir https://shop.test/a?b=c\r\nDéjà l'été : 50 €\r\n"
    page = (
        "<html><body><p>Bonjour {{Nom}}, d\u00e9j\u00e0 l'\u00e9t\u00e9\u00a0!</p>\r\n.\r\n..<br>\r\n"
        f'<p><a href="https://shop.test/a?n={{{{Nom}}}}">voir</a></p><p>{"Très longue ligne. " * 200}</p></body></html>\r\n'
    )
    head = 'MIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary="b"\r\n\r\n'
    return (
        f"From: Shop <news@acme.test>\r\nTo: mail@{DOMAIN}\r\nSubject: {SUBJECT}\r\n{head}"
        f"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{plain}"
        f"--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{page}--b--\r\n"
    ).encode()


class Sender:
    """A gateway's folder with one sender process; use as a context manager."""

    def __init__(self, folder: Path, port: int, **settings: str) -> None:
        self.folder = folder
        section = {"DELIVERY__ROUTES": json.dumps({"*": f"127.0.0.1:{port}"}), **settings}
        own = {f"MAIL2CAMPAIGN_{key}": value for key, value in section.items()}
        self._environment = os.environ | own | {"PYTHONPATH": str(ROOT)}
        self._command = [sys.executable, "-m", "gateway.cli.main"]
        init = [*self._command, "init", "--dir", str(folder), "--domain", DOMAIN]
        subprocess.run(init, check=True, stdout=subprocess.DEVNULL, env=self._environment, timeout=60)
        self.settings = load(folder / "mail2campaign.toml")
        self.database = Database.open(self.settings.database_url)
        self._process: subprocess.Popen[bytes] | None = None
        self._people: dict[str, tuple[str, ...]] = {}
        self._campaign = 0

    async def campaign(self, names: Sequence[str]) -> None:
        """Put a campaign for NAME@dest.test in the database; every second person is followed."""
        now = now_ms()
        self._people = {f"{name}@dest.test": (f"{name}@dest.test", f"Zoé {name} d'Été") for name in names}
        async with self.database.write() as conn:
            account = await accounts.create_account(conn, "acme", "Acme", "1 rue", "fr", "Europe/Paris", now)
            sender = await accounts.declare_sender(conn, account, "news@acme.test", "Shop", now, now)
            new = NewCampaign(
                account, sender, SUBJECT, "c", "Société Été", f"news@{DOMAIN}", "", "<m@x>", "k", "fr", "Europe/Paris",
                ("Email", "Nom"), 0, OPTIONS, (), None, now,
            )  # fmt: skip
            made = await campaigns.begin(conn, new, source())
            assert isinstance(made, int)
            people = [
                NewRecipient(n + 2, 0, address, address, values[1], values, self._tracked(address))
                for n, (address, values) in enumerate(self._people.items())
            ]
            await campaigns.add_rows(conn, made, people, [], now)
            await campaigns.publish(conn, made, "token", now)
        self._campaign = made

    def _tracked(self, address: str) -> Tracked:
        return Tracked.FULL if list(self._people).index(address) % 2 else Tracked.NONE

    def start(self) -> None:
        """Let the sender run."""
        with (self.folder / "send.log").open("ab") as log:
            words = [*self._command, "--config", str(self.folder / "mail2campaign.toml"), "_send"]
            self._process = subprocess.Popen(words, stdout=log, stderr=log, env=self._environment)

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the database says."""
        async with self.database.read() as conn:
            return [tuple(row) for row in await conn.execute(text(query))]

    async def until(self, query: str, wanted: int, seconds: float = 120.0) -> None:
        """Ask until the first number is as wanted."""
        end = time.monotonic() + seconds
        while (found := (await self.rows(query))[0][0]) != wanted:
            assert time.monotonic() < end, (
                f"{query}: {found}, not {wanted}\n{(self.folder / 'send.log').read_text()[-2000:]}"
            )
            await asyncio.sleep(0.05)

    async def delivered(self, count: int) -> None:
        """Wait until so many recipients have status delivered."""
        await self.until(f"SELECT count(*) FROM recipients WHERE status = {int(Status.DELIVERED)}", count)

    async def rendered(self, arrived: dict[str, list[bytes]]) -> dict[str, bytes]:
        """Make the mails of the recipients whose mail arrived again, with the dates found there."""
        async with self.database.read() as conn:
            campaign = await campaigns.get(conn, self._campaign)
            assert campaign is not None
        ids = {str(address): int(row) for row, address in await self.rows("SELECT id, address FROM recipients")}
        jobs = {name: self._job(f"{name}@dest.test", ids[f"{name}@dest.test"]) for name in arrived}
        plate = plates.make(campaign, source(), next(iter(jobs.values())), house(self.settings))
        assert isinstance(plate, plates.Plate), plate
        made = {}
        for name, mails in arrived.items():
            date = parsedate_to_datetime(message_from_bytes(mails[0])["Date"])
            made[name] = plate.compiled.render(plates.person(jobs[name]), int(date.timestamp()) * 1000)
        return made

    def _job(self, address: str, number: int) -> Job:
        values, campaign = self._people[address], self._campaign
        return Job(number, campaign, address, values[1], values, self._tracked(address), Status.QUEUED, 0, None)

    @property
    def published(self) -> dict[str, str]:
        """The DKIM records of the gateway, by name."""
        return {dkim.dns_name(signer): dkim.dns_value(signer) for signer in house(self.settings).signers}

    async def __aenter__(self) -> Sender:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        await self.database.close()
