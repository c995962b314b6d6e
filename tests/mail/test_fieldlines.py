"""Header fields: a standard parser reads back what was said, lines are short, and folding is all that relaxing undoes."""

from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail.fieldlines import date, mailbox, parameter, unstructured
from parsers.headers import parameters, text
from parsers.mailboxes import mailboxes

any_text = st.one_of(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=150),
    st.lists(st.sampled_from([*'aé "\\<>,;=?😀\r\n\t', "=?utf-8?q?x?=", "mot " * 8]), max_size=20).map("".join),
)


def flat(value: str) -> str:
    return "".join(" " if char < " " or char in "\x7f\x85\u2028\u2029" else char for char in value)


def check_lines(name: str, value: str) -> None:
    for line in f"{name}: {value}".split("\r\n"):
        assert "\r" not in line and "\n" not in line and len(line) <= 998
        assert line == line.rstrip(" \t") or value == ""
        assert "  " not in line


@given(any_text)
def test_a_subject_comes_back(subject: str) -> None:
    made = unstructured(subject)
    check_lines("Subject", made)
    assert all(len(line) <= 78 for line in f"Subject: {made}".split("\r\n"))
    words = [part for part in flat(subject).strip().replace("\t", " ").split(" ") if part]
    assert text(made.replace("\r\n", "")) == " ".join(words)
    assert made.isascii()


@pytest.mark.slow
@given(any_text)
def test_a_name_comes_back_and_adds_no_address(name: str) -> None:
    made = mailbox(name, "zoe@dest.example")
    check_lines("To", made)
    (box,) = mailboxes(made.replace("\r\n", ""))
    assert box.address == "zoe@dest.example"
    read = message_from_bytes(f"To: {made}\r\n\r\n".encode(), policy=default)
    assert [one.addr_spec for one in read["To"].addresses] == ["zoe@dest.example"]


def test_names_as_people_write_them() -> None:
    for name in (
        "Zoé Haÿ",
        "SARL Dupont, Fils & Cie",
        'dit "le Grand"',
        "a@b.example",
        "Jean (DSI)",
        "é" * 120,
        "Société; Été",
    ):
        (box,) = mailboxes(mailbox(name, "zoe@dest.example").replace("\r\n", ""))
        assert (box.name, box.address) == (name, "zoe@dest.example")
    assert mailbox("", " zoe@dest\r\n.example ") == "zoe@dest.example"


@given(any_text)
def test_a_file_name_comes_back(name: str) -> None:
    made = "application/pdf" + parameter("filename", name)
    check_lines("Content-Type", made)
    kind, params = parameters(made.replace("\r\n", ""))
    assert kind == "application/pdf"
    joined = " ".join(part for part in flat(name).split(" ") if part)
    assert " ".join(part for part in params["filename"].split(" ") if part) == joined


def test_a_date() -> None:
    assert date(1_790_000_000) == "Mon, 21 Sep 2026 14:13:20 +0000"
    assert date(0) == "Thu, 01 Jan 1970 00:00:00 +0000"
