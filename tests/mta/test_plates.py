"""A campaign's mails as a sender makes them from its row alone: personal documents reach their own people."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from typing import Any

import orjson
import pytest

from mail.dkim import Signer, new_key
from mta.plates import House, Plate, Unusable, make
from parsers.tokens import Keyring
from store.states import Status
from store.values import Campaign, CampaignState, Job, Tracked

HOUSE = House("gw.test", "https://gw.test", Keyring({1: b"k" * 32}, 1), [Signer("gw.test", "s", new_key())])
FILES = {"a.pdf": b"for anne", "b.pdf": b"for bob"}


def source() -> bytes:
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = "n@firm.test", "mail@gw.test", "x"
    mail.set_content("Bonjour")
    mail.add_attachment(b"Email;PJ\n", "text", "csv", filename="LISTE.csv")
    for name, data in FILES.items():
        mail.add_attachment(data, "application", "pdf", filename=name)
    return mail.as_bytes()


def campaign(**options: Any) -> Campaign:
    return Campaign(
        7, 1, CampaignState.SENDING, "x", "x", "N", "n@firm.test", "", "", "fr", "Europe/Paris", ("Email", "PJ"), 0,
        orjson.loads(orjson.dumps(options)), (), (), 1, 2, 0, 0, 0, 2, 0, 0, None,
    )  # fmt: skip


def job(number: int, cell: str) -> Job:
    address = f"p{number}@rcpt.test"
    return Job(number, 7, address, "", (address, cell), Tracked.NONE, Status.QUEUED, 0, None)


def files(raw: bytes) -> dict[str | None, Any]:
    made = message_from_bytes(raw, policy=default)
    return {part.get_filename(): part.get_content() for part in made.iter_attachments()}  # type: ignore[attr-defined]


def plate(first: str = "a.pdf", **options: Any) -> Plate:
    made = make(campaign(**options), source(), job(1, first), HOUSE)
    assert isinstance(made, Plate)
    return made


def test_each_gets_their_own() -> None:
    made = plate(documents=1)
    assert files(made.render(job(1, "a.pdf"))) == {"a.pdf": b"for anne"}
    assert files(made.render(job(2, "B"))) == {"b.pdf": b"for bob"}
    assert files(made.render(job(3, ""))) == {}


@pytest.mark.parametrize("options", [{}, {"documents": None}])
def test_a_campaign_without_the_column_sends_all(options: dict[str, None]) -> None:
    assert files(plate(**options).render(job(1, "a.pdf"))) == FILES


def test_a_first_mail_without_its_file_holds_the_campaign() -> None:
    assert make(campaign(documents=1), source(), job(1, "c.pdf"), HOUSE) == Unusable("render")
