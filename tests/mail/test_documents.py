"""Personal documents in the mail: each person's files and nobody else's, signed, in any variant."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

NOW = 1_790_000_000_000
FILES = {
    "facture été.pdf": b"%PDF-1 one\x00\r\n.dot",
    "b.txt": b".\r\n..\r\n line  with   blanks \r\n",
    "vide.bin": b"",
}


def attach(mail: EmailMessage) -> None:
    for name, data in FILES.items():
        mail.add_attachment(data, "application", "octet-stream", filename=name)


def got(raw: bytes) -> dict[str | None, bytes]:
    made = message_from_bytes(raw, policy=default)
    assert made.get_content_type() == "multipart/mixed"
    return {part.get_filename(): part.get_payload(decode=True) for part in made.iter_attachments()}  # type: ignore[attr-defined]


def test_each_person_gets_their_own(workshop: Any, someone: Any) -> None:
    html = '<p>Bonjour {{Nom}} <a href="{{Lien}}">x</a></p>'
    mail = workshop.made("Bonjour {{Nom}} https://a.example/", html, change=attach, documents=2)
    for tracked in (True, False):
        for cell, names in (
            ("b.txt", ["b.txt"]),
            ("facture été.pdf;vide.bin", ["facture été.pdf", "vide.bin"]),
            ("", []),
        ):
            raw = mail.render(someone("Zoé", cell, "https://l.example/", tracked=tracked), NOW)
            assert got(raw) == {name: FILES[name] for name in names}
            assert workshop.verified(raw)
            assert b"\r\n." not in raw
            assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_a_file_that_is_not_there_never_leaves_without(workshop: Any, someone: Any) -> None:
    mail = workshop.made("x", None, change=attach, documents=2)
    with pytest.raises(LookupError):
        mail.render(someone("Zoé", "autre.pdf"), NOW)


def test_without_the_column_all_get_all(workshop: Any, someone: Any) -> None:
    mail = workshop.made("x", None, change=attach)
    assert mail.documents is None
    assert got(mail.render(someone("Zoé", "b.txt"), NOW)) == FILES


@given(name=st.text(min_size=1, max_size=80), data=st.binary(max_size=300))
def test_any_name_and_any_bytes(workshop: Any, someone: Any, name: str, data: bytes) -> None:
    from dataclasses import replace

    from mail.template import Compiled, compile_mail
    from parsers.mime import read
    from parsers.parts import Part
    from parsers.submission import split
    from tests.mail.conftest import COLUMNS, SPEC

    message = read(b"From: a@client.example\r\n\r\nBonjour\r\n")
    submission = replace(split(message), attachments=(Part(name, "application/pdf", "", data),))
    made = compile_mail(message, submission, replace(SPEC, documents=2), COLUMNS, workshop.keyring, workshop.signer)
    assert isinstance(made, Compiled)
    assert made.documents is not None
    whole = made.documents.parts[0]
    assert whole.isascii() and b"\r\n." not in whole and b"\n" not in whole.replace(b"\r\n", b"")
    assert all(line == line.rstrip() and b"  " not in line for line in whole.split(b"\r\n"))
