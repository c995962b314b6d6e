"""What is asked of a database at two sizes: the product's own verbs and pages, each timed by itself.

In: a database that scripts/support_history.py has filled, and its server's process id. Out: for each question what some
rounds took: processor time, ours and that of the server's connections together, which a busy machine does not change, and
time by the clock. What a question needs
beforehand (a campaign with due recipients, one to be erased) is made outside of its time, and what it changed is taken back.
Raises what the database raises.
"""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import support_history
import support_plans
from support_plans import Plan, listening
from web_helpers import Reader

from gateway.figures import columns, exporting
from gateway.web.app import build
from gateway.web.context import Context
from gateway.web.recorder import Recorder
from parsers.tokens import Keyring
from store import (
    campaign_list,
    campaigns,
    complaints,
    control,
    erasing,
    events,
    grid,
    haystacks,
    health,
    jobs,
    orderings,
    persons,
    reports,
    suppressions,
)
from store.engine import Database, now_ms
from store.states import Event
from store.suppressions import SuppressionKeys
from store.values import Change, Job, NewCampaign, NewRecipient, Tracked

ROUNDS, WARM, FEW = 9, 1, 3
OLD = 1  # the campaign whose report is read: the first of all
LEASED, WRITTEN, LIST, ERASED = 500, 100, 1_000, 2_000
LIVE = 40_000  # recipients of each of three campaigns that are being sent
KEYS = SuppressionKeys({1: b"k" * 32}, 1)


@dataclass
class Spent:
    """ms of processors, and by the clock."""

    cpu: float = 0.0
    clock: float = 0.0


def processors(server: int) -> float:
    """ms that this process and the connections of a server on this machine have had a processor (proc(5), schedstat)."""
    whole = time.process_time_ns()
    for pid in Path(f"/proc/{server}/task/{server}/children").read_text().split():
        with contextlib.suppress(OSError):  # it ended
            if b"[local]" in Path(f"/proc/{pid}/cmdline").read_bytes():
                whole += int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    return whole / 1e6


@dataclass
class Stand:
    """A database, the pages on it, a sender, and what it sends."""

    db: Database
    server: int
    reader: Reader
    worker: int
    live: Sequence[int]
    spare: list[int]  # campaigns to be erased
    spent: Spent = field(default_factory=Spent)

    @asynccontextmanager
    async def timed(self) -> AsyncIterator[None]:
        """Count the time of the block."""
        begun, had = time.perf_counter(), processors(self.server)
        yield
        self.spent.clock += (time.perf_counter() - begun) * 1000
        self.spent.cpu += processors(self.server) - had


@dataclass(frozen=True, slots=True)
class Question:
    """`most`: how many times as long it may take at the larger size (0: nothing is promised); `rounds`: how often asked."""

    what: str
    ask: Callable[[Stand], Awaitable[None]]
    most: float = 0.0
    rounds: int = ROUNDS


async def _leased(stand: Stand, count: int) -> list[Job]:
    async with stand.db.write() as conn:
        return await jobs.lease(conn, stand.worker, now_ms(), {stand.live[0]: count})


async def lease(stand: Stand) -> None:
    async with stand.timed():
        taken = await _leased(stand, LEASED)
    assert len(taken) == LEASED
    async with stand.db.write() as conn:
        await jobs.release(conn, stand.worker, [job.id for job in taken])


async def due(stand: Stand) -> None:
    async with stand.timed(), stand.db.read() as conn:
        assert set(stand.live) <= set(await jobs.due(conn, now_ms()))


async def outcomes(stand: Stand) -> None:
    taken, now = await _leased(stand, WRITTEN), now_ms()
    detail = {"host": "mx1.orange.test", "ip": "192.0.2.1", "reply": "250 2.0.0 Ok: queued as 4F1B2C", "code": 250}
    told = [Change(job.id, Event.ACCEPTED, now, stand.worker, None, detail) for job in taken]
    async with stand.timed(), stand.db.write() as conn:
        assert await events.apply(conn, told, KEYS, commit=True) == WRITTEN


async def opens(stand: Stand) -> None:
    async with stand.db.read() as conn:
        low, high = await orderings.edges(conn, OLD)
    told = [
        Change(one, Event.OPEN, now_ms(), detail={"agent": "x"}) for one in range(low, high, (high - low) // WRITTEN)
    ]
    async with stand.timed(), stand.db.write() as conn:
        assert await events.apply(conn, told, KEYS, commit=True) == len(told)


async def intake(stand: Stand) -> None:
    now = now_ms()
    new = NewCampaign(
        2, 2, "A list", "A list", "S", "contact@societe2.test", "", f"<{now}@x.test>", f"list {time.monotonic_ns()}", "fr",
        "Europe/Paris", support_history.COLUMNS, 4, {}, (), None, now,
    )  # fmt: skip
    people = [
        NewRecipient(i, 0, f"p{i}@x.test", f"p{i}@x.test", "P", ("F", "P", "N", "06", f"p{i}@x.test"), Tracked.FULL)
        for i in range(5_000)
    ]
    async with stand.timed(), stand.db.write() as conn:
        made = await campaigns.begin(conn, new, b"Subject: a list\r\n\r\n")
        assert isinstance(made, int)
        await campaigns.add_rows(conn, made, people, [], now)
    more = True
    while more:
        async with stand.db.write() as conn:
            more = await campaigns.wipe(conn, made)


def page(query: str) -> Callable[[Stand], Awaitable[None]]:
    """The report of the old campaign, or a part of it."""

    async def ask(stand: Stand) -> None:
        async with stand.timed():
            answer = await stand.reader.get(f"/r/{support_history.word(OLD)}{query}")
        assert answer.status == 200, (query, answer.status)

    return ask


async def trace(stand: Stand) -> None:
    async with stand.db.read() as conn:
        someone = (await reports.whole(conn, [(await orderings.edges(conn, OLD))[0] + 7]))[0]
    async with stand.timed():
        assert someone.id in (await persons.find(stand.db, someone.address, None)).recipients


async def history(stand: Stand) -> None:
    async with stand.db.read() as conn:
        someone = (await orderings.edges(conn, OLD))[0] + 7
    async with stand.timed(), stand.db.read() as conn:
        assert await reports.person(conn, someone) and await reports.history(conn, someone, 200)


async def exported(stand: Stand) -> None:
    async with stand.db.read() as conn:
        campaign = await campaigns.get(conn, OLD)
    assert campaign is not None
    chosen = columns.chosen(campaign, "fr", columns.whole(campaign))
    async with stand.timed():
        assert len(await anext(exporting.people(stand.db, campaign, grid.View(), chosen))) == exporting.CHUNK


async def suppressed(stand: Stand) -> None:
    boxes = [f"m.martin{i}@entreprise{i % 400}.fr" for i in range(LIST)]
    async with stand.timed(), stand.db.read() as conn:
        await suppressions.find(conn, 2, boxes, KEYS, now_ms())


async def erase(stand: Stand) -> None:
    campaign, more = stand.spare.pop(), True
    async with stand.timed():
        while more:
            async with stand.db.write() as conn:
                more = await erasing.step(conn, campaign, KEYS, now_ms())


async def chores(stand: Stand) -> None:
    """What a gateway looks for every second, or every hour."""
    now = now_ms()
    async with stand.timed():
        async with stand.db.read() as conn:
            await health.queue(conn, now)
            await complaints.unread(conn, now)
            await erasing.due(conn, now, 400 * support_history.DAY)
        async with stand.db.write() as conn:
            await control.settle_stopped(conn, now)
            await control.finish_done(conn, now)


async def listed(stand: Stand) -> None:
    async with stand.timed(), stand.db.read() as conn:
        assert (await campaign_list.page(conn, 2)).lines


QUESTIONS = (
    Question(f"lease of {LEASED} due recipients", lease, 2.0),
    Question("which campaigns are due", due, 2.0),
    Question(f"{WRITTEN} outcomes of a sender", outcomes),
    Question(f"{WRITTEN} opens of an old campaign", opens),
    Question("5,000 lines of a list", intake, rounds=FEW),
    Question(f"suppression list, {LIST:,} addresses", suppressed),
    Question("the report", page(""), 2.0),
    Question("its details, first page", page("/details"), 2.0),
    Question("a page in its midst", page("/details?after=0.0.10000"), 2.0),
    Question("opened and clicked", page("/details?tab=engaged"), 2.0),
    Question("by status", page("/details?sort=status"), 2.0),
    Question("by date, newest first", page("/details?sort=date&down=1"), 2.0),
    Question("by clicks", page("/details?sort=clicks&down=1"), 2.0),
    Question("opened between 9 and 12", page("/details?c=opened&o=hours&v=9&w=12"), 2.0),
    Question("of one provider", page("/details?c=provider&o=is&v=orange&w="), 2.0),
    Question("search of a name", page("/details?q=martin"), 2.0),
    Question("search of one address", page("/details?q=martin7926%40"), 2.0),
    Question(f"export, first {exporting.CHUNK:,}", exported, 2.0),
    Question("an account's campaigns", listed),
    Question("one recipient's history", history),
    Question("trace by address, all campaigns", trace, rounds=FEW),
    Question("what is looked for again and again (chores)", chores),
    Question(f"erasing a campaign of {ERASED:,}", erase, rounds=FEW),
)


async def measured(db: Database, server: int) -> tuple[Mapping[str, Sequence[Spent]], list[Plan]]:
    """What each question took in all its rounds, and the plans of the statements that they sent."""
    live = [await support_history.campaign(db, LIVE, live=True) for _ in range(3)]
    spare = [await support_history.campaign(db, ERASED) for _ in range(FEW + WARM)]
    async with db.read() as conn:
        gathered = await haystacks.is_ready(conn, OLD)
    if not gathered:
        await haystacks.build(db, OLD)
    await support_history.vacuum(db)
    async with db.write() as conn:
        worker = await jobs.join(conn, "history", 1, now_ms())
    app = build(
        Context(db, Keyring({1: b"k" * 32}, 1), Recorder(db, KEYS), "http://gateway.test", "gateway.test", "fr", 10_000)
    )
    stand, found = Stand(db, server, Reader(app), worker, live, spare), dict[str, list[Spent]]()
    with listening(db) as listener:
        for question in QUESTIONS:
            listener.subject, times = question.what, list[Spent]()
            for _ in range(WARM + question.rounds):
                stand.spent = Spent()
                await question.ask(stand)
                times.append(stand.spent)
            found[question.what] = times[WARM:]
        listener.subject = ""
        plans = await support_plans.plans(db, listener)
    async with db.write() as conn:
        await jobs.retire(conn, worker, now_ms())
        for one in live:
            await control.pause(conn, one, now_ms())
    return found, plans


def typical(times: Sequence[Spent]) -> float:
    """The median of the processor time."""
    return statistics.median(one.cpu for one in times)


def missed(question: Question, small: Sequence[Spent], large: Sequence[Spent]) -> bool:
    """Whether a question takes more times as long as it may."""
    return bool(question.most) and typical(large) > question.most * typical(small)
