"""System mails: readable by a standard parser, signed, and nothing a stranger wrote becomes a field."""

from email import message_from_bytes
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail import dkim
from mail.system import Correspondent, File, build

SIGNER = dkim.Signer("gw.example", "m2c1", dkim.new_key())
GATEWAY = Correspondent("Passerelle d'été", "campagne+abc@gw.example")
NOW = 1_790_000_000_000


def make(subject: str, name: str, text: str, reply: str = "<a@b.example>", signed: bool = True) -> bytes:
    return build(
        to=Correspondent(name, "jean@client.example"),
        from_=GATEWAY,
        subject=subject,
        text=text,
        html=f"<p>{text}</p>",
        attachments=(File("LISTE_corrigée.xlsx", "application/vnd.ms-excel", b"PK\x03\x04"),),
        in_reply_to=reply,
        references="<x@b.example>",
        reply_to="campagne+abc@gw.example",
        now=NOW,
        message_id="<m1@gw.example>",
        signer=SIGNER if signed else None,
    )


def test_an_acknowledgement_is_whole_and_signed() -> None:
    raw = make("Accusé de réception : été", "Jean Été", "Votre campagne est prête.\nÀ bientôt")
    assert dkim.verify_with_dkimpy(raw, lambda _name: dkim.dns_value(SIGNER))
    assert raw.count(b"\n") == raw.count(b"\r\n")
    read = message_from_bytes(raw, policy=SMTP)
    assert read["Subject"] == "Accusé de réception : été"
    assert read["To"].addresses[0].display_name == "Jean Été"
    assert read["Auto-Submitted"] == "auto-replied"
    assert read["Date"].datetime.timestamp() * 1000 == NOW
    assert (read["In-Reply-To"], read["References"]) == ("<a@b.example>", "<x@b.example> <a@b.example>")
    assert read.get_body(("plain",)).get_content().split() == ["Votre", "campagne", "est", "prête.", "À", "bientôt"]
    (file,) = read.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("LISTE_corrigée.xlsx", b"PK\x03\x04")


@pytest.mark.slow
@given(st.text(max_size=80), st.text(max_size=40), st.text(max_size=200))
def test_nothing_from_a_stranger_makes_a_field(subject: str, name: str, reply: str) -> None:
    raw = make(subject, name, "texte", reply, signed=False)
    read = message_from_bytes(raw, policy=SMTP)
    assert set(read.keys()) <= {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Reply-To", "In-Reply-To", "References",
        "MIME-Version", "Content-Type",
    }  # fmt: skip
    assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_long_message_ids_stay_readable_so_that_the_answer_joins_its_thread() -> None:
    # what Exchange Online gives: longer than a line, and split or encoded it is another id
    long = "<AM0PR0202MB3412F5A8A1E7B7F0F3D0A2B8B5A39@AM0PR0202MB3412.eurprd02.prod.outlook.com>"
    raw = make("Accusé", "Jean", "texte", long)
    assert f"In-Reply-To: {long}\r\n".encode() in raw and f"\r\n {long}\r\n".encode() in raw
    assert dkim.verify_with_dkimpy(raw, lambda _name: dkim.dns_value(SIGNER))


def test_lone_surrogates_are_no_obstacle() -> None:
    assert make("a\udc80", "b\udc80", "c\udc80", signed=False)
