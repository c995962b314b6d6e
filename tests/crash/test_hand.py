"""The operator's hand on senders at work: what he suspends, pauses or stops sends no mail more after a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from running import Running, message, report_token, until
from sink import Sink
from sqlalchemy.ext.asyncio import AsyncConnection

from store import accounts, control
from store.engine import Database, now_ms

pytestmark = [pytest.mark.crash, pytest.mark.alone]
PEOPLE = 20_000


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


def campaign_mails(sink: Sink) -> int:
    return sum(mail.sender != "" for mail in sink.mails)


Order = Callable[[AsyncConnection], Awaitable[object]]


async def given(gateway: Running, order: Order) -> float:
    """Write an order into the gateway's database, as the commands do; returns when it was there."""
    database = Database.open(f"sqlite+aiosqlite:///{gateway.folder / 'data' / 'mail2campaign.db'}")
    try:
        async with database.write() as conn:
            await order(conn)
        return time.time()
    finally:
        await database.close()


def obeyed(gateway: Running, sink: Sink, order: Order) -> float:
    """Give an order to a gateway that sends; returns the seconds from then to the last mail that arrived."""
    before = campaign_mails(sink)
    until(lambda: campaign_mails(sink) > before + 100, 60, "mails leave")
    done = asyncio.run(given(gateway, order))
    until(lambda: time.time() - max(done, *(mail.at for mail in sink.mails)) > 2.0, 60, "two quiet seconds")
    assert campaign_mails(sink) < PEOPLE, "the order came while mails were leaving"
    return max(mail.at for mail in sink.mails) - done


def test_orders_are_obeyed_within_a_second(tmp_path: Path, sink: Sink) -> None:
    gateway = Running(tmp_path / "gw", sink.port, DELIVERY__MESSAGES_PER_CONNECTION="20")
    gateway.start()
    try:
        gateway.submit(message(PEOPLE))
        found = {"suspend": obeyed(gateway, sink, lambda conn: accounts.suspend(conn, 1, True))}
        gateway.command("account", "resume", "acme")
        found["pause"] = obeyed(gateway, sink, control.pause_all)
        gateway.command("campaign", "resume", "--all")
        found["stop"] = obeyed(gateway, sink, lambda conn: control.stop_all(conn, now_ms()))
        assert max(found.values()) < 1.0, found
        (acknowledgement,) = [mail.raw for mail in sink.mails if mail.sender == ""]
        token = report_token(acknowledgement)
        until(lambda: gateway.report(token)["statuses"]["queued"] == 0, 60, "everybody has an end")
        statuses = gateway.report(token)["statuses"]
        people = {mail.recipient for mail in sink.mails if mail.sender}
        assert statuses["delivered"] == campaign_mails(sink) == len(people)
        assert statuses["delivered"] + statuses["stopped"] == PEOPLE
        assert gateway.command("campaign", "list").split("\t")[1] == "stopped", found
    finally:
        gateway.stop()
