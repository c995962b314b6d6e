"""What a head must say before a signature counts: read alike by both of our parsers, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.smtp import proof_head
from gateway.smtp.proof_head import DAY
from gateway.smtp.senders import Refusal
from parsers.headers import read_fields

NOW = 1_795_000_000_000
TO = "mail@gw.example"
HEAD = (
    "From: Anne <anne@firm.example>\r\nTo: A <x@y.example>,\r\n\t<Mail@GW.example>\r\nSubject: =?utf-8?q?=C3=A9t=C3=A9?=\r\n"
    "Date: Wed, 18 Nov 2026 11:06:40 +0000\r\nMessage-ID: <1@firm.example>\r\nContent-Type: text/plain\r\n"
)


def judged(head: str, now: int = NOW, *to: str) -> str:
    raw = f"{head}\r\nBonjour\r\n".encode("utf-8", "surrogateescape")
    found = proof_head.message_id(raw, read_fields(raw)[0], to or (TO,), now)
    return found.key if isinstance(found, Refusal) else found


def test_a_good_head() -> None:
    assert judged(HEAD) == "<1@firm.example>"
    assert judged(HEAD, NOW, "MAIL@gw.example", "X@y.example") == "<1@firm.example>"


@pytest.mark.parametrize(
    ("head", "key"),
    [
        (HEAD + "Reply-To: a@b.example\r\nREPLY-TO: c@d.example\r\n", "proof_twice"),
        (HEAD + "Content-Transfer-Encoding: 7bit\r\ncontent-transfer-encoding : base64\r\n", "proof_twice"),
        (HEAD.replace("Mail@GW.example", "mail@gw.example.evil.example"), "proof_to"),
        (HEAD.replace("<Mail@GW.example>", '"mail@gw.example" <z@y.example>'), "proof_to"),
        (HEAD.replace("<Mail@GW.example>", "(mail@gw.example) <z@y.example>"), "proof_to"),
        (HEAD.replace("To: A", "X-To: A"), "proof_to"), (HEAD.replace("To: A", "Cc: A"), "proof_to"),
        (HEAD.replace("Date: Wed, 18 Nov 2026", "Date: yesterday"), "proof_date"),
        (HEAD.replace("Date: ", "X-Date: "), "proof_date"), (HEAD.replace("<1@firm.example>", " "), "proof_message_id"),
        (HEAD.replace("<1@firm.example>", f"<{'1' * 1_000}@a>"), "proof_message_id"),
        ("no field\r\n" + HEAD, "proof_malformed"), (" folded\r\n" + HEAD, "proof_malformed"),
        ("\r\n" + HEAD, "proof_malformed"), ("From nobody Mon\r\n" + HEAD, "proof_malformed"),
        (HEAD + f"{'X' * 300}: long\r\n", "proof_malformed"), (HEAD + ": nameless\r\n", "proof_malformed"),
        (HEAD + "Né: x\r\n", "proof_malformed"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_others(head: str, key: str) -> None:
    assert judged(head) == key


@pytest.mark.parametrize(("late", "good"), [(DAY, True), (-DAY, True), (DAY + 1, False), (-DAY - 1, False), (0, True)])
def test_a_day_and_no_more(late: int, good: bool) -> None:
    assert (judged(HEAD, NOW + late) == "<1@firm.example>") is good


@given(
    st.lists(
        st.sampled_from([*HEAD.splitlines(keepends=True), "\r\n", " \r\n", "\t", "X:\r\n", "x", "From:", "\r\r\n"])
    )
)
def test_any_head_is_read_alike_or_refused(lines: list[str]) -> None:
    """A mail whose strict and lenient readings differ is one in which somebody hides a field from one of them."""
    assert isinstance(judged("".join(lines)), str)


@given(st.binary(max_size=400))
def test_any_bytes_give_a_value(raw: bytes) -> None:
    assert isinstance(proof_head.message_id(raw, read_fields(raw)[0], (TO,), NOW), str | Refusal)
