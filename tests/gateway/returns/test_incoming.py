"""What comes back by SMTP becomes the status of its recipient."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.returns import incoming
from gateway.returns.incoming import Returned
from parsers.tokens import Purpose, sign
from store.spool import Envelope
from store.states import Event
from tests.gateway.kit_intake import RING

REPORT = """From: MAILER-DAEMON@mx.example
Subject: Undelivered
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; jean@rcpt.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {words}
--b--
"""
COMPLAINT = """From: fbl@provider.example
Content-Type: multipart/report; report-type=feedback-report; boundary=b

--b
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: X/1
Version: 1

--b
Content-Type: message/rfc822

To: hidden
List-Unsubscribe: <mailto:stop+{token}@gw.example>

hello
--b--
"""


def settle(kind: str, raw: str, token: int | None = 7, mail_from: str = "") -> Returned | None:
    envelope = Envelope(kind, mail_from, ("x",), "192.0.2.1", "mx", 1_000, token=token)
    return incoming.read(RING, envelope, incoming.facts(raw.encode()))


@pytest.mark.parametrize(
    ("action", "status", "words", "event", "suppress"),
    [
        ("failed", "5.1.1", "550 5.1.1 User unknown", Event.REPORT_HARD, "hard_bounce"),
        ("failed", "5.1.2", "550 5.1.2 Host unknown", Event.REPORT_HARD, ""),
        ("failed", "5.2.2", "552 5.2.2 Mailbox full", Event.REPORT_SOFT, ""),
        ("failed", "5.7.1", "550 5.7.1 rejected as spam", Event.REPORT_SOFT, ""),
        ("delayed", "4.4.1", "try later", None, ""),
        ("relayed", "2.1.9", "ok", None, ""),
    ],
)
def test_bounces(action: str, status: str, words: str, event: Event | None, suppress: str) -> None:
    got = settle("bounce", REPORT.format(action=action, status=status, words=words))
    if event is None:
        assert got is None
        return
    assert got is not None
    change = got.change
    assert (change.recipient_id, change.event, change.at, change.suppress) == (7, event, 1_000, suppress)
    assert (change.detail["status"], change.detail["reply"], change.detail["source"]) == (status, words, "dsn")


def test_what_is_no_bounce_changes_nothing() -> None:
    assert settle("bounce", "Subject: Absence du bureau\n\nJe suis absent.\n", mail_from="jean@rcpt.example") is None
    assert settle("bounce", "Subject: Re: Bonjour\n\nMerci !\n", mail_from="jean@rcpt.example") is None


def test_a_bounce_that_names_nobody_is_still_of_the_token() -> None:
    head = "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nSubject: Mail delivery failed\n\n"
    found = settle("bounce", head + "Your message could not be delivered: the mailbox is full.\n")
    assert found is not None and (found.change.recipient_id, found.change.event) == (7, Event.REPORT_SOFT)
    found = settle("bounce", head + "Votre message n'a pas pu être remis : destinataire inconnu.\n")
    assert found is not None and (found.change.event, found.change.suppress) == (Event.REPORT_HARD, "hard_bounce")


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("Réponse automatique : Offre", "Je suis absent jusqu'au 12 octobre."),
        ("Automatic reply: Offre", "I have moved, my new address is jean@new.example"),
        (
            "Warning: message delayed 24 hours",
            "Your message to jean@d.example has not yet been delivered. We will keep trying.",
        ),
    ],
)
def test_absence_notes_and_warnings_are_no_bounces(subject: str, words: str) -> None:
    raw = f"Return-Path: <>\nFrom: Jean <jean@d.example>\nSubject: {subject}\n\n{words}\n"
    assert settle("bounce", raw) is None


def test_stop_by_mail() -> None:
    got = settle("stop", "Subject: unsubscribe\n\n", mail_from="jean@rcpt.example")
    assert got is not None
    assert (got.change.recipient_id, got.change.event) == (7, Event.UNSUBSCRIBE)
    assert settle("stop", "Subject: Undelivered\n\n", mail_from="") is None
    assert settle("stop", "Subject: x\nAuto-Submitted: auto-replied\n\n", mail_from="jean@rcpt.example") is None


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        ("abuse", Event.COMPLAIN),
        ("fraud", Event.COMPLAIN),
        ("opt-out", Event.UNSUBSCRIBE),
        ("opt-out-list", Event.UNSUBSCRIBE),
        ("not-spam", None),
        ("auth-failure", None),
    ],
)
def test_complaints(kind: str, event: Event | None) -> None:
    token = sign(RING, Purpose.STOP, 9)
    got = settle("fbl", COMPLAINT.format(kind=kind, token=token), token=None)
    assert (got and (got.change.recipient_id, got.change.event)) == (event and (9, event))
    assert settle("fbl", COMPLAINT.format(kind=kind, token=token[:-1] + "a"), token=None) is None


@pytest.mark.slow
async def test_a_bounce_by_smtp_reaches_its_recipient(tmp_path: Path) -> None:
    from sqlalchemy import select

    from store import suppressions
    from store.engine import now_ms
    from store.tables import events, recipients
    from tests.gateway.intake.test_steps import KEYS, LISTE, mail, office

    async with office(tmp_path, reader_seconds=60) as made:
        await made.send(mail(("LISTE.csv", LISTE)))
        (person, other) = await made.rows(select(recipients).order_by(recipients.c.id))
        bounce = REPORT.format(action="failed", status="5.1.1", words="550 5.1.1 User unknown").encode()
        await returned(made, "bounce", person.id, bounce)
        await returned(made, "stop", other.id, b"Subject: stop\n\n", "paul@rcpt.example")
        people = await made.rows(select(recipients).order_by(recipients.c.id))
        assert [(one.status, one.next_attempt_at) for one in people] == [(4, None), (9, None)]
        assert people[0].reply == "550 5.1.1 User unknown"
        assert [one.kind for one in await made.rows(select(events).order_by(events.c.id))] == [8, 11]
        async with made.desk.database.read() as conn:
            found = await suppressions.find(
                conn, made.account, ["marie@rcpt.example", "paul@rcpt.example"], KEYS, now_ms()
            )
        assert {name: one.reason for name, one in found.items()} == {
            "marie@rcpt.example": "hard_bounce",
            "paul@rcpt.example": "unsubscribe",
        }
        await returned(made, "postmaster", None, b"Subject: hello\n\n")
        assert len(list((tmp_path / "spool" / "postmaster").iterdir())) == 1  # no operator is set: kept for one


async def returned(made: Any, kind: str, token: int | None, raw: bytes, mail_from: str = "") -> None:
    envelope = Envelope(kind, mail_from, ("postmaster",), "192.0.2.1", "mx", 1_000, token=token)
    await asyncio.to_thread(made.desk.spool.put, envelope, raw)
    made.dispatch.wake()
    async with asyncio.timeout(20):
        while made.desk.spool.pending() or made.dispatch._busy:
            await asyncio.sleep(0.02)
