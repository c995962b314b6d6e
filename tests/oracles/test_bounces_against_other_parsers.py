"""Bounces of the shared cases, judged by what other parsers' own tests say of them (read in place, nothing is copied).

Where a label and SPEC 10 disagree, SPEC 10 decides: a server that says "user unknown" is hard, also where sisimai calls it
filtered because it was said after DATA. Those are counted apart.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

from gateway.reading.explaining import explain
from parsers import dsn
from parsers.classify import ReplyClass
from parsers.dsn import Severity

CASES = Path(__file__).parents[3] / "shared" / "cases"
REQUEST: dict[str, Any] = {"domain": "gateway.invalid", "own_domains": [], "now": 1_790_000_000_000, "zone": "UTC"}
REQUEST |= {"public_url": "https://gateway.invalid", "locale": "fr", "footer_name": "", "footer_address": ""}


def expected(kind: str) -> list[dict[str, Any]]:
    path = CASES / kind / "expected.jsonl"
    if not path.exists():
        pytest.skip("the folder ../shared/cases is not beside this checkout")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.slow
def test_recipients_and_severities_are_right() -> None:
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for case in expected("bounces"):
        wanted = {one["recipient"].casefold(): one for one in case["results"] or [] if one.get("recipient")}
        if not case["is_bounce"] or not wanted or len(wanted) < len(case["results"]):
            continue
        if any(one["severity"] == "feedback" for one in wanted.values()):
            continue  # a complaint: the test below
        found = {one.recipient.casefold(): one for one in dsn.read((CASES / case["file"]).read_bytes())}
        row = table[case["corpus"]]
        row["recipients right" if found.keys() == wanted.keys() else "recipients wrong"] += 1
        for address in found.keys() & wanted.keys():
            row[_severity(wanted[address], found[address])] += 1
    total = sum(table.values(), Counter[str]())
    _show(table | {"all": total})
    assert total["recipients right"] >= 0.98 * (total["recipients right"] + total["recipients wrong"])
    judged = total["severity right"] + total["severity wrong"] + total["SPEC decides"]
    assert total["severity right"] + total["SPEC decides"] >= 0.95 * judged


def _severity(wanted: dict[str, Any], found: dsn.Report) -> str:
    label, got = wanted["severity"], found.severity
    if label not in ("hard", "soft", "delivered", "permanent", "temporary"):
        return "not judged"
    if label in ("permanent", "temporary"):
        right = got is not Severity.NONE
    elif label == "soft":  # their soft is our soft or policy
        right = got in (Severity.SOFT, Severity.POLICY)
    else:
        right = got is (Severity.NONE if label == "delivered" else Severity.HARD)
    says_unknown = wanted["reason"] == "filtered" and found.reply_class is ReplyClass.UNKNOWN_USER
    return "severity right" if right else "SPEC decides" if says_unknown else "severity wrong"


def _show(table: dict[str, Counter[str]]) -> None:
    columns = ("recipients right", "recipients wrong", "severity right", "SPEC decides", "severity wrong")
    print("\n" + " | ".join(("corpus".ljust(34), *columns)))
    for corpus, row in table.items():
        print(" | ".join((corpus.ljust(34), *(str(row[name]).rjust(len(name)) for name in columns))))


@pytest.mark.slow
def test_every_complaint_is_told() -> None:
    complaints = expected("arf") + [
        case for case in expected("bounces") if any(one["severity"] == "feedback" for one in case["results"] or [])
    ]
    for case in complaints:
        if case["results"] is None:
            continue
        found = explain((CASES / case["file"]).read_bytes(), "mail", REQUEST)
        assert (found["kind"] == "complaint") == bool(case["results"]), case["file"]
        for wanted in case["results"]:
            (got,) = found["results"]
            assert got["type"] == wanted.get("feedback_type", got["type"]).partition(" ")[0], case["file"]
            assert not wanted["recipient"] or got["recipient"] == wanted["recipient"].strip("<>"), case["file"]


@pytest.mark.slow
def test_what_is_no_bounce_gives_no_failure() -> None:
    """Absence notes and mails of people; the two libraries' own limits (no address, a shortened one) are not ours."""
    for case in expected("replies"):
        if case.get("is_autoreply"):
            assert dsn.examine((CASES / case["file"]).read_bytes()) is None, case["file"]
    for case in expected("bounces"):
        if case["is_bounce"] is False and (
            case.get("is_autoreply") or case["corpus"] in ("bounce_email", "hyvor-relay")
        ):
            assert dsn.examine((CASES / case["file"]).read_bytes()) is None, case["file"]
