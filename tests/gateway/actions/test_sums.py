"""Whatever is done with campaigns, in whatever order: every line is accounted for, and one click is one campaign."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_here import ReadingHere
from sqlalchemy import func, select

from gateway.actions.verbs import Verdict
from store import campaigns, control, events, suppressions
from store.actions import Power
from store.engine import now_ms
from store.states import Event
from store.tables import recipients
from store.values import CampaignState, Change
from tests.gateway.actions import test_clerk
from tests.gateway.actions.test_clerk import House, house
from tests.gateway.intake.test_steps import KEYS

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
NUMBERS = itertools.count(1)
STEPS = (
    "stop", "pause", "resume", "replay all", "replay undelivered", "replay unopened", "replay unclicked", "replay filter",
    "modify", "list", "share", "suppress", "send", "open", "settle", "click twice",
)  # fmt: skip


@pytest_asyncio.fixture(loop_scope="module", scope="module", autouse=True)
async def readers() -> AsyncIterator[None]:
    test_clerk.shared[:] = [ReadingHere()]
    yield
    await test_clerk.shared[0].close()


async def numbers(made: House) -> list[int]:
    async with made.desk.database.read() as conn:
        return [one.id for one in await campaigns.recent(conn)]


async def happen(made: House, number: int, event: Event) -> None:
    """Something happens to everybody of a campaign to whom it can."""
    async with made.desk.database.write() as conn:
        rows = await conn.execute(select(recipients.c.id).where(recipients.c.campaign_id == number))
        await events.apply(conn, [Change(row.id, event, now_ms()) for row in rows], KEYS)
        await control.finish_done(conn, now_ms())


async def step(made: House, what: str, number: int) -> None:
    name, _, target = what.partition(" ")
    wish: dict[str, Any] = {"to": target, "send_at": None, "tab": "delivered", "q": ""}
    match name:
        case "stop" | "pause" | "resume":
            await made.order(Power(name), {}, campaign=number)
        case "replay":
            await made.order(Power.REPLAY, wish, campaign=number)
        case "click":
            for _ in range(2):
                await made.order(Power.REPLAY, {"to": "all", "send_at": None}, once=f"one {number}", campaign=number)
        case "modify":
            await made.order(Power.MODIFY, {"send_at": now_ms() + 60_000, "subject": "Neuf"}, campaign=number)
        case "list":
            file = ("l.csv", b"Email;Nom;Suivi\nn@rcpt.example;Neuf;oui\nn@rcpt.example;Deux;\nbad;X;\n")
            await made.order(Power.MODIFY, {"list": True}, file=file, campaign=number)
        case "share":
            await made.order(Power.SHARE, {"address": "chef@x.example", "days": 3}, campaign=number)
        case "suppress":
            row = {"account_id": made.campaign.account_id, "key": KEYS.hash("paul@rcpt.example"), "reason": "manual",
                   "address": "paul@rcpt.example", "at": 5, "campaign_id": None}  # fmt: skip
            async with made.desk.database.write() as conn:
                await suppressions.add(conn, [row])
        case "send":
            await happen(made, number, Event.ACCEPTED)
        case "open":
            await happen(made, number, Event.OPEN)
    if name == "settle" or random.Random(number).random() < 0.5:
        async with made.desk.database.write() as conn:
            await control.settle_stopped(conn, now_ms())
    await made.work()


@settings(max_examples=8)
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 9)), min_size=3, max_size=9), st.booleans())
async def test_every_line_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, done: list[tuple[str, int]], later: bool
) -> None:
    folder = tmp_path_factory.mktemp(f"sums{next(NUMBERS)}")
    async with house(folder, "Date d'envoi : 25/12/2099 9h30" if later else "") as made:
        for what, which in done:
            known = await numbers(made)
            await step(made, what, known[which % len(known)])
            for number in await numbers(made):
                await made.figures(
                    number
                )  # lines = invalid + duplicate + suppressed + recipients = the sum of the statuses
        async with made.desk.database.read() as conn:
            assert await campaigns.loading(conn) == []
            twice = select(recipients.c.address).group_by(recipients.c.campaign_id, recipients.c.address)
            assert (await conn.execute(twice.having(func.count() > 1))).all() == []


async def test_one_click_is_one_campaign_however_often_it_comes(tmp_path_factory: pytest.TempPathFactory) -> None:
    async with house(tmp_path_factory.mktemp("click")) as made:
        await made.end()
        for _ in range(3):
            found = await made.order(Power.REPLAY, {"to": "all", "send_at": None}, once="c")
            await made.work()
        assert found.again and found.verdict is Verdict.DONE and len(await numbers(made)) == 2
        assert (await made.get((await numbers(made))[0])).state is CampaignState.SENDING
