"""A whole sender on a real database: leases, sends, writes down, obeys, and leaves in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from config import keys
from config.settings import Settings
from mail import dkim
from mta import plates
from mta.plates import Unusable, house
from mta.values import Parcel
from mta.worker import Worker
from store import accounts, campaigns, control, jobs, notices
from store.engine import Database, now_ms
from store.states import Status
from store.values import CampaignState, Job, NewCampaign, NewRecipient, Tracked
from tests.mta.conftest import Server

pytestmark = pytest.mark.slow  # the quick ring has no time for them

SOURCE = (
    b"From: Shop <news@acme.test>\r\nTo: mail@gw.test\r\nSubject: Bonjour {{Nom}}\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/html; charset=utf-8\r\n\r\n"
    b'<p>Bonjour {{Nom}}</p><p><a href="https://shop.test/a">voir</a></p>\r\n'
)
OPTIONS = {
    "unsubscribe": True, "bulk": True, "footer_name": "Acme", "footer_address": "1 rue", "feedback": "f",
    "list_id": "l.gw.test",
}  # fmt: skip


class House:
    """A gateway folder with a database, and senders in this process."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings, self.db = settings, database
        self.stop = asyncio.Event()
        self.running: asyncio.Task[None] | None = None
        self.worker: Worker | None = None

    async def campaign(self, addresses: list[str], subject: str = "Bonjour {{Nom}}", kind: str = "marketing") -> int:
        now = now_ms()
        async with self.db.write() as conn:
            account = await accounts.create_account(conn, f"acme{subject}", "Acme", "1 rue", "fr", "Europe/Paris", now)
            sender = await accounts.declare_sender(conn, account, f"n{account}@acme.test", "Shop", now, now)
            new = NewCampaign(
                account, sender, subject, "c", "Shop", "news@gw.test", "", "<m@x>", "k", "fr", "Europe/Paris",
                ("Email", "Nom"), 0, OPTIONS | {"type": kind}, (), None, now,
            )  # fmt: skip
            made = await campaigns.begin(conn, new, SOURCE)
            assert isinstance(made, int)
            people = [
                NewRecipient(n + 2, 0, address, address, "", (address, f"N{n}"), Tracked.NONE)
                for n, address in enumerate(addresses)
            ]
            await campaigns.add_rows(conn, made, people, [], now)
            await campaigns.publish(conn, made, f"token{made}", now)
        return made

    def start(self) -> None:
        self.worker = Worker(self.settings, self.db)
        self.running = asyncio.create_task(self.worker.run(self.stop))

    async def end(self) -> None:
        self.stop.set()
        if self.running is not None:
            await asyncio.wait_for(self.running, 60)

    async def ask(self, query: str) -> list[tuple[object, ...]]:
        async with self.db.read() as conn:
            return [tuple(row) for row in await conn.execute(text(query))]

    async def until(self, query: str, wanted: object, patience: float = 60.0) -> None:
        async with asyncio.timeout(patience):
            while (await self.ask(query))[0][0] != wanted:
                assert self.running is None or not self.running.done(), self.running
                await asyncio.sleep(0.02)


@pytest.fixture
async def gateway(tmp_path: Path, server: Server) -> AsyncIterator[House]:
    keys.create(tmp_path, "gw.test")
    settings = Settings(
        gateway={"domain": "gw.test", "public_url": "http://gw.test", "data_dir": tmp_path},
        delivery={"routes": {"*": f"127.0.0.1:{server.port}"}, "retry": "1h", "in_flight": 20},
    )
    database = Database.open(settings.database_url)
    await database.migrate()
    made = House(settings, database)
    yield made
    await made.end()
    await database.close()


DELIVERED = f"SELECT count(*) FROM recipients WHERE status = {int(Status.DELIVERED)}"


async def test_campaign_is_delivered_and_written_down(gateway: House, server: Server) -> None:
    server.rcpt = lambda line, _: (
        b"550 5.1.1 no such user\r\n"
        if b"gone" in line
        else b"450 4.2.0 grey\r\n"
        if b"grey" in line
        else b"250 ok\r\n"
    )
    names = [f"p{n}@d{n % 7}.test" for n in range(60)]
    campaign = await gateway.campaign([*names, "gone@dest.test", "grey@dest.test"])
    gateway.start()
    await gateway.until("SELECT count(*) FROM recipients WHERE attempts = 0", 0)
    statuses = dict(await gateway.ask("SELECT status, count(*) FROM recipients GROUP BY status"))
    assert statuses == {Status.DELIVERED: 60, Status.CANCELLED: 1, Status.DEFERRED: 1}
    assert await gateway.ask("SELECT reason FROM suppressions") == [("hard_bounce",)]
    assert await gateway.ask("SELECT reply FROM recipients WHERE address = 'gone@dest.test'") == [
        ("550 5.1.1 no such user",)
    ]
    async with gateway.db.read() as conn:
        ledger = await campaigns.ledger(conn, campaign)
    assert ledger is not None and sum(ledger.statuses.values()) == ledger.recipients == 62
    mails = [rcpt for rcpt, body in server.received if body]  # this server gives 354 to refused people too
    assert len(set(mails)) == len(mails) == 60
    signer = house(gateway.settings).signers[0]
    published = {dkim.dns_name(signer): dkim.dns_value(signer)}
    assert all(dkim.verify_with_dkimpy(raw, published.get) for _, raw in server.received[:3])


@pytest.mark.slow
async def test_stopped_and_paused_campaigns_send_no_more(gateway: House, server: Server) -> None:
    campaign = await gateway.campaign([f"p{n}@dest.test" for n in range(400)])
    gateway.start()
    await gateway.until(f"SELECT count(*) > 10 FROM recipients WHERE status = {int(Status.DELIVERED)}", 1)
    async with gateway.db.write() as conn:
        assert await control.pause(conn, campaign, now_ms())
    await gateway.until("SELECT count(*) FROM recipients WHERE owner IS NOT NULL", 0)
    sent = len(server.received)
    assert sent < 400
    async with gateway.db.write() as conn:
        assert await control.resume(conn, campaign, now_ms())
    await gateway.until(DELIVERED, 400, 20)
    assert len(server.received) == 400


async def test_notice_overtakes_a_campaign_of_silent_mails(gateway: House, server: Server) -> None:
    server.dot = lambda line, _: b"250 ok\r\n" if b"user" in line else "silent"
    await gateway.campaign([f"p{n}@dest.test" for n in range(50)])
    async with gateway.db.write() as conn:
        await notices.add(conn, None, "user@acme.test", b"Subject: ack\r\n\r\nhello\r\n", now_ms())
    gateway.start()
    await gateway.until("SELECT count(*) FROM notices WHERE delivered_at IS NOT NULL", 1, 5)
    assert any(b"MAIL FROM:<> " in flight for peer in server.peers for flight in peer.flights)
    server.over.set()


async def test_drained_sender_leaves_nothing_owned(gateway: House, server: Server) -> None:
    await gateway.campaign([f"p{n}@dest.test" for n in range(600)])
    gateway.start()
    await gateway.until(f"SELECT count(*) > 20 FROM recipients WHERE status = {int(Status.DELIVERED)}", 1)
    await gateway.end()
    assert await gateway.ask("SELECT count(*) FROM recipients WHERE owner IS NOT NULL") == [(0,)]
    assert (await gateway.ask(DELIVERED))[0][0] == len(server.received)


async def test_retired_sender_joins_anew(gateway: House, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mta.worker.BEAT", 0.05)
    gateway.start()
    await gateway.until("SELECT count(*) FROM workers WHERE retired_at IS NULL", 1)
    async with gateway.db.write() as conn:
        first = (await conn.execute(text("SELECT max(id) FROM workers"))).scalar_one()
        await jobs.retire(conn, first, now_ms())
    await gateway.until(f"SELECT count(*) FROM workers WHERE retired_at IS NULL AND id <> {first}", 1)
    await gateway.campaign([f"p{n}@dest.test" for n in range(30)])
    await gateway.until(DELIVERED, 30)


async def test_campaign_that_cannot_be_compiled_is_held(gateway: House, server: Server) -> None:
    bad = await gateway.campaign(["a@dest.test"], subject="Bonjour {{Inconnu}}")
    good = await gateway.campaign(["b@dest.test"])
    gateway.start()
    await gateway.until(DELIVERED, 1)
    await gateway.until(f"SELECT state FROM campaigns WHERE id = {bad}", CampaignState.HELD.value)
    assert good and len(server.received) == 1
    await gateway.until("SELECT count(*) FROM recipients WHERE owner IS NOT NULL", 0)


async def test_first_mail_that_does_not_verify_holds_the_campaign(
    gateway: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign_id = await gateway.campaign(["a@dest.test"])
    async with gateway.db.read() as conn:
        campaign = await campaigns.get(conn, campaign_id)
    assert campaign is not None
    first = Job(1, campaign_id, "a@dest.test", "", ("a@dest.test", "N"), Tracked.NONE, Status.QUEUED, 0, None)
    shared = house(gateway.settings)
    assert not isinstance(plates.make(campaign, SOURCE, first, shared), Unusable)
    another = dkim.dns_value(dkim.Signer("gw.test", "x", dkim.new_key()))
    monkeypatch.setattr(dkim, "dns_value", lambda _: another)  # DNS publishes the record of another key
    assert plates.make(campaign, SOURCE, first, shared) == Unusable("dkim", dkim.dns_name(shared.signers[0]))


async def test_leases_outlive_a_database_that_fails_while_they_are_placed(
    gateway: House, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, asked = campaigns.source, []

    async def once_gone(conn: AsyncConnection, blob_id: int) -> bytes:
        asked.append(blob_id)
        if len(asked) == 1:
            raise OSError("the database is away")
        return await whole(conn, blob_id)

    monkeypatch.setattr(campaigns, "source", once_gone)
    await gateway.campaign(["a@dest.test", "b@dest.test"])
    gateway.start()
    await gateway.until(DELIVERED, 2)
    assert len(asked) == 2 and len(server.received) == 2


async def test_what_cannot_be_given_back_now_is_given_back_later(
    gateway: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(gateway.settings, gateway.db)
    async with gateway.db.write() as conn:
        number = await jobs.join(conn, "host", 1, now_ms())
    worker._gate.beaten(number, 0.0)
    await gateway.campaign(["a@dest.test"])
    async with gateway.db.write() as conn:
        (job,) = await jobs.lease(conn, number, now_ms(), {1: 1})
    worker.unsent(Parcel(job, number, "", job.address, tuple))
    worker.unsent(Parcel(job, number - 1, "", job.address, tuple))  # held by an earlier incarnation: not ours to free

    async def away(*_: object, **__: object) -> None:
        raise OSError("the database is away")

    with monkeypatch.context() as broken, pytest.raises(OSError, match="away"):
        broken.setattr(jobs, "give_back", away)
        await worker._tidy()
    assert worker._leases.returning == [job.id]
    await worker._tidy()
    assert worker._leases.returning == [] and await gateway.ask("SELECT owner FROM recipients") == [(None,)]


async def test_a_source_that_breaks_the_compiler_holds_its_campaign(
    gateway: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_source: bytes) -> None:
        raise RecursionError("a bug")

    monkeypatch.setattr("mta.plates.mime.read", broken)
    campaign = await gateway.campaign(["a@dest.test"])
    gateway.start()
    await gateway.until(f"SELECT state FROM campaigns WHERE id = {campaign}", CampaignState.HELD.value)
    await gateway.until("SELECT count(*) FROM recipients WHERE owner IS NOT NULL", 0)
