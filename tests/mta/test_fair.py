# ruff: noqa: F811 pytest's way to share a fixture
"""Nobody waits for all of another's mails: small campaigns, other sites, urgent mail; and a stop is a stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from mta.feeder import shares
from mta.lines import KEEP
from mta.worker import Worker
from store import control, jobs
from store.engine import now_ms
from store.states import Status
from store.values import Job, Tracked
from tests.mta.conftest import Server
from tests.mta.test_worker import DELIVERED, House, gateway  # noqa: F401 a fixture

pytestmark = pytest.mark.slow


class Slow(Server):
    """Takes its time for every mail."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    async def _dot(self, writer: asyncio.StreamWriter, body: bytes, peer: object) -> bool:
        await asyncio.sleep(self._seconds)
        return await super()._dot(writer, body, peer)  # type: ignore[arg-type]


@pytest.fixture
async def slow() -> AsyncIterator[Slow]:
    scripted = Slow(0.25)
    listening = await asyncio.start_server(scripted.serve, "127.0.0.2", 0)
    scripted.port = listening.sockets[0].getsockname()[1]
    yield scripted
    scripted.over.set()
    listening.close()


def routes(house: House, server: Server, slow: Slow) -> None:
    found = {"slow.test": f"127.0.0.2:{slow.port}", "*": f"127.0.0.1:{server.port}"}
    delivery = house.settings.delivery.model_copy(
        update={"routes": found, "connections_per_site": 2, "in_flight": 40, "lease": 100}
    )
    house.settings = house.settings.model_copy(update={"delivery": delivery})


def delivered(campaign: int, count: int) -> str:
    return f"SELECT count(*) >= {count} FROM recipients WHERE campaign_id = {campaign} AND status = {int(Status.DELIVERED)}"


async def test_a_small_campaign_behind_a_large_one_is_through_in_seconds(
    gateway: House, server: Server, slow: Slow
) -> None:
    routes(gateway, server, slow)
    large = await gateway.campaign([f"p{n}@slow.test" for n in range(600)])
    gateway.start()
    await gateway.until(delivered(large, 4), 1)
    small = await gateway.campaign([f"q{n}@{'slow' if n % 2 else 'dest'}.test" for n in range(10)], subject="small")
    begun = time.monotonic()
    await gateway.until(delivered(small, 10), 1, 10)
    assert time.monotonic() - begun < 6
    assert (await gateway.ask(delivered(large, 100))) == [(0,)]


async def test_transactional_mail_overtakes_at_a_site_that_is_busy(gateway: House, server: Server, slow: Slow) -> None:
    routes(gateway, server, slow)
    large = await gateway.campaign([f"p{n}@slow.test" for n in range(600)])
    gateway.start()
    await gateway.until(delivered(large, 4), 1)
    urgent = await gateway.campaign([f"q{n}@slow.test" for n in range(20)], subject="bill", kind="transactional")
    await gateway.until(delivered(urgent, 20), 1, 20)
    order = [rcpt.partition(b"<")[2][:1] for rcpt, _ in slow.received]
    first, last = order.index(b"q"), len(order) - order[::-1].index(b"q")
    between = order[first:last].count(b"p")
    assert between <= 6, "what two connections had begun by then, and no more"


async def test_a_slow_site_does_not_stall_the_others_of_its_campaign(
    gateway: House, server: Server, slow: Slow
) -> None:
    routes(gateway, server, slow)
    # a list sorted by domain: nothing else is within reach of the first leases
    campaign = await gateway.campaign(
        [f"p{n}@slow.test" for n in range(300)] + [f"q{n}@d{n % 5}.test" for n in range(60)]
    )
    gateway.start()
    await gateway.until(
        f"SELECT count(*) FROM recipients WHERE address LIKE 'q%' AND status = {int(Status.DELIVERED)}", 60, 20
    )
    assert await gateway.ask(delivered(campaign, 300)) == [(0,)], "the slow one is far from its end"
    assert gateway.worker is not None
    lines = gateway.worker._lanes.pool.lines
    (slow_line,) = [line for way, line in lines.items() if way.site.port == slow.port]
    assert len(slow_line.waiting) <= 4 * 100
    tried = await gateway.ask("SELECT max(attempts) FROM recipients WHERE next_attempt_at IS NOT NULL")
    assert tried == [(0,)], "giving back is no attempt"


async def test_a_silent_site_gives_its_surplus_back(gateway: House, server: Server, slow: Slow) -> None:
    routes(gateway, server, slow)
    slow.ehlo = "silent"
    await gateway.campaign([f"p{n}@slow.test" for n in range(250)] + [f"q{n}@dest.test" for n in range(50)])
    gateway.start()
    await gateway.until(DELIVERED, 50, 15)
    assert gateway.worker is not None
    held = [line for line in gateway.worker._lanes.pool.lines.values() if line.way.site.port == slow.port]
    assert sum(len(line.waiting) for line in held) <= 2 * 100 and KEEP < 100


@pytest.mark.parametrize("how", ["stop", "pause"])
async def test_stopping_is_obeyed_within_a_second(gateway: House, server: Server, slow: Slow, how: str) -> None:
    routes(gateway, server, slow)
    campaign = await gateway.campaign([f"p{n}@{'slow' if n % 3 else 'dest'}.test" for n in range(1_000)])
    gateway.start()
    await gateway.until(delivered(campaign, 20), 1)
    async with gateway.db.write() as conn:
        assert await (control.stop if how == "stop" else control.pause)(conn, campaign, now_ms())
    assert gateway.worker is not None
    gate, pool = gateway.worker._gate, gateway.worker._lanes.pool
    async with asyncio.timeout(60):
        while pool.waiting:
            await asyncio.sleep(0.01)
    most = len(server.received) + len(slow.received) + gate.used  # what is on the wire may still end
    await gateway.until("SELECT count(*) FROM recipients WHERE owner IS NOT NULL", 0)
    assert len(server.received) + len(slow.received) <= most < 900


async def test_rows_that_nobody_here_knows_are_given_back(gateway: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mta.leases.RECONCILE", 0.0)
    await gateway.campaign(["a@dest.test", "b@dest.test"])
    worker = Worker(gateway.settings, gateway.db)
    async with gateway.db.write() as conn:
        number = await jobs.join(conn, "host", 1, now_ms())
        first, second = await jobs.lease(conn, number, now_ms(), {1: 2})
    worker._gate.beaten(number, 0.0)
    worker._leases.take([first])
    owned = f"SELECT id FROM recipients WHERE owner = {number} ORDER BY id"
    await worker._leases.reconcile()
    assert await gateway.ask(owned) == [(first.id,), (second.id,)], "an outcome may be on its way to the database"
    await worker._leases.reconcile()
    assert await gateway.ask(owned) == [(first.id,)]


def test_urgent_campaigns_lease_first_and_leave_a_tenth() -> None:
    assert shares([1, 2, 3], 500, {2}) == {2: 450, 1: 25, 3: 25}
    assert shares([1, 2], 500, {1, 2}) == {1: 250, 2: 250}
    assert shares([1, 2], 500) == {1: 250, 2: 250}
    assert shares([], 500, {4}) == {} == shares([1], 0)


def test_a_job_has_no_source_before_it_was_tried() -> None:
    job = Job(1, 1, "a@dest.test", "", (), Tracked.NONE, Status.QUEUED, 0, None)
    assert job.source_id is None
