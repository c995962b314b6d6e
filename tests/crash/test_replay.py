"""A campaign sent again while the gateway is killed: one new campaign, everybody gets its mail once."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from running import Running, message, until
from sink import Sink

from store import actions, campaigns
from store.engine import Database

pytestmark = pytest.mark.crash
PEOPLE = 3_000


class Sent:
    """A gateway whose first campaign has ended, and where its mails arrive."""

    def __init__(self, gateway: Running, sink: Sink) -> None:
        self.gateway, self.sink = gateway, sink
        self._file = gateway.folder / "data" / "mail2campaign.db"

    def look(self, campaign: int = 1) -> tuple[list[Any], list[Any]]:
        """All campaigns, the newest first, and what was done with one of them."""

        async def work() -> tuple[list[Any], list[Any]]:
            database = Database.open(f"sqlite+aiosqlite:///{self._file}")
            try:
                async with database.read() as conn:
                    return await campaigns.recent(conn), await actions.of(conn, campaign)
            finally:
                await database.close()

        return asyncio.run(work())

    def states(self) -> list[str]:
        """Of all campaigns of which anything stands in the database, also those that nobody is shown yet."""
        with closing(sqlite3.connect(self._file, timeout=30)) as database:
            return [state for (state,) in database.execute("SELECT state FROM campaigns")]

    def people(self) -> Counter[str]:
        return Counter(mail.recipient for mail in list(self.sink.mails) if mail.sender)


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sent]:
    with Sink() as sink:
        gateway = Running(tmp_path_factory.mktemp("replay") / "gw", sink.port)
        gateway.start()
        try:
            made = Sent(gateway, sink)
            gateway.submit(message(PEOPLE))
            until(lambda: made.states() == ["finished"], 240, "the first campaign ends")
            yield made
        finally:
            gateway.stop()


@pytest.mark.parametrize("moment", ["written", "sent"])
def test_killed_in_the_midst_it_is_made_once(sent: Sent, moment: str) -> None:
    before, gateway = len(sent.states()), sent.gateway
    sent.sink.mails.clear()
    assert "noted" in gateway.command("campaign", "replay", str(before), "--to", "all")
    midst = {"written": lambda: len(sent.states()) > before, "sent": lambda: len(sent.people()) >= 100}
    until(midst[moment], 120, f"it is {moment}")
    gateway.kill_all()
    gateway.start()
    until(lambda: sent.states() == ["finished"] * (before + 1), 240, "the new campaign ends")
    found, done = sent.look(before)
    assert [(one.stage, one.outcome["recipients"]) for one in done] == [("done", PEOPLE)]
    assert found[0].recipients == found[0].lines == PEOPLE
    got = sent.people()
    assert len(got) == PEOPLE and set(got.values()) <= {1, 2} and sum(got.values()) <= PEOPLE + 200
    letters = [mail for mail in sent.sink.mails if not mail.sender and re.search(rb"(?i)renvo", mail.raw)]
    assert len(letters) <= 2  # a letter in flight may be repeated
