"""The history that `make history` makes adds up as a real one does, and its report tells what was missed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres import Postgres, serving
from sqlalchemy import func, select

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))

import history
import support_history
import support_plans
import support_size
from support_size import QUESTIONS, Spent

from store import campaigns
from store.engine import Database
from store.tables import campaigns as campaigns_table
from store.tables import events, recipients


def test_what_does_not_fit_the_disk_is_refused_with_a_sentence() -> None:
    assert history.refusal(1_000_000, 20_000_000_000) == ""
    told = history.refusal(100_000_000, 75_000_000_000)
    assert told.startswith("100,000,000 recipients take some 130 GB, and 75 GB are free")


def test_nothing_is_begun_without_room(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(history, "Postgres", None)  # calling it would fail
    assert history.main(["--rows", "1000000000000"]) == 2
    assert "give --folder on a larger disk" in capsys.readouterr().err


def test_a_question_that_takes_more_times_as_long_is_told() -> None:
    once = {question.what: [Spent(10.0, 12.0), Spent(11.0, 30.0), Spent(12.0, 14.0)] for question in QUESTIONS}
    lines, met = history.answers(once, once, (1_000_000, 10_000_000))
    assert met and len(lines) == 2 + len(QUESTIONS)
    assert lines[2] == "| lease of 500 due recipients | 11.0 | 11.0 | 1.00 | 2 | 12.0 | 12.0 |"
    longer = once | {QUESTIONS[0].what: [Spent(22.1, 25.0)]}
    lines, met = history.answers(once, longer, (1_000_000, 10_000_000))
    assert not met
    assert lines[2] == "| lease of 500 due recipients | 11.0 | 22.1 | 2.01 | 2 **missed** | 12.0 | 25.0 |"


def test_a_plan_is_shortened_to_what_says_something() -> None:
    told = "Seq Scan on recipients  (cost=1)\n  Filter: x\nPlanning:\n  Buffers: shared hit=1\nExecution Time: 1.250 ms"
    assert support_plans.scanned(told) == {"recipients"}
    assert support_plans.spent(told) == 1.25
    assert support_plans.shortened("SELECT  1\n WHERE $1::BIGINT", told).startswith("-- SELECT 1 WHERE $1\nSeq Scan")
    assert support_plans.scanned("Index Scan using pk_recipients on recipients") == set()


@pytest.fixture
def server() -> Iterator[Postgres]:
    with serving() as made:
        yield made


@pytest.mark.peers
async def test_every_question_is_asked_of_a_history_that_adds_up(
    server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, count in (("LIVE", 600), ("ERASED", 20), ("ROUNDS", 1), ("FEW", 1), ("WARM", 0)):
        monkeypatch.setattr(support_size, name, count)
    few = tuple(support_size.Question(one.what, one.ask, 0.0, 1) for one in QUESTIONS)
    monkeypatch.setattr(support_size, "QUESTIONS", few)
    url = await asyncio.to_thread(server.create, "history")
    lines, met = await history.history(url, server.pid(), 11_000, 12_500)
    text = "\n".join(lines)
    assert met and all(f"| {question.what} |" in text for question in few)
    assert "| recipients |" in text and "Index Scan using ix_recipients_due" in text
    db = Database.open(url)
    async with db.read() as conn:
        ids = (await conn.execute(select(campaigns_table.c.id).where(campaigns_table.c.erased_at.is_(None)))).scalars()
        for campaign in ids.all():
            ledger = await campaigns.ledger(conn, campaign)
            assert ledger is not None
            assert ledger.lines == ledger.invalid + ledger.duplicate + ledger.suppressed + ledger.recipients
            by_status = select(recipients.c.status, func.count()).group_by(recipients.c.status)
            rows = dict((await conn.execute(by_status.where(recipients.c.campaign_id == campaign))).all())
            assert {int(status): n for status, n in ledger.statuses.items() if n} == rows
        people = await conn.scalar(select(func.count()).where(recipients.c.campaign_id == support_size.OLD))
        stories = await conn.scalar(select(func.count()).where(events.c.campaign_id == support_size.OLD))
    assert await support_history.people(db) > 12_500  # those that are being sent came on top
    await db.close()
    assert people == 11_000 and 1.2 * people < (stories or 0) < 1.8 * people
