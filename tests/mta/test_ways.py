# ruff: noqa: F811 pytest's way to share a fixture
"""From which local address a mail leaves: bound and named in EHLO, the same for a retry, by the calendar."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from config import warmup
from mta.sites import Site
from mta.ways import Source, Way
from store import sources, warmups
from store.engine import now_ms
from store.sources import State
from store.states import Status
from tests.mta.conftest import Server
from tests.mta.test_worker import DELIVERED, House, gateway  # noqa: F401 a fixture

pytestmark = pytest.mark.slow  # the quick ring has no time for them

SITE = Site(((10, "mx.test"),), 25)
ONE, TWO = Source(1, "192.0.2.1"), Source(2, "192.0.2.2")


def test_a_way_is_a_key() -> None:
    assert Way(SITE, ONE) == Way(SITE, Source(1, "192.0.2.1")) != Way(SITE, TWO) != Way(SITE)
    assert (Way(SITE).source_id, Way(SITE, TWO).source_id) == (None, 2)


async def test_mails_leave_from_their_source_and_say_its_name(gateway: House, server: Server) -> None:
    seen: list[str] = []
    server.ehlo = lambda line, _: (seen.append(line.decode()), b"250-hello\r\n250 PIPELINING\r\n")[1]
    async with gateway.db.write() as conn:
        for address, state in (("127.0.0.21", State.READY), ("127.0.0.22", State.READY), ("127.0.0.23", State.OFF)):
            helo = f"h{address[-2:]}.gw.test" if address[-1] == "1" else ""
            await sources.add(conn, sources.Source(0, address, helo, "shared", "", state), now_ms())
        await sources.add(conn, sources.Source(0, "127.0.0.24", "", "shared", "elsewhere", State.READY), now_ms())
    await gateway.campaign([f"p{n}@d{n % 2}.test" for n in range(80)])
    gateway.start()
    await gateway.until(DELIVERED, 80)
    rows = await gateway.ask("SELECT source_id, count(*) FROM recipients GROUP BY 1 ORDER BY 1")
    assert rows == [(1, 40), (2, 40)]
    locals_ = await gateway.ask("SELECT DISTINCT detail ->> 'local' FROM events ORDER BY 1")
    assert locals_ == [("127.0.0.21",), ("127.0.0.22",)]
    assert set(seen) == {"EHLO h21.gw.test", "EHLO gw.test"}


async def test_a_retry_leaves_from_where_it_was_first_tried(gateway: House, server: Server) -> None:
    server.rcpt = lambda _, peer: b"450 4.2.0 grey\r\n"
    async with gateway.db.write() as conn:
        for address in ("127.0.0.21", "127.0.0.22", "127.0.0.23"):
            await sources.add(conn, sources.Source(0, address, "", "shared", "", State.READY), now_ms())
    await gateway.campaign([f"p{n}@dest.test" for n in range(30)])
    gateway.start()
    await gateway.until("SELECT count(*) FROM recipients WHERE attempts = 1 AND owner IS NULL", 30)
    server.rcpt = b"250 ok\r\n"
    async with gateway.db.write() as conn:
        await conn.execute(text("UPDATE recipients SET next_attempt_at = 1"))
    await gateway.until(DELIVERED, 30)
    twice = "SELECT count(*) FROM (SELECT recipient_id FROM events GROUP BY 1 HAVING count(DISTINCT detail ->> 'local') > 1)"
    assert await gateway.ask(twice) == [(0,)]
    assert await gateway.ask("SELECT count(DISTINCT source_id) FROM recipients") == [(3,)]


async def test_a_warming_address_sends_what_its_calendar_allows_and_the_rest_waits(
    gateway: House, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "warmup.toml").write_text("least = 50\n")  # all of the first day at any hour
    now, allowed = now_ms(), 50
    async with gateway.db.write() as conn:
        warming = sources.Source(0, "127.0.0.21", "", "shared", "", State.WARMING, 0, warmup.day_of(now))
        await sources.add(conn, warming, now)
    await gateway.campaign([f"p{n}@d{n % 9}.test" for n in range(150)])
    gateway.start()
    await gateway.until(f"SELECT count(*) FROM recipients WHERE status = {int(Status.QUEUED)} AND owner IS NULL"
                        f" AND next_attempt_at > {now + 1_000}", 150 - allowed)  # fmt: skip
    await gateway.until(DELIVERED, allowed)
    await gateway.end()
    assert len([1 for rcpt, body in server.received if body]) == allowed
    async with gateway.db.read() as conn:
        (use,) = (await warmups.uses(conn, warmup.day_of(now))).values()
    assert (use.claimed, use.answers.accepted) == (allowed, allowed), "what was claimed and not used went back"
