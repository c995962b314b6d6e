"""Retention on time, with a clock that is moved: nothing a millisecond early, everything after, and the totals for good."""

from __future__ import annotations

import os
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlalchemy import select, update

from gateway.letters import comebacks
from gateway.processes.erasing import Eraser
from parsers.tokens import Purpose, sign
from store import campaigns
from store import comebacks as store_comebacks
from store.engine import now_ms
from store.tables import campaigns as campaigns_table
from store.tables import notices, recipients
from store.tables_consent import comebacks as comebacks_table
from store.tables_consent import remnants
from store.values import CampaignState
from tests.gateway.intake.test_steps import LISTE, mail, office, readers, words

assert readers  # the module's own pool of reading processes
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

DAY = 86_400_000


async def test_a_report_ends_on_its_day(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        await made.send(mail(("LISTE.csv", LISTE)))
        database, ended = made.desk.database, now_ms()
        async with database.write() as conn:
            await conn.execute(update(campaigns_table).values(state="finished", finished_at=ended))
            await conn.execute(update(recipients).values(next_attempt_at=None))
            await conn.execute(update(notices).values(next_attempt_at=None))
            before = await campaigns.ledger(conn, 1)
        clock = [ended + 30 * DAY - 1]
        eraser = Eraser(made.desk, lambda: clock[0])
        await eraser.turn()
        assert len(await made.rows(select(notices))) == 1, "its acknowledgement shows three of the people"
        clock[0] += 3_600_001
        await eraser.turn()
        await eraser.turn()
        async with database.read() as conn:
            (campaign,) = await campaigns.recent(conn)
            after = await campaigns.ledger(conn, 1)
        assert campaign.erased_at == clock[0] and before == after
        assert await made.rows(select(notices)) == [] and len(await made.rows(select(remnants))) == 2
        assert {row.address for row in await made.rows(select(recipients))} == {""}


async def test_who_waits_for_ever_is_stopped_and_erased(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        await made.send(mail(("LISTE.csv", LISTE), ("Config.txt", "Couleur : bleu")))
        assert await made.states() == ["held"]
        eraser = Eraser(made.desk, lambda: now_ms() + 31 * DAY)
        await eraser.turn()
        await eraser.turn()
        async with made.desk.database.read() as conn:
            (campaign,) = await campaigns.recent(conn)
            ledger = await campaigns.ledger(conn, campaign.id)
        assert campaign.state is CampaignState.STOPPED and campaign.erased_at is not None
        assert ledger is not None and ledger.recipients == sum(ledger.statuses.values()) == 2


async def test_what_was_set_aside_goes_after_its_time(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        shunt = made.desk.spool.folder / "shunt"
        for name, age in (("old", 91), ("young", 89)):
            (shunt / name).write_bytes(b"a mail")
            at = now_ms() / 1000 - age * 86_400
            os.utime(shunt / name, (at, at))
        await Eraser(made.desk).turn()
        assert [path.name for path in shunt.iterdir()] == ["young"]


async def test_the_letter_of_a_way_back(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        await made.send(mail(("LISTE.csv", LISTE)))
        desk = made.desk
        async with desk.database.write() as conn:
            await store_comebacks.ask(conn, 1, now_ms())
            await store_comebacks.ask(conn, 99, now_ms())  # erased meanwhile
        await comebacks.invite(desk)
        await comebacks.invite(desk)
        _, letter = await made.rows(select(notices).order_by(notices.c.id))
        token = sign(desk.keyring, Purpose.RETURN, 1, now_ms() // DAY % 4096)
        assert letter.address == "marie@rcpt.example" and f"/b/{token}".encode() in bytes(letter.raw).replace(
            b"=\r\n", b""
        )
        assert all(row.sent_at is not None for row in await made.rows(select(comebacks_table)))
        assert "réabonnement" in words(message_from_bytes(bytes(letter.raw), policy=policy.default))
