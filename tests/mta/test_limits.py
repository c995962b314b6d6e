# ruff: noqa: F811 pytest's way to share a fixture
"""What a provider allows is kept: connections over all senders, mails a connection, mails an hour, pauses, new terms."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mta.pool import Pool
from mta.worker import Worker
from store import notices, pauses
from store.engine import now_ms
from store.pauses import Pause
from store.states import Status
from tests.mta.conftest import Peer, Server
from tests.mta.test_worker import DELIVERED, House, gateway  # noqa: F401 a fixture

pytestmark = pytest.mark.slow

BLOCKED = b"550 5.7.1 go away ZZ_103\r\n"
RULE = """
[[provider.here.rule]]
id = "{id}"
pattern = '{pattern}'
class = "{reply_class}"
action = "{action}"
alert = {alert}
fr = "{{name}} dit non."
en = "{{name}} says no."
source = "ours"
example = "{example}"
"""


def terms(folder: Path, limits: str, *rules: str) -> None:
    head = f'[provider.here]\nname = "Here"\nmx = [\'^127\\.0\\.0\\.1$\']\nsource = "ours"\n{limits}\n'
    (folder / "providers.toml").write_text(head + "".join(rules))


def rule(action: str, *, name: str = "zz", reply_class: str = "reputation", alert: str = "true") -> str:
    example = BLOCKED.decode().strip()
    return RULE.format(id=name, pattern="ZZ_103", reply_class=reply_class, action=action, alert=alert, example=example)


class Counted:
    """Watches how many connections a server has open at once."""

    def __init__(self, server: Server) -> None:
        self.most = self.now = 0
        inner = server.serve

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.now += 1
            self.most = max(self.most, self.now)
            try:
                await inner(reader, writer)
            finally:
                self.now -= 1

        server.serve = serve  # type: ignore[method-assign]


@pytest.fixture
async def counted(server: Server) -> AsyncIterator[tuple[Server, Counted]]:
    scripted = Server()
    watch = Counted(scripted)
    listening = await asyncio.start_server(scripted.serve, "127.0.0.1", 0)
    scripted.port = listening.sockets[0].getsockname()[1]
    yield scripted, watch
    scripted.over.set()
    listening.close()


def routed(house: House, port: int) -> None:
    delivery = house.settings.delivery.model_copy(update={"routes": {"*": f"127.0.0.1:{port}"}})
    house.settings = house.settings.model_copy(update={"delivery": delivery})


def pool_of(house: House) -> Pool:
    assert house.worker is not None
    return house.worker._lanes.pool


async def test_two_senders_and_system_mail_share_two_connections(
    gateway: House, counted: tuple[Server, Counted], tmp_path: Path
) -> None:
    server, watch = counted
    server.thought = 0.01  # slow enough for both to be asked for
    routed(gateway, server.port)
    terms(tmp_path, "connections = 2\nmessages = 10")
    await gateway.campaign([f"p{n}@d{n % 5}.test" for n in range(160)])
    gateway.start()
    other = asyncio.create_task(Worker(gateway.settings, gateway.db).run(gateway.stop))
    await gateway.until(f"SELECT count(*) > 20 FROM recipients WHERE status = {int(Status.DELIVERED)}", 1)
    async with gateway.db.write() as conn:
        await notices.add(conn, None, "user@acme.test", b"Subject: ack\r\n\r\nhello\r\n", now_ms())
    await gateway.until("SELECT count(*) FROM notices WHERE delivered_at IS NOT NULL", 1, 5)
    await gateway.until(DELIVERED, 160, 20)
    assert watch.most == 2
    assert max(peer.mails for peer in server.peers) == 10
    await gateway.end()
    await other


async def test_mails_an_hour_are_shared_and_what_exceeds_waits_for_its_turn(
    gateway: House, server: Server, tmp_path: Path
) -> None:
    terms(tmp_path, "per_hour = 36000\nburst = 20")
    await gateway.campaign([f"p{n}@dest.test" for n in range(40)])
    begun = time.monotonic()
    gateway.start()
    other = asyncio.create_task(Worker(gateway.settings, gateway.db).run(gateway.stop))
    await gateway.until(DELIVERED, 40, 15)
    assert time.monotonic() - begun >= 1.8, "20 at once, then ten a second"
    assert len(server.received) == 40
    await gateway.end()
    await other


async def test_the_surplus_of_a_limited_site_goes_back_for_its_turn(
    gateway: House, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mta.lines.SETTLING", 0.1)
    terms(tmp_path, "per_hour = 360\nburst = 5")  # one in ten seconds
    await gateway.campaign([f"p{n}@dest.test" for n in range(700)])
    gateway.start()
    waiting = f"FROM recipients WHERE owner IS NULL AND attempts = 0 AND next_attempt_at > {now_ms()}"
    await gateway.until(f"SELECT count(*) >= 400 {waiting}", 1, 5)
    assert len(server.received) <= 6
    waits = await gateway.ask(f"SELECT max(next_attempt_at) - min(next_attempt_at) {waiting}")
    assert int(str(waits[0][0])) > 3_000_000, "spread over the hour, as the rate allows"


async def test_a_block_pauses_the_site_and_nobody_else(gateway: House, server: Server, tmp_path: Path) -> None:
    good = Server()
    listening = await asyncio.start_server(good.serve, "127.0.0.2", 0)
    good.port = listening.sockets[0].getsockname()[1]
    routes = {"good.test": f"127.0.0.2:{good.port}", "*": f"127.0.0.1:{server.port}"}
    delivery = gateway.settings.delivery.model_copy(update={"routes": routes})
    gateway.settings = gateway.settings.model_copy(update={"delivery": delivery})
    terms(tmp_path, "", rule("pause_site 2h"))
    server.rcpt = BLOCKED
    await gateway.campaign([f"p{n}@{'good' if n % 2 else 'dest'}.test" for n in range(200)])
    gateway.start()
    await gateway.until(DELIVERED, 100)
    await gateway.until("SELECT count(*) FROM recipients WHERE owner IS NOT NULL", 0)
    begun = now_ms()
    tried = await gateway.ask("SELECT count(*) FROM recipients WHERE attempts = 1 AND address LIKE '%dest.test'")
    assert 1 <= int(str(tried[0][0])) <= 40, "those under way, and no more"
    rest = "FROM recipients WHERE attempts = 0"
    assert await gateway.ask(f"SELECT DISTINCT status {rest}") == [(int(Status.QUEUED),)]
    (soonest, latest), *_ = await gateway.ask(f"SELECT min(next_attempt_at), max(next_attempt_at) {rest}")
    assert begun + 7_150_000 < int(str(soonest)) < int(str(latest)) < begun + 8_100_000
    async with gateway.db.read() as conn:
        (pause,) = await pauses.active(conn, now_ms())
    assert (pause.site, pause.provider, pause.reason, pause.rule) == ("here", "here", "reputation", "here.zz")
    assert await gateway.ask("SELECT told FROM pauses") == [(0,)]
    (story,) = (await gateway.ask("SELECT detail FROM events WHERE kind = 4 LIMIT 1"))[0]
    assert json.loads(str(story))["class"] == "reputation" and json.loads(str(story))["rule"] == "here.zz"
    assert await gateway.ask("SELECT count(*) FROM suppressions") == [(0,)], "never the person's fault"
    good.over.set()
    listening.close()


async def test_a_pause_that_another_sender_decided_is_kept_here_too(
    gateway: House, server: Server, tmp_path: Path
) -> None:
    terms(tmp_path, "")
    async with gateway.db.write() as conn:
        await pauses.set(conn, [Pause("here", 0, now_ms() + 3_600_000, "throttled", "here")], now_ms())
    await gateway.campaign([f"p{n}@dest.test" for n in range(20)])
    gateway.start()
    await gateway.until("SELECT count(*) FROM recipients WHERE next_attempt_at > 0 AND owner IS NULL", 20)
    await gateway.until(f"SELECT count(*) FROM recipients WHERE next_attempt_at > {now_ms() + 3_000_000}", 20)
    assert server.received == [] and server.peers == []
    async with gateway.db.write() as conn:
        await pauses.clear(conn, "here")
    rules = pool_of(gateway).rules
    async with asyncio.timeout(60):
        while rules is not None and rules.conditions.shut("here", None):
            await asyncio.sleep(0.02)
    async with gateway.db.write() as conn:
        await conn.exec_driver_sql("UPDATE recipients SET next_attempt_at = 1")
    await gateway.until(DELIVERED, 20)


async def test_a_complaint_about_speed_leaves_one_connection(
    gateway: House, counted: tuple[Server, Counted], tmp_path: Path
) -> None:
    server, watch = counted
    routed(gateway, server.port)
    terms(tmp_path, "", rule("slow 1h", reply_class="throttled", alert="false"))
    told: list[bytes] = []

    def rcpt(line: bytes, peer: Peer) -> bytes:
        if len(server.received) > 150 and not told:
            told.append(line)
            return b"451 4.7.1 slow down ZZ_103\r\n"
        return b"250 ok\r\n"

    server.rcpt = rcpt
    await gateway.campaign([f"p{n}@dest.test" for n in range(400)])
    gateway.start()
    await gateway.until("SELECT count(*) FROM pauses WHERE kind = 'slow' AND rate >= 60", 1)
    async with asyncio.timeout(60):
        while watch.now > 1:
            await asyncio.sleep(0.02)
    (line,) = pool_of(gateway).lines.values()
    assert line.terms.connections == 1 and line.terms.exact and line.terms.per_hour >= 60
    assert await gateway.ask("SELECT told FROM pauses") == [(1,)]


async def test_a_general_rule_waits_for_more_than_one_reply(gateway: House, server: Server) -> None:
    # one recipient's own filter may name a list; three in a row are about us
    server.rcpt = lambda line, _: b"550 5.7.1 blocked, see spamhaus\r\n" if b"odd" in line else b"250 ok\r\n"
    await gateway.campaign([f"{'odd' if n == 10 else 'p'}{n}@dest.test" for n in range(40)])
    gateway.start()
    await gateway.until(DELIVERED, 39)
    assert await gateway.ask("SELECT count(*) FROM pauses") == [(0,)]
    server.rcpt = b"550 5.7.1 blocked, see spamhaus\r\n"
    await gateway.campaign([f"q{n}@dest.test" for n in range(200)], subject="again {{Nom}}")
    await gateway.until("SELECT count(*) FROM pauses WHERE kind = 'pause'", 1)
    await gateway.until("SELECT count(*) FROM recipients WHERE owner IS NOT NULL", 0)
    assert await gateway.ask("SELECT count(*) > 100 FROM recipients WHERE attempts = 0") == [(1,)]


async def test_a_changed_file_is_in_force_within_two_seconds(
    gateway: House, counted: tuple[Server, Counted], tmp_path: Path
) -> None:
    server, watch = counted
    routed(gateway, server.port)
    terms(tmp_path, "connections = 6")
    await gateway.campaign([f"p{n}@dest.test" for n in range(3_000)])
    gateway.start()
    await gateway.until(f"SELECT count(*) > 100 FROM recipients WHERE status = {int(Status.DELIVERED)}", 1)
    terms(tmp_path, "connections = 1\nmessages = 7")
    async with asyncio.timeout(60):
        while watch.now > 1 or {line.terms.messages for line in pool_of(gateway).lines.values()} != {7}:
            await asyncio.sleep(0.02)
    (line,) = pool_of(gateway).lines.values()
    assert (line.terms.connections, line.terms.messages) == (1, 7)


async def test_a_banner_that_refuses_us_cancels_nobody_at_once(gateway: House, server: Server) -> None:
    server.banner = b"554 5.7.1 no\r\n"
    await gateway.campaign([f"p{n}@dest.test" for n in range(300)])
    gateway.start()
    await gateway.until("SELECT count(*) FROM recipients WHERE attempts > 0 AND owner IS NULL", 300)
    assert await gateway.ask("SELECT status, count(*) FROM recipients GROUP BY 1") == [(int(Status.DEFERRED), 300)]
