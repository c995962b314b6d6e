"""Delivery reports: who, how bad, and what was said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.classify import ReplyClass
from parsers.dsn import Severity, read

REPORT = """From: MAILER-DAEMON@mx.example
To: bounce+x@gw.example
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b
Content-Type: text/plain

It failed.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Original-Recipient: rfc822;jean@rcpt.example
Final-Recipient: rfc822; jean@rcpt.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {diagnostic}
--b--
"""


def report(action: str, status: str, diagnostic: str) -> bytes:
    return REPORT.format(action=action, status=status, diagnostic=diagnostic).encode()


@pytest.mark.parametrize(
    ("action", "status", "diagnostic", "severity"),
    [
        ("failed", "5.1.1", "550 5.1.1 User unknown", Severity.HARD),
        ("failed", "5.0.0", "550 No such user here", Severity.HARD),
        ("failed", "5.1.2", "550 5.1.2 Host unknown", Severity.HARD),
        ("failed", "5.2.2", "552 5.2.2 Mailbox full", Severity.SOFT),
        ("failed", "5.1.1", "550 5.1.1 OFR006_417 boite pleine", Severity.SOFT),
        ("failed", "5.7.1", "550 5.7.1 Message rejected as spam", Severity.POLICY),
        ("failed", "4.4.7", "Delivery time expired", Severity.SOFT),
        ("delayed", "4.4.1", "450 try later", Severity.SOFT),
        ("relayed", "2.0.0", "250 ok", Severity.NONE),
        ("delivered", "2.1.5", "250 ok", Severity.NONE),
    ],
)
def test_severity(action: str, status: str, diagnostic: str, severity: Severity) -> None:
    (found,) = read(report(action, status, diagnostic))
    assert (found.recipient, found.status, found.severity) == ("jean@rcpt.example", status, severity)
    assert found.reply == diagnostic


def test_a_warning_is_not_final() -> None:
    """It tells its reason, but nothing has come of it yet."""
    assert [one.final for one in read(report("delayed", "4.2.2", "452 mailbox full"))] == [False]
    assert [one.final for one in read(report("failed", "4.2.2", "452 mailbox full"))] == [True]


def test_a_mail_of_a_person_reports_nothing() -> None:
    assert read(b"From: a@b.test\nSubject: hello\n\nMy box jean@rcpt.example was full last week, 550 5.1.1.\n") == ()


def test_a_report_that_is_only_text() -> None:
    raw = (
        b"From: MAILER-DAEMON@mx.example\nSubject: failure notice\n\nHi. This is the qmail-send program at mx.example.\n"
        b"I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        b"This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        b"<jean@rcpt.example>:\n192.0.2.1 does not like recipient.\nRemote host said: 550 5.1.1 no such user\n"
        b"Giving up on 192.0.2.1.\n\n--- Below this line is a copy of the message.\n\nReturn-Path: <x@gw.example>\n"
    )
    (found,) = read(raw)
    assert (found.recipient, found.severity, found.reply_class) == (
        "jean@rcpt.example",
        Severity.HARD,
        ReplyClass.UNKNOWN_USER,
    )


@given(st.binary(max_size=300), st.sampled_from(["failed", "delayed", "\0", ""]), st.text(max_size=60))
def test_any_bytes_give_a_value(junk: bytes, action: str, words: str) -> None:
    assert isinstance(read(junk), tuple)
    assert isinstance(read(report(action, words, words) + junk), tuple)
