"""Letters that come by themselves: to the addresses of "Accusé à", about a campaign that is late, and the final report."""

import re
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from gateway.letters import final, late
from gateway.web.app import build
from gateway.web.context import Context
from gateway.web.recorder import Recorder
from store import campaigns, events, jobs, links, talks
from store.engine import now_ms
from store.lateness import HOUR
from store.states import Event
from store.tables import notices
from store.values import Change
from tests.gateway.intake.test_steps import KEYS, LISTE, Office, files, mail, office, read, readers, words
from tests.gateway.kit_intake import RING
from tests.support.web_helpers import Reader

assert readers  # the module's own pool of reading processes
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
CONFIG = ("Config.txt", "Accusé à : chef@firm.example, compta@firm.example\n")
PEOPLE = "Email;Nom\nmarie@rcpt.example;Durand\npaul@rcpt.example;Martin\nzoe@rcpt.example;Petit\n"
DAY = 24 * HOUR


async def letters(made: Office) -> dict[str, EmailMessage]:
    """The letters that were queued since the last look, by their addressee."""
    rows = await made.rows(select(notices.c.id, notices.c.address, notices.c.raw).where(notices.c.id > made.seen))
    made.seen = max([made.seen, *(row.id for row in rows)])
    return {row.address: read(row.raw) for row in rows}


async def send(made: Office, *attached: tuple[str, str], **more: Any) -> dict[str, EmailMessage]:
    made.seen += 100  # Office.send expects one answer at most: look for them here
    await made.send(mail(*attached, **more))
    made.seen -= 100
    return await letters(made)


def pages(made: Office) -> Reader:
    recorder = Recorder(made.desk.database, KEYS)
    ctx = Context(made.desk.database, RING, recorder, "https://gw.example", "gw.example", "fr", 30)
    return Reader(build(ctx), "gw.example")


def link(mail: EmailMessage) -> str:
    found = re.search(r"https://gw\.example(/r/[A-Za-z0-9_-]{22,})", words(mail))
    assert found is not None
    return found[1]


async def deliver(made: Office, number: int, now: int) -> None:
    """One delivered and read, one refused, one delivered: as senders and readers write it."""
    async with made.desk.database.write() as conn:
        worker = await jobs.join(conn, "host", 1, now)
        leased = await jobs.lease(conn, worker, now, {number: 10})
        kinds = [Event.ACCEPTED, Event.REFUSED, Event.ACCEPTED]
        changes = [
            Change(job.id, kind, now, worker, None, {"class": "unknown_user"})
            for job, kind in zip(leased, kinds, strict=True)
        ]
        await events.apply(conn, changes, KEYS)
        await events.apply(conn, [Change(leased[0].id, Event.CLICK, now)], KEYS)
        await conn.execute(text("UPDATE campaigns SET state = 'finished', finished_at = :now"), {"now": now})


async def test_the_readers_get_a_link_that_only_reads(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        got = await send(made, ("LISTE.csv", LISTE), CONFIG)
        assert sorted(got) == ["anne@firm.example", "chef@firm.example", "compta@firm.example"]
        author, boss, clerk = (got[one] for one in sorted(got))
        assert str(author["Reply-To"]).startswith("campagne+") and boss["Reply-To"] == "anne@firm.example"
        assert boss["Auto-Submitted"] == "auto-replied" and boss["In-Reply-To"] is None
        assert "Accusé à" in words(boss) and "Une campagne est lancée" in words(boss)
        assert "LISTE_corrigee.xlsx" in files(boss) and "2 destinataires" in words(boss)
        assert len({link(author), link(boss), link(clerk)}) == 3
        reader = pages(made)
        mine, theirs = await reader.get(link(author)), await reader.get(link(boss))
        assert (mine.status, theirs.status) == (200, 200)
        assert "/stop" in mine.text and "/stop" not in theirs.text and "/pause" not in theirs.text
        assert (await reader.get(f"{link(boss)}/live")).status == 200 and "/stop" not in (
            await reader.get(f"{link(boss)}/live")
        ).text
        for action in ("stop", "pause", "resume"):
            answer = await reader.get(f"{link(boss)}/{action}")
            assert answer.status == 403 and "Votre accès à ce rapport ne le permet pas" in answer.text
            assert (await reader.post(f"{link(boss)}/{action}", {"proof": "x"})).status == 403
        assert await made.states() == ["sending"]
        async with made.desk.database.write() as conn:
            (number,) = [one.id for one in await campaigns.recent(conn)]
            await links.revoke(conn, number, 1, now_ms())
        assert (await reader.get(link(boss))).status == 410 and (await reader.get(link(clerk))).status == 200


async def test_a_campaign_that_waits_is_decided_by_its_author_alone(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        got = await send(made, ("LISTE.csv", PEOPLE), ("Config.txt", f"{CONFIG[1]}Validation : oui\n"))
        assert "/v/" in words(got["anne@firm.example"]) and "« demain 9h »" in words(got["anne@firm.example"])
        assert "/v/" not in words(got["chef@firm.example"]) and "« demain 9h »" not in words(got["chef@firm.example"])
        assert "Une campagne attend l'accord de son auteur" in words(got["chef@firm.example"])


async def test_nobody_outside_the_accounts_domains_is_told(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        got = await send(made, ("LISTE.csv", PEOPLE), ("Config.txt", "Accusé à : chef@firm.example, x@other.example\n"))
        assert sorted(got) == ["anne@firm.example", "chef@firm.example"] and await made.states() == ["held"]
        assert "x@other.example n'est pas dans un domaine de votre compte" in words(got["chef@firm.example"])


async def test_a_crowd_of_readers_is_told_nothing_more_than_twenty(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        crowd = ", ".join(f"p{n}@firm.example" for n in range(21))
        got = await send(made, ("LISTE.csv", PEOPLE), ("Config.txt", f"Accusé à : {crowd}\n"))
        assert len(got) == 21 and await made.states() == ["held"]
        assert "Accusé à : 20 adresses au plus." in words(got["anne@firm.example"])


async def test_the_final_report_comes_once_a_day_after_the_end(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        got = await send(made, ("LISTE.csv", PEOPLE), CONFIG, subject="Portes ouvertes")
        (number,) = await made.numbers()
        end = now_ms()
        await deliver(made, number, end)
        assert await final.tell(made.desk, end + DAY - 1) == 0
        assert await final.tell(made.desk, end + DAY) == 1 and await final.tell(made.desk, end + DAY) == 0
        mails = await letters(made)
        assert sorted(mails) == ["anne@firm.example", "chef@firm.example", "compta@firm.example"]
        said = words(mails["anne@firm.example"])
        assert "Le bilan de votre campagne" in said and "Portes ouvertes" in said
        assert "3 destinataires 3 envoyés 2 délivrés 1 a ouvert 1 a cliqué" in said
        assert "33,3 % Taux d'ouverture 1 sur 3 envoyés" in said
        assert "100,0 % Taux de réactivité 1 sur 1 qui ont ouvert" in said
        assert "Annulé : 1" in said and "écartées de vos prochains envois" in said
        assert link(mails["chef@firm.example"]) == link(got["chef@firm.example"])
        assert "à la demande de anne@firm.example" in words(mails["chef@firm.example"])


@pytest.mark.parametrize("why", ["proof", "nothing left", "too late"])
async def test_no_final_report_where_there_is_nothing_to_say(tmp_path: Path, why: str) -> None:
    async with office(tmp_path) as made:
        config = [("Config.txt", "Test : anne@firm.example\n")] if why == "proof" else []
        await send(made, ("LISTE.csv", PEOPLE), *config)
        (number,) = await made.numbers()
        end = now_ms()
        async with made.desk.database.write() as conn:
            await conn.execute(text("UPDATE campaigns SET state = 'stopped', finished_at = :end"), {"end": end})
            if why == "too late":
                await conn.execute(text(f"INSERT INTO tallies VALUES ({number}, 'sent', 3)"))
        assert await final.tell(made.desk, end + (40 if why == "too late" else 2) * DAY) == 1
        assert await letters(made) == {}


async def test_a_late_campaign_asks_its_author_and_goes_when_told(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        got = await send(made, ("LISTE.csv", PEOPLE))
        (number,) = await made.numbers()
        now = now_ms()
        async with made.desk.database.write() as conn:
            await jobs.join(conn, "host", 1, now - 30 * HOUR)
            await conn.execute(text("UPDATE campaigns SET send_at = :at, created_at = :at"), {"at": now - 20 * HOUR})
            await jobs.join(conn, "host", 1, now)
        assert await made.states() == ["held"]
        assert (await late.tell(made.desk), await late.tell(made.desk)) == (1, 0)
        asked = (await letters(made))["anne@firm.example"]
        assert "20 heures de retard" in words(asked) and "Restent : 3 destinataires" in words(asked)
        assert "/v/" in words(asked)
        report = await pages(made).get(link(got["anne@firm.example"]))
        assert "20 heures de retard par notre faute" in report.text
        raw = mail(subject="RE: x", body="OK", to=str(asked["Reply-To"]), id="<ok@x>")
        back = await made.send(raw, kind="reply", token=number, rcpt=str(asked["Reply-To"]))
        assert "l'envoi à 3 destinataires commence" in words(back) and await made.states() == ["sending"]


async def test_a_mail_that_lay_here_for_a_day_is_asked_about_at_once(tmp_path: Path, monkeypatch: Any) -> None:
    async with office(tmp_path) as made:
        received = now_ms() - DAY
        monkeypatch.setattr("tests.gateway.intake.test_steps.now_ms", lambda: received)
        (answer,) = (await send(made, ("LISTE.csv", PEOPLE))).values()
        assert "24 heures de retard par notre faute" in words(answer) and "/v/" in words(answer)
        assert await made.states() == ["held"] and await late.tell(made.desk) == 0
        async with made.desk.database.read() as conn:
            talk = await talks.get(conn, 1)
        assert talk is not None and talk.author == "anne@firm.example"
