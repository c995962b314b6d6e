"""Whose mail is forwarded, as the clients write it."""

from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parsers import forwards, mime

OUTLOOK = (
    "Pour info.\n\nAgnès\n\nDe : Marie Durand <marie@rcpt.example>\nEnvoyé : lundi 2 mars 2026 10:12\n"
    "À : Agnès <agnes@firm.example>\nObjet : RE: Offre\n\nSTOP\n\n"
    "De : Agnès <agnes@firm.example>\nEnvoyé : dimanche\nÀ : Marie\nObjet : Offre\n\nBonjour\n"
)
GMAIL = (
    "---------- Forwarded message ---------\nDe : Marie Durand <marie@rcpt.example>\nDate: lun. 2 mars 2026 à 10:12\n"
    "Subject: Re: Offre\nTo: Agnès <agnes@firm.example>\n\n\nStop\n"
)
THUNDERBIRD = (
    "-------- Message transféré --------\nSujet : \tRe: Offre\nDate : \tMon, 2 Mar 2026\nDe : \tMarie <marie@rcpt.example>\n"
    "Pour : \tagnes@firm.example\n\nstop\n"
)
APPLE = (
    "Début du message réexpédié :\n\n> De: marie@rcpt.example\n> Objet: Rép : Offre\n> Date: 2 mars 2026\n> À: Agnès\n"
    "> \n> STOP\n"
)
OLD_OUTLOOK = "De : Marie [mailto:marie@rcpt.example]\nEnvoyé : lundi\nÀ : Agnès\nObjet : RE\n\nSTOP"
WROTE = "Voir ci-dessous\n\nLe 2 mars 2026 à 10:12, Marie Durand <marie@rcpt.example> a écrit :\n> STOP\n"


def letter(text: str, html: str | None = None, inner: EmailMessage | None = None) -> mime.Message:
    made = EmailMessage(policy=SMTP)
    made["From"], made["To"], made["Subject"] = "agnes@firm.example", "stop@gw.example", "TR: Offre"
    made.set_content(text or " ")
    if html:
        made.add_alternative(html, subtype="html")
    if inner is not None:
        made.add_attachment(inner)
    return mime.read(bytes(made))


@pytest.mark.parametrize("text", [OUTLOOK, GMAIL, THUNDERBIRD, APPLE, OLD_OUTLOOK, WROTE])
def test_headings_of_clients(text: str) -> None:
    assert forwards.authors(letter(text)) == ("marie@rcpt.example",)


@pytest.mark.parametrize(
    "text",
    [
        "Merci de retirer Marie.", "De : la part de marie@rcpt.example\nbonjour",
        "De : Marie Durand\nEnvoyé : lundi\nÀ : A\n\nSTOP",
        "From: x@@y\nDate: a\nTo: b\n",
    ],
)  # fmt: skip
def test_what_names_nobody(text: str) -> None:
    assert forwards.authors(letter(text)) == ()


def test_an_attached_mail_counts_before_the_text() -> None:
    inner = EmailMessage(policy=SMTP)
    inner["From"], inner["To"], inner["Subject"] = "Zoé <zoe@rcpt.example>", "agnes@firm.example", "RE: Offre"
    inner.set_content("STOP https://gw.example/u/abc")
    found = letter(OUTLOOK, inner=inner)
    assert forwards.authors(found) == ("zoe@rcpt.example",)
    assert any("gw.example/u/abc" in one for one in forwards.texts(found))


def test_html_alone() -> None:
    made = EmailMessage(policy=SMTP)
    made["From"] = "agnes@firm.example"
    made.set_content(
        "<p><b>De :</b> Marie &lt;marie@rcpt.example&gt;<br><b>Envoyé :</b> lundi<br><b>À :</b> A<br><b>Objet :</b> RE</p>"
        "<p>STOP</p>", subtype="html",
    )  # fmt: skip
    assert forwards.authors(mime.read(bytes(made))) == ("marie@rcpt.example",)


@settings(max_examples=50)
@given(st.text(alphabet="De :\n<>@a.[]mailto:Le écrit", max_size=300))
def test_any_text_gives_addresses(text: str) -> None:
    assert all("@" in one for one in forwards.authors(letter(text)))


@pytest.mark.slow
def test_long_lines_cost_little() -> None:
    evil = [
        "Le " + "a@" * 290,
        "Le " + "a" * 590 + " a écrit",
        "De : " + "[a" * 290,
        "De : " + "a@" * 200 + " x",
        ">" * 590,
    ]
    for piece in (*("\n".join([line] * 2_000) for line in evil), "Le " + "a@" * 100_000, "[a@" * 60_000):
        assert len(forwards.authors(letter(piece))) < 2
