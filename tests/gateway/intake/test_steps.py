"""The whole way in: a mail by SMTP becomes rows, and its sender gets an acknowledgement."""

import asyncio
import email
import email.policy
import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import pytest_asyncio
from reading_here import ReadingHere
from sqlalchemy import select, text

from config.settings import Settings
from gateway.intake.desk import Desk
from gateway.intake.dispatch import Dispatch
from gateway.reading.readers import Readers
from mail.dkim import Signer, new_key
from mail.resolver import MailDomain, Mx, NoDomain, NullMx
from store import accounts, campaigns
from store.engine import Database, now_ms
from store.spool import Envelope, Spool
from store.suppressions import SuppressionKeys
from store.tables import faults, notices, recipients
from tests.gateway.kit_intake import DOMAIN, RING, fresh_database

KEYS = SuppressionKeys({1: b"s" * 32}, 1)
SIGNER = Signer(DOMAIN, "m2c1", new_key())
LISTE = "Email;Nom;Suivi\nmarie@rcpt.example;Durand;oui\npaul@rcpt.example;Martin;\nbad@;X;\nMARIE@rcpt.example;Y;\n"


class Dns:
    """The scripted DNS: the one seam."""

    async def mail_domain(self, domain: str) -> MailDomain:
        if domain == "slow.example":
            await asyncio.sleep(60)
        return {"gone.example": NoDomain(), "null.example": NullMx()}.get(domain, Mx(((0, "mx"),)))

    async def texts(self, name: str) -> tuple[str, ...]:
        return ()

    async def close(self) -> None:
        pass


class Office:
    """A dispatch at work on a spool of its own."""

    def __init__(self, desk: Desk, dispatch: Dispatch, account: int, other: int) -> None:
        self.desk, self.dispatch, self.account, self.other = desk, dispatch, account, other
        self.seen = 0

    async def send(self, raw: bytes, account: int | None = None, **more: Any) -> EmailMessage | None:
        """Put a mail into the spool, wait until it left it, and return the one answer that it got, if any."""
        kind = more.pop("kind", "campaign")
        to = more.pop("rcpt", f"mail@{DOMAIN}")
        envelope = Envelope(kind, "anne@firm.example", (to,), "127.0.0.1", "submission", now_ms(),
                            account or self.account, "anne", more.pop("token", None))  # fmt: skip
        if "mail_from" in more:
            envelope = Envelope(kind, more["mail_from"], *(getattr(envelope, n) for n in Envelope.__slots__[2:]))
        await asyncio.to_thread(self.desk.spool.put, envelope, raw)
        self.dispatch.wake()
        async with asyncio.timeout(30):
            while self.desk.spool.pending() or self.dispatch._busy:
                await asyncio.sleep(0.02)
        found = await self.rows(select(notices.c.raw).where(notices.c.id > self.seen).order_by(notices.c.id))
        self.seen += len(found)
        assert len(found) < 2
        return read(found[0].raw) if found else None

    async def rows(self, query: Any) -> list[Any]:
        async with self.desk.database.read() as conn:
            return list(await conn.execute(query))

    async def numbers(self) -> list[int]:
        async with self.desk.database.read() as conn:
            return [one.id for one in await campaigns.recent(conn)]

    async def states(self) -> list[str]:
        async with self.desk.database.read() as conn:
            return [one.state.value for one in await campaigns.recent(conn)]


def read(raw: bytes) -> EmailMessage:
    return email.message_from_bytes(raw, policy=email.policy.default)  # type: ignore[return-value]


def words(mail: EmailMessage | None) -> str:
    assert mail is not None
    part = mail.get_body(("plain",))
    assert part is not None
    return " ".join(part.get_content().split())


def files(mail: EmailMessage | None) -> dict[str | None, bytes]:
    assert mail is not None
    return {part.get_filename(): part.get_content() for part in mail.iter_attachments()}


def grid(data: bytes) -> list[list[Any]]:
    return [[cell.value for cell in row] for row in openpyxl.load_workbook(io.BytesIO(data)).active.iter_rows()]


def mail(
    *attached: tuple[str, str | bytes], subject: str = "Bonjour {{Nom}}", body: str = "Bonjour {{Nom}},", **head: str
) -> bytes:
    made = EmailMessage(policy=email.policy.SMTP)
    made["From"] = head.pop("sender", "Anne <anne@firm.example>")
    made["To"], made["Subject"] = head.pop("to", f"mail@{DOMAIN}"), subject
    made["Message-ID"] = head.pop("id", f"<{abs(hash((attached, subject, body)))}@firm.example>")
    for name, value in head.items():
        made[name.replace("_", "-")] = value
    made.set_content(body)
    made.add_alternative(f"<p>{body} <a href='https://firm.example/x'>lien</a></p>", subtype="html")
    for name, data in attached:
        data = data.encode() if isinstance(data, str) else data
        made.add_attachment(data, "application", "octet-stream", filename=name)
    return bytes(made)


pytestmark = pytest.mark.asyncio(loop_scope="module")
shared: list[Readers] = []


@pytest_asyncio.fixture(loop_scope="module", scope="module", autouse=True)
async def readers() -> AsyncIterator[None]:
    """What reads, for all."""
    shared[:] = [ReadingHere()]
    yield
    await shared[0].close()


@asynccontextmanager
async def office(folder: Path, **limits: Any) -> AsyncIterator[Office]:
    settings = Settings(
        gateway={"domain": DOMAIN, "data_dir": folder, "public_url": "https://gw.example"},
        delivery={"routes": {"*.routed.example": "127.0.0.1:25"}},
        limits=limits,
    )
    database, firm, other = await fresh_database(folder)
    spool = Spool(folder / "spool")
    own = "reader_seconds" in limits
    readers = Readers(settings.limits.reader_memory, settings.limits.reader_seconds) if own else shared[0]
    desk = Desk(settings, database, spool, readers, Dns(), RING, KEYS, (SIGNER,))  # type: ignore[arg-type]
    dispatch, stop = Dispatch(desk), asyncio.Event()
    task = asyncio.create_task(dispatch.run(stop))
    try:
        yield Office(desk, dispatch, firm, other)
    finally:
        stop.set()
        await task
        if own:
            await readers.close()
        await database.close()


async def test_a_mail_becomes_a_campaign(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        answer = await made.send(mail(("LISTE.csv", LISTE), to=f"mail@{DOMAIN}, boss@firm.example"))
        async with made.desk.database.read() as conn:
            (campaign,) = await campaigns.recent(conn)
            token = campaigns.report_token(RING.keys[1], campaign.id)
            assert await campaigns.find_by_report_token(conn, token) == campaign
        figures = (campaign.lines, campaign.invalid, campaign.duplicate, campaign.suppressed, campaign.recipients)
        assert (campaign.state.value, figures) == ("sending", (4, 1, 1, 0, 2))
        assert (campaign.subject, campaign.from_name, campaign.from_address) == (
            "Bonjour {{Nom}}",
            "Anne",
            "anne@firm.example",
        )
        assert campaign.columns == ("Email", "Nom", "Suivi")
        assert [link["target"] for link in campaign.links] == ["https://firm.example/x"]
        people = await made.rows(select(recipients).order_by(recipients.c.id))
        assert [(one.line, one.address, one.tracked) for one in people] == [
            (2, "marie@rcpt.example", 1),
            (3, "paul@rcpt.example", 3),
        ]
        bad = await made.rows(select(faults).order_by(faults.c.id))
        assert [(one.line, one.kind, one.detail) for one in bad] == [(4, "syntax", ""), (5, "duplicate", "2")]
        said = words(answer)
        assert answer is not None
        assert (answer["To"], answer["Auto-Submitted"]) == ("anne@firm.example", "auto-replied")
        assert str(answer["Reply-To"]).startswith("campagne+")
        assert f"https://gw.example/r/{token}" in said
        assert "4 lignes lues 1 invalide 1 doublon 0 écartée 2 destinataires" in said
        assert "2 destinataires, fin estimée dans la minute." in said
        assert "boss@firm.example" in said
        assert "Bonjour Durand" in said
        assert "{{" not in said.replace("Bonjour {{Nom}}", "")
        rows = grid(files(answer)["LISTE_corrigee.xlsx"])
        assert rows[0] == ["Ligne", "Email", "Nom", "Suivi", "Défaut"]
        assert [row[-1] for row in rows[1:]] == [None, None, "Adresse incorrecte", "En double avec la ligne 2"]
        assert list((tmp_path / "spool" / "tmp").iterdir()) == []


async def test_what_exceeds_the_quota_is_said(tmp_path: Path) -> None:
    async with office(tmp_path, new_account_per_day=1) as made:
        said = words(await made.send(mail(("LISTE.csv", LISTE))))
    assert (
        "Quota de votre compte, en destinataires par jour : 1. Part d'aujourd'hui : 1 ; le reste partira à compter du "
        in said
    )


async def test_the_same_message_again_is_one_campaign(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        raw = mail(("LISTE.csv", LISTE))
        first, again = await made.send(raw), await made.send(b"Received: from outlook\r\n" + raw)
        assert await made.states() == ["sending"]
        assert first is not None
        assert again is not None
        assert "seconde fois" in words(again)
        assert grid(files(again)["LISTE_corrigee.xlsx"]) == grid(files(first)["LISTE_corrigee.xlsx"])
        await made.send(mail(("LISTE.csv", LISTE), id="<2@firm.example>"))
        assert len(await made.states()) == 2


async def test_twice_at_once_is_one_campaign(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        raw = mail(("LISTE.csv", LISTE))
        envelope = Envelope("campaign", "", (), "", "submission", now_ms(), made.account)
        for _ in range(3):
            await asyncio.to_thread(made.desk.spool.put, envelope, raw)
        made.dispatch.wake()
        async with asyncio.timeout(20):
            while made.desk.spool.pending() or made.dispatch._busy:
                await asyncio.sleep(0.02)
        assert await made.states() == ["sending"]
        assert len(await made.rows(select(recipients.c.id))) == 2
        assert len(await made.rows(select(notices.c.id))) == 3


async def test_a_campaign_that_a_sender_held_comes_again(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        raw = mail(("LISTE.csv", LISTE))
        await made.send(raw)
        async with made.desk.database.write() as conn:
            await campaigns.set_held(
                conn, 1, [{"code": "render", "text": ""}, {"code": "dkim", "text": "s.gw.example"}]
            )
        said = words(await made.send(raw))
        assert "n'a pas pu être mis en forme" in said and "vérifiée (s.gw.example)" in said


async def test_what_an_outage_left_half_loaded_is_begun_anew(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        raw = mail(("LISTE.csv", LISTE))
        await made.send(raw)
        async with made.desk.database.write() as conn:  # the database went away before the campaign was revealed
            await conn.execute(text("DELETE FROM notices"))
            await conn.execute(text("UPDATE campaigns SET state = 'loading'"))
        made.seen = 0
        assert "2 destinataires" in words(await made.send(raw))
        assert await made.states() == ["sending"]
        assert len(await made.rows(select(recipients.c.id))) == 2


async def test_a_machine_in_trouble_is_waited_for(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        lines = tmp_path / "spool" / "tmp"
        lines.rmdir()  # no place for LISTE_corrigee's lines, as on a full disk
        ref = "0" * 20 + "-trouble"
        made.dispatch._busy.add(ref)  # the test takes it by itself
        envelope = Envelope("campaign", "anne@firm.example", (), "127.0.0.1", "submission", now_ms(), made.account)
        Spool(tmp_path / "elsewhere").put(envelope, mail(("LISTE.csv", LISTE)))
        (found,) = (tmp_path / "elsewhere" / "new").iterdir()
        found.rename(tmp_path / "spool" / "new" / ref)
        with pytest.raises(OSError, match="No such file"):
            await made.dispatch._intake.take(ref)
        assert made.desk.spool.pending() == [ref]
        assert await made.rows(select(notices.c.id)) == []
        lines.mkdir()
        await made.dispatch._intake.take(ref)
        assert (await made.states(), made.desk.spool.pending()) == (["sending"], [])


async def test_who_is_not_written_to(tmp_path: Path) -> None:
    liste = "a@gone.example\nb@null.example\nc@slow.example\nd@x.routed.example\ne@stop.example\nf@gw.example\ng@ok.example\n"
    async with office(tmp_path) as made:
        async with made.desk.database.write() as conn:
            from store import suppressions

            row = {"account_id": made.account, "key": KEYS.hash("e@stop.example"), "address": "", "at": 0,
                   "reason": "unsubscribe", "campaign_id": None}  # fmt: skip
            await suppressions.add(conn, [row])
        answer = await made.send(mail(("liste.txt", liste), subject="S", body="b"))
        bad = await made.rows(select(faults).order_by(faults.c.line))
        assert [(one.address, one.kind, one.detail) for one in bad] == [
            ("a@gone.example", "no_mail", "nxdomain"),
            ("b@null.example", "no_mail", "null_mx"),
            ("e@stop.example", "suppressed", "unsubscribe 0"),
            ("f@gw.example", "own", ""),
        ]
        (campaign,) = [await campaigns.get(conn, 1) async for conn in _one(made.desk.database)]
        assert (campaign.lines, campaign.invalid, campaign.suppressed, campaign.recipients) == (7, 3, 1, 3)
        said = [row[-1] for row in grid(files(answer)["LISTE_corrigee.xlsx"])[1:]]
        assert said[0] == "Ce domaine n'existe pas"
        assert said[4] == "À ne plus contacter depuis le 01/01/1970 01:00\u00a0: désabonnement"


async def _one(database: Database) -> AsyncIterator[Any]:
    async with database.read() as conn:
        yield conn


def packed(name: str, data: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, data)
    return out.getvalue()


NO_CAMPAIGN = [
    ((), "ne contient pas de liste", True),
    ((("envoi.zip", packed("LISTE.csv", LISTE)),), "se trouve dans l'archive envoi.zip", True),
    ((("LISTE.pdf", "%PDF-1.7"),), "c'est un PDF", True),
    ((("contacts.csv", LISTE),), "Si la liste de destinataires est contacts.csv, renommez ce fichier en LISTE", True),
    ((("LISTE.csv", LISTE), ("Liste (1).csv", LISTE)), "plusieurs listes", False),
    ((("LISTE.csv", ""),), "LISTE.csv est vide", True),
    ((("LISTE.csv", "Nom\nDurand\n"),), "aucune colonne ne contient d'adresses", True),
    ((("LISTE.csv", "Email\nbad@\n@\n"),), "aucune ligne de votre liste", False),
]


@pytest.mark.parametrize(("attached", "says", "example"), NO_CAMPAIGN)
async def test_mails_that_make_no_campaign(tmp_path: Path, attached: Any, says: str, example: bool) -> None:
    async with office(tmp_path) as made:
        answer = await made.send(mail(*attached))
        assert says in words(answer)
        assert ("LISTE.xlsx" in files(answer)) == example
        assert await made.states() == []
        assert await made.rows(text("SELECT id FROM blobs")) == []


async def test_a_reply_to_one_of_our_letters_is_no_campaign(tmp_path: Path) -> None:
    """Somebody answers "no list" by a reply with the list: it quotes our letter, and all would have read it."""
    async with office(tmp_path) as made:
        answer = await made.send(mail())
        assert answer is not None and answer["Reply-To"] is None
        for head in ({"In_Reply_To": answer["Message-ID"]}, {"References": f"<x@y> {answer['Message-ID']}"}):
            back = await made.send(mail(("LISTE.csv", LISTE), subject=f"RE: {answer['Subject']}", **head))
            assert "Écrivez un nouveau message à mail@gw.example (pas une réponse)" in words(back)
        assert await made.states() == []


async def test_a_link_to_a_shared_file_instead_of_the_list(tmp_path: Path) -> None:
    link = "Liste : https://1drv.ms/x/s!AkQx12345abc"
    async with office(tmp_path) as made:
        for attached in ((), (("LISTE.xlsx", ""),)):
            answer = await made.send(mail(*attached, body=link))
            assert "un lien vers un fichier partagé (OneDrive)" in words(answer)
            assert "Joindre en tant que copie" in words(answer)
        assert await made.states() == []


HELD = [
    ((("LISTE.csv", LISTE), ("Liste clients.csv", "x")), {}, "Liste clients.csv"),
    ((("LISTE.csv", LISTE), ("clients.txt", "\n".join(f"p{n}@x.example" for n in range(30)))), {}, "clients.txt"),
    ((("LISTE.csv", LISTE),), {"subject": "Bonjour {{Prnom}}"}, "{{Prnom}} ne correspond à aucune colonne"),
    ((("LISTE.csv", LISTE.replace("Suivi", "PJ")),), {}, "aucun fichier joint ne s'appelle oui (ligne 2)"),
]


@pytest.mark.parametrize(("attached", "more", "says"), HELD)
async def test_held_campaigns_and_their_correction(tmp_path: Path, attached: Any, more: Any, says: str) -> None:
    async with office(tmp_path) as made:
        answer = await made.send(mail(*attached, **more))
        assert await made.states() == ["held"]
        assert says in words(answer)
        assert "rien n'a été envoyé" in words(answer)
        # who must correct the subject cannot send the same one again
        assert ("avec le même objet" in words(answer)) == ("subject" not in more)
        subject = more.get("subject", "Bonjour {{Nom}}").replace("Prnom", "Nom")
        await made.send(mail(("LISTE.csv", LISTE), subject=subject, id="<corrected@firm.example>"))
        assert await made.states() == ["sending", "replaced"]


async def test_a_campaign_about_an_absence(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        subject = "Absence de collecte lundi"
        assert "2 destinataires" in words(await made.send(mail(("LISTE.csv", LISTE), subject=subject)))
        assert await made.send(mail(("note.txt", "x"), subject=subject)) is None
        assert await made.states() == ["sending"]


async def test_machines_get_no_answer(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        assert await made.send(mail(Auto_Submitted="auto-replied")) is None
        assert await made.send(mail(), mail_from="", kind="reply") is None
        assert "aucune campagne de votre compte" in words(await made.send(mail(), kind="reply", token=1))


@pytest.mark.slow
async def test_a_mail_that_kills_its_reader_is_set_aside(tmp_path: Path) -> None:
    async with office(tmp_path, reader_seconds=1) as made:
        big = "Email\n" + "".join(f"person{n}@rcpt.example\n" for n in range(600_000))
        answer = await made.send(mail(("LISTE.csv", big)))
        assert "n'a pas pu être lu" in words(answer)
        assert sorted(path.suffix for path in (tmp_path / "spool" / "shunt").iterdir()) == ["", ".txt"]
        assert await made.states() == []
        assert "2 destinataires" in words(await made.send(mail(("LISTE.csv", LISTE))))


async def test_transactional_mail_goes_where_it_was_granted(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        async with made.desk.database.write() as conn:
            await accounts.set_transactional(conn, made.account, 100)
        config = ("Config.txt", "Type : transactionnel\nDésabonnement : non\n")
        assert "2 destinataires" in words(await made.send(mail(("LISTE.csv", LISTE), config)))
        assert await made.states() == ["sending"]


async def test_a_suspended_account_is_told(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        async with made.desk.database.write() as conn:
            await accounts.suspend(conn, made.account, True)
        assert "compte est suspendu" in words(await made.send(mail(("LISTE.csv", LISTE))))
        assert await made.states() == []


async def test_consent(tmp_path: Path) -> None:
    said = ("Oui", "", "non", "Refusé", "N'a pas répondu", "OUI.")
    liste = "Email;Suivi\n" + "".join(f"{n}@x.example;{one}\n" for n, one in enumerate(said))
    async with office(tmp_path) as made:
        async with made.desk.database.write() as conn:
            await accounts.attest(conn, made.account, "Anne", "ok", 1)
        assert "ouvertures et clics, par personne" in words(
            await made.send(mail(("LISTE.csv", liste), subject="S", body="b"))
        )
        people = await made.rows(select(recipients).order_by(recipients.c.id))
        assert [one.tracked for one in people] == [1, 1, 3, 3, 3, 1]


CONFIG = [
    ("Expéditeur : Bob <bob@other.example>", "held", "n'est pas un expéditeur déclaré de votre compte"),
    ("Suivi : complet", "held", "n'a pas attesté"),
    ("Type : transactionnel", "held", "n'est pas accordé"),
    ("Désabonnement : non", "held", "que pour un message transactionnel"),
    ("Validation : oui", "held", "Votre campagne attend votre accord"),
    ("Date d'envoi : 25/12/2020 9h", "held", "Config, ligne 1 : « Date d'envoi : 25/12/2020 9h » est déjà passé"),
    (b"PK\x03\x04" + bytes(600), "held", "Config : le fichier n'a pas pu être lu. Accepté : des lignes"),
    ("Couleur : bleu", "held", "« Couleur » n'est pas une option connue"),
    ("Date d'envoi : 25/12/2099 9h30", "scheduled", "L'envoi commencera le 25/12/2099 09:30"),
    ("Expéditeur : Anne B\nCampagne : Noël\nRépondre à : r@x.example\nSuivi : non", "sending", "Campagne : Noël"),
    ("Langue : en", "sending", "2 recipients"),
]


@pytest.mark.parametrize(("config", "state", "says"), CONFIG)
async def test_config(tmp_path: Path, config: Any, state: str, says: str) -> None:
    async with office(tmp_path) as made:
        answer = await made.send(mail(("LISTE.csv", LISTE), ("Config.txt", config)))
        assert await made.states() == [state]
        assert says in words(answer)
        async with made.desk.database.read() as conn:
            (campaign,) = await campaigns.recent(conn)
        if "Noël" in str(config):
            got = (campaign.from_name, campaign.name, campaign.reply_to, campaign.options["tracking"])
            assert got == ("Anne B", "Noël", "r@x.example", "none")
            assert [one.tracked for one in await made.rows(select(recipients))] == [0, 0]
        due = {one.next_attempt_at for one in await made.rows(select(recipients))}
        assert due == {0}  # the date of the campaign comes first


async def test_personal_documents(tmp_path: Path) -> None:
    liste = "Email;PJ\nmarie@rcpt.example;marie.pdf\npaul@rcpt.example;Paul\nzoe@rcpt.example;\n"
    attached = (("LISTE.csv", liste), ("marie.pdf", b"%PDF m"), ("paul.pdf", b"%PDF p"))
    async with office(tmp_path) as made:
        said = words(await made.send(mail(*attached, subject="S", body="b")))
        assert "Joint : marie.pdf" in said and "Joint : paul.pdf" in said
        assert "1 personne n'a pas de fichier" in said
        assert await made.states() == ["sending"]
        async with made.desk.database.read() as conn:
            (campaign,) = await campaigns.recent(conn)
        assert campaign.options["documents"] == 1
