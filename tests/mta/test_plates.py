"""A campaign's mails as a sender makes them from its row alone: personal documents reach their own people."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from mail.dkim import Signer, dns_name, dns_value, new_key, verify_with_dkimpy
from mail.identity import Second
from mta import plates
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


KEY = new_key()
KEYS = [
    Signer("gw.test", "s", KEY),
    Signer("firm.test", "s", KEY),
    Signer("firm.test", "e", Ed25519PrivateKey.generate()),
]


def signed(house: House, **options: Any) -> Any:
    made = make(campaign(**options), source(), job(1, "a.pdf"), house)
    assert isinstance(made, Plate)
    return made.render(job(1, "a.pdf"))


def header(raw: bytes, name: str) -> list[str]:
    return [" ".join(one.split()) for one in message_from_bytes(raw, policy=default).get_all(name, [])]


def domains(raw: bytes) -> list[tuple[str, str]]:
    tags = [dict(part.strip().split("=", 1) for part in one.split(";")) for one in header(raw, "DKIM-Signature")]
    return [(one["a"], one["d"]) for one in tags]


def checked(raw: bytes, signers: list[Signer]) -> bool:
    published = {dns_name(one): dns_value(one) for one in signers}
    rsa = [at for at, (algorithm, _) in enumerate(domains(raw)) if algorithm == "rsa-sha256"]
    return bool(rsa) and all(verify_with_dkimpy(raw, published.get, at) for at in rsa)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (Second.NONE, [("rsa-sha256", "firm.test")]),
        (Second.GATEWAY, [("rsa-sha256", "firm.test"), ("rsa-sha256", "gw.test")]),
        (Second.ED25519, [("rsa-sha256", "firm.test"), ("ed25519-sha256", "firm.test")]),
    ],
)
def test_the_signatures_that_the_setting_asks_for(second: Second, expected: list[tuple[str, str]]) -> None:
    house = House("gw.test", "https://gw.test", HOUSE.keyring, KEYS, second)
    raw = signed(house)
    assert domains(raw) == expected
    assert checked(raw, KEYS)
    # RFC 9477: complaints come to our domain only where it signs, too
    assert header(raw, "CFBL-Address") == (["fbl@gw.test; report=arf"] if second is Second.GATEWAY else [])


def test_an_ed25519_signature_that_does_not_hold_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House("gw.test", "https://gw.test", HOUSE.keyring, KEYS, Second.ED25519)
    other = dns_value(Signer("x.test", "e", Ed25519PrivateKey.generate()))
    monkeypatch.setattr(plates.dkim, "dns_value", lambda one: dns_value(one) if one.kind == "rsa" else other)
    assert make(campaign(), source(), job(1, "a.pdf"), house) == Unusable("dkim", "e._domainkey.firm.test")


def test_sent_via_the_gateway() -> None:
    raw = signed(HOUSE, via=True)
    assert header(raw, "From") == ['"N via gw.test" <mail@gw.test>']
    assert header(raw, "Reply-To") == ["n@firm.test"]
    assert domains(raw) == [("rsa-sha256", "gw.test")]
    assert checked(raw, list(HOUSE.signers))
    assert header(raw, "CFBL-Address") == ["fbl@gw.test; report=arf"]


def test_as_declared_without_the_key_of_its_domain() -> None:
    raw = signed(HOUSE)
    assert (header(raw, "From"), header(raw, "Reply-To")) == (["N <n@firm.test>"], ["n@firm.test"])
    assert domains(raw) == [("rsa-sha256", "gw.test")]
    assert header(raw, "CFBL-Address") == []
