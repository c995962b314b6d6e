"""Complaints: RFC 5965 reports and Microsoft's, and the tokens in them."""

import json
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parsers.arf import read, tokens_in
from parsers.tokens import Keyring, Purpose, sign

CASES = Path("../shared/cases")
TOKEN = sign(Keyring({1: b"k" * 32}, 1), Purpose.BOUNCE, 9)


def test_a_token_survives_quoted_printable() -> None:
    assert tokens_in(f"List-Unsubscribe: <mailto:stop+{TOKEN}@gw>".encode()) == (TOKEN,)
    assert tokens_in(f"https://gw/u/{TOKEN[:11]}=\r\n{TOKEN[11:]} x".encode()) == (TOKEN,)
    assert tokens_in(f"bounce+{TOKEN.upper()}@gw {TOKEN}a".encode()) == (TOKEN,)


def test_labelled_complaints() -> None:
    if not (CASES / "arf").exists():
        pytest.skip("the shared cases are not here")
    for line in (CASES / "arf/expected.jsonl").read_text().splitlines():
        case = json.loads(line)
        if case["results"] is None:
            continue
        got = read((CASES / case["file"]).read_bytes())
        wanted = case["results"][0] if case["results"] else None
        assert (got is None) == (wanted is None), case["file"]
        if got is not None and wanted is not None:
            assert wanted["feedback_type"].startswith(got.type)
            assert wanted["recipient"] is None or got.recipient == wanted["recipient"].strip("<>"), case["file"]


def test_no_bounce_is_a_complaint() -> None:
    if not (CASES / "bounces").exists():
        pytest.skip("the shared cases are not here")
    for folder in ("flufl", "mimekit", "discourse"):
        for file in (CASES / "bounces" / folder).iterdir():
            assert read(file.read_bytes()) is None, file


@given(st.binary(max_size=300))
def test_any_bytes_give_a_value(junk: bytes) -> None:
    head = b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\n"
    read(junk)
    read(head + junk)
    tokens_in(junk)


ORIGINAL = f"From: marie@o.example\nTo: Jean <jean@d.example>\nList-Unsubscribe: <https://gw/u/{TOKEN}>\n\nBonjour\n"
FIELDS = "Feedback-Type: abuse (spam)\nUser-Agent: X/1.0\nVersion: 1\n"


def report(kind: str, fields: str, original: str, heads: str = "", top: str = "multipart/report") -> bytes:
    head = f'From: fbl@isp.example\nMIME-Version: 1.0\nContent-Type: {top}; boundary="b"\n\n'
    parts = f"--b\nContent-Type: text/plain\n\nA complaint\n\n--b\nContent-Type: {kind}\n\n{fields}\n"
    return f"{head}{parts}--b\nContent-Type: message/rfc822\n{heads}\n{original}\n--b--\n".encode()


def coded(text: str) -> str:
    return b64encode(text.encode()).decode()


def nested(raw: bytes) -> bytes:
    head = b"From: abuse@isp.example\nTo: fbl@gw.example\nContent-Type: multipart/mixed; boundary=m\n\n"
    return head + b"--m\nContent-Type: message/rfc822\n\n" + raw + b"\n--m--\n"


@pytest.mark.parametrize(
    "raw",
    [
        report("message/feedback-report", FIELDS, ORIGINAL),
        report("message/feedback-report", FIELDS, ORIGINAL, top="multipart/mixed"),
        report("text/plain", FIELDS, ORIGINAL),
        report("application/octet-stream; name=report.txt", FIELDS, ORIGINAL),
        report("message/feedback-report\nContent-Transfer-Encoding: base64", coded(FIELDS), ORIGINAL),
        report("message/feedback-report", FIELDS, coded(ORIGINAL), "Content-Transfer-Encoding: base64\n"),
        nested(report("message/feedback-report", FIELDS, ORIGINAL)),
        f"From: fbl@isp.example\nSubject: report\n\n{FIELDS}Original-Rcpt-To: jean@d.example\n\n{ORIGINAL}".encode(),
        b"From: staff@hotmail.com\nSubject: complaint about message from 192.0.2.1\nContent-Type: message/rfc822\n\n"
        + ORIGINAL.encode(),
    ],
)
def test_reports_that_follow_no_standard(raw: bytes) -> None:
    found = read(raw)
    assert found is not None and (found.recipient, found.type, found.tokens) == ("jean@d.example", "abuse", (TOKEN,))


def test_what_only_speaks_of_complaints_is_none() -> None:
    assert read(b"From: a@b.example\nSubject: complaint\n\nFeedback-Type: abuse is what they wrote\n") is None
    assert read(nested(ORIGINAL.encode())) is None


def test_a_complaint_in_amazons_json() -> None:
    words = '{"notificationType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"jean@d.example"}]}}'
    for spelling in (words.replace("notificationType", "eventType"), words):
        found = read(b"From: no-reply@sns.example\nSubject: AWS Notification Message\n\n" + spelling.encode())
    assert found is not None and (found.recipient, found.type) == ("jean@d.example", "abuse")
    assert (
        read(b"From: a@b.example\n\n" + words.replace("Complaint", "Bounce").replace("complaint", "bounce").encode())
        is None
    )


def test_a_cfbl_report_that_gives_back_its_feedback_id_alone() -> None:
    # RFC 9477: the returned mail may be cut down to the one header that we asked to get back
    raw = (
        b"From: <complaint@provider.example>\r\nTo: <fbl@gw.example>\r\nSubject: FW: a newsletter\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n--b\r\n'
        b"Content-Type: text/plain\r\n\r\nThis is a report.\r\n--b\r\nContent-Type: message/feedback-report\r\n\r\n"
        b"Feedback-Type: abuse\r\nUser-Agent: FBL/0.1\r\nVersion: 0.1\r\n\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\n"
        b"CFBL-Feedback-ID: " + TOKEN.encode() + b"\r\n\r\n--b--\r\n"
    )
    found = read(raw)
    assert found is not None and (found.type, found.recipient, found.tokens) == ("abuse", "", (TOKEN,))
