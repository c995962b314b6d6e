"""What `explain` says of files of every kind."""

from __future__ import annotations

import io
import json
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from gateway.reading.answers_read import facts
from gateway.reading.explaining import explain, looks_like_mail
from parsers.stopwords import asks_to_stop

CORPUS = Path(__file__).parents[2] / "corpus"
LISTE = b"Email;Nom\na@d.test;A\n"
REQUEST: dict[str, Any] = {
    "domain": "gateway.invalid",
    "own_domains": [],
    "public_url": "https://gateway.invalid",
    "now": 1_790_000_000_000,
    "zone": "Europe/Paris",
    "locale": "fr",
    "footer_name": "",
    "footer_address": "",
}


def campaign(config: str = "") -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@b.test", "mail@gateway.invalid", "Offre {{Nom}}"
    mail.set_content("Bonjour {{Nom}}")
    mail.add_attachment("Email;Nom\na@d.test;A\npas une adresse;B\n", filename="LISTE.TXT")
    if config:
        mail.add_attachment(config, filename="Config.txt")
    return mail.as_bytes()


def test_a_campaign_with_its_list_and_config() -> None:
    found = explain(campaign("Campagne : Rentrée"), "mail.eml", REQUEST)
    assert (found["kind"], found["subject"], found["from"]) == ("campaign", "Offre {{Nom}}", "a@b.test")
    assert (found["list"]["lines"], found["list"]["recipients"]) == (2, 1)
    assert found["list"]["faults"] == [{"line": "3", "fault": "syntax"}]
    assert found["config"]["name"] == "Rentrée"
    assert found["held"] == []
    assert [one["code"] for one in found["advice"]] == ["unsubscribe_added"]
    assert found["advice"][0]["text"].startswith("Le message n'a pas de lien de désabonnement")


def test_what_would_hold_a_campaign_is_named() -> None:
    assert explain(campaign("Couleur : bleu"), "mail.eml", REQUEST)["held"] == ["config"]
    unknown = campaign().replace(b"Bonjour {{Nom}}", b"Bonjour {{Inconnu}}")
    assert explain(unknown, "mail.eml", REQUEST)["held"] != []


def test_a_sheet_is_a_list_also_without_an_address() -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["Nom", 1.5, True])
    buffer = io.BytesIO()
    book.save(buffer)
    found = explain(buffer.getvalue(), "x.bin", REQUEST)
    assert (found["kind"], found["table"], found["recipients"]) == ("list", [["Nom", "1.5", "TRUE"]], 0)


def test_a_config_is_told_by_its_stem() -> None:
    found = explain(b"Date d'envoi : hier\n", "config (1).txt", REQUEST)
    assert found["kind"] == "config" and found["held"]
    assert explain(b"Date d'envoi : hier\n", "autre.txt", REQUEST)["kind"] == "list"


def test_a_bounce_an_absence_and_a_stop() -> None:
    bounce = (
        b"From: MAILER-DAEMON@x.test\r\nSubject: failed\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nsorry\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns; x.test\r\n\r\nFinal-Recipient: rfc822; who@d.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        b"Diagnostic-Code: smtp; 550 5.1.1 User unknown\r\n\r\n--b--\r\n"
    )
    found = explain(bounce, "b.eml", REQUEST)
    assert found["kind"] == "bounce"
    assert found["results"] == [
        {"recipient": "who@d.test", "status": "5.1.1", "severity": "hard", "reply": "550 5.1.1 User unknown"}
    ]
    absence = b"From: a@b.test\r\nSubject: Absence\r\nAuto-Submitted: auto-replied\r\n\r\nJe suis absent\r\n"
    assert explain(absence, "a.eml", REQUEST)["kind"] == "autoreply"
    stop = b"From: a@b.test\r\nSubject: Re: Offre\r\n\r\nSTOP svp\r\n\r\n> Bonjour\r\n"
    assert explain(stop, "s.eml", REQUEST)["kind"] == "stop"
    assert explain(stop.replace(b"STOP svp", b"Merci, je suis partant"), "s.eml", REQUEST)["kind"] == "mail"


@pytest.mark.parametrize("data", [b"PK\x03\x04broken", b"%PDF-1.4", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1cut"])
def test_what_cannot_be_read_is_refused_with_a_reason(data: bytes) -> None:
    found = explain(data, "x", REQUEST)
    assert found["kind"] == "refused" and found["reason"]


def test_mails_are_told_from_lists() -> None:
    assert looks_like_mail(b"From bounce@x Mon Jan 1\nReceived: by x\n\n")
    assert looks_like_mail(b"Subject: x\r\n\r\n")
    assert not looks_like_mail(b"Email;Nom\r\na@b.fr;X\r\n")
    assert not looks_like_mail(b"mailto:a@b.fr\n")


@pytest.mark.parametrize(
    ("subject", "text", "stop"),
    [
        ("Re: Offre", "STOP", True),
        ("Re: Offre", "Bonjour,\nMerci de ne plus m'envoyer vos mails.", True),
        ("STOP", "", True),
        ("Re: Offre", "Veuillez me désinscrire de votre liste", True),
        ("Re: x", "Please remove me from your mailing list.", True),
        ("Re: x", "> STOP\n", False),
        ("Re: x", "Je passerai au stop de la rue, merci pour tout et à demain donc", False),
        ("Re: Unsubscribe today offer", "Thanks, I will take two of them", False),
    ],
)
def test_stop_in_the_words_of_people(subject: str, text: str, stop: bool) -> None:
    assert asks_to_stop(subject, text) is stop


def test_what_people_and_their_programs_answer() -> None:
    wrong = []
    for line in (CORPUS / "answers.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        head = f"From: Jean Petit <jean@dest.example>\nSubject: {case['subject']}\n"
        raw = head + "Content-Type: text/plain; charset=utf-8\n\n" + case["text"]
        if (kind := explain(raw.encode(), "a.eml", REQUEST)["kind"]) != case["kind"]:
            wrong.append((kind, case))
    assert not wrong


@pytest.mark.parametrize(
    ("words", "machine"), [("OK, envoyez.\n\nJe suis absent demain.", False), ("Je suis absent.", True)]
)
def test_an_order_of_somebody_who_will_be_away_is_an_order(words: str, machine: bool) -> None:
    raw = f"From: a@b.test\nSubject: Re: Offre\n\n{words}\n".encode()
    assert facts(raw, REQUEST | {"mail_from": "a@b.test"})["automatic"] is machine


def test_a_box_of_several_bounces_tells_them_all() -> None:
    one = "From MAILER-DAEMON Fri Oct  2 10:00:05 2026\nFrom: MAILER-DAEMON@mx.test\nSubject: Undelivered\n\n"
    one += "<{}@d.test>: 550 5.1.1 User unknown\n\nFrom here on, nothing.\n\n"
    found = explain((one.format("a") + one.format("b")).encode(), "returned.mbox", REQUEST)
    assert (found["kind"], [row["recipient"] for row in found["results"]]) == ("bounce", ["a@d.test", "b@d.test"])
    letter = "From a@b.test Fri Oct  2 10:00:05 2026\nFrom: a@b.test\nSubject: Offre\n\nBonjour\n\n"
    found = explain((letter + letter + one.format("a")).encode(), "sent.mbox", REQUEST)
    assert found["kind"] == "mail"


def test_a_stop_in_html_only_is_read() -> None:
    raw = b"From: a@b.test\nSubject: Re: Offre\nContent-Type: text/html\n\n"
    raw += b"<p>Bonjour,</p><p>STOP</p><blockquote>Offre</blockquote>"
    assert explain(raw, "a.eml", REQUEST)["kind"] == "stop"


def test_a_winmail_dat_by_itself() -> None:
    name = b"LISTE.txt\0"
    head = b"\x78\x9f\x3e\x22\1\0" + b"\2\2\x90\6\0\x0e\0\0\0" + bytes(16)  # attAttachRendData
    title = b"\2\x10\x80\1\0" + len(name).to_bytes(4, "little") + name + b"\0\0"
    data = b"\2\x0f\x80\6\0" + len(LISTE).to_bytes(4, "little") + LISTE + b"\0\0"
    found = explain(head + title + data, "winmail.dat", REQUEST)
    assert (found["kind"], found["attachments"], found["list"]["recipients"]) == ("campaign", ["LISTE.txt"], 1)


def test_pictures_inside_the_text_are_named_too() -> None:
    mail = EmailMessage()
    mail["From"], mail["Subject"] = "a@b.test", "Logo"
    mail.set_content("Bonjour")
    mail.add_alternative('<p>Bonjour <img src="cid:l@b.test"></p>', subtype="html")
    mail.get_payload()[1].add_related(b"PNG", "image", "png", cid="<l@b.test>", filename="logo.png")  # type: ignore[union-attr,index]
    mail.add_attachment(b"%PDF", "application", "pdf", filename="offre.pdf")
    assert explain(mail.as_bytes(), "mail.eml", REQUEST)["attachments"] == ["logo.png", "offre.pdf"]
