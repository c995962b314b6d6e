"""Other people's mails: how many subjects, senders, bodies and files come out as two of three known parsers say.

The shares are floors just under what was measured; where we differ on purpose (paths in file names, windows-1252 where
others show a replacement character, signatures dropped, an attached mail kept whole) the reference is not the truth.
"""

import hashlib
import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from parsers import tnef
from parsers.mime import Message, read

CASES = Path(__file__).parents[3] / "shared" / "cases"
needs_cases = pytest.mark.skipif(
    not CASES.exists(), reason="the folder of other people's mails is not beside this checkout"
)


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (CASES / name).read_text("utf-8").splitlines()]


@cache
def message(file: str) -> Message:
    return read((CASES / file).read_bytes())


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def found(file: str) -> dict[str, Any]:
    mail = message(file)
    files = [part for part in (*mail.related, *mail.attachments) if part.filename]
    return {
        "subject": " ".join(mail.subject.split()),
        "from": mail.sender.address.lower() if mail.sender else "",
        "has_text": mail.text is not None,
        "has_html": mail.html is not None,
        "attachment_names": sorted(part.filename for part in files),
        "attachments": sorted([part.filename, len(part.data), digest(part.data)] for part in files),
    }


@needs_cases
def test_what_two_of_three_parsers_agree_on() -> None:
    right: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for row in rows("mime/reference.jsonl"):
        ours = found(row["file"])
        for key, got in ours.items():
            wanted = row[key]
            if wanted is None or (isinstance(wanted, str) and "chars]" in wanted):
                continue
            wanted = " ".join(wanted.split()) if key == "subject" else wanted.lower() if key == "from" else wanted
            asked[key] += 1
            right[key] += sorted(wanted) == got if isinstance(wanted, list) else wanted == got
    shares = {key: right[key] / asked[key] for key in asked}
    floors = {
        "subject": 0.93,
        "from": 0.98,
        "has_text": 0.92,
        "has_html": 0.98,
        "attachment_names": 0.93,
        "attachments": 0.915,
    }
    assert {key: shares[key] for key in floors if shares[key] < floors[key]} == {}


@needs_cases
def test_what_stalwarts_own_tests_state() -> None:
    right: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for row in rows("mime/expected.jsonl"):
        if row["corpus"] != "stalwart mail-parser" or row.get("subject") is None:
            continue
        ours = found(row["file"])
        asked["subject"] += 1
        right["subject"] += " ".join(row["subject"].split()) == ours["subject"]
        for file in row["attachments"]:
            if file["filename"] and file["kind"] == "Binary":
                asked["file"] += 1
                right["file"] += [file["filename"], file["size"]] in [one[:2] for one in ours["attachments"]]
    assert right["subject"] / asked["subject"] >= 0.9
    assert right["file"] / asked["file"] >= 0.74


@needs_cases
def test_winmail_dat_gives_the_files_that_tnefparse_reads() -> None:
    for row in rows("tnef/expected.jsonl"):
        opened = tnef.read((CASES / row["file"]).read_bytes())
        assert opened is not None
        if "tnefparse" in row:
            assert [file.filename for file in opened.files] == [one["name"] for one in row["tnefparse"]]
            for file, theirs in zip(opened.files, row["tnefparse"], strict=True):
                # tnefparse strips NUL bytes at the end, which belong to the file.
                own = digest(file.data), digest(file.data.rstrip(b"\0"))
                assert theirs["sha256"] in own or "OBJ" in row["file"]
        assert ("htmlbody" in row.get("body_kinds", [])) <= (opened.html is not None)


@needs_cases
def test_hostile_mails_end() -> None:
    assert read((CASES / "hostile/mime-torture/stack-overflow.txt").read_bytes()).subject == "Message Subject"
    assert tnef.read((CASES / "tnef/poi/oom.tnef").read_bytes()) is not None
