"""Nouvelle campagne: nothing typed is lost, what is checked is what intake makes of it, and sending twice is sending once."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from api_kit import Api, api_over
from visitor import PASSWORD, Visitor, hidden, user

from store import campaigns, drafts
from store.engine import Database, now_ms
from store.values import CampaignState

LIST = "Email;Prénom;Ville\nmarie@rcpt.example;Marie;Nantes\nnope;X;Y\npaul@rcpt.example;Paul;Brest\nMARIE@rcpt.example;M;N\n"
EML = (
    b"From: agency@elsewhere.test\nTo: somebody@elsewhere.test\nCc: boss@elsewhere.test\nSubject: =?utf-8?q?No=C3=ABl?=\n"
    b"Date: Mon, 1 Jan 2024 10:00:00 +0000\nMessage-ID: <old@elsewhere.test>\nMIME-Version: 1.0\n"
    b'Content-Type: multipart/alternative; boundary="b"\n\n--b\nContent-Type: text/plain; charset=utf-8\n\n'
    + "Bonjour {{Prénom}} à {{Ville}}\n".encode()
    + b"--b\nContent-Type: text/html; charset=utf-8\n\n<p>Bonjour <b>{{Pr&eacute;nom}}</b></p>\n--b--\n"
)


@dataclass
class Desk:
    api: Api
    anne: Visitor

    async def begin(self, **fields: str) -> str:
        """Write a message; the address of the draft."""
        page = await self.anne.get("/x/nouvelle")
        typed = {"source": "written", "format": "text", "subject": "Fête", "body": "Bonjour {{Prénom}},\n\nÀ bientôt"}
        answer = await self.anne.upload("/x/nouvelle", hidden(page.text, "/x/nouvelle") | typed | fields, [])
        assert answer.status == 303, answer.text[-2000:]
        return answer.headers["location"].removesuffix("/liste")

    async def list(self, base: str, pasted: str = LIST, files: Any = ()) -> None:
        form = hidden((await self.anne.get(f"{base}/liste")).text, f"{base}/liste") | {"pasted": pasted}
        source = "file" if files else "pasted"
        answer = await self.anne.upload(f"{base}/liste", form | {"liste_source": source}, list(files))
        assert answer.headers.get("location") == f"{base}/options", answer.text[-2000:]

    async def options(self, base: str, **fields: str) -> Any:
        return await self.anne.send(f"{base}/options", f"{base}/options", **({"sender": "anne@acme.test"} | fields))

    async def ready(self, **options: str) -> str:
        base = await self.begin()
        await self.list(base)
        assert (await self.options(base, **options)).headers["location"] == f"{base}/envoi"
        return base

    def spooled(self) -> list[Any]:
        spool = self.api.desk.spool
        return [
            (spool.load(ref)[0], message_from_bytes(spool.load(ref)[1], policy=policy.default))
            for ref in spool.pending()
        ]


@pytest.fixture
async def desk(db: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    async with api_over(db, tmp_path) as api:
        await user(db, "anne@acme.test", "send", api.account)
        anne = Visitor(api.reader)
        await anne.enter("anne@acme.test")
        yield Desk(api, anne)


async def test_from_the_first_word_to_the_report(desk: Desk) -> None:
    base = await desk.ready(campaign="Fête #3", reply_to="accueil@acme.test", from_name="Mairie")
    page = await desk.anne.get(f"{base}/envoi")
    assert page.status == 200 and "frame-src 'self'" in page.headers["content-security-policy"]
    figures = [int(n) for n in re.findall(r'class="term[^"]*"><b>(\d+)</b>', page.text)]
    assert figures == [4, 1, 1, 0, 2]  # read = invalid + duplicate + suppressed + recipients
    assert (
        "marie@rcpt.example" in page.text and "Bonjour Marie" in page.text and "Envoyer à 2 destinataires" in page.text
    )
    frame = await desk.anne.get(f"{base}/apercu")
    assert "Bonjour Marie" in frame.text and frame.headers["content-security-policy"].startswith("sandbox;")
    assert desk.spooled() == []
    form = hidden(page.text, f"{base}/envoyer")
    for _ in range(2):
        assert (await desk.anne.post(f"{base}/envoyer", **form)).headers["location"] == f"{base}/suite"
    [(envelope, mail)] = desk.spooled()
    assert (envelope.listener, envelope.login, envelope.account_id) == ("web", "anne@acme.test", desk.api.account)
    assert (mail["from"], mail["to"]) == ("Mairie <anne@acme.test>", "mail@gateway.test")
    waiting = await desk.anne.get(f"{base}/suite")
    assert waiting.headers["refresh"] == "2"
    await desk.api.intake()
    there = await desk.anne.get(f"{base}/suite")
    number = int(there.headers["location"].rpartition("/")[2])
    async with desk.api.db.read() as conn:
        made = await campaigns.get(conn, number)
    assert made is not None and (made.name, made.subject, made.reply_to) == ("Fête n° 3", "Fête", "accueil@acme.test")
    assert (made.lines, made.invalid, made.duplicate, made.recipients) == (4, 1, 1, 2)
    assert "Fête n° 3" in (await desk.anne.get(there.headers["location"])).text
    assert (await desk.anne.get(f"{base}/envoi")).status == 404  # the draft is gone, and its files
    assert not list((desk.api.folder / "drafts").iterdir())


async def test_a_message_of_somebody_else_becomes_ours(desk: Desk) -> None:
    page = await desk.anne.get("/x/nouvelle")
    files = [("eml", "lettre.eml", EML), ("files", "plan.pdf", b"%PDF-1.4")]
    answer = await desk.anne.upload("/x/nouvelle", hidden(page.text, "/x/nouvelle") | {"source": "eml"}, files)
    base = answer.headers["location"].removesuffix("/liste")
    assert "lettre.eml" in (await desk.anne.get(f"{base}/message")).text
    await desk.list(base, "", [("liste", "Clients 2026.csv", LIST.encode())])
    await desk.options(base)
    shown = await desk.anne.get(f"{base}/envoi")
    assert "Noël" in shown.text and "Bonjour Marie" in shown.text
    await desk.anne.post(f"{base}/envoyer", **hidden(shown.text, f"{base}/envoyer"))
    [(_, mail)] = desk.spooled()
    assert (mail["from"], mail["subject"], mail["cc"]) == ("Anne <anne@acme.test>", "Noël", None)
    names = [part.get_filename() for part in mail.walk() if part.get_filename()]
    assert names == ["plan.pdf", "LISTE.csv", "Config.txt"] and "elsewhere" not in str(mail)
    await desk.api.intake()
    assert "/x/campagnes/" in (await desk.anne.get(f"{base}/suite")).headers["location"]


async def test_nothing_typed_is_lost_on_a_doubt(desk: Desk) -> None:
    page = await desk.anne.get("/x/nouvelle")
    form = hidden(page.text, "/x/nouvelle") | {
        "source": "written",
        "format": "html",
        "subject": " ",
        "body": "<p>Écrit</p>",
    }
    refused = await desk.anne.upload("/x/nouvelle", form, [("files", "LISTE.xls", b"x"), ("files", "a.pdf", b"%PDF")])
    assert refused.status == 422 and "&lt;p&gt;Écrit&lt;/p&gt;" in refused.text and "a.pdf" in refused.text
    [base] = set(re.findall(r'action="(/x/nouvelle/\d+)/message"', refused.text))
    assert base in (await desk.anne.get("/x/nouvelle")).text  # it can be gone on with
    gone = await desk.anne.send(f"{base}/message", f"{base}/fichier")
    assert gone.status == 303 and "a.pdf" not in (await desk.anne.get(f"{base}/message")).text
    there = hidden((await desk.anne.get(f"{base}/message")).text, f"{base}/message")
    await desk.anne.upload(f"{base}/message", there | form | {"subject": "Là", "proof": there["proof"]}, [])
    empty = await desk.anne.upload(
        f"{base}/liste", hidden((await desk.anne.get(f"{base}/liste")).text, f"{base}/liste"), []
    )
    assert empty.status == 422
    await desk.list(base)
    past = await desk.options(base, when="later", day="2020-01-01", time="10:00", notify="not an address", rate="x")
    assert past.status == 422 and "déjà passée" in past.text and 'value="2020-01-01"' in past.text
    assert past.text.count('class="x-wrong"') == 3
    assert (await desk.anne.get(f"{base}/envoi")).headers["location"] == f"{base}/options"


async def test_a_later_date_and_what_the_account_may_not(desk: Desk) -> None:
    base = await desk.ready(when="later", day="2099-12-24", time="08:30", tracking="full", type="transactional")
    page = await desk.anne.get(f"{base}/envoi")
    assert "24/12/2099 08:30" in page.text and "Programmer pour 2" in page.text
    assert page.text.count('class="x-serious"') >= 2  # neither attested nor granted: it would be held
    await desk.anne.post(f"{base}/envoyer", **hidden(page.text, f"{base}/envoyer"))
    await desk.api.intake()
    number = int((await desk.anne.get(f"{base}/suite")).headers["location"].rpartition("/")[2])
    async with desk.api.db.read() as conn:
        made = await campaigns.get(conn, number)
    assert made is not None and made.state is CampaignState.HELD
    assert {one["code"] for one in made.held} == {"tracking_unattested", "transactional_ungranted"}


async def test_a_proof_goes_to_a_declared_sender_alone(desk: Desk) -> None:
    base = await desk.ready(when="later", day="2099-12-24")
    page = await desk.anne.get(f"{base}/envoi")
    form = hidden(page.text, f"{base}/epreuve")
    assert (await desk.anne.post(f"{base}/epreuve", **form, to="stranger@rcpt.example")).status == 400
    sent = await desk.anne.post(f"{base}/epreuve", **form, to="anne@acme.test")
    assert sent.headers["location"] == f"{base}/envoi?done=proof"
    await desk.api.intake()
    async with desk.api.db.read() as conn:
        people = [row.address for row in await conn.exec_driver_sql("SELECT address FROM recipients")]
        [draft] = await drafts.of(conn, 1)
    assert people == ["anne@acme.test"] and draft.sent_at is None
    assert (await desk.anne.get(f"{base}/envoi")).status == 200


async def test_what_intake_refuses_comes_back_as_it_was(desk: Desk) -> None:
    base = await desk.ready()
    page = await desk.anne.get(f"{base}/envoi")
    await desk.anne.post(f"{base}/envoyer", **hidden(page.text, f"{base}/envoyer"))
    async with desk.api.db.write() as conn:
        await conn.exec_driver_sql(f"UPDATE accounts SET suspended = 1 WHERE id = {desk.api.account}")
    await desk.api.intake()
    refused = await desk.anne.get(f"{base}/suite")
    assert "Contactez l&#39;administrateur de la passerelle" in refused.text
    async with desk.api.db.write() as conn:
        await conn.exec_driver_sql("UPDATE accounts SET suspended = 0")
    again = await desk.anne.get(f"{base}/envoi")
    await desk.anne.post(f"{base}/envoyer", **hidden(again.text, f"{base}/envoyer"))
    await desk.api.intake()
    assert "/x/campagnes/" in (await desk.anne.get(f"{base}/suite")).headers["location"]
    going = (await desk.anne.get("/x/campagnes")).text
    assert "Envoi en cours" in going and "suspendu" not in going
    async with desk.api.db.write() as conn:
        await conn.exec_driver_sql("UPDATE accounts SET suspended = 1")
    halted = (await desk.anne.get("/x/campagnes")).text
    assert "Votre compte est suspendu" in halted and "Compte suspendu" in halted and "Envoi en cours" not in halted


async def test_a_draft_is_its_writer_s_and_reading_alone_writes_none(desk: Desk) -> None:
    base = await desk.ready()
    await user(desk.api.db, "paul@acme.test", "send", desk.api.account)
    await user(desk.api.db, "lea@acme.test", "read", desk.api.account)
    paul, lea = Visitor(desk.api.reader), Visitor(desk.api.reader)
    await paul.enter("paul@acme.test")
    await lea.enter("lea@acme.test")
    for step in ("message", "liste", "options", "envoi", "apercu", "suite"):
        assert (await paul.get(f"{base}/{step}")).status == 404
        assert (await lea.get(f"{base}/{step}")).status == 403
    assert (await lea.get("/x/nouvelle")).status == 403 and "/x/nouvelle" not in (await lea.get("/x/campagnes")).text
    form = hidden((await paul.get("/x/nouvelle")).text, "/x/nouvelle")
    assert (await paul.post(f"{base}/envoyer", **form)).status == 404
    assert (await paul.upload("/x/nouvelle", form | {"proof": "0" * 32}, [])).status == 403
    assert (await desk.anne.send(f"{base}/message", f"{base}/effacer")).status == 303
    assert (await desk.anne.get(f"{base}/message")).status == 404


async def test_what_was_changed_meanwhile_is_looked_at_again(desk: Desk) -> None:
    base = await desk.ready()
    form = hidden((await desk.anne.get(f"{base}/envoi")).text, f"{base}/envoyer")
    async with desk.api.db.write() as conn:
        [draft] = await drafts.of(conn, 1)
        await drafts.save(conn, draft, dict(draft.fields) | {"subject": "Autre"}, now_ms() + 1)
    assert (await desk.anne.post(f"{base}/envoyer", **form)).headers["location"] == f"{base}/envoi"
    assert desk.spooled() == []


async def test_a_user_is_told_by_mail_of_what_opens_doors(desk: Desk) -> None:
    made = await desk.anne.send("/x/acces", "/x/acces/programmes", name="Outlook", current=PASSWORD)
    assert made.status == 200
    new = {"password": "un mot de passe tout neuf", "again": "un mot de passe tout neuf"}
    assert (await desk.anne.send("/x/acces", "/x/acces/mot-de-passe", current=PASSWORD, **new)).status == 303
    async with desk.api.db.read() as conn:
        rows = list(await conn.exec_driver_sql("SELECT address, raw FROM notices ORDER BY id"))
    mails = [message_from_bytes(row.raw, policy=policy.default) for row in rows]
    assert [row.address for row in rows] == ["anne@acme.test"] * 2
    said = [mail.get_body(("plain",)).get_content() for mail in mails]  # type: ignore[union-attr,attr-defined]
    assert "logiciel d'envoi" in said[0] and "vient d'être changé" in said[1]
