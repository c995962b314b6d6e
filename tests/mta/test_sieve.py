"""Just before sending: whoever left meanwhile gets nothing more, also when the mail waits in the sender already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from mta import sieve
from mta.sieve import Exits, Sieve
from mta.values import Parcel
from store import events, jobs, suppressions
from store.engine import Database, now_ms
from store.states import Event
from store.suppressions import SuppressionKeys, fold
from store.values import Change, Job
from tests.mta.conftest import Server
from tests.mta.test_worker import DELIVERED, House, gateway

__all__ = ["gateway"]
KEYS = SuppressionKeys({1: b"k" * 32}, 1)


async def suppress(db: Database, account_id: int, address: str, keys: SuppressionKeys = KEYS) -> None:
    row = {
        "account_id": account_id, "key": keys.hash(fold(address)), "address": address, "reason": "manual",
        "at": now_ms(), "campaign_id": None, "expires_at": None,
    }  # fmt: skip
    async with db.write() as conn:
        await suppressions.add(conn, [row])


async def leased(db: Database, campaign_id: int) -> tuple[int, list[Job]]:
    async with db.write() as conn:
        worker = await jobs.join(conn, "host", 1, now_ms())
        return worker, await jobs.lease(conn, worker, now_ms(), {campaign_id: 100})


class Lines:
    """Mails that wait in a sender."""

    def __init__(self) -> None:
        self.waiting: list[Parcel] = []
        self.dropped: list[Change] = []

    def withdraw(self, unwanted: Any) -> list[Parcel]:
        gone = [parcel for parcel in self.waiting if unwanted(parcel)]
        self.waiting = [parcel for parcel in self.waiting if parcel not in gone]
        return gone

    def hold(self, found: list[Job], worker: int) -> None:
        self.waiting += [Parcel(job, worker, "", job.address, tuple) for job in found]


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def sifting(db: Database, lines: Lines, monkeypatch: pytest.MonkeyPatch) -> Sieve:
    monkeypatch.setattr(sieve, "LOOK", 0.0)
    return Sieve(db, KEYS, Exits(lines.withdraw, lines.dropped.append))


async def test_a_lease_loses_who_was_suppressed_meanwhile(
    db: Database, make: Any, sifting: Sieve, lines: Lines
) -> None:
    campaign = await make(5)
    worker, found = await leased(db, campaign.id)
    assert await sifting.keep(found, worker) == found
    await suppress(db, campaign.account_id, "P2@dest.test")
    kept = await sifting.keep(found, worker)
    assert [job.address for job in kept] == [f"p{n}@dest.test" for n in (0, 1, 3, 4)]
    (change,) = lines.dropped
    assert (change.recipient_id, change.event, change.owner) == (found[2].id, Event.SUPPRESSED, worker)
    assert {"class": "suppressed", "reason": "manual"}.items() <= change.detail.items()


async def test_mails_that_wait_are_looked_at_again_when_the_list_changes(
    db: Database, make: Any, sifting: Sieve, lines: Lines
) -> None:
    campaign = await make(4)
    worker, found = await leased(db, campaign.id)
    lines.hold(found[:3], worker)  # the fourth is being placed
    await sifting.look(worker)
    assert lines.dropped == []
    for n in (1, 3):
        await suppress(db, campaign.account_id, f"p{n}@dest.test")
    await sifting.look(worker)
    assert [change.recipient_id for change in lines.dropped] == [found[1].id]
    lines.hold(found[3:], worker)
    await sifting.look(worker)
    assert [change.recipient_id for change in lines.dropped] == [found[1].id, found[3].id]
    assert [parcel.recipient for parcel in lines.waiting] == ["p0@dest.test", "p2@dest.test"]


async def test_one_that_was_on_the_wire_is_left_alone(db: Database, make: Any, sifting: Sieve, lines: Lines) -> None:
    campaign = await make(1)
    worker, found = await leased(db, campaign.id)
    await suppress(db, campaign.account_id, "p0@dest.test")
    await sifting.look(worker)
    async with db.write() as conn:
        await events.apply(conn, [Change(found[0].id, Event.ACCEPTED, now_ms(), worker)], KEYS)
    await sifting.look(worker)
    lines.hold(found, worker)
    await sifting.look(worker)
    assert lines.dropped == []


async def test_a_mailbox_that_was_full_is_marked_when_it_takes_a_mail(db: Database, make: Any, sifting: Sieve) -> None:
    before, campaign = await make(1), await make(2)
    worker, found = await leased(db, before.id)
    full = Change(found[0].id, Event.REFUSED, now_ms(), worker, detail={"class": "mailbox_full"})
    async with db.write() as conn:
        await events.apply(conn, [full], KEYS)
    worker, found = await leased(db, campaign.id)
    await sifting.keep(found, worker)
    marked = [sifting.mark(Change(job.id, Event.ACCEPTED, now_ms(), worker)).clears for job in found]
    assert marked == [True, False]


async def test_leaving_one_campaign_stops_the_mails_of_another_within_seconds(
    gateway: House, server: Server, tmp_path: Path
) -> None:
    server.dot = lambda rcpt, _: b"451 4.3.0 later\r\n" if b"first" in rcpt else b"250 2.0.0 ok\r\n"
    campaign = await gateway.campaign(["first@dest.test", "stays@dest.test"])
    gateway.start()
    await gateway.until(DELIVERED, 1)
    keys = suppressions.load(gateway.settings)
    await suppress(gateway.db, 1, "first@dest.test", keys)
    async with gateway.db.write() as conn:
        await conn.execute(text("UPDATE recipients SET next_attempt_at = 1 WHERE next_attempt_at IS NOT NULL"))
    await gateway.until("SELECT count(*) FROM recipients WHERE status = 4", 1)
    said = await gateway.ask("SELECT detail FROM events WHERE kind = 13")
    assert campaign and len(said) == 1 and '"reason":"manual"' in str(said[0][0])
    assert len([rcpt for rcpt, _ in server.received if b"first" in rcpt]) == 1
