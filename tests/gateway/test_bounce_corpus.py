"""The project's own bounces, complaints, absence notes and STOP replies (tests/corpus/bounces), as explain tells them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.reading.explaining import explain

FOLDER = Path(__file__).parents[1] / "corpus" / "bounces"
ROWS = [json.loads(line) for line in (FOLDER / "expected.jsonl").read_text(encoding="utf-8").splitlines()]
REQUEST: dict[str, Any] = {"domain": "gateway.invalid", "own_domains": [], "now": 1_790_000_000_000, "zone": "UTC"}
REQUEST |= {"public_url": "https://gateway.invalid", "locale": "fr", "footer_name": "", "footer_address": ""}


@pytest.mark.parametrize("row", ROWS, ids=[row["file"] for row in ROWS])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
def test_a_mail_of_the_corpus(row: dict[str, Any], ends: bytes) -> None:
    found = explain((FOLDER / row["file"]).read_bytes().replace(b"\n", ends), row["file"], REQUEST)
    assert found["kind"] == row["kind"]
    if row["kind"] == "bounce":
        told = {one["recipient"]: one["severity"] for one in found["results"]}
        assert told == {one["recipient"]: one["severity"] for one in row["results"]}


def test_the_corpus_and_its_table_agree() -> None:
    assert {row["file"] for row in ROWS} == {path.name for path in FOLDER.glob("*.eml")}
