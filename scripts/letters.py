"""Every letter that the gateway sends to its users, to be looked at: as text, as HTML and as pictures, French and English.

In: `python scripts/letters.py FOLDER [NAME…]` (and a Chromium on the path for the pictures). Out: FOLDER/fr-NAME.txt, .html,
.png and the same in English. The letters are made by the gateway itself, from mails put into the spool of a gateway in a
temporary folder whose DNS is scripted; nothing is sent.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import shutil
import subprocess  # to start Chromium
import sys
import tempfile
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from config import keys
from config.settings import Settings
from gateway.intake.desk import Desk, rings
from gateway.intake.steps import Intake
from gateway.letters import final, late
from gateway.reading.readers import Readers
from mail.resolver import MailDomain, Mx, NoDomain
from store import accounts, events, jobs
from store import talks as talk_rows
from store.engine import Database, now_ms
from store.spool import Envelope, Spool
from store.states import Event
from store.tables import notices
from store.values import Change

DOMAIN, HOUR = "envoi.valfleury.example", 3_600_000
SENDER = "contact@mairie-valfleury.example"
LISTE = (
    "Email;Nom;Prénom;Suivi\nmarie.durand@orange.example;Durand;Marie;oui\npaul.martin@laposte.example;Martin;Paul;oui\n"
    "zoe.petit@free.example;Petit;Zoé;\ninès.roux@sfr.example;Roux;Inès;oui\n"
)
FAULTY = LISTE + "jean.dupont@;Dupont;Jean;\nMARIE.DURAND@orange.example;Durand;Marie;\nluc@gmial.com;Moreau;Luc;\n"
FAULTY += "anne@disparu.example;Blanc;Anne;\n;Vide;;\n"
BODY = (
    "Bonjour {{Prénom|cher administré}} {{Nom}},\n\nla piscine municipale sera fermée du 2 au 9 janvier pour travaux.\n"
    "Le conservatoire vous accueille pendant cette période : https://mairie-valfleury.example/agenda\n\n"
    "Bien à vous,\nLa mairie de Valfleury\n"
)


class Dns:
    """One domain that does not exist, all others there."""

    async def mail_domain(self, domain: str) -> MailDomain:
        return NoDomain() if domain == "disparu.example" else Mx(((0, "mx"),))

    async def texts(self, name: str) -> tuple[str, ...]:
        return ()

    async def close(self) -> None:
        pass


class Town:
    """One account in one language, and its mails."""

    def __init__(self, desk: Desk, account: int, locale: str, folder: Path) -> None:
        self.desk, self.account, self.locale, self.folder = desk, account, locale, folder
        self._intake, self._seen, self._number = Intake(desk), 0, 0

    async def write(
        self, name: str, *attached: tuple[str, str], subject: str = "", kind: str = "campaign", **more: Any
    ) -> None:
        """Send one mail and keep the letters that come back, under this name."""
        self._number += 1
        to = more.get("to", f"mail@{DOMAIN}")
        mail = EmailMessage(policy=email.policy.SMTP)
        mail["From"], mail["To"] = f"Mairie de Valfleury <{SENDER}>", to
        mail["Subject"] = subject or "Travaux à la piscine, {{Prénom}}"
        mail["Message-ID"] = more.get("id", f"<{self.locale}{self._number}@valfleury.example>")
        mail.set_content(more.get("body", BODY))
        for file, data in attached:
            mail.add_attachment(data.encode(), "application", "octet-stream", filename=file)
        envelope = Envelope(
            kind, SENDER, (to,), "192.0.2.1", "submission", now_ms(), self.account, "mairie", more.get("token")
        )
        ref = await asyncio.to_thread(self.desk.spool.put, envelope, bytes(mail))
        await self._intake.take(ref)
        await self.keep(name)

    async def keep(self, name: str) -> EmailMessage | None:
        """Keep the letters queued since the last look; the first of them is returned."""
        async with self.desk.database.read() as conn:
            query = select(notices.c.id, notices.c.raw).where(notices.c.id > self._seen).order_by(notices.c.id)
            rows = list(await conn.execute(query))
        found = [email.message_from_bytes(row.raw, policy=email.policy.default) for row in rows]
        self._seen = max([self._seen, *(row.id for row in rows)])
        for number, letter in enumerate(found):
            assert isinstance(letter, EmailMessage)
            _keep(letter, self.folder / f"{self.locale}-{name}{'-copy' if number else ''}")
        return found[0] if found else None  # type: ignore[return-value]

    async def last(self) -> tuple[int, int, str]:
        """The newest campaign, the serial of its talk and the address that replies to it go to."""
        async with self.desk.database.read() as conn:
            number = await conn.scalar(text("SELECT max(id) FROM campaigns WHERE state != 'loading'"))
            talk = await talk_rows.get(conn, number or 0)
            raw = await conn.scalar(
                select(notices.c.raw).where(notices.c.campaign_id == number).order_by(notices.c.id.desc()).limit(1)
            )
        assert number and talk and raw
        return number, talk.serial, str(email.message_from_bytes(raw, policy=email.policy.default)["Reply-To"])

    async def answer(self, name: str, body: str, *attached: tuple[str, str]) -> None:
        """Reply to the newest letter of the newest campaign."""
        number, _, to = await self.last()
        await self.write(name, *attached, subject="RE: x", kind="reply", to=to, token=number, body=body)


def _keep(letter: EmailMessage, at: Path) -> None:
    head = "".join(f"{name}: {letter[name]}\n" for name in ("From", "To", "Reply-To", "Subject") if letter[name])
    files = "".join(f"[{part.get_filename()}]\n" for part in letter.iter_attachments())
    plain, page = letter.get_body(("plain",)), letter.get_body(("html",))
    assert plain is not None and page is not None
    at.with_suffix(".txt").write_text(f"{head}{files}\n{plain.get_content()}", "utf-8")
    at.with_suffix(".html").write_text(page.get_content(), "utf-8")


async def tour(town: Town) -> None:
    """One letter of every kind."""
    french = town.locale == "fr"
    liste = ("LISTE.csv", LISTE)
    await town.write("good", liste)
    await town.write("faulty", ("LISTE.csv", FAULTY), subject="Agenda de janvier")
    config = "Date d'envoi : 24/12/2031 9h30\nAccusé à : maire@mairie-valfleury.example\nDébit : 500\n"
    await town.write("scheduled", liste, ("Config.txt", config), subject="Vœux du maire")
    await town.write(
        "held", ("LISTE.csv", LISTE), ("Config.txt", "Suivi : peut-être\nCouleur : bleu\n"), subject="Bonjour {{Titre}}"
    )
    await town.write("waiting", liste, ("Config.txt", "Validation : oui\n"), subject="À relire")
    for name, french_words, english_words in (
        ("unclear", "OK mais changez le titre", "OK but change the title"), ("no-hour", "demain", "tomorrow"),
        ("first", "seulement 2", "only 2"), ("rest", "OK", "OK"), ("spent", "annuler", "cancel"), ("over", "OK", "OK"),
    ):  # fmt: skip
        await town.answer(name, french_words if french else english_words)
    await town.write("waiting-again", liste, ("Config.txt", "Validation : oui\n"), subject="À relire encore")
    await town.answer("later", "demain 9h" if french else "tomorrow 9:00")
    await town.write("test", liste, ("Config.txt", f"Test : {SENDER}\n"), subject="Essai")
    await town.write("repeated", liste, id=f"<{town.locale}1@valfleury.example>")
    await town.write("no-list", subject="Sans liste")
    await town.write("two-lists", liste, ("liste (1).csv", LISTE), subject="Deux listes")
    await town.write("empty-list", ("LISTE.csv", "Email;Nom\n"), subject="Liste vide")
    await town.write("no-good-line", ("LISTE.csv", "Email;Nom\nabc;Durand\n;Martin\n"), subject="Rien de bon")
    await town.write(
        "list-attached",
        liste,
        ("Clients.csv", "".join(f"p{n}@x.example\n" for n in range(30))),
        subject="Deux fichiers",
    )
    await town.write("to-be-late", liste, subject="Interruption")
    await _late(town)
    await _final(town)


async def _late(town: Town) -> None:
    number, _, _ = await town.last()
    async with town.desk.database.write() as conn:
        await conn.execute(text("UPDATE campaigns SET send_at = send_at - 72000000 WHERE id = :id"), {"id": number})
        await conn.execute(text("UPDATE workers SET seen_at = seen_at - 108000000"))
        await jobs.join(conn, "host", 1, now_ms() - 30 * HOUR)
        await jobs.join(conn, "host", 1, now_ms())
    await late.tell(town.desk)
    await town.keep("late")


async def _final(town: Town) -> None:
    config = ("Config.txt", "Accusé à : maire@mairie-valfleury.example\n")
    people = "Email;Nom;Prénom;Suivi\n" + "".join(f"p{n}@orange.example;N{n};P{n};oui\n" for n in range(412))
    await town.write("notify", ("LISTE.csv", people), config, subject="Portes ouvertes")
    number, _, _ = await town.last()
    now = now_ms()
    async with town.desk.database.write() as conn:
        worker = await jobs.join(conn, "host", 2, now)
        leased = await jobs.lease(conn, worker, now, {number: 500})
        kinds = [
            Event.REFUSED if n % 40 == 7 else Event.TEMPFAILED if n % 97 == 3 else Event.ACCEPTED for n in range(412)
        ]
        changes = [Change(job.id, kind, now, worker) for job, kind in zip(leased, kinds, strict=True)]
        for n, job in enumerate(leased):
            if kinds[n] is Event.ACCEPTED and n % 3 == 0:
                changes.append(Change(job.id, Event.CLICK if n % 9 == 0 else Event.OPEN, now))
            if n == 12:
                changes.append(Change(job.id, Event.UNSUBSCRIBE, now))
        await events.apply(conn, changes, town.desk.suppression)
        await conn.execute(
            text("UPDATE campaigns SET state = 'finished', finished_at = :now WHERE id = :id"),
            {"now": now, "id": number},
        )
    await final.tell(town.desk, now + 25 * HOUR)
    await town.keep("final")


async def main(folder: Path) -> None:
    """Make the letters of both languages."""
    readers = Readers(2_000_000_000, 120)
    for locale in ("fr", "en"):
        with tempfile.TemporaryDirectory() as name:
            data = Path(name)
            keys.create(data, DOMAIN)
            settings = Settings(gateway={"domain": DOMAIN, "data_dir": data, "public_url": f"https://{DOMAIN}"})  # type: ignore[arg-type]
            database = Database.open(settings.database_url, settings.database)
            await database.migrate()
            async with database.write() as conn:
                named = ("Mairie de Valfleury", "1 place de la Mairie, 49000 Valfleury")
                account = await accounts.create_account(conn, "Valfleury", *named, locale, "Europe/Paris", 1)
                await accounts.declare_sender(conn, account, SENDER, "Mairie de Valfleury", 1, 1)
            desk = Desk(settings, database, Spool(data / "spool"), readers, Dns(), *rings(settings))  # type: ignore[arg-type]
            await tour(Town(desk, account, locale, folder))
            await database.close()
    await readers.close()


def pictures(folder: Path, wanted: tuple[str, ...]) -> None:
    """Take a picture of every letter (or of those whose name begins so) with Chromium."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("no Chromium here: no pictures", file=sys.stderr)
        return
    for page in sorted(folder.glob("*.html")):
        if wanted and not page.name.startswith(wanted):
            continue
        height = 500 + 20 * page.with_suffix(".txt").read_text("utf-8").count("\n")
        size, picture = f"--window-size=720,{height}", f"--screenshot={page.with_suffix('.png')}"
        quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        subprocess.run([chromium, *quiet, size, picture, str(page)], check=True, capture_output=True, timeout=60)


if __name__ == "__main__":
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "letters")
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(main(target))
    pictures(target, tuple(sys.argv[2:]))
