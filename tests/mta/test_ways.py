# ruff: noqa: F811 pytest's way to share a fixture
"""From which local address a mail leaves: in turn, the same for a retry, bound and named in EHLO."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import text

from mta.sites import Site
from mta.values import Parcel
from mta.ways import RoundRobin, Source, Way
from store import sources
from store.engine import now_ms
from store.sources import State
from store.states import Status
from store.values import Job
from tests.mta.conftest import Server, parcel
from tests.mta.test_worker import DELIVERED, House, gateway  # noqa: F401 a fixture

SITE = Site(((10, "mx.test"),), 25)
ONE, TWO, OWN = Source(1, "192.0.2.1"), Source(2, "192.0.2.2"), Source(3, "192.0.2.3", pool="acme")


def some(count: int, pool: str = "shared") -> list[Parcel]:
    return [replace(parcel(f"p{n}@dest.test"), pool=pool) for n in range(count)]


def retried(source: int, status: Status) -> Parcel:
    made = parcel("again@dest.test")
    assert isinstance(made.job, Job)
    return replace(made, job=replace(made.job, source_id=source, status=status))


async def test_without_sources_the_system_chooses() -> None:
    placing = await RoundRobin()(SITE, some(3))
    assert [(source, len(part)) for source, part in placing.parts] == [(None, 3)]


async def test_sources_of_the_pool_share_a_batch() -> None:
    choice = RoundRobin()
    choice.know([ONE, TWO, OWN])
    parts = {source: len(part) for source, part in (await choice(SITE, some(100))).parts}
    assert parts == {ONE: 50, TWO: 50}
    assert {source for source, _ in (await choice(SITE, some(40, "acme"))).parts} == {OWN}
    seen = [(await choice(SITE, some(2))).parts[0][0] for _ in range(4)]
    assert seen.count(ONE) == seen.count(TWO) == 2, "few mails take one address, each batch another"


async def test_a_retry_keeps_its_source_but_after_connection_trouble() -> None:
    choice = RoundRobin()
    choice.know([ONE, TWO, OWN])
    for _ in range(4):
        assert (await choice(SITE, [retried(2, Status.DEFERRED)])).parts[0][0] == TWO
    after = {(await choice(SITE, [retried(2, Status.AWAITING)])).parts[0][0] for _ in range(4)}
    assert after == {ONE, TWO}
    assert (await choice(SITE, [retried(9, Status.DEFERRED)])).parts[0][0] in (ONE, TWO), "its source has gone"


def test_a_way_is_a_key() -> None:
    assert Way(SITE, ONE) == Way(SITE, Source(1, "192.0.2.1")) != Way(SITE, TWO) != Way(SITE)
    assert (Way(SITE).source_id, Way(SITE, TWO).source_id) == (None, 2)


async def test_mails_leave_from_their_source_and_say_its_name(gateway: House, server: Server) -> None:
    seen: list[str] = []
    server.ehlo = lambda line, _: (seen.append(line.decode()), b"250-hello\r\n250 PIPELINING\r\n")[1]
    async with gateway.db.write() as conn:
        for address, state in (("127.0.0.21", State.READY), ("127.0.0.22", State.WARMING), ("127.0.0.23", State.OFF)):
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
