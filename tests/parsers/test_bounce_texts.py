"""Bounces that are only words: hostile input, whose address it is, and how bad."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers import dsn
from parsers.bounce_judge import judge, severity
from parsers.bounce_notice import MAX_TEXT
from parsers.bounce_notice import read as read_notice
from parsers.bounce_text import named
from parsers.classify import ReplyClass
from parsers.dsn import Severity

HEAD = (
    b"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: marie@office.example\nSubject: Undelivered Mail Returned\n\n"
)
PIECES = [
    "<a@b.example>",
    "550 5.1.1 ",
    "user unknown\n",
    "\n\n",
    "Final-Recipient: rfc822;x@y.example\n",
    "Action: failed\n",
]
PIECES += ["Received: from x\n", "--b\n", "could not be delivered to ", "\x1b$B", "@", "<", "é", "To: ", "{", "mailto:"]


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=8), max_size=40), st.binary(max_size=60))
def test_any_words_give_a_value(pieces: list[str], junk: bytes) -> None:
    raw = HEAD + "".join(pieces).encode("utf-8", "replace") + junk
    found = dsn.examine(raw)
    assert found is None or all(one.severity in Severity and len(one.reply) <= 2_000 for one in found)
    assert found is None or len(found) <= dsn.MAX_REPORTS


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit",
    [b"a", b"@", b"a@", b"<", b" ", b"\n", b"-", b"550 ", b"5.1.1 ", b"a@b.example ", b"not be ", b"x: y\n", b"user ",
     b"Final-Recipient: rfc822; a@b.example\nAction: failed\n\n", b"a@b.example\n", b"received: x\n ", b"> ", b"konnte "],
)  # fmt: skip
def test_five_megabytes_of_one_thing_take_seconds_at_most(unit: bytes) -> None:
    started = time.process_time()
    dsn.examine(HEAD + unit * (5_000_000 // len(unit)))
    assert time.process_time() - started < 6
    assert len(read_notice(HEAD + unit * (5_000_000 // len(unit))).text) <= MAX_TEXT


def test_reports_of_many_systems() -> None:
    wrong = []
    for line in (
        (Path(__file__).parents[1] / "corpus" / "bounce_systems.jsonl").read_text(encoding="utf-8").splitlines()
    ):
        case = json.loads(line)
        found = dsn.examine(case["raw"].encode())
        told = None if found is None else [[one.recipient, one.severity.value, one.final] for one in found]
        if told != case["reports"]:
            wrong.append((case["name"], told))
    assert not wrong


def test_a_letter_about_a_failure_is_no_bounce() -> None:
    letter = (
        b"From: luc@d.example\nSubject: Failure of the project\n\nThe delivery failed, we could not deliver on time.\n"
    )
    assert dsn.examine(letter + b"Luc, luc@d.example\n") is None
    assert dsn.examine(letter + b"Your mail could not be delivered to <jean@d.example>\n") is not None


@pytest.mark.parametrize(
    ("text", "recipients"),
    [
        ("Could not be delivered to:\n\n  jean@d.example\n\nPlease contact support@d.example\n", ["jean@d.example"]),
        ("Your message to jean@d.example was rejected.\nFrom: marie@office.example\n", ["jean@d.example"]),
        ("A mail from marie@office.example to jean@d.example failed\n", ["jean@d.example"]),
        ("<a@d.example>: 550 no\n<b@d.example>: 550 no\n<a@d.example>: 550 no\n", ["a@d.example", "b@d.example"]),
        ("jean@d.example\n  (generated from info@d.example)\n  550 no\n", ["jean@d.example"]),
        ("undeliverable to postmaster@d.example\n", ["postmaster@d.example"]),
        ("no\n\nReceived: by x\n\tfor <jean@d.example>; now\nFrom: a@b.example\nTo: l@l.example\n", ["jean@d.example"]),
    ],
)  # fmt: skip
def test_whose_address_it_is(text: str, recipients: list[str]) -> None:
    assert [one.recipient for one in named(read_notice(HEAD + text.encode()))] == recipients


@pytest.mark.parametrize(
    ("status", "words", "reply_class", "bad"),
    [
        ("", "procmail: Couldn't create /var/mail/x: No such user", ReplyClass.TEMPORARY, Severity.SOFT),
        ("5.1.0", "5.1.0 - Unknown address error 550-'5.7.1 Access denied'", ReplyClass.POLICY, Severity.POLICY),
        ("5.4.4", "Host or domain name not found", ReplyClass.UNKNOWN_DOMAIN, Severity.HARD),
        ("5.1.6", "", ReplyClass.MOVED, Severity.HARD),
        ("5.1.10", "", ReplyClass.UNKNOWN_USER, Severity.HARD),
        ("4.1.1", "450 4.1.1 User unknown in virtual alias table", ReplyClass.UNKNOWN_USER, Severity.HARD),
        ("", "La boîte aux lettres est pleine", ReplyClass.MAILBOX_FULL, Severity.SOFT),
        ("", "Destinataire inconnu", ReplyClass.UNKNOWN_USER, Severity.HARD),
        ("5.0.0", "552 message size exceeds limit", ReplyClass.TOO_BIG, Severity.SOFT),
        ("5.0.0", "554 rejected due to spam content", ReplyClass.CONTENT, Severity.POLICY),
        ("5.7.26", "550 5.7.26 unauthenticated mail, DMARC", ReplyClass.AUTHENTICATION, Severity.POLICY),
        ("", "", ReplyClass.REFUSED, Severity.SOFT),
    ],
)
def test_how_bad_it_is(status: str, words: str, reply_class: ReplyClass, bad: Severity) -> None:
    found = judge(status, (words,))
    assert (found, severity(found)) == (reply_class, bad)


def test_user_unknown_is_doubted_where_the_server_had_taken_the_address() -> None:
    said = "550 Unknown user jean@d.example"
    assert judge("5.0.0", (said,)) is ReplyClass.UNKNOWN_USER
    assert judge("5.0.0", (said, f">>> DATA\n<<< {said}")) is ReplyClass.REFUSED
    assert judge("5.0.0", (f"{said} (in reply to end of DATA command)",)) is ReplyClass.REFUSED
    assert judge("5.2.0", (said,)) is ReplyClass.REFUSED
    assert judge("5.2.0", (said, f">>> RCPT To:<jean@d.example>\n<<< {said}")) is ReplyClass.UNKNOWN_USER


def test_what_the_whole_report_says_counts_only_where_nothing_nearer_tells() -> None:
    assert judge("5.1.1", ("failed",), "connection timed out") is ReplyClass.UNKNOWN_USER
    assert judge("", ("failed",), "connection timed out") is ReplyClass.TEMPORARY


def test_the_original_recipient_counts_where_the_final_one_is_an_inner_spelling() -> None:
    def recipient(final: str, original: str) -> str:
        fields = f"Final-Recipient: {final}\nOriginal-Recipient: {original}\nAction: failed\nStatus: 5.1.1\n"
        head = (
            HEAD.rstrip()
            + b'\nContent-Type: multipart/report; boundary="b"\n\n--b\nContent-Type: message/delivery-status\n\n'
        )
        return dsn.read(head + fields.encode() + b"\n--b--\n")[0].recipient

    assert recipient("rfc822; jean@store7", "rfc822; jean@d.example") == "jean@d.example"
    assert recipient("rfc822; j.p@d.example", "rfc822; jean@d.example") == "jean@d.example"
    assert recipient("rfc822; jean@in.d.example", "rfc822; jean@d.example") == "jean@d.example"
    assert recipient("x400; /S=Petit/C=FR/", "rfc822; jean@d.example") == "jean@d.example"
    assert recipient("rfc822; jean@elsewhere.example", "rfc822; jean@d.example") == "jean@elsewhere.example"
    assert recipient("rfc822; @relay.example:jean@d.example", "") == "jean@d.example"
