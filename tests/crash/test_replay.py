"""A campaign sent again while the gateway is killed: one new campaign, everybody gets its mail once."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from running import Running, message, until
from sink import Sink

from store import actions, campaigns
from store.engine import Database

pytestmark = pytest.mark.crash
PEOPLE = 6_000


def look(gateway: Running) -> tuple[list[Any], list[Any]]:
    async def work() -> tuple[list[Any], list[Any]]:
        database = Database.open(f"sqlite+aiosqlite:///{gateway.folder / 'data' / 'mail2campaign.db'}")
        try:
            async with database.read() as conn:
                return await campaigns.recent(conn), await actions.of(conn, 1)
        finally:
            await database.close()

    return asyncio.run(work())


def states(gateway: Running) -> list[str]:
    return [one.state.value for one in look(gateway)[0]]


@pytest.mark.parametrize("delay", [0.3, 1.2])
def test_killed_in_the_midst_it_is_made_once(tmp_path: Path, delay: float) -> None:
    with Sink() as sink:
        gateway = Running(tmp_path / "gw", sink.port)
        gateway.start()
        try:
            gateway.submit(message(PEOPLE))
            until(lambda: states(gateway) == ["finished"], 240, "the first campaign ends")
            sink.mails.clear()
            said = gateway.command("campaign", "replay", "1", "--to", "all")
            assert "noted" in said
            time.sleep(delay)
            gateway.kill_all()
            gateway.start()
            until(lambda: states(gateway) == ["finished", "finished"], 240, "the second campaign ends")
            campaigns_, done = look(gateway)
            assert [(one.stage, one.outcome["recipients"]) for one in done] == [("done", PEOPLE)]
            assert campaigns_[0].recipients == campaigns_[0].lines == PEOPLE
            got = Counter(mail.recipient for mail in sink.mails if mail.sender)
            assert len(got) == PEOPLE and set(got.values()) <= {1, 2} and sum(got.values()) <= PEOPLE + 200
            letters = [mail for mail in sink.mails if not mail.sender and re.search(rb"(?i)renvo", mail.raw)]
            assert len(letters) <= 2  # a letter in flight may be repeated
        finally:
            gateway.stop()
