"""What is said to a server about one mail, and what is known without asking it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mta.commands import check, mail_command, rcpt_command, stuffed
from mta.values import Undeliverable
from parsers.classify import ReplyClass

PLAIN = "b@gw.test", "a@dest.test"


@pytest.mark.parametrize(
    ("offers", "size", "refused"),
    [
        ({}, 10**9, False),
        ({"size": ""}, 10**9, False),
        ({"size": "0"}, 10**9, False),
        ({"size": "1000"}, 1000, False),
        ({"size": "1000"}, 1001, True),
        ({"size": "1000 bytes"}, 1001, False),
        ({"size": "-5"}, 1001, False),
        ({"size": "9" * 10_000}, 1001, False),
    ],
)
def test_size_is_checked_before_anything_is_said(offers: dict[str, str], size: int, refused: bool) -> None:
    found = check(*PLAIN, size, offers)
    if refused:
        assert found == Undeliverable(ReplyClass.TOO_BIG, f"SIZE {offers['size']} offered, the mail has {size} bytes")
    else:
        assert found is None


@pytest.mark.parametrize("pair", [("é@gw.test", "a@dest.test"), ("b@gw.test", "é@dest.test")])
def test_smtputf8_is_asked_for_only_when_needed(pair: tuple[str, str]) -> None:
    assert check(*pair, 1, {}) == Undeliverable(ReplyClass.NOT_ENCODABLE, "SMTPUTF8 not offered")
    assert check(*pair, 1, {"smtputf8": ""}) is None
    assert mail_command(*pair, 1, True, {"smtputf8": ""}).endswith(b"> SMTPUTF8\r\n")
    assert b"SMTPUTF8" not in mail_command(*PLAIN, 1, True, {"smtputf8": "", "8bitmime": ""})


def test_parameters_are_those_that_were_offered() -> None:
    assert mail_command(*PLAIN, 7, True, {}) == b"MAIL FROM:<b@gw.test>\r\n"
    assert mail_command(*PLAIN, 7, True, {"size": "", "8bitmime": ""}).endswith(b"> SIZE=7 BODY=8BITMIME\r\n")
    assert mail_command(*PLAIN, 7, False, {"size": "", "8bitmime": ""}).endswith(b"> SIZE=7\r\n")


@pytest.mark.parametrize("address", ["a\r\nDATA@dest.test", "a\n@dest.test", "a\0@dest.test"])
def test_an_address_with_line_ends_is_a_bug(address: str) -> None:
    with pytest.raises(ValueError, match="line end"):
        rcpt_command(address)


@settings(deadline=None)
@given(st.lists(st.sampled_from([b".", b"..", b"a", b"", b".\xe9", b"a."]), max_size=8), st.booleans())
def test_stuffing_is_undone_by_any_server(lines: list[bytes], ended: bool) -> None:
    content = b"\r\n".join(lines) + (b"\r\n" if ended else b"")
    sent = stuffed(content)
    assert sent.endswith(b"\r\n") and b"\r\n.\r\n" not in b"\r\n" + sent
    back = b"".join(line.removeprefix(b".") for line in sent.splitlines(keepends=True))
    assert back == (content if content.endswith(b"\r\n") else content + b"\r\n")
