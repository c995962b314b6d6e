"""What people are told when a brake works: users in letters and acknowledgements, the operator in alerts."""

from __future__ import annotations

import asyncio
import email.policy
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select, text

from config.settings import ConfigError, Gateway, Settings
from gateway.i18n import spaced
from gateway.intake.desk import Desk
from gateway.letters import brakes
from gateway.letters.alerts import EVERY, Alerts
from gateway.processes import janitor
from gateway.returns import postbox
from gateway.returns.postbox import Postbox
from mail import dkim
from mail.dkim import Signer, new_key
from parsers.tokens import Keyring
from store import accounts, events, jobs, quotas
from store.engine import Database, now_ms
from store.quotas import DAY
from store.rules import Rules
from store.spool import Envelope, Spool
from store.states import Event
from store.suppressions import SuppressionKeys
from store.tables import notices
from store.values import Campaign, CampaignState, Change

SIGNER = Signer("gw.example", "m2c1", new_key())
KEYS = SuppressionKeys({1: b"s" * 32}, 1, Rules(pause_after=10))
WORDS = {"class": "unknown_user", "reply": "550 5.1.1 <p0@dest.test> nobody here"}


@pytest.fixture
async def desk(db: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    gateway = {
        "domain": "gw.example",
        "data_dir": tmp_path,
        "public_url": "https://gw.example",
        "operator": "op@it.example",
    }
    settings = Settings(gateway=gateway, limits={"pause_after": 10})
    spool = await asyncio.to_thread(Spool, tmp_path / "spool")
    yield Desk(settings, db, spool, cast(Any, None), cast(Any, None), Keyring({1: b"k" * 32}, 1), KEYS, (SIGNER,))


async def letters(db: Database) -> list[Any]:
    async with db.read() as conn:
        rows = (await conn.execute(select(notices.c.address, notices.c.raw).order_by(notices.c.id))).all()
    return [(row.address, email.message_from_bytes(row.raw, policy=email.policy.default)) for row in rows]


def words(mail: Any) -> str:
    return " ".join(mail.get_body(("plain",)).get_content().split())


async def refuse(db: Database, campaign: Campaign, bad: int, good: int, now: int) -> None:
    async with db.write() as conn:
        worker = await jobs.join(conn, "host", 1, now)
        taken = await jobs.lease(conn, worker, now, {campaign.id: bad + good})
        hard = [Change(j.id, Event.REFUSED, now, worker, detail=WORDS, suppress="hard_bounce") for j in taken[:bad]]
        await events.apply(conn, hard, KEYS)
        await events.apply(conn, [Change(j.id, Event.ACCEPTED, now, worker) for j in taken[bad:]], KEYS)


async def test_a_campaign_that_pauses_itself_says_why_once(desk: Desk, make: Any) -> None:
    campaign = await make(50)
    await refuse(desk.database, campaign, 2, 8, now_ms())  # good news came last: found by whoever looks after all
    await janitor._brake(desk)
    assert [await brakes.tell(desk) for _ in range(2)] == [1, 0]
    ((to, letter),) = await letters(desk.database)
    said = words(letter)
    assert (to, letter["Subject"]) == ("contact@acme.test", "Campagne « Offre » mise en pause")
    assert letter["Auto-Submitted"] == "auto-replied"
    assert "10 réponses définitives" in said and "2 adresses inexistantes" in said
    assert "5,0 % seuil" in said.replace("\u202f", " ") and "20,0 % taux" in said.replace("\u202f", " ")
    assert "40 destinataires" in said
    assert "- ligne 2 : p0@dest.test (550 5.1.1 <p0@dest.test> nobody here)" in said
    assert f"campaign resume {campaign.id}" in said and "https://gw.example/r/" in said


async def test_complaints_after_the_end_are_told_too(desk: Desk, make: Any) -> None:
    campaign, now = await make(10), now_ms()
    await refuse(desk.database, campaign, 0, 10, now)
    async with desk.database.write() as conn:
        await conn.execute(text("UPDATE campaigns SET state = 'finished', locale = 'en'"))
        await events.apply(conn, [Change(3, Event.COMPLAIN, now)], KEYS)
    assert await brakes.tell(desk) == 1
    ((_, letter),) = await letters(desk.database)
    assert "has ended, but too many people have reported it" in words(letter)
    assert "- line 4: p2@dest.test" in words(letter) and "resume" not in words(letter)


async def test_the_quota_is_said_where_it_holds_somebody_back(desk: Desk, make: Any) -> None:
    campaign = await make(30)
    db = desk.database
    async with db.read() as conn:
        account = await accounts.get_account(conn, campaign.account_id)
    assert account is not None
    assert await brakes.quota_note(desk, account, campaign) == ""
    async with db.write() as conn:
        await quotas.change(conn, account.id, 30)
    assert await brakes.quota_note(desk, account, campaign) == ""
    async with db.write() as conn:
        await quotas.change(conn, account.id, 25)
    note = await brakes.quota_note(desk, account, campaign)
    assert spaced("fr", "par jour : 25. Part d'aujourd'hui : 25 ; le reste partira à compter du ") in note
    other = await make(4)
    assert "atteint pour aujourd'hui" in await brakes.quota_note(desk, account, other)
    later = replace(other, send_at=now_ms() + 3 * DAY, recipients=26, locale="en")
    assert "following days" in await brakes.quota_note(desk, account, later)
    assert await brakes.quota_note(desk, account, replace(later, recipients=25)) == ""


async def pause(db: Database, site: str, source: int, reply: str, provider: str = "", now: int | None = None) -> None:
    now = now_ms() if now is None else now
    async with db.write() as conn:
        await conn.execute(
            text(
                "INSERT INTO pauses (site, source_id, provider, since, until, reason, reply, told)"
                " VALUES (:site, :source, :provider, :now, :until, 'reputation', :reply, false)"
            ),
            {"site": site, "source": source, "provider": provider, "now": now, "until": now + DAY, "reply": reply},
        )


async def test_the_operator_reads_the_refusal_word_for_word_once(desk: Desk) -> None:
    async with desk.database.write() as conn:
        await conn.execute(text("INSERT INTO sources (address, created_at) VALUES ('192.0.2.7', 1)"))
    reply = "550 5.7.1 Service unavailable, client host [192.0.2.7] blocked: see https://sendersupport.example/block."
    await pause(desk.database, "mx.hot.example", 1, reply)
    alerts = Alerts(desk)
    now = now_ms()
    assert [await alerts.tell(now), await alerts.tell(now + EVERY)] == [1, 0]
    ((to, letter),) = await letters(desk.database)
    assert (to, letter["Subject"]) == ("op@it.example", "mx.hot.example : les envois depuis 192.0.2.7 sont suspendus")
    assert reply in words(letter) and "https://sendersupport.example/block " in words(letter) + " "
    assert "Ce que cela veut dire" in words(letter)


async def test_many_refusals_at_once_are_one_letter(desk: Desk) -> None:
    for n in range(25):
        await pause(desk.database, f"mx{n}.example", 0, "554 blocked")
    alerts, now = Alerts(desk), now_ms()
    assert await alerts.tell(now) == 25
    await pause(desk.database, "one.more.example", 0, "554 blocked")
    assert [await alerts.tell(now + 1), await alerts.tell(now + EVERY)] == [0, 1]
    (_, first), (_, second) = await letters(desk.database)
    assert first["Subject"] == "25 serveurs nous refusent ou nous ralentissent"
    assert "Et 5 autres serveurs, dans le journal." in words(first) and "one.more.example" in second["Subject"]


@pytest.mark.parametrize(("kind", "said"), [("slow", "sont ralentis jusqu'au"), ("note", "Les envois continuent")])
async def test_what_only_slows_or_warns_is_told_as_that(desk: Desk, kind: str, said: str) -> None:
    await pause(desk.database, "mx.example", 0, "421 4.7.0 too fast")
    async with desk.database.write() as conn:
        await conn.execute(text("UPDATE pauses SET kind = :kind"), {"kind": kind})
    assert await Alerts(desk).tell() == 1
    ((_, letter),) = await letters(desk.database)
    assert said in words(letter) and "suspendus" not in words(letter)


async def test_without_an_operator_s_address_refusals_are_logged(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    quiet = desk.settings.model_copy(update={"gateway": Gateway(domain="gw.example")})
    await pause(desk.database, "mx.example", 0, "554 blocked")
    assert await Alerts(replace(desk, settings=quiet)).tell() == 1
    assert await letters(desk.database) == []
    assert '"event": "operator_told", "kind": "pause", "place": "mx.example"' in capsys.readouterr().err


async def arrive(desk: Desk, box: Postbox, raw: bytes, mail_from: str = "who@else.example") -> str:
    envelope = Envelope("postmaster", mail_from, ("abuse@gw.example",), "192.0.2.9", "mx", now_ms())
    ref = await asyncio.to_thread(desk.spool.put, envelope, raw)
    await box.take(ref, envelope, raw)
    assert desk.spool.pending() == []
    return ref


PLAIN = b"From: who@else.example\r\nSubject: =?utf-8?q?Arr=C3=AAtez?=\r\n\r\nStop that.\r\n--x\r\n.\r\n"


async def test_a_mail_for_abuse_reaches_the_operator_as_it_is(desk: Desk) -> None:
    await arrive(desk, Postbox(desk), PLAIN)
    ((to, letter),) = await letters(desk.database)
    assert (to, letter["Subject"]) == ("op@it.example", "Courrier pour abuse@gw.example : Arrêtez")
    async with desk.database.read() as conn:
        raw = (await conn.execute(select(notices.c.raw))).scalar_one()
    (attached,) = letter.iter_attachments()
    assert attached.get_content_type() == "message/rfc822" and attached.get_filename() == "message.eml"
    assert PLAIN in raw and dkim.verify_with_dkimpy(raw, lambda _: dkim.dns_value(SIGNER))


async def test_what_may_not_travel_bare_is_a_file(desk: Desk) -> None:
    strange = b"Subject: x\r\n\r\n\xff\xfe caf\xe9\n" + b"y" * 2_000
    await arrive(desk, Postbox(desk), strange)
    ((_, letter),) = await letters(desk.database)
    (attached,) = letter.iter_attachments()
    assert (attached.get_content_type(), attached.get_content()) == ("application/octet-stream", strange)


async def test_floods_and_bounces_are_kept_and_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postbox, "PER_HOUR", 2)
    monkeypatch.setattr(postbox, "KEPT", 3 * (len(PLAIN) + 300))
    box, folder = Postbox(desk), desk.spool.folder / "postmaster"
    refs = [await arrive(desk, box, PLAIN) for _ in range(8)]
    assert len(await letters(desk.database)) == 2
    kept = sorted(path.name for path in folder.iterdir())
    assert kept and set(kept) < set(refs[2:]) and kept[-1] == refs[-1]
    assert sum(path.stat().st_size for path in folder.iterdir()) <= postbox.KEPT
    bounce = await arrive(desk, Postbox(desk), PLAIN, mail_from="")
    assert (folder / bounce).exists() and len(await letters(desk.database)) == 2


async def test_a_huge_one_is_attached_in_part_and_kept_whole(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postbox, "WHOLE", 50)
    ref = await arrive(desk, Postbox(desk), PLAIN)
    ((_, letter),) = await letters(desk.database)
    assert ref in words(letter) and (desk.spool.folder / "postmaster" / ref).exists()


@pytest.mark.parametrize("operator", ["op@GW.example", "nobody", "a b@x.example"])
def test_the_operator_is_somewhere_else(operator: str) -> None:
    with pytest.raises((ValueError, ConfigError)):
        Gateway(domain="gw.example", operator=operator)


async def test_the_janitor_keeps_the_house(desk: Desk, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(janitor, "_EVERY_S", 0.01)
    campaign = await make(50)
    await refuse(desk.database, campaign, 5, 15, now_ms())
    await pause(desk.database, "mx.example", 0, "554 blocked")
    async with desk.database.write() as conn:
        await conn.execute(
            text("INSERT INTO suppressions (account_id, key, reason, at, expires_at) VALUES (0, x'01', 'manual', 1, 2)")
        )
        await conn.execute(text("UPDATE campaigns SET state = 'sending', held = '[]'"))
        await conn.execute(text("DELETE FROM brakes"))
    stop = asyncio.Event()
    running = asyncio.create_task(janitor.keep_house(desk, stop))
    async with asyncio.timeout(20):
        while len(await letters(desk.database)) < 2:
            await asyncio.sleep(0.02)
    stop.set()
    await running
    async with desk.database.read() as conn:
        assert (await conn.execute(text("SELECT state FROM campaigns"))).scalar_one() == CampaignState.PAUSED
        assert (await conn.execute(text("SELECT count(*) FROM suppressions WHERE key = x'01'"))).scalar_one() == 0
