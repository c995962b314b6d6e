"""Each mode of following walked through a real send, real mails and real hits: what the database and the log hold afterwards.

A list of six people goes out three times over real SMTP: marketing (some agreed), service mail that watches for inactive
addresses, and with Config's "Suivi : non". Everybody loads every image and follows every link of their mail, twice: before
and after one of them says no. Then the whole database and the whole log are searched for what must not be there.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from sink import Sink
from sqlalchemy import text
from web_helpers import AGENT, Reader

from config import keys
from config.settings import Settings
from gateway.intake.loading import Plan, tracked
from gateway.returns import judging
from gateway.web.app import build
from gateway.web.context import Context
from gateway.web.recorder import Recorder
from mail.tracking import last_open_id
from mta.worker import Worker
from parsers.tokens import Keyring
from store import accounts, anonymous, campaigns, consents, suppressions
from store.engine import Database, now_ms
from store.values import NewCampaign, NewRecipient, Tracked

pytestmark = pytest.mark.slow
SOURCE = (
    b"From: Shop <news@acme.test>\r\nTo: mail@gw.test\r\nSubject: Bonjour\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/html; charset=utf-8\r\n\r\n"
    b'<html><body><a href="https://shop.test/a">voir</a> <a href="https://shop.test/?n={{Nom}}">moi</a></body></html>\r\n'
)
LINKS = (
    {"index": 0, "part": "text", "target": "https://shop.test/a", "merged": False},
    {"index": 1, "part": "text", "target": "https://shop.test/?n={{Nom}}", "merged": True},
    {"index": 2, "part": "html", "target": "https://shop.test/a", "merged": False},
    {"index": 3, "part": "html", "target": "https://shop.test/?n={{Nom}}", "merged": True},
)
# who says what in the column Suivi; the register holds a refusal of `no` and a yes of `yes`
PEOPLE = {"yes": "", "no": "oui", "said": "oui", "silent": "", "vague": "peut-être", "leaves": "oui"}
CLIENT = "192.0.2.9"
URL = re.compile(r"http://gw\.test(/[a-z]/[a-z2-7]{30}(?:\.gif)?)")


@dataclass
class World:
    db: Database
    reader: Reader
    ring: Keyring
    keys: suppressions.SuppressionKeys
    sink: Sink
    settings: Settings
    account: int = 0

    async def rows(self, query: str) -> list[Any]:
        async with self.db.read() as conn:
            return list(await conn.execute(text(query)))

    async def send(self, plan: Plan, name: str, aggregate: bool = False) -> dict[str, Tracked]:
        """Make a campaign of PEOPLE, each in the mode that the rules give; the mode by name."""
        now = now_ms()
        addresses = [f"{who}@dest.test" for who in PEOPLE]
        async with self.db.write() as conn:
            said = await consents.standing(conn, self.account, addresses, self.keys)
            modes = {who: tracked(plan, suivi, said.get(f"{who}@dest.test")) for who, suivi in PEOPLE.items()}
            sender = await accounts.declare_sender(conn, self.account, "news@gw.test", "Shop", now, now)
            options = {"unsubscribe": True, "bulk": True, "aggregate_opens": aggregate, "list_id": "l.gw.test"}
            new = NewCampaign(
                self.account, sender, "Bonjour", name, "Shop", "news@gw.test", "", f"<{name}@x>", name, "fr", "Europe/Paris",
                ("Email", "Nom"), 0, options, (), None, now, LINKS,
            )  # fmt: skip
            made = await campaigns.begin(conn, new, SOURCE)
            assert isinstance(made, int)
            people = [
                NewRecipient(
                    n + 2, 0, f"{who}@dest.test", f"{who}@dest.test", "", (f"{who}@dest.test", who), modes[who]
                )
                for n, who in enumerate(PEOPLE)
            ]
            await campaigns.add_rows(conn, made, people, [], now)
            await campaigns.publish(conn, made, f"token{made}", now)
        return modes

    async def deliver(self, mails: int) -> dict[str, list[str]]:
        """Let a real sender work until so many mails have arrived; our addresses in each new mail, by person."""
        worker, stop, before = Worker(self.settings, self.db), asyncio.Event(), len(self.sink.mails)
        running = asyncio.create_task(worker.run(stop))
        async with asyncio.timeout(20):
            while len(self.sink.mails) < before + mails or await self.rows(
                "SELECT 1 FROM recipients WHERE attempts = 0"
            ):
                await asyncio.sleep(0.02)
        stop.set()
        await running
        return {mail.recipient.partition("@")[0].strip("<"): ours(mail.raw) for mail in self.sink.mails[before:]}

    async def hit(self, mails: dict[str, list[str]]) -> None:
        """Load and follow everything, but for the ways out."""
        for addresses in mails.values():
            for path in addresses:
                if path[1] not in "tu":
                    answer = await self.reader.get(path)
                    assert answer.status == (200 if path.endswith(".gif") else 302), path
        while await judging.turn(self.db, self.keys, 0, now_ms() + 120_000):
            pass


def ours(raw: bytes) -> list[str]:
    """Our addresses in a mail's bodies, in order, each once."""
    made = message_from_bytes(raw, policy=policy.default)
    bodies = "".join(made.get_body((kind,)).get_content() for kind in ("plain", "html"))  # type: ignore[union-attr]
    return list(dict.fromkeys(URL.findall(bodies)))


def kinds(paths: list[str]) -> str:
    return "".join(sorted(path[1] for path in paths if path[1] != "u"))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    keys.create(tmp_path, "gw.test")
    with Sink() as sink:
        settings = Settings(
            gateway={"domain": "gw.test", "public_url": "http://gw.test", "data_dir": tmp_path},
            delivery={"routes": {"*": f"127.0.0.1:{sink.port}"}},
        )
        db = Database.open(settings.database_url)
        await db.migrate()
        hashing, ring = suppressions.load(settings), Keyring(*keys.load_keyring(tmp_path, "tokens"))
        recorder = Recorder(db, hashing)
        writing = asyncio.create_task(recorder.run())
        app = build(Context(db, ring, recorder, "http://gw.test", "gw.test", "fr", 30))
        made = World(db, Reader(app), ring, hashing, sink, settings)
        async with db.write() as conn:
            made.account = await accounts.create_account(conn, "acme", "Acme", "1 rue", "fr", "Europe/Paris", 1)
            words = [
                consents.New("no@dest.test", False, 1, "page", "Je n'accepte pas", personal=True),
                consents.New("yes@dest.test", True, 1, "import", "J'accepte"),
            ]
            await consents.record(conn, made.account, words, hashing, 1)
        yield made
        recorder.close()
        await writing
        await db.close()


def plan(account: int, tracking: str = "auto", hygiene: bool = False) -> Plan:
    return Plan(0, account, "fr", "Europe/Paris", False, tracking, {}, 0, hygiene)


async def test_marketing(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    modes = await world.send(plan(world.account), "marketing", aggregate=True)
    full = {who for who, mode in modes.items() if mode is Tracked.FULL}
    assert full == {"yes", "said", "leaves"}, "a plain yes, and no refusal on record"
    assert {modes[who] for who in PEOPLE if who not in full} == {Tracked.ANONYMOUS}
    mails = await world.deliver(6)
    assert {kinds(mails[who]) for who in full} == {"cccc" + "ot"}
    assert len({tuple(path for path in mails[who] if path[1] != "u") for who in PEOPLE if who not in full}) == 1
    assert kinds(mails["no"]) == "a" + "ll"
    await world.hit(mails)
    out = next(path for path in mails["leaves"] if path[1] == "t")
    assert (await world.reader.post(out, {"say": "no"})).status == 200
    await world.hit(mails)

    names = {
        row.id: row.name for row in await world.rows("SELECT id, json_extract(fields, '$[1]') AS name FROM recipients")
    }
    told = await world.rows("SELECT recipient_id, kind, detail FROM events WHERE kind IN (9, 10)")
    hits = {who: sum(1 for row in told if names[row.recipient_id] == who) for who in PEOPLE}
    assert hits == {"yes": 10, "said": 10, "leaves": 5, "no": 0, "silent": 0, "vague": 0}
    seen = await world.rows("SELECT json_extract(fields, '$[1]') AS who FROM recipients WHERE opened_at IS NOT NULL")
    assert {row.who for row in seen} <= full
    # three people, two rounds, three links that all have: and who of them did what is nowhere
    async with world.db.read() as conn:
        assert await anonymous.counts(conn, 1) == {anonymous.PIXEL: (6, 0), 0: (6, 0), 2: (6, 0)}
    await no_trace(world, capsys, agents_of={"yes", "said", "leaves"}, names=names)


async def test_service_mail(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    modes = await world.send(plan(world.account, hygiene=True), "service")
    assert {who for who, mode in modes.items() if mode is Tracked.HYGIENE} == {"silent", "vague"}
    assert modes["no"] is Tracked.ANONYMOUS, "whoever refused is not watched for inactivity either"
    mails = await world.deliver(6)
    assert kinds(mails["silent"]) == "h" + "ll" + "t"
    watched = {who: mails[who] for who in ("silent", "vague", "no")}
    await world.hit(watched)
    out = next(path for path in mails["vague"] if path[1] == "t")
    assert (await world.reader.post(out, {"say": "no"})).status == 200
    await world.hit(watched)
    days = {row.key: (row.day, bool(row.stopped)) for row in await world.rows("SELECT * FROM last_opens")}
    today = now_ms() // 86_400_000
    number = {who: last_open_id(world.ring, world.account, f"{who}@dest.test") for who in ("silent", "vague")}
    assert days == {
        number["silent"][0] << 12 | number["silent"][1]: (today, False),
        number["vague"][0] << 12 | number["vague"][1]: (None, True),
    }
    assert await world.rows("SELECT 1 FROM events WHERE kind IN (9, 10)") == []
    assert await world.rows("SELECT 1 FROM recipients WHERE opened_at IS NOT NULL OR clicks > 0") == []
    await no_trace(world, capsys, agents_of=set(), names={})


async def test_none(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    modes = await world.send(plan(world.account, tracking="none"), "none", aggregate=True)
    assert set(modes.values()) == {Tracked.NONE}
    mails = await world.deliver(6)
    assert {kinds(paths) for paths in mails.values()} == {""}
    assert await world.rows("SELECT 1 FROM events WHERE kind IN (9, 10)") == []
    await no_trace(world, capsys, agents_of=set(), names={})


async def no_trace(
    world: World, capsys: pytest.CaptureFixture[str], agents_of: set[str], names: dict[int, str]
) -> None:
    """No address of a reader's machine anywhere, software only of who agreed, nothing of anybody in the log."""
    holders: set[str] = set()
    for (table,) in await world.rows("SELECT name FROM sqlite_master WHERE type = 'table'"):
        for row in await world.rows(f'SELECT * FROM "{table}"'):
            said = repr(tuple(row))
            assert CLIENT not in said, table
            if AGENT in said:
                assert table == "events", table
                holders.add(names[row.recipient_id])
    assert holders == agents_of
    said = capsys.readouterr().err
    assert "hits_written" in said or not world.sink.mails or not agents_of
    for word in (
        "dest.test",
        CLIENT,
        "Firefox",
        *(who for who in PEOPLE if who not in ("no", "yes", "said", "leaves")),
    ):
        assert word not in said, word
    assert not re.search(r"\b[a-z2-7]{30}\b", said)
    for line in said.splitlines():
        if '"recipient"' in line:
            assert '"event": "consent_changed"' in line, "a person's own word is told, nothing of what they read"
