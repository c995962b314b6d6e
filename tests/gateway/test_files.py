"""Attachments from the user's mail to the reader's disk: in by the spool, out by the rendered mail's link, byte for byte."""

import os
import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import select
from web_helpers import Reader

from gateway.web.app import build
from gateway.web.context import Context
from gateway.web.recorder import Recorder
from mta.plates import House, Plate, make
from store import campaigns, files
from store.engine import Database
from store.states import Status
from store.tables import recipients
from store.values import Campaign, Job, Tracked
from tests.gateway.intake.test_steps import KEYS, SIGNER, mail, office, readers, words  # noqa: F401 the readers are a fixture
from tests.gateway.kit_intake import DOMAIN, RING

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
PLAIN = "Email;Nom\nmarie@rcpt.example;Durand\npaul@rcpt.example;Martin\n"
BIG = b"%PDF-1.7 " + os.urandom(2_400_000)
CONFIG = "Validation : non\nPièces jointes : {}\n"


def site(database: Database) -> Reader:
    return Reader(build(Context(database, RING, Recorder(database, KEYS), "https://gw.example", DOMAIN, "fr", 30)))


async def sent(made: Any, campaign: Campaign) -> list[EmailMessage]:
    """Every mail of a campaign as a sender process makes it."""
    async with made.desk.database.read() as conn:
        source = await campaigns.source(conn, campaign.blob_id)
    rows = await made.rows(select(recipients).where(recipients.c.campaign_id == campaign.id).order_by(recipients.c.id))
    jobs = [
        Job(
            row.id,
            campaign.id,
            row.address,
            row.name,
            tuple(orjson.loads(row.fields)),
            Tracked(row.tracked),
            Status.QUEUED,
            0,
            None,
        )
        for row in rows
    ]
    plate = make(campaign, source, jobs[0], House(DOMAIN, "https://gw.example", RING, (SIGNER,)))
    assert isinstance(plate, Plate), plate
    return [message_from_bytes(plate.render(job), policy=default) for job in jobs]  # type: ignore[misc]


def links(message: EmailMessage) -> list[str]:
    part = message.get_body(("plain",))
    assert part is not None
    return re.findall(r"https://gw\.example(/f/[a-z2-7]{30})", part.get_content())


async def newest(made: Any) -> Campaign:
    async with made.desk.database.read() as conn:
        return (await campaigns.recent(conn))[0]


async def test_heavy_files_become_links_and_come_back(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        raw = mail(("LISTE.csv", PLAIN), ("Plaquette été.pdf", BIG), ("b.txt", b"deux"))
        answer = await made.send(raw)
        campaign = await newest(made)
        assert campaign.options["attachments"] == "links" and not campaign.held
        async with made.desk.database.read() as conn:
            kept = await files.of_campaign(conn, campaign.id)
        assert [(one.name, one.size) for one in kept] == [
            ("Plaquette été.pdf", len(BIG)),
            ("b.txt", 4),
        ]  # once, for two people
        mails = await sent(made, campaign)
        assert [list(one.iter_attachments()) for one in mails] == [[], []]
        reader = site(made.desk.database)
        for message in mails:
            first, second = links(message)
            assert (await reader.get(f"{first}/file")).body == BIG
            assert (await reader.get(f"{second}/file")).body == b"deux"
        said = words(answer)
        assert "2 fichiers en liens à télécharger (2,4 Mo)" in said
        assert "au-delà de 1 Mo" in said and "30 jours après sa fin" in said
        assert "Fichiers à télécharger" in said  # the preview shows them
        # the same message again: the same acknowledgement, nothing kept twice
        again = await made.send(raw)
        assert "2 fichiers en liens" in words(again)
        assert len(await made.numbers()) == 1


async def test_light_files_are_attached_byte_for_byte(tmp_path: Path) -> None:
    data = bytes(range(256)) * 40 + b"\r\n.\r\nFrom here"
    async with office(tmp_path) as made:
        answer = await made.send(mail(("LISTE.csv", PLAIN), ("données.bin", data)))
        campaign = await newest(made)
        for message in await sent(made, campaign):
            (part,) = message.iter_attachments()
            assert (part.get_filename(), part.get_payload(decode=True)) == ("données.bin", data)
        assert "1 fichier joint (10 ko)" in words(answer)
        async with made.desk.database.read() as conn:
            assert await files.of_campaign(conn, campaign.id) == []


async def test_each_person_has_links_to_their_own(tmp_path: Path) -> None:
    rows = "Email;Nom;PJ\nmarie@rcpt.example;Durand;m.pdf\npaul@rcpt.example;Martin;p.pdf\nzoe@rcpt.example;Zoé;\n"
    async with office(tmp_path) as made:
        config = CONFIG.format("liens")
        answer = await made.send(
            mail(("LISTE.csv", rows), ("p.pdf", b"%PDF p"), ("m.pdf", b"%PDF m"), ("Config.txt", config))
        )
        campaign = await newest(made)
        assert not campaign.held, campaign.held
        reader = site(made.desk.database)
        marie, paul, zoe = [links(message) for message in await sent(made, campaign)]
        assert [len(marie), len(paul), len(zoe)] == [1, 1, 0]
        assert (await reader.get(f"{marie[0]}/file")).body == b"%PDF m"
        assert (await reader.get(f"{paul[0]}/file")).body == b"%PDF p"
        said = words(answer)
        assert "en liens à télécharger : 6 octets au plus par personne" in said
        assert "1 personne n'a pas de fichier" in said


async def test_what_cannot_be_done_holds_with_the_figure(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        heavy = os.urandom(10_500_000)
        asked = mail(("LISTE.csv", PLAIN), ("film.mp4", heavy), ("Config.txt", CONFIG.format("jointes")))
        said = words(await made.send(asked))
        assert "10,5 Mo par destinataire, alors que 10 Mo au plus" in said and "liens" in said
        runs = mail(("LISTE.csv", PLAIN), ("setup.exe", b"MZ\0"), ("Config.txt", CONFIG.format("liens")), subject="b")
        said = words(await made.send(runs))
        assert "Fichier qui s'exécute à l'ouverture : setup.exe" in said
        assert set(await made.states()) == {"held"}


async def test_the_footer_names_the_account_until_its_legal_name_is_there(tmp_path: Path) -> None:
    async with office(tmp_path) as made:
        raw = mail(("LISTE.csv", PLAIN), sender="Bob <bob@other.example>")
        answer = await made.send(raw, account=made.other, mail_from="bob@other.example")
        campaign = await newest(made)
        assert not campaign.held
        (first, _) = await sent(made, campaign)
        for kind in ("plain", "html"):
            part = first.get_body((kind,))
            assert part is not None
            assert "This message is sent to you by other." in part.get_content()
            assert "https://gw.example/u/" in part.get_content()
        assert "are not complete" in words(answer) and "other" in words(answer)
