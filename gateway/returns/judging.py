"""Hits become events: those of one recipient are judged together once nothing more has come for some seconds.

In: the database, what is waited for (ms), and the present. Out: opens and clicks in the recipients' stories, with their
reasons where no person was behind them, and the counters of links and software. What came of somebody who meanwhile refused
is dropped. A crash before the commit leaves the hits where they were. Raises what the database raises; logs hits_judged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from config.logging import log
from parsers.bursts import HIDDEN, PIXEL, Seen, together
from parsers.hits import Verdict
from parsers.useragent import describe
from store import consents, events, hits
from store.engine import Database
from store.hits import Agents, Hit, Links, Reader
from store.states import Event
from store.suppressions import SuppressionKeys
from store.values import Change

PEOPLE = 250  # recipients judged in one transaction
ROUNDS = 40  # transactions a turn: other chores wait


async def turn(database: Database, keys: SuppressionKeys, settle: int, now: int) -> int:
    """Judge what is ripe; returns how many hits."""
    async with database.read() as conn:
        if not await hits.any_pending(conn):
            return 0
    judged = 0
    for _ in range(ROUNDS):
        taken = await _round(database, keys, settle, now)
        judged += taken
        if not taken:
            break
    if judged:
        log("hits_judged", rows=judged)
    return judged


async def _round(database: Database, keys: SuppressionKeys, settle: int, now: int) -> int:
    async with database.write() as conn:
        taken = await hits.take(conn, now, settle, PEOPLE)
        if not taken:
            return 0
        ids = sorted({hit.recipient_id for hit in taken})
        allowed = await consents.followed(conn, ids, keys, now, leavers=True)
        readers = await hits.readers(conn, [one for one in ids if one in allowed])
        known = await hits.clicked(conn, list(readers))
        changes = judge(taken, readers)
        await events.apply(conn, changes, keys)
        await hits.count(conn, *counted(changes, readers, known))
        return len(taken)


def judge(taken: Sequence[Hit], readers: dict[int, Reader]) -> list[Change]:
    """The events of hits, which are in order of recipients; those of nobody who is known are left out."""
    changes: list[Change] = []
    for recipient, own in groupby(taken, key=lambda hit: hit.recipient_id):
        if (reader := readers.get(recipient)) is not None:
            some = list(own)
            seen = [Seen(hit.at, hit.link, hit.agent, Verdict(bool(hit.reason), hit.reason, hit.sure)) for hit in some]
            verdicts = together(seen, reader.accepted_at)
            changes += [_change(hit, verdict) for hit, verdict in zip(some, verdicts, strict=True)]
    return changes


def _change(hit: Hit, verdict: Verdict) -> Change:
    detail: dict[str, object] = {"agent": hit.agent} if hit.agent else {}
    if hit.link != PIXEL:
        detail["link"] = hit.link
    if verdict.machine:
        detail["why"] = verdict.reason
        if not verdict.sure:
            detail["unsure"] = True
    event = Event.OPEN if hit.link == PIXEL else Event.CLICK
    return Change(hit.recipient_id, event, hit.at, detail=detail, machine=verdict.machine)


def counted(changes: Sequence[Change], readers: dict[int, Reader], known: set[tuple[int, int]]) -> tuple[Links, Agents]:
    """What the events add to the counters; `known` are the links that each recipient had followed before."""
    links: Links = Counter()
    agents: Agents = Counter()
    for change in changes:
        campaign, detail = readers[change.recipient_id].campaign_id, change.detail
        link = detail.get("link", PIXEL)
        if change.machine:
            if link not in (PIXEL, HIDDEN):
                links[campaign, link, "unsure" if detail.get("unsure") else "machine"] += 1
            continue
        agent = describe(str(detail.get("agent", "")))
        agents[campaign, int(change.event), agent.system, agent.form, agent.client] += 1
        if link != PIXEL:
            links[campaign, link, "clicks"] += 1
            if (change.recipient_id, link) not in known:
                known.add((change.recipient_id, link))
                links[campaign, link, "people"] += 1
    return links, agents
